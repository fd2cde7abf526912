"""What to read for a few rows: near ones in one stretch, the others each by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy
from numpy.typing import NDArray

__all__ = ["Stretches", "are_apart", "stretches_of"]

# Measured: to ask the system for a few bytes takes as long as to copy about so many.
_WORTH_ASKING = 4096
_AT_ONCE = 2048


class Stretches(NamedTuple):
    """What to read of an array so that some of its rows are among it.

    Attributes
    ----------
    rows : which of the rows these are
    starts, sizes : in bytes, from the array's start
    total : of `sizes`
    begin, end : of all of them
    places : where the rows are among what was read, one stretch after the other; None where
        that is nothing but the rows
    """

    rows: slice
    starts: NDArray[numpy.int64]
    sizes: NDArray[numpy.int64]
    total: int
    begin: int
    end: int
    places: NDArray[numpy.int64] | None


def are_apart(rows: NDArray[numpy.int64], width: int) -> bool:
    """Whether ascending `rows` of `width` bytes lie so far apart that all between is not read."""
    return (int(rows[-1]) - int(rows[0])) * width > len(rows) * _WORTH_ASKING


def stretches_of(rows: slice | NDArray[numpy.int64], width: int) -> Iterator[Stretches]:
    """Stretches that hold `rows` of `width` bytes, a bounded number at a time.

    Parameters
    ----------
    rows : a slice with both ends, or ascending
    """
    if isinstance(rows, slice):
        start, size = rows.start * width, (rows.stop - rows.start) * width
        every = slice(0, rows.stop - rows.start)
        one, whole = numpy.array([start]), numpy.array([size])
        yield Stretches(every, one, whole, size, start, start + size, None)
        return
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        begins = numpy.append(0, numpy.flatnonzero(numpy.diff(some) * width > _WORTH_ASKING) + 1)
        firsts = some[begins]
        counts = some[numpy.append(begins[1:] - 1, -1)] - firsts + 1
        total = int(counts.sum())
        places = None
        if total != len(some):
            before = numpy.cumsum(counts) - counts
            places = some - numpy.repeat(firsts - before, numpy.diff(begins, append=len(some)))
        yield Stretches(
            slice(start, start + len(some)),
            firsts * width,
            counts * width,
            total * width,
            int(some[0]) * width,
            (int(some[-1]) + 1) * width,
            places,
        )
