"""Result tables: what there is, and what is asked of them."""

from __future__ import annotations

from typing import Protocol

from ..model import TableInfo, TargetKind
from . import declare as http

__all__ = ["Tables"]


class Tables(Protocol):
    """Result tables; their rows come as streams."""

    @http.get("objects/{kind}/{id}/tables")
    def list(self, kind: TargetKind, id: int) -> tuple[TableInfo, ...]:
        """The tables attached to an object."""
        ...

    @http.get("tables/{table_id}")
    def get(self, table_id: int) -> TableInfo:
        """A table's columns and how many rows it has."""
        ...

    @http.get("tables/{table_id}/count")
    def count(self, table_id: int, condition: str | None = None) -> int:
        """How many rows meet a condition."""
        ...
