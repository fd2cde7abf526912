"""Outlines of labels: polygons along the borders of pixels, with holes, one for each part.

Every border between a pixel of an object and one of another is an edge that has the object on its
right, as the y axis points down.  Edges in a row of one direction are one run, and runs that end
where another begins make rings.  Parts that touch at a corner only are parts of their own.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Outline", "Outlines", "outlines"]

Ring = NDArray[np.int64]


class Outline(NamedTuple):
    """A part of an object: its border and those of its holes, arrays of x and y, shape (N, 2)."""

    points: Ring
    holes: tuple[Ring, ...] = ()


class Outlines:
    """Outlines of a plane that comes in bands of rows, from the top to the bottom.

    Memory holds the borders of objects that are not finished.
    """

    def __init__(self, width: int) -> None:
        self._above = np.zeros(width, np.int64)
        self._row = 0
        # Runs: label, direction, x and y where it begins, x and y where it ends.
        self._runs: list[NDArray[np.int64]] = []

    def add(self, band: NDArray[Any]) -> None:
        """Take the next rows, shape (rows, width)."""
        labels = np.concatenate([self._above[None], band.astype(np.int64)])
        self._across(labels[1:])
        self._down(labels)
        self._above = labels[-1]
        self._row += len(band)

    def end(self) -> None:
        """There are no more rows."""
        self._down(np.stack([self._above, np.zeros_like(self._above)]))

    def take(
        self, finished: NDArray[np.int64] | None = None
    ) -> Iterator[tuple[int, list[Outline]]]:
        """The outlines of `finished` labels, sorted, or of all that have come, by label."""
        runs = np.concatenate(self._runs) if self._runs else np.zeros((0, 6), np.int64)
        if finished is not None:
            done = np.isin(runs[:, 0], finished)
            self._runs, runs = [runs[~done]], runs[done]
        else:
            self._runs = []
        runs = _whole(runs)
        runs = runs[np.argsort(runs[:, 0], kind="stable")]
        firsts = np.flatnonzero(np.diff(runs[:, 0], prepend=0)).tolist()
        for first, last in itertools.pairwise((*firsts, len(runs))):
            yield int(runs[first, 0]), _parts(runs[first:last])

    def _across(self, rows: NDArray[np.int64]) -> None:
        """Vertical edges: up at the left of an object, down at its right."""
        padded = np.pad(rows, ((0, 0), (1, 1)))
        left, right = padded[:, :-1], padded[:, 1:]
        changes = left != right
        y, x = np.nonzero(changes)
        for labels, up in ((right[changes], True), (left[changes], False)):
            some = labels != 0
            at, across = y[some] + self._row, x[some]
            begin, end = (at + 1, at) if up else (at, at + 1)
            direction = np.full(len(at), 0 if up else 1)
            self._runs.append(
                _whole(np.stack([labels[some], direction, across, begin, across, end], axis=1))
            )

    def _down(self, rows: NDArray[np.int64]) -> None:
        """Horizontal edges between rows: to the right above an object, to the left below it."""
        above, below = rows[:-1], rows[1:]
        changes = above != below
        y, x = np.nonzero(changes)
        for labels, rightward in ((below[changes], True), (above[changes], False)):
            some = labels != 0
            at, across = y[some] + self._row, x[some]
            begin, end = (across, across + 1) if rightward else (across + 1, across)
            direction = np.full(len(at), 2 if rightward else 3)
            self._runs.append(
                _whole(np.stack([labels[some], direction, begin, at, end, at], axis=1))
            )


def outlines(labels: NDArray[Any]) -> Iterator[tuple[int, list[Outline]]]:
    """The parts of each object of a plane of labels, shape (Y, X), by label."""
    found = Outlines(labels.shape[1])
    found.add(labels)
    found.end()
    yield from found.take()


def _whole(runs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Runs joined where one goes on straight from the end of another."""
    if len(runs) < 2:
        return runs
    label, direction, x0, y0, x1, y1 = runs.T
    upright = direction < 2
    line = np.where(upright, x0, y0)
    low = np.where(upright, np.minimum(y0, y1), np.minimum(x0, x1))
    high = np.where(upright, np.maximum(y0, y1), np.maximum(x0, x1))
    order = np.lexsort((low, line, direction, label))
    label, direction, line = label[order], direction[order], line[order]
    low, high = low[order], high[order]
    begins = np.ones(len(runs), bool)
    begins[1:] = (
        (label[1:] != label[:-1])
        | (direction[1:] != direction[:-1])
        | (line[1:] != line[:-1])
        | (low[1:] != high[:-1])
    )
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(runs)) - 1
    label, direction, line, low, high = (
        label[first],
        direction[first],
        line[first],
        low[first],
        high[last],
    )
    # Up and to the left are against the axes.
    against = (direction == 0) | (direction == 3)
    start, stop = np.where(against, high, low), np.where(against, low, high)
    upright = direction < 2
    return np.stack(
        [
            label,
            direction,
            np.where(upright, line, start),
            np.where(upright, start, line),
            np.where(upright, line, stop),
            np.where(upright, stop, line),
        ],
        axis=1,
    )


# After a run, the one that turns to the object's side comes first: up, down, right, left.
_TURN = {0: 2, 1: 3, 2: 1, 3: 0}


def _parts(runs: NDArray[np.int64]) -> list[Outline]:
    """The parts of one object from its runs."""
    rings = _rings(runs[:, 1:].tolist())
    outer = [ring for ring in rings if _area(ring) > 0]
    inner = [ring for ring in rings if _area(ring) < 0]
    outer.sort(key=lambda ring: (int(ring[0, 1]), int(ring[0, 0])))
    inner.sort(key=lambda ring: (int(ring[0, 1]), int(ring[0, 0])))
    if len(outer) == 1:
        return [Outline(outer[0], tuple(inner))]
    holes: list[list[Ring]] = [[] for _ in outer]
    sizes = [_area(ring) for ring in outer]
    for ring in inner:
        # The pixel above the left end of its upper edge belongs to the part around it.
        x, y = float(ring[0, 0]) + 0.5, float(ring[0, 1]) - 0.5
        around = [i for i, each in enumerate(outer) if _holds(each, x, y)]
        holes[min(around, key=lambda i: sizes[i])].append(ring)
    return [Outline(ring, tuple(some)) for ring, some in zip(outer, holes, strict=True)]


def _rings(runs: list[list[int]]) -> list[Ring]:
    leaving: dict[tuple[int, int], list[int]] = {}
    for number, (_, x, y, _, _) in enumerate(runs):
        leaving.setdefault((x, y), []).append(number)
    used = [False] * len(runs)
    rings = []
    for first in range(len(runs)):
        if used[first]:
            continue
        points, number = [], first
        while not used[number]:
            used[number] = True
            direction, x, y, x1, y1 = runs[number]
            points.append((x, y))
            choices = leaving[x1, y1]
            number = choices[0]
            if len(choices) > 1:
                wanted = _TURN[direction]
                number = next(n for n in choices if runs[n][0] == wanted)
        start = min(range(len(points)), key=lambda i: (points[i][1], points[i][0]))
        rings.append(np.array(points[start:] + points[:start], np.int64))
    return rings


def _area(ring: Ring) -> float:
    x, y = ring.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum()) / 2


def _holds(ring: Ring, x: float, y: float) -> bool:
    (x0, y0), (_, y1) = ring.T, np.roll(ring, -1, axis=0).T
    # Edges are upright or level: only upright ones are crossed.
    crossed = (np.minimum(y0, y1) < y) & (np.maximum(y0, y1) > y) & (x0 > x)
    return bool(crossed.sum() % 2)
