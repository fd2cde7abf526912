"""Labels of overlapping tiles → objects, each counted once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .grid import Box, Grid

__all__ = ["Numbers", "numbered"]

_SAME = 0.5


class Numbers:
    """The number of every object, by tile and by label in that tile.

    `of(row, column)` is a lookup table from a tile's labels; 0 stays 0, and a label that no pixel
    of the tile itself has is 0 too.
    """

    def __init__(self, tables: dict[tuple[int, int], NDArray[np.uint32]], count: int) -> None:
        self._tables = tables
        self.count = count

    def of(self, row: int, column: int) -> NDArray[np.uint32]:
        """A tile's lookup table, shape (largest label + 1,)."""
        return self._tables[row, column]


def numbered(grid: Grid, read: Callable[[int, int], NDArray[np.uint32]]) -> Numbers:
    """Number the objects of all tiles from 1, in the order of rows and columns of tiles.

    Two labels of neighbouring tiles are one object if both have pixels in their own tile, and
    share at least half of what the smaller one has where both tiles see.  Of an object that goes
    on beyond what both see, that says little: two of them are one, too, where at the border of
    the tiles a part of both goes across it, and they share at least half of the smaller part.

    Parameters
    ----------
    read
        The labels of a tile as it was seen, shape (y, x) or (z, y, x).
    """
    offsets: dict[tuple[int, int], int] = {}
    owned: dict[tuple[int, int], NDArray[np.bool_]] = {}
    pairs: list[NDArray[np.int64]] = []
    total = 0
    for row, column in grid:
        labels = read(row, column)
        core = labels[grid.core(row, column).within(grid.seen(row, column))]
        own = np.zeros(int(labels.max(initial=0)) + 1, bool)
        own[np.unique(core)] = True
        own[0] = False
        offsets[row, column], owned[row, column] = total, own
        total += len(own)
        for other in grid.before(row, column):
            shared = grid.seen(row, column).and_(grid.seen(*other))
            if shared.y0 >= shared.y1 or shared.x0 >= shared.x1:
                continue
            mine = labels[shared.within(grid.seen(row, column))]
            seen = read(*other)
            theirs = seen[shared.within(grid.seen(*other))]
            same = _same(mine, theirs, own, owned[other])
            across = _across(grid, (row, column), other, labels, seen, mine, theirs)
            starts = np.array([offsets[row, column], offsets[other]])
            pairs += [same + starts, across + starts]
    roots = _roots(total, pairs)
    return _tables(offsets, owned, roots)


def _same(
    mine: NDArray[np.uint32],
    theirs: NDArray[np.uint32],
    own: NDArray[np.bool_],
    others: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Pairs of labels that are the same object, shape (N, 2)."""
    both = own[mine] & others[theirs]
    if not both.any():
        return np.empty((0, 2), np.int64)
    found = np.stack([mine[both], theirs[both]], axis=1).astype(np.int64)
    pairs, counts = np.unique(found, axis=0, return_counts=True)
    smaller = np.minimum(
        np.bincount(mine.reshape(-1), minlength=len(own))[pairs[:, 0]],
        np.bincount(theirs.reshape(-1), minlength=len(others))[pairs[:, 1]],
    )
    same: NDArray[np.int64] = pairs[counts >= _SAME * smaller]
    return same


def _across(
    grid: Grid,
    place: tuple[int, int],
    other: tuple[int, int],
    labels: NDArray[np.uint32],
    others: NDArray[np.uint32],
    mine: NDArray[np.uint32],
    theirs: NDArray[np.uint32],
) -> NDArray[np.int64]:
    """Pairs of labels, larger than what both tiles see, that are the same object, shape (N, 2)."""
    from skimage.measure import label

    seam = grid.seam(place, other)
    here = labels[seam.within(grid.seen(*place))]
    there = others[seam.within(grid.seen(*other))]
    both = (here > 0) & (there > 0)
    if not both.any():
        return np.empty((0, 2), np.int64)
    parts_here, parts_there = label(here, background=0), label(there, background=0)
    ours, theirs_too = _side(grid.core(*place), seam), _side(grid.core(*other), seam)
    found = np.stack([parts_here[both], parts_there[both]], axis=1).astype(np.int64)
    pairs, which, counts = np.unique(found, axis=0, return_inverse=True, return_counts=True)
    which = which.reshape(-1)
    goes_across = np.ones(len(pairs), bool)
    for side in (ours, theirs_too):
        on_side = np.broadcast_to(side, both.shape)[both]
        goes_across &= np.bincount(which, on_side, len(pairs)) > 0
    smaller = np.minimum(
        np.bincount(parts_here.reshape(-1))[pairs[:, 0]],
        np.bincount(parts_there.reshape(-1))[pairs[:, 1]],
    )
    names_here, names_there = _names(parts_here, here), _names(parts_there, there)
    same = np.stack([names_here[pairs[:, 0]], names_there[pairs[:, 1]]], axis=1)
    large = _cut(labels, mine)[same[:, 0]] | _cut(others, theirs)[same[:, 1]]
    return same[large & goes_across & (counts >= _SAME * smaller)]


def _side(core: Box, seam: Box) -> NDArray[np.bool_]:
    """Which pixels of a seam belong to a tile, shape (y, x)."""
    side = np.zeros((seam.y1 - seam.y0, seam.x1 - seam.x0), bool)
    side[core.and_(seam).within(seam)] = True
    return side


def _names(parts: NDArray[Any], labels: NDArray[np.uint32]) -> NDArray[np.int64]:
    """The label of each part of an image of labels."""
    names = np.zeros(int(parts.max(initial=0)) + 1, np.int64)
    names[parts.reshape(-1)] = labels.reshape(-1)
    return names


def _cut(whole: NDArray[np.uint32], part: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which labels have pixels outside of a part, too."""
    count = int(whole.max(initial=0)) + 1
    cut: NDArray[np.bool_] = np.bincount(whole.reshape(-1), minlength=count) > np.bincount(
        part.reshape(-1), minlength=count
    )
    return cut


def _roots(total: int, pairs: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """For each label the first one that is the same object."""
    from scipy.sparse import coo_array  # type: ignore[import-untyped]
    from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

    joined = np.concatenate(pairs) if pairs else np.empty((0, 2), np.int64)
    graph = coo_array((np.ones(len(joined), bool), joined.T), shape=(total, total))
    _, component = connected_components(graph, directed=False)
    first = np.full(int(component.max(initial=-1)) + 1, total, np.int64)
    np.minimum.at(first, component, np.arange(total))
    roots: NDArray[np.int64] = first[component]
    return roots


def _tables(
    offsets: dict[tuple[int, int], int],
    owned: dict[tuple[int, int], NDArray[np.bool_]],
    roots: NDArray[np.int64],
) -> Numbers:
    there = np.concatenate([owned[place] for place in offsets])
    numbers = np.zeros(len(roots), np.uint32)
    first = np.unique(roots[there])
    numbers[first] = np.arange(1, len(first) + 1)
    every = np.where(there, numbers[roots], 0).astype(np.uint32)
    tables = {place: every[start : start + len(owned[place])] for place, start in offsets.items()}
    return Numbers(tables, len(first))
