"""One version of a table, to be read and asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path

import numpy
import pandas
import pyarrow  # type: ignore[import-untyped]
from numpy.typing import NDArray

from ...errors import Invalid
from ...model import Column, Segment
from ...storage import NOBODY, Watch
from ..columns import ROW_ID, by_name, chosen
from ..conditions.grammar import Gates, no_gates, parse
from ..conditions.nodes import Condition
from ..segments.reader import SegmentFolder
from .aggregate import MOST_GROUPS, Summary, aggregated, column_named, measures_of
from .existing import existing
from .frames import arrow_schema, as_arrow, as_frame
from .gather import Order, batches_of, gather, index_of, row_ids
from .groups import Group, groups_of
from .order import ordered
from .select import Piece, matches, window

__all__ = ["TableView"]


class TableView:
    """A table as it was at one version; it never changes.

    Any number of threads and processes may read the same segments.

    Parameters
    ----------
    folder : where the segments lie
    columns : of the table, in order
    segments : of this version
    watch : who knows of damaged files
    stop_row : one more than the highest number of a row at this version; None for all
    pin : what keeps the files as long as this view is there

    Raises
    ------
    Invalid
        Segments overlap.
    """

    def __init__(
        self,
        folder: Path,
        columns: tuple[Column, ...],
        segments: tuple[Segment, ...],
        watch: Watch = NOBODY,
        stop_row: int | None = None,
        pin: object = None,
    ) -> None:
        self.folder = folder
        self.place = SegmentFolder(folder, watch)
        self.columns = columns
        self.segments = segments
        self.groups: list[Group] = groups_of(self.place, by_name(columns), segments, stop_row)
        self.pin = pin
        self.gates: Gates = no_gates

    def with_gates(self, gates: Gates) -> TableView:
        """The same rows, for conditions that name these gates."""
        view = copy(self)
        view.gates = gates
        return view

    @property
    def rows(self) -> int:
        """How many rows there are."""
        gone = sum(each.rows for each in self.segments if each.kind == "deletion")
        return sum(group.rows for group in self.groups) - gone

    def read(
        self,
        columns: Sequence[str] | None = None,
        condition: str | None = None,
        order_by: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        offset: int = 0,
        with_row_id: bool = False,
    ) -> pandas.DataFrame:
        """The rows that fulfil `condition`, as a DataFrame indexed by the permanent `row_id`.

        Parameters
        ----------
        columns : in the order wanted; None for all
        condition : see `omero_jlab.tables.grammar`; None for every row
        order_by : a column, or `row_id`; rows without a value come last, equal ones by row_id
        limit, offset : how many rows, after leaving out how many
        with_row_id : give `row_id` as the first column too

        Raises
        ------
        Invalid
            A column is unknown or the condition has no meaning; one line says which.
        Unreadable, Damaged
            A file is missing, or not what was written.
        """
        wanted = self._chosen(columns)
        pieces, order = self._selected(condition, order_by, descending, limit, offset)
        found = gather(self.place, pieces, wanted, order)
        frame = as_frame(wanted, found.values, index_of(pieces, order), found.block)
        if with_row_id:
            frame.insert(0, ROW_ID, frame.index)
        return frame

    def numbers(self, condition: str | None = None) -> NDArray[numpy.int64]:
        """shape (rows,), ascending: the permanent numbers of the rows that fulfil `condition`."""
        parsed = None if condition is None else self._parsed(condition)
        return row_ids(list(matches(self.place, self.groups, parsed)))

    def existing(self, numbers: NDArray[numpy.int64]) -> NDArray[numpy.int64]:
        """Those of the ascending `numbers` whose rows are there."""
        return existing(self.groups, numbers)

    def count(self, condition: str | None = None) -> int:
        """How many rows fulfil `condition`."""
        if condition is None:
            return self.rows
        found = matches(self.place, self.groups, self._parsed(condition))
        return sum(len(piece) for piece in found)

    def aggregate(
        self,
        wanted: Mapping[str, str | Sequence[str]],
        by: Sequence[str] = (),
        condition: str | None = None,
        most_groups: int = MOST_GROUPS,
    ) -> Summary:
        """count, sum, mean, std, min, max, median or quantiles of columns, by group.

        `wanted` names functions by column; see `omero_jlab.tables.reading.aggregate`.
        """
        measures = measures_of(self.columns, wanted)
        keys = [column_named(self.columns, name) for name in dict.fromkeys(by)]
        parsed = None if condition is None else self._parsed(condition)
        found = matches(self.place, self.groups, parsed)
        return aggregated(self.place, found, measures, keys, most_groups)

    def arrow(
        self,
        columns: Sequence[str] | None = None,
        condition: str | None = None,
        order_by: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        offset: int = 0,
        with_row_id: bool = False,
    ) -> Iterator[pyarrow.RecordBatch]:
        """What `read` gives, in Arrow batches of bounded size; at least one, so types are known.

        `with_row_id` sends the row numbers as a first column, which `frame_from_arrow` makes the
        index.  Arguments are checked before the first batch is asked for.
        """
        wanted = self._chosen(columns)
        rows: int | None = None
        if order_by is None:
            parsed = None if condition is None else self._parsed(condition)
            found = matches(self.place, self.groups, parsed)
            limit, offset = _checked(limit, offset)
            parts = batches_of(window(found, limit, offset), wanted)
            if condition is None:
                left = max(self.rows - offset, 0)
                rows = left if limit is None else min(left, limit)
        else:
            pieces, order = self._selected(condition, order_by, descending, limit, offset)
            parts = batches_of(pieces, wanted, order)
            rows = sum(map(len, pieces))
        return self._batches(parts, wanted, arrow_schema(wanted, with_row_id, rows), with_row_id)

    def _batches(
        self,
        parts: Iterator[tuple[list[Piece], Order]],
        wanted: list[Column],
        schema: pyarrow.Schema,
        with_row_id: bool,
    ) -> Iterator[pyarrow.RecordBatch]:
        for pieces, order in parts:
            found = gather(self.place, pieces, wanted, order)
            arrays = [as_arrow(c, each) for c, each in zip(wanted, found.values, strict=True)]
            if with_row_id:
                arrays.insert(0, pyarrow.array(row_ids(pieces, order)))
            yield pyarrow.RecordBatch.from_arrays(arrays, schema=schema)

    def _parsed(self, condition: str) -> Condition:
        return parse(condition, self.columns, self.gates)

    def _chosen(self, columns: Sequence[str] | None) -> list[Column]:
        if isinstance(columns, str):
            columns = [columns]
        return list(self.columns) if columns is None else chosen(self.columns, list(columns))

    def _selected(
        self,
        condition: str | None,
        order_by: str | None,
        descending: bool,
        limit: int | None,
        offset: int,
    ) -> tuple[list[Piece], Order]:
        """The pieces to read, and in which order their rows are wanted, None for as they are."""
        limit, offset = _checked(limit, offset)
        parsed = None if condition is None else self._parsed(condition)
        found = matches(self.place, self.groups, parsed)
        if order_by is None:
            return list(window(found, limit, offset)), None
        key = None if order_by == ROW_ID else chosen(self.columns, [order_by])[0]
        return ordered(self.place, list(found), key, descending, limit, offset)


def _checked(limit: int | None, offset: int) -> tuple[int | None, int]:
    if offset < 0 or (limit is not None and limit < 0):
        raise Invalid(f"limit {limit} and offset {offset} cannot be negative")
    return limit, offset
