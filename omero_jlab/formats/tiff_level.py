"""TIFF pages put together into the levels of an image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model.chunks import LevelLayout
from .damage import check_chunks
from .index import FileTable, LevelChunks
from .tiff_page import PageChunks, PageLayout

__all__ = ["Planes", "level_chunks", "why_not_one_level"]

# Rows of an uncompressed plane that make one chunk.
_TARGET_BYTES = 1 << 18

# One page per (t, c, z), shape (T, C, Z); None where the file stores no such plane.
Planes = NDArray[Any]


def _stored(planes: Planes) -> Iterator[PageChunks]:
    return (page for page in planes.flat if page is not None)


def _plain(planes: Planes) -> bool:
    """Whether every plane is one block of rows, so that it may be cut anywhere."""
    return all(page.contiguous is not None for page in _stored(planes))


def why_not_one_level(planes: Planes) -> str:
    """Why the pages cannot be served as they are; empty if they can."""
    layouts = {page.layout.reason: page.layout for page in _stored(planes)}
    for reason in layouts:
        if reason:
            return reason
    first: PageLayout = next(_stored(planes)).layout
    alike = all(_same_encoding(page.layout, first) for page in _stored(planes))
    if alike and (_plain(planes) or all(page.layout == first for page in _stored(planes))):
        return ""
    return "its planes are not all stored in one way"


def _same_encoding(one: PageLayout, other: PageLayout) -> bool:
    return one.codecs == other.codecs and one.samples == other.samples


def level_chunks(planes: Planes, files: FileTable) -> LevelChunks:
    """The level whose planes are `planes`; `why_not_one_level` must have found nothing."""
    first = next(_stored(planes)).layout
    plain = _plain(planes)
    itemsize = np.dtype(first.dtype).itemsize
    rows, columns = first.rows, first.columns
    if plain:
        row = first.width * first.samples * itemsize
        rows, columns = max(1, min(first.height, _TARGET_BYTES // max(1, row))), first.width
    layout = LevelLayout(
        shape=(*planes.shape, first.height, first.width, first.samples),
        chunk=(1, 1, 1, rows, columns, 1 if first.planar else first.samples),
        dtype=first.dtype,
        edge="full" if first.tiled else "cut",
        codecs=first.codecs,
    )
    check_chunks("The image", layout.chunk, layout.grid, itemsize)
    chunks = LevelChunks.empty(layout)
    for place in np.ndindex(planes.shape):
        page: PageChunks | None = planes.item(*place)
        if page is None:
            continue
        chunks.file[place] = files.number(page.file)
        if plain:
            starts = np.arange(layout.grid[3]) * rows
            heights = np.minimum(rows, first.height - starts)
            chunks.offset[(*place, slice(None), 0, 0)] = (page.contiguous or 0) + starts * row
            chunks.length[(*place, slice(None), 0, 0)] = heights * row
        else:
            # From (samples, y, x) to (y, x, samples).
            chunks.offset[place] = np.moveaxis(page.offset, 0, -1)
            chunks.length[place] = np.moveaxis(page.length, 0, -1)
    return chunks
