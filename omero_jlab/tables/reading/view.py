"""One version of a table, to be read and asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas
import pyarrow  # type: ignore[import-untyped]

from ...errors import Invalid
from ...model import Column, Segment
from ...storage import NOBODY, Watch
from ..columns import ROW_ID, chosen
from ..conditions.grammar import parse
from ..segments.reader import SegmentFolder
from .frames import Values, arrow_schema, as_arrow, as_frame
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
    ) -> None:
        self.folder = folder
        self.place = SegmentFolder(folder, watch)
        self.columns = columns
        self.segments = segments
        self.groups: list[Group] = groups_of(columns, segments)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(group.rows for group in self.groups)

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
        values = gather(self.place, pieces, wanted, order)
        frame = as_frame(wanted, values, index_of(pieces, order))
        if with_row_id:
            frame.insert(0, ROW_ID, frame.index)
        return frame

    def count(self, condition: str | None = None) -> int:
        """How many rows fulfil `condition`."""
        if condition is None:
            return self.rows
        found = matches(self.place, self.groups, parse(condition, self.columns))
        return sum(len(piece) for piece in found)

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
        if order_by is None:
            parsed = None if condition is None else parse(condition, self.columns)
            found = matches(self.place, self.groups, parsed)
            parts = batches_of(window(found, *_checked(limit, offset)), wanted)
        else:
            pieces, order = self._selected(condition, order_by, descending, limit, offset)
            parts = batches_of(pieces, wanted, order)
        return self._batches(parts, wanted, with_row_id)

    def _batches(
        self,
        parts: Iterator[tuple[list[Piece], Order]],
        wanted: list[Column],
        with_row_id: bool,
    ) -> Iterator[pyarrow.RecordBatch]:
        schema = arrow_schema(wanted, with_row_id)
        for pieces, order in parts:
            values: list[Values] = gather(self.place, pieces, wanted, order)
            arrays = [as_arrow(c, each) for c, each in zip(wanted, values, strict=True)]
            if with_row_id:
                arrays.insert(0, pyarrow.array(row_ids(pieces, order)))
            yield pyarrow.RecordBatch.from_arrays(arrays, schema=schema)

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
        parsed = None if condition is None else parse(condition, self.columns)
        found = matches(self.place, self.groups, parsed)
        if order_by is None:
            return list(window(found, limit, offset)), None
        key = None if order_by == ROW_ID else chosen(self.columns, [order_by])[0]
        return ordered(self.place, list(found), key, descending, limit, offset)


def _checked(limit: int | None, offset: int) -> tuple[int | None, int]:
    if offset < 0 or (limit is not None and limit < 0):
        raise Invalid(f"limit {limit} and offset {offset} cannot be negative")
    return limit, offset
