"""Read chosen columns of chosen rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy
import pandas
import pyarrow  # type: ignore[import-untyped]
from numpy.typing import NDArray

from ...model import Column
from ...storage import for_each
from ..columns import ROW_ID, row_bytes
from ..conditions.evaluate import Cells
from ..segments.reader import SegmentFolder
from .frames import Values, block_type, row_index
from .opened import OpenGroup
from .select import Piece

__all__ = ["Gathered", "batches_of", "gather", "index_of", "picked", "row_ids"]

_BATCH_BYTES = 8 << 20
_BATCH_ROWS = 1 << 16
_WORTH_SHARING = 1 << 14

Order = NDArray[numpy.int64] | None


class Gathered(NamedTuple):
    """Columns as read; `block` holds them as its rows, if all are numbers of one type."""

    values: list[Values]
    block: NDArray[Any] | None


def gather(
    folder: SegmentFolder, pieces: Sequence[Piece], columns: Sequence[Column], order: Order = None
) -> Gathered:
    """The values of `columns` in the rows of `pieces`, one after the other or in `order`."""
    rows = sum(map(len, pieces))
    dtype = block_type(columns)
    block = None if dtype is None else numpy.empty((len(columns), rows), dtype)
    collected = [
        _Collected(column, rows, None if block is None else block[position])
        for position, column in enumerate(columns)
    ]
    opened: OpenGroup | None = None
    start = 0
    try:
        for piece in pieces:
            if opened is None or opened.group is not piece.group:
                if opened is not None:
                    opened.close()
                opened = OpenGroup(folder, piece.group)
            _add(collected, opened, piece, start)
            start += len(piece)
    finally:
        if opened is not None:
            opened.close()
    if block is not None and order is not None:
        block = block[:, order]
        return Gathered([Values(values) for values in block], block)
    return Gathered([each.values(order) for each in collected], block)


def _add(collected: Sequence[_Collected], opened: OpenGroup, piece: Piece, start: int) -> None:
    """Read the rows of one piece, several columns at once where that is worth the threads."""
    if piece.is_scant:
        columns = [each.column for each in collected]
        outs = [each.room(start, len(piece)) for each in collected]
        collected = [collected[i] for i in opened.take_each(columns, piece.rows, outs)]
    elif len(collected) > 1 and len(collected) * len(piece) >= _WORTH_SHARING:
        for_each(lambda each: each.add(opened, piece, start), collected)
        return
    for each in collected:
        each.add(opened, piece, start)


class _Collected:
    """The values of a column, as far as they were read."""

    def __init__(self, column: Column, rows: int, out: NDArray[Any] | None) -> None:
        self.column = column
        self._rows = rows
        self._texts: list[pyarrow.Array] = []
        self._valid: NDArray[numpy.bool_] | None = None
        if out is None:
            dtype = "int64" if column.kind in ("timestamp", "string") else column.dtype
            count = 0 if column.kind == "string" else rows
            out = numpy.empty((count, *column.shape), numpy.dtype(dtype))
        self._values = out

    def room(self, start: int, rows: int) -> NDArray[Any]:
        """Where the values of some rows belong; nowhere, for text."""
        return self._values[start : start + rows]

    def add(self, opened: OpenGroup, piece: Piece, start: int) -> None:
        name = self.column.name
        if self.column.kind == "string":
            self._texts.append(_texts(opened.cells(name, piece.rows)))
            return
        stop = start + piece.count
        target = self._values[start:stop]
        cells = opened.cells(name, piece.rows, target)
        if cells.values is not target:
            target[...] = cells.values
        if cells.valid is not None:
            if self._valid is None:
                self._valid = numpy.ones(self._rows, bool)
            self._valid[start:stop] = cells.valid

    def values(self, order: Order) -> Values:
        if self.column.kind == "string":
            texts = pyarrow.chunked_array(self._texts, pyarrow.large_string())
            return Values(texts if order is None else texts.take(pyarrow.array(order)))
        if order is None:
            return Values(self._values, self._valid)
        valid = None if self._valid is None else self._valid[order]
        return Values(self._values[order], valid)


def _texts(cells: Cells) -> pyarrow.Array:
    assert cells.words is not None
    codes = pyarrow.array(cells.values, mask=cells.values < 0)
    if not len(cells.words):
        return pyarrow.nulls(len(cells.values), pyarrow.large_string())
    return cells.words.arrow().take(codes)


def row_ids(pieces: Sequence[Piece], order: Order = None) -> NDArray[numpy.int64]:
    """shape (rows,): the permanent numbers of the rows."""
    ids = numpy.concatenate([numpy.empty(0, "i8"), *(piece.ids() for piece in pieces)])
    return ids if order is None else ids[order]


def index_of(pieces: Sequence[Piece], order: Order = None) -> pandas.Index[Any]:
    """The permanent numbers of the rows as an index, of no size where they are consecutive."""
    if order is None and pieces and all(map(_is_range, pieces)):
        starts = [piece.group.first_row + piece.rows.start for piece in pieces]  # type: ignore[union-attr]
        stops = [a + len(piece) for a, piece in zip(starts, pieces, strict=True)]
        if starts[1:] == stops[:-1]:
            return pandas.RangeIndex.from_range(range(starts[0], stops[-1]), name=ROW_ID)
    return row_index(row_ids(pieces, order))


def _is_range(piece: Piece) -> bool:
    return isinstance(piece.rows, slice) and piece.group.is_gapless


def picked(
    pieces: Sequence[Piece], places: NDArray[numpy.int64]
) -> tuple[list[Piece], NDArray[numpy.int64]]:
    """The pieces that hold the rows at `places`, and in which order to put their rows."""
    ascending = numpy.sort(places)
    found = []
    start = 0
    for piece in pieces:
        stop = start + len(piece)
        first, last = numpy.searchsorted(ascending, (start, stop))
        if last > first:
            found.append(piece.pick(ascending[first:last] - start))
        start = stop
    return found, numpy.searchsorted(ascending, places)


def batches_of(
    pieces: Iterable[Piece], columns: Sequence[Column], order: Order = None
) -> Iterator[tuple[list[Piece], Order]]:
    """`pieces` cut and joined to batches of bounded size, at least one."""
    most = _batch_rows(columns)
    if order is not None:
        held = list(pieces)
        for start in range(0, max(len(order), 1), most):
            yield picked(held, order[start : start + most])
        return
    batch: list[Piece] = []
    room = most
    sent = False
    for piece in pieces:
        start = 0
        while start < len(piece):
            batch.append(piece.part(start, start + room))
            start += len(batch[-1])
            room -= len(batch[-1])
            if room == 0:
                yield batch, None
                batch, room, sent = [], most, True
    if batch or not sent:
        yield batch, None


def _batch_rows(columns: Sequence[Column]) -> int:
    return max(min(_BATCH_BYTES // row_bytes(columns), _BATCH_ROWS), 256)
