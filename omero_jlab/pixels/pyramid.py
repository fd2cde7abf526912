"""The levels that an image lacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import Invalid
from ..model.chunks import ChunkIndex, Codec
from .blocks import Elsewhere, Steps
from .cascade import (
    Codecs,
    documented,
    index_of,
    joined_levels,
    level_count,
    published,
    write_group,
    write_levels,
)
from .encode import fastest_codec, jpeg_codec
from .halve import mean
from .jpeg_quality import quality_of
from .reader import PixelReader
from .sources import LevelSource, Source
from .streamed import StreamedSource, is_streamed

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
    elsewhere: Callable[[int], Elsewhere | None] | None = None,
) -> ChunkIndex:
    """An index with the levels that are missing, made by halving down to a side of ≤ 1024.

    The new levels are the mean of 2 × 2 pixels and become an OME-Zarr 0.5 image in `folder`: it
    appears when it is complete and on the disk, and an unfinished one is begun anew.  A level
    stays where it is unless a few of its pixels cost the decoding of more than 4 MiB: then it is
    copied into chunks of 512², and the levels below it are made again.

    Chunks are stored with the fastest codec that makes them much smaller, and lose nothing.  Only
    of pictures that are JPEG themselves the new levels are JPEG too, of the same quality and
    subsampling; a copied level loses nothing there either.

    Parameters
    ----------
    reader
        The image.  Files of the new levels are named relative to its root `pixels`, inside of
        which `folder` lies; without such a root, relative to `folder`.
    progress
        Called with the blocks that are done and their number.
    cancelled
        Asked before each block.
    elsewhere
        Given the number of the level that is read, says who else reads and encodes its blocks,
        if anybody does.

    Raises
    ------
    Invalid
        `folder` is no place for the levels.
    Unreadable
        The image cannot be read.
    Cancelled
        `cancelled` said yes.  Nothing is left.
    Full
        No room is left on the disk.
    Unavailable
        The disk failed.
    """
    number, copying = _start(reader)
    last = number + level_count(*reader.sizes(number)[3:])
    if last == number and not copying:
        return reader.index
    prefix = _prefix(reader, folder)
    steps = Steps(progress, cancelled)
    streamed = is_streamed(reader, number)
    source: Source = (StreamedSource if streamed else LevelSource)(reader, number)
    jpeg = _jpeg_of(reader, number)
    lossless = fastest_codec(source.samples()) if copying or jpeg is None else None
    codecs = Codecs(copied=lossless, made=jpeg or lossless)
    helped = None if elsewhere is None or streamed else elsewhere(number)
    with published(folder) as part:
        levels = write_levels(part, source, number, copying, mean, steps, last, codecs, helped)
        numbers = range(number if copying else number + 1, last + 1)
        write_group(part, numbers, "mean", levels)
        kept = number if copying else number + 1
        added = index_of(levels, [f"{prefix}{n}/" for n in numbers])
        joined = joined_levels(reader.index, kept, added)
        joined = documented(joined, part, prefix)
    return joined


def _jpeg_of(reader: PixelReader, number: int) -> Codec | None:
    """JPEG as a level's chunks are; None where they are not, or not pictures in colour."""
    level = reader.level(number)
    codec = next((each for each in level.layout.codecs if each.name == "jpeg"), None)
    if codec is None or level.layout.chunk[5] != 3 or level.layout.shape[5] != 3:
        return None
    t, _, z, height, width = level.sizes
    for y, x in ((height // 2, width // 2), (0, 0)):
        chunk = level.touched(t // 2, (0, 1, 2), z // 2, y, x, 1, 1)[0]
        if chunk.length:
            return jpeg_codec(*quality_of(reader.stored(number, chunk), codec))
    return None


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
