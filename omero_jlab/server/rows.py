"""A table's rows over HTTP: Arrow for programs, columns for plots, JSON for pages, CSV and Parquet
for files."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Json, NonNegativeInt

from ..errors import Invalid, TooLarge
from ..model import Record
from ..operations import AnySession
from ..operations.paging import after_row
from ..remote.wire import ChangedRows, NewColumns, pieces
from .base import RepositoryHandler, reads, writes
from .spool import Spool
from .uploads import UploadHandler, number

__all__ = ["ROWS"]

_JSON_ROWS = 10_000
_TYPES = {
    "arrow": "application/vnd.apache.arrow.stream",
    "columns": "application/octet-stream",
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}


class _Rows(Record):
    """Which rows; `after` is the number of the row behind which a page begins."""

    table_id: int
    columns: Json[tuple[str, ...]] | None = None
    condition: str | None = None
    order_by: str | None = None
    descending: bool = False
    limit: NonNegativeInt | None = None
    offset: NonNegativeInt = 0
    after: int | None = None
    version: int | None = None
    format: Literal["arrow", "columns", "json", "csv", "parquet"] = "arrow"
    compression: Literal["lz4", "zstd"] | None = None
    safe: bool = True


class RowsHandler(UploadHandler):
    """The rows of a table."""

    @reads
    async def get(self, table_id: str) -> None:
        """Answer with rows; their permanent ids are the index."""
        asked = self.asked(_Rows, table_id=table_id)
        if asked.after is not None and (asked.order_by or asked.offset):
            raise Invalid("after goes on behind a row_id: it takes neither order_by nor offset.")
        if asked.format == "json" and (asked.limit or 0) > _JSON_ROWS:
            raise TooLarge(
                f"JSON has at most {_JSON_ROWS:,} rows: ask for pages with limit={_JSON_ROWS} and "
                "after=(the last row_id), or for format=arrow."
            )
        found, first = await self.with_session(lambda session: _begun(session, asked))
        self.set_header("Content-Type", _TYPES[asked.format])
        self.set_header("Cache-Control", "no-store")
        if asked.format in ("csv", "parquet"):
            self.set_attachment_header(f"table-{asked.table_id}.{asked.format}")
        if first and self.request.method != "HEAD":
            self.write(first)
            await self.flush()
        await self.send_all(found)

    head = get

    @writes
    async def post(self, table_id: str) -> None:
        """Append rows."""
        table = number(table_id)

        def use(session: AnySession, spool: Spool) -> Record:
            from ..remote.frames import frame_in

            head = spool.header(ChangedRows)
            return session.append_rows(table, frame_in(spool.path, spool.offset), head.version)

        await self.received(use)


class ChangedRowsHandler(UploadHandler):
    """Other values in rows of a table."""

    @writes
    async def post(self, table_id: str) -> None:
        """Give rows other values."""
        table = number(table_id)

        def use(session: AnySession, spool: Spool) -> Record:
            from ..remote.frames import frame_in

            head = spool.header(ChangedRows)
            return session.update_rows(table, frame_in(spool.path, spool.offset), head.version)

        await self.received(use)


class ColumnsHandler(UploadHandler):
    """The columns of a table."""

    @writes
    async def post(self, table_id: str) -> None:
        """Add columns."""
        table = number(table_id)

        def use(session: AnySession, spool: Spool) -> Record:
            from ..remote.frames import frame_in

            head = spool.header(NewColumns)
            return session.add_columns(
                table,
                frame_in(spool.path, spool.offset),
                head.units,
                head.descriptions,
                head.links,
                head.version,
            )

        await self.received(use)


ROWS: dict[str, type[RepositoryHandler]] = {
    "tables/{id}/rows": RowsHandler,
    "tables/{id}/changed-rows": ChangedRowsHandler,
    "tables/{id}/new-columns": ColumnsHandler,
}
"""The handlers by their paths below the API's root."""


def _begun(session: AnySession, asked: _Rows) -> tuple[Iterator[bytes], bytes]:
    """The answer's pieces, and the first of them: what is wrong shows before an answer begins."""
    found = _answer(session, asked)
    return found, next(found, b"")


def _answer(session: AnySession, asked: _Rows) -> Iterator[bytes]:
    limit = asked.limit
    if asked.format == "json" and limit is None:
        limit = _JSON_ROWS + 1
    which: dict[str, Any] = {
        "columns": asked.columns,
        "condition": after_row(asked.condition, asked.after),
        "order_by": asked.order_by,
        "descending": asked.descending,
        "limit": limit,
        "offset": asked.offset,
        "version": asked.version,
    }
    if asked.format in ("csv", "parquet"):
        return _cut(session.export_rows(asked.table_id, asked.format, safe=asked.safe, **which))
    if asked.format == "columns":
        from ..remote.columns import column_pieces

        return column_pieces(session.read_rows(asked.table_id, **which))
    from ..remote.frames import batch_pieces

    batches = session.read_batches(asked.table_id, **which)
    if asked.format == "arrow":
        return batch_pieces(batches, asked.compression)
    return _json(batches)


def _cut(large: Iterator[bytes]) -> Iterator[bytes]:
    for each in large:
        yield from pieces(each)


def _json(batches: Iterator[Any]) -> Iterator[bytes]:
    """Rows as one JSON object; the last of `row_ids` is the `after` of the next page."""
    names: list[str] = []
    ids: list[int] = []
    rows: list[tuple[Any, ...]] = []
    for batch in batches:
        names = batch.schema.names[1:]
        ids += batch.column(0).to_pylist()
        columns = [_cells(column.to_pylist()) for column in batch.columns[1:]]
        rows += zip(*columns, strict=True) if columns else [()] * batch.num_rows
    if len(ids) > _JSON_ROWS:
        raise TooLarge(
            f"More than {_JSON_ROWS:,} rows fit, and JSON has at most so many: ask for pages with "
            f"limit={_JSON_ROWS} and after=(the last row_id), or for format=arrow."
        )
    body = {"columns": names, "row_ids": ids, "rows": rows}
    return pieces(json.dumps(body, allow_nan=False, default=_as_json).encode())


def _cells(values: list[Any]) -> list[Any]:
    """What JSON can hold: a missing value or NaN is null, infinities are text."""
    return [_cell(value) if isinstance(value, float | list) else value for value in values]


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return _cells(value)
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def _as_json(value: Any) -> Any:
    return value.isoformat()
