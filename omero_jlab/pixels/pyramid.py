"""The levels that an image lacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import Invalid
from ..model.chunks import ChunkIndex, IndexHeader
from .cascade import (
    Steps,
    documented,
    index_of,
    level_count,
    published,
    write_group,
    write_levels,
)
from .halve import mean
from .reader import PixelReader
from .shards import Written
from .sources import LevelSource

__all__ = ["LARGEST_SIDE", "build_pyramid", "needs_pyramid"]

# OMERO's limit: a plane larger than this on one side is not shown without a pyramid.
LARGEST_SIDE = 3192


def needs_pyramid(index: ChunkIndex) -> bool:
    """Whether the coarsest level has more than 3192 pixels on a side."""
    return max(index.header.levels[-1].shape[3:5]) > LARGEST_SIDE


def build_pyramid(
    reader: PixelReader,
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ChunkIndex:
    """An index with the levels that are missing, made by halving down to a side of ≤ 1024.

    The new levels are the mean of 2 × 2 pixels and become an OME-Zarr 0.5 image in `folder`: it
    appears when it is complete and on the disk, and an unfinished one is begun anew.  A level
    stays where it is unless a few of its pixels cost the decoding of more than 4 MiB: then it is
    copied into chunks of 512², and the levels below it are made again.

    Parameters
    ----------
    reader
        The image.  Files of the new levels are named relative to its root `pixels`, inside of
        which `folder` lies; without such a root, relative to `folder`.
    progress
        Called with the blocks that are done and their number.
    cancelled
        Asked before each block.

    Raises
    ------
    Invalid
        `folder` is no place for the levels, or the pixels are complex numbers.
    Unreadable
        The image cannot be read.
    Cancelled
        `cancelled` said yes.  Nothing is left.
    Full
        No room is left on the disk.
    Unavailable
        The disk failed.
    """
    if reader.dtype.kind == "c":
        raise Invalid("Complex pixels have no mean that could be shown: no pyramid can be built.")
    number, copying = _start(reader)
    last = number + level_count(*reader.sizes(number)[3:])
    if last == number and not copying:
        return reader.index
    prefix = _prefix(reader, folder)
    steps = Steps(progress, cancelled)
    with published(folder) as part:
        levels = write_levels(part, LevelSource(reader, number), number, copying, mean, steps, last)
        numbers = range(number if copying else number + 1, last + 1)
        write_group(part, numbers, "mean")
        kept = number if copying else number + 1
        joined = _joined(reader.index, kept, levels, [f"{prefix}{n}/" for n in numbers])
        joined = documented(joined, part, prefix)
    return joined


def _start(reader: PixelReader) -> tuple[int, bool]:
    """The level from which others are made, and whether it is copied itself."""
    for level in range(reader.levels):
        if reader.level(level).heavy:
            return level, True
    return reader.levels - 1, False


def _prefix(reader: PixelReader, folder: Path) -> str:
    root = reader.roots.get("pixels")
    if root is None:
        return ""
    if not folder.is_relative_to(root) or folder == root:
        raise Invalid(
            f"The levels of this image must lie in a folder below {root}, not in {folder}."
        )
    prefix = folder.relative_to(root).as_posix() + "/"
    files = reader.index.header.files
    if any(file.root == "pixels" and file.path.startswith(prefix) for file in files):
        raise Invalid(f"Levels of this image lie in {folder} already: name another folder.")
    return prefix


def _joined(
    index: ChunkIndex, kept: int, levels: Sequence[Written], prefixes: Sequence[str]
) -> ChunkIndex:
    added = index_of(levels, prefixes)
    files = index.header.files
    numbers = tuple((file + len(files)).astype(file.dtype) for file in added.file)
    header = IndexHeader(
        files=files + added.header.files,
        levels=index.header.levels[:kept] + added.header.levels,
        documents=index.header.documents,
    )
    return ChunkIndex(
        header,
        index.file[:kept] + numbers,
        index.offset[:kept] + added.offset,
        index.length[:kept] + added.length,
    )
