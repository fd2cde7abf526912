"""What damaged and hostile files do to a parser, and the sizes beyond which none is believed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod

from ..errors import OmeroError, TooLarge, Unreadable

__all__ = ["MAX_CHUNKS", "MAX_CHUNK_BYTES", "MAX_PLANES", "check_chunks", "reading"]

MAX_CHUNK_BYTES = 1 << 30
MAX_CHUNKS = 1 << 23
MAX_PLANES = 1 << 20

# Third-party parsers raise nearly everything on a damaged file.
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn what a parser raises within into `Unreadable` about the file `name`."""
    try:
        yield
    except (OmeroError, RecursionError):
        raise
    except _DAMAGE as error:
        told = " ".join(str(error).split())[:200] or type(error).__name__
        raise Unreadable(f"{name} is damaged or of an unknown kind: {told}") from error


def check_chunks(name: str, chunk: tuple[int, ...], grid: tuple[int, ...], itemsize: int) -> None:
    """Refuse an image that claims chunks, or so many of them, that no honest file has.

    Raises
    ------
    TooLarge
        Before anything of that size is allocated.
    """
    if min(chunk, default=0) < 1 or min(grid, default=0) < 1:
        raise Unreadable(f"{name} is damaged: it claims chunks of shape {chunk}.")
    if prod(chunk) * itemsize > MAX_CHUNK_BYTES:
        gib = prod(chunk) * itemsize / (1 << 30)
        raise TooLarge(
            f"{name} claims chunks of {gib:.0f} GiB, more than {MAX_CHUNK_BYTES >> 30} GiB: "
            f"write it tiled, for example as a tiled OME-TIFF."
        )
    if prod(grid) > MAX_CHUNKS:
        raise TooLarge(f"{name} claims {prod(grid)} chunks, more than {MAX_CHUNKS}.")
