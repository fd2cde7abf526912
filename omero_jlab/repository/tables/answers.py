"""What is asked of a table's rows: aggregates, batches, files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from ...database import ImageRow
from ...errors import Invalid
from ...model import Column, Image, Selection, Summarised, TableSummary
from ...operations.paging import EVERYTHING
from ...tables import Summary, Values, csv_pieces, parquet_pieces
from ..records import image_record
from .changing import ChangedRows, ChangedTables
from .where import images_where

__all__ = ["AskedTables", "RowStreams"]

_MOST_GROUPS = 100_000
_MOST_IMAGES = 10_000


class RowStreams(ChangedRows):
    """The rows of tables as streams, a bounded number at a time."""

    def read_batches(self, table_id: int, selection: Selection = EVERYTHING) -> Iterator[Any]:
        """The same rows as `pyarrow.RecordBatch`es, `row_id` first."""
        view = self.table_view(table_id, selection.version)
        return view.arrow(**selection.model_dump(exclude={"version"}), with_row_id=True)

    def export_rows(
        self,
        table_id: int,
        format: str,
        selection: Selection = EVERYTHING,
        safe: bool = True,
    ) -> Iterator[bytes]:
        """The same rows as a file: `csv` or `parquet`."""
        if format not in ("csv", "parquet"):
            raise Invalid(f"Rows are exported as csv or parquet, not as {format[:40]!r}.")
        batches = self.read_batches(table_id, selection)
        return csv_pieces(batches, safe) if format == "csv" else parquet_pieces(batches)


class AskedTables(ChangedTables):
    """What tables there are, and what their rows say."""

    def images_where(self, condition: str, after: int = 0, limit: int = 1000) -> tuple[Image, ...]:
        """The images whose tables fulfil a condition, by id."""
        found = images_where(self._session, condition, after, min(max(limit, 1), _MOST_IMAGES))
        with self._session.reading() as (db, access):
            rows = db.scalars(select(ImageRow).where(ImageRow.id.in_(found)).order_by(ImageRow.id))
            return tuple(image_record(row, access) for row in rows)

    def aggregate(
        self,
        table_id: int,
        measures: Mapping[str, Sequence[str]],
        by: Sequence[str] = (),
        condition: str | None = None,
        version: int | None = None,
    ) -> TableSummary:
        """count, sum, mean, std, min, max, median or quantile(q) of columns, by group."""
        view = self._session.table_view(table_id, version)
        return _record(view.aggregate(measures, by, condition, _MOST_GROUPS))


def _record(found: Summary) -> TableSummary:
    """`found` as it travels."""
    return TableSummary(
        keys=tuple(_summarised(column.name, "", column, values) for column, values in found.keys),
        measures=tuple(
            _summarised(measure.column.name, measure.function, column, values)
            for measure, column, values in found.measures
        ),
    )


def _summarised(of: str, function: str, column: Column, values: Values) -> Summarised:
    cells = values.values if isinstance(values.values, list) else values.values.tolist()
    if values.valid is not None:
        there = values.valid.tolist()
        cells = [cell if known else None for cell, known in zip(cells, there, strict=True)]
    return Summarised(of=of, function=function, column=column, values=tuple(cells))
