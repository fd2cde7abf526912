"""Pyramids in a process of their own: called by name, with values that JSON has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..model.chunks import ChunkIndex
from .pyramid import build_pyramid
from .reader import PixelReader

__all__ = ["pyramid_in_process"]


def pyramid_in_process(
    tell: Callable[[int, int], None],
    cancelled: Callable[[], bool],
    index: str,
    roots: dict[str, str],
    folder: str,
) -> bytes:
    """The index, with the missing levels, of the image whose index is the file `index`.

    Raises what `build_pyramid` does, which says the rest.
    """
    paths = {name: Path(root) for name, root in roots.items()}
    reader = PixelReader(ChunkIndex.from_bytes(Path(index).read_bytes()), paths)
    try:
        return build_pyramid(reader, Path(folder), tell, cancelled).to_bytes()
    finally:
        reader.close()
