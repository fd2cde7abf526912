"""Rows of several segments as they are stored in one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy
from numpy.typing import NDArray

from ...model import Column
from ..segments.encode import Encoded, encoded_values
from .gather import gather, row_ids
from .select import Piece, matches, window
from .view import TableView

__all__ = ["Merged", "merged"]


class Merged(NamedTuple):
    """Some rows: their numbers, ascending, and the arrays of each column that has values."""

    numbers: NDArray[numpy.int64]
    encoded: list[list[Encoded]]


def merged(view: TableView, rows: int, start_row: int = 0) -> Iterator[Merged]:
    """The rows of `view` from a number on, at most so many at a time, as they are there.

    A column of which no segment has a value stays without one.
    """
    columns = [
        column for column in view.columns if any(group.layers(column) for group in view.groups)
    ]
    found = list(matches(view.place, view.groups, None))
    total = sum(map(len, found))
    before = int(numpy.searchsorted(row_ids(found), start_row)) if start_row else 0
    for start in range(before, total, rows):
        pieces = list(window(found, rows, start))
        yield Merged(row_ids(pieces), _encoded(view, pieces, columns))


def _encoded(view: TableView, pieces: list[Piece], columns: list[Column]) -> list[list[Encoded]]:
    made = []
    for column in columns:
        # One at a time: what was read of it is let go before the next.
        (found,) = gather(view.place, pieces, [column]).values
        made.append(encoded_values(column, found.values, found.valid))
    return made
