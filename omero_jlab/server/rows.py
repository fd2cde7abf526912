"""A table's rows over HTTP: Arrow for programs, JSON for pages, CSV for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Literal

from pydantic import Json, NonNegativeInt

from ..errors import TooLarge
from ..model import Record
from ..operations import AnySession
from ..remote.wire import NewTable, pieces
from .base import RepositoryHandler, reads, writes
from .spool import Spool
from .uploads import UploadHandler, number

__all__ = ["ROWS"]

_JSON_ROWS = 10_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Rows(Record):
    table_id: int
    columns: Json[tuple[str, ...]] | None = None
    condition: str | None = None
    order_by: str | None = None
    descending: bool = False
    limit: NonNegativeInt | None = None
    offset: NonNegativeInt = 0
    version: int | None = None
    format: Literal["arrow", "json", "csv"] = "arrow"


class RowsHandler(UploadHandler):
    """The rows of a table."""

    @reads
    async def get(self, table_id: str) -> None:
        """Answer with rows; their permanent ids are the index."""
        asked = self.asked(_Rows, table_id=table_id)
        if asked.format == "json" and (asked.limit or 0) > _JSON_ROWS:
            raise TooLarge(f"JSON has at most {_JSON_ROWS} rows: ask for pages, or for arrow.")
        content_type, encode = _FORMATS[asked.format]
        found = await self.with_session(lambda session: encode(_read(session, asked)))
        self.set_header("Content-Type", content_type)
        self.set_header("Cache-Control", "no-store")
        if asked.format == "csv":
            self.set_attachment_header(f"table-{asked.table_id}.csv")
        await self.send_all(found)

    head = get

    @writes
    async def post(self, table_id: str) -> None:
        """Append rows."""
        table = number(table_id)

        def use(session: AnySession, spool: Spool) -> Record:
            from ..remote.frames import frame_in

            spool.header(NewTable)
            return session.append_rows(table, frame_in(spool.path, spool.offset))

        await self.received(use)


ROWS: dict[str, type[RepositoryHandler]] = {"tables/{id}/rows": RowsHandler}
"""The handler by its path below the API's root."""


def _read(session: AnySession, asked: _Rows) -> Any:
    limit = asked.limit
    if asked.format == "json" and limit is None:
        limit = _JSON_ROWS + 1
    frame = session.read_rows(
        asked.table_id,
        asked.columns,
        asked.condition,
        asked.order_by,
        asked.descending,
        limit,
        asked.offset,
        asked.version,
    )
    if asked.format == "json" and len(frame) > _JSON_ROWS:
        raise TooLarge(
            f"More than {_JSON_ROWS} rows fit; JSON has at most so many: give limit and offset, "
            "or ask for arrow."
        )
    return frame


def _arrow(frame: Any) -> Iterator[bytes]:
    from ..remote.frames import frame_pieces

    return frame_pieces(frame)


def _json(frame: Any) -> Iterator[bytes]:
    import pandas as pd

    plain = pd.DataFrame(frame)
    data = plain.to_json(orient="split", date_format="iso", double_precision=15)
    found = json.loads(data)
    body = {"columns": found["columns"], "row_ids": found["index"], "rows": found["data"]}
    return pieces(json.dumps(body).encode())


def _csv(frame: Any) -> Iterator[bytes]:
    # A spreadsheet runs a cell that begins like a formula: text gets an apostrophe before it.
    safe = frame.rename(columns=_as_text, index=_as_text)
    for position, kind in enumerate(safe.dtypes):
        if kind == object or kind.name in ("str", "string", "category"):  # noqa: E721
            safe.isetitem(position, safe.iloc[:, position].astype(object).map(_as_text))
    return pieces(safe.to_csv(index_label="row_id").encode())


def _as_text(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


_FORMATS: dict[str, tuple[str, Callable[[Any], Iterator[bytes]]]] = {
    "arrow": ("application/vnd.apache.arrow.stream", _arrow),
    "json": ("application/json", _json),
    "csv": ("text/csv; charset=utf-8", _csv),
}
