"""A table's rows over HTTP: Arrow for programs, columns for plots, JSON for pages, CSV and Parquet
for files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeVar

from pydantic import Json, NonNegativeInt

from ..errors import TooLarge
from ..model import Record, Selection
from ..operations import AnySession
from ..operations.paging import selection
from ..remote.pages import JSON_ROWS, json_pieces
from ..remote.wire import ChangedRows, NewColumns, pieces
from .base import RepositoryHandler, reads, writes
from .spool import Spool
from .uploads import UploadHandler, number

__all__ = ["ROWS"]

H = TypeVar("H", ChangedRows, NewColumns)

_TYPES = {
    "arrow": "application/vnd.apache.arrow.stream",
    "columns": "application/octet-stream",
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}


class _Rows(Selection):
    """Which rows; `after` is the number of the row behind which a page begins."""

    table_id: int
    columns: Json[tuple[str, ...]] | None = None
    limit: NonNegativeInt | None = None
    offset: NonNegativeInt = 0
    after: int | None = None
    format: Literal["arrow", "columns", "json", "csv", "parquet"] = "arrow"
    compression: Literal["lz4", "zstd"] | None = None
    safe: bool = True


class RowsHandler(UploadHandler):
    """The rows of a table."""

    @reads
    async def get(self, table_id: str) -> None:
        """Answer with rows; their permanent ids are the index."""
        asked = self.asked(_Rows, table_id=table_id)
        if asked.format == "json" and (asked.limit or 0) > JSON_ROWS:
            raise TooLarge(
                f"JSON has at most {JSON_ROWS:,} rows: ask for pages with limit={JSON_ROWS} and "
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

        def append(session: AnySession, head: ChangedRows, frame: Any) -> Record:
            return session.append_rows(number(table_id), frame, head.version)

        await _change(self, ChangedRows, append)


class ChangedRowsHandler(UploadHandler):
    """Other values in rows of a table."""

    @writes
    async def post(self, table_id: str) -> None:
        """Give rows other values."""

        def update(session: AnySession, head: ChangedRows, frame: Any) -> Record:
            return session.update_rows(number(table_id), frame, head.version)

        await _change(self, ChangedRows, update)


class ColumnsHandler(UploadHandler):
    """The columns of a table."""

    @writes
    async def post(self, table_id: str) -> None:
        """Add columns."""

        def add(session: AnySession, head: NewColumns, frame: Any) -> Record:
            return session.add_columns(number(table_id), frame, **dict(head))

        await _change(self, NewColumns, add)


async def _change(
    handler: UploadHandler, kind: type[H], change: Callable[[AnySession, H, Any], Record]
) -> None:
    """Answer with what `change` makes of a header of this `kind` and the rows behind it."""

    def use(session: AnySession, spool: Spool) -> Record:
        from ..remote.frames import frame_in

        return change(session, spool.header(kind), frame_in(spool.path, spool.offset))

    await handler.received(use)


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
        limit = JSON_ROWS + 1
    which = selection(
        asked.columns,
        asked.condition,
        asked.order_by,
        asked.descending,
        limit,
        asked.offset,
        asked.version,
        asked.after,
    )
    if asked.format in ("csv", "parquet"):
        return _cut(session.export_rows(asked.table_id, asked.format, which, asked.safe))
    if asked.format == "columns":
        from ..remote.columns import column_pieces

        return column_pieces(session.read_rows(asked.table_id, which))
    batches = session.read_batches(asked.table_id, which)
    if asked.format == "arrow":
        from ..remote.frames import batch_pieces

        return batch_pieces(batches, asked.compression)
    return json_pieces(batches)


def _cut(large: Iterator[bytes]) -> Iterator[bytes]:
    for each in large:
        yield from pieces(each)
