"""Spans: the pixels of any number of objects, as stretches of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Spans", "joined", "spans_of_labels"]

Integers = NDArray[np.int64]


class Spans(NamedTuple):
    """Stretches of pixels: object `owner` holds columns `start` to before `stop` of a row.

    Four arrays of one length; sorted by owner, row and start, no two of an owner overlap.
    """

    owner: Integers
    row: Integers
    start: Integers
    stop: Integers

    @classmethod
    def none(cls) -> Spans:
        """No pixel at all."""
        empty = np.zeros(0, np.int64)
        return cls(empty, empty, empty, empty)

    @classmethod
    def merged(
        cls, owner: NDArray[Any], row: NDArray[Any], start: NDArray[Any], stop: NDArray[Any]
    ) -> Spans:
        """Stretches in any order, some over others, as spans."""
        some = stop > start
        owner, row, start, stop = (
            np.asarray(each)[some].astype(np.int64) for each in (owner, row, start, stop)
        )
        if not len(owner):
            return cls.none()
        order = np.lexsort((start, row, owner))
        owner, row, start, stop = owner[order], row[order], start[order], stop[order]
        same = np.zeros(len(owner), bool)
        same[1:] = (owner[1:] == owner[:-1]) & (row[1:] == row[:-1])
        # The furthest end so far in its row: rows are kept apart by a step larger than any end.
        low, high = int(start.min()), int(stop.max())
        line = np.cumsum(~same)
        reached = np.maximum.accumulate(line * (high - low + 1) + (stop - low))
        begins = np.ones(len(owner), bool)
        begins[1:] = ~same[1:] | (line[1:] * (high - low + 1) + (start[1:] - low) > reached[:-1])
        first = np.flatnonzero(begins)
        ends = np.maximum.reduceat(stop, first)
        return cls(owner[first], row[first], start[first], ends)

    @property
    def pixels(self) -> int:
        """How many pixels there are, those of several objects counted for each."""
        return int((self.stop - self.start).sum())

    def within(self, top: int, left: int, height: int, width: int) -> Spans:
        """What lies in a part of the plane, in its coordinates."""
        some = (self.row >= top) & (self.row < top + height)
        some &= (self.stop > left) & (self.start < left + width)
        owner, row, start, stop = (
            self.owner[some],
            self.row[some],
            self.start[some],
            self.stop[some],
        )
        return Spans(owner, row - top, (start - left).clip(0), (stop - left).clip(max=width))

    def moved(self, down: int, right: int) -> Spans:
        """The same elsewhere."""
        return Spans(self.owner, self.row + down, self.start + right, self.stop + right)

    def paint(self, plane: NDArray[Any], values: NDArray[Any] | None = None) -> None:
        """Write each object's number, or `values[owner]`, into its pixels; later ones over earlier.

        Pixels outside of `plane`, shape (Y, X), are left out.
        """
        here = self.within(0, 0, *plane.shape)
        numbers = here.owner if values is None else values[here.owner]
        plane.reshape(-1)[here.places(plane.shape[1])] = np.repeat(
            numbers, here.stop - here.start
        ).astype(plane.dtype)

    def places(self, width: int) -> Integers:
        """The index of every pixel in a plane that is `width` pixels wide, span after span."""
        lengths = self.stop - self.start
        ends = np.cumsum(lengths)
        total = int(ends[-1]) if len(ends) else 0
        first = self.row * width + self.start
        places: Integers = np.arange(total) + np.repeat(first - (ends - lengths), lengths)
        return places


def joined(parts: Sequence[Spans]) -> Spans:
    """Spans of several sources, merged."""
    if not parts:
        return Spans.none()
    return Spans.merged(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def spans_of_labels(labels: NDArray[Any]) -> Spans:
    """The objects of a plane of labels, shape (Y, X), each under its label."""
    height, width = labels.shape
    changes = np.ones((height, width + 1), bool)
    changes[:, 1:-1] = labels[:, 1:] != labels[:, :-1]
    rows, columns = np.nonzero(changes)
    # The last change of each row is its end.
    starts = np.flatnonzero(columns < width)
    row, start, stop = rows[starts], columns[starts], columns[starts + 1]
    owner = labels[row, start].astype(np.int64)
    some = owner != 0
    return Spans.merged(owner[some], row[some], start[some], stop[some])
