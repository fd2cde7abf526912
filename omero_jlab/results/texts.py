"""Text files as programs and spreadsheets save them: encoded in several ways, perhaps with gzip."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import TooLarge, Unreadable

__all__ = ["CODE_PAGE", "encoding_of", "is_packed", "opened", "stem_of", "suffix_of"]

CODE_PAGE = "cp1252"
"""What a text that is not Unicode is taken for."""

_MOST_BYTES = 8 * 2**30
_LOOKED_AT = 1 << 20
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def is_packed(path: Path) -> bool:
    """Whether the file is called as gzip calls what it packed."""
    return path.suffix.casefold() == ".gz"


def suffix_of(path: Path) -> str:
    """The file's suffix in small letters; of a packed file that of what is in it."""
    return (path.with_suffix("") if is_packed(path) else path).suffix.casefold()


def stem_of(path: Path) -> str:
    """The file's name without its suffix, or both suffixes of a packed file."""
    return (path.with_suffix("") if is_packed(path) else path).stem


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The bytes of the file, unpacked.

    Raises
    ------
    Unreadable
        It is packed and damaged.
    TooLarge
        It unpacks to more than 8 GiB.
    """
    if not is_packed(path):
        with path.open("rb") as file:
            yield file
        return
    try:
        with gzip.open(path, "rb") as packed:
            yield io.BufferedReader(_Limited(packed, path.name), 1 << 20)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise Unreadable(f"{path.name} cannot be unpacked: {error}. Copy it again.") from error


def encoding_of(path: Path) -> str:
    """How the text is encoded, as far as its beginning tells: Unicode, or else Windows-1252.

    Raises
    ------
    Unreadable
        It is no text.
    """
    with opened(path) as file:
        start = file.read(_LOOKED_AT)
    marked = next((name for mark, name in _MARKS if start.startswith(mark)), "")
    if marked == "utf-16":
        return marked
    if b"\0" in start.rstrip(b"\0"):
        raise Unreadable(f"{path.name} is not a text file.")
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        # Where no more was looked at, the last bytes may be a part of a letter.
        if len(start) < _LOOKED_AT or error.start < len(start) - 4:
            return CODE_PAGE
    return "utf-8-sig"


class _Limited(io.RawIOBase):
    """What a packed file holds, up to a limit."""

    def __init__(self, packed: gzip.GzipFile, name: str) -> None:
        self._packed = packed
        self._name = name
        self._left = _MOST_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._packed.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise TooLarge(f"{self._name} unpacks to more than {_MOST_BYTES >> 30} GiB.")
        buffer[: len(data)] = data
        return len(data)
