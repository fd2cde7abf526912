"""Rows of tables, sent and asked for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from ..model import (
    BULK_ANNOTATIONS,
    LinkTarget,
    Provenance,
    Record,
    Selection,
    TableChange,
    TableInfo,
    TargetKind,
)
from ..operations.paging import EVERYTHING
from . import wire
from .asking import Asking
from .transport import Body, is_loopback

__all__ = ["RemoteRows"]

T = TypeVar("T")


class RemoteRows(Asking):
    """The streams of rows."""

    def add_table(
        self,
        kind: TargetKind,
        id: int,
        name: str,
        frame: Any,
        namespace: str = BULK_ANNOTATIONS,
        description: str = "",
        units: Mapping[str, str] | None = None,
        descriptions: Mapping[str, str] | None = None,
        links: Mapping[str, LinkTarget] | None = None,
        metadata: Mapping[str, str | int | float | bool] | None = None,
        provenance: Provenance | None = None,
    ) -> TableInfo:
        """Attach a table with the rows of a `pandas.DataFrame`."""
        header = wire.header(
            wire.NewTable,
            name=name,
            namespace=namespace,
            description=description,
            units=units,
            descriptions=descriptions,
            links=links,
            metadata=metadata,
            provenance=provenance,
        )
        return self._post(f"objects/{kind}/{id}/tables", TableInfo, _rows(header, frame))

    def append_rows(self, table_id: int, frame: Any, version: int | None = None) -> TableInfo:
        """Append rows to a table; durable when this returns."""
        header = wire.header(wire.ChangedRows, version=version)
        return self._post(f"tables/{table_id}/rows", TableInfo, _rows(header, frame))

    def update_rows(self, table_id: int, frame: Any, version: int | None = None) -> TableChange:
        """Give rows, named by the index or the column `row_id` of `frame`, other values."""
        header = wire.header(wire.ChangedRows, version=version)
        return self._post(f"tables/{table_id}/changed-rows", TableChange, _rows(header, frame))

    def add_columns(
        self,
        table_id: int,
        frame: Any,
        units: Mapping[str, str] | None = None,
        descriptions: Mapping[str, str] | None = None,
        links: Mapping[str, LinkTarget] | None = None,
        version: int | None = None,
    ) -> TableChange:
        """Add the columns of `frame`, whose index names the rows; other rows have no value."""
        header = wire.header(
            wire.NewColumns, units=units, descriptions=descriptions, links=links, version=version
        )
        return self._post(f"tables/{table_id}/new-columns", TableChange, _rows(header, frame))

    def read_rows(self, table_id: int, selection: Selection = EVERYTHING) -> Any:
        """Rows as a `pandas.DataFrame` whose index is the permanent row id."""
        from .frames import frame_of_batches

        return frame_of_batches(self._pieces(f"tables/{table_id}/rows", **self._arrow(selection)))

    def read_batches(self, table_id: int, selection: Selection = EVERYTHING) -> Iterator[Any]:
        """The same rows as `pyarrow.RecordBatch`es of bounded size, `row_id` first."""
        from .frames import batches_from

        found = self._pieces(f"tables/{table_id}/rows", **self._arrow(selection))
        return _begun(batches_from(found))

    def export_rows(
        self,
        table_id: int,
        format: str,
        selection: Selection = EVERYTHING,
        safe: bool = True,
    ) -> Iterator[bytes]:
        """The same rows as a file, piece by piece: `csv` or `parquet`."""
        asked = selection.model_dump(exclude_defaults=True)
        found = self._pieces(f"tables/{table_id}/rows", **asked, format=format, safe=safe)
        return _begun(found)

    def _arrow(self, selection: Selection) -> dict[str, Any]:
        """Rows for a program: within one machine, compressing them takes longer than sending."""
        asked = selection.model_dump(exclude_defaults=True) | {"format": "arrow"}
        return asked if is_loopback(self.transport.url) else asked | {"compression": "zstd"}


def _begun(answer: Iterator[T]) -> Iterator[T]:
    """`answer`, of which the first part is there: what was asked wrongly is told at once."""
    first = next(answer, None)
    return itertools.chain(() if first is None else (first,), answer)


def _rows(header: Record, frame: Any) -> Body:
    from .frames import frame_pieces

    return lambda: wire.framed(header, frame_pieces(frame))
