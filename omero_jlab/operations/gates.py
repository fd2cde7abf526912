"""Gates of result tables: named populations, and the cells that their rows are."""

from __future__ import annotations

from typing import Protocol

from ..model import Gate, GateShape, TableCells
from . import declare as http

__all__ = ["Gates"]


class Gates(Protocol):
    """Named populations of a table's rows; conditions name them as `gate("big")`."""

    @http.get("tables/{table_id}/gates")
    def list(self, table_id: int) -> tuple[Gate, ...]:
        """The gates of a table."""
        ...

    @http.get("tables/{table_id}/cells")
    def cells(self, table_id: int) -> TableCells:
        """In which images, and under which numbers there, the rows of a table are cells."""
        ...

    @http.put("tables/{table_id}/gates")
    def put(
        self,
        table_id: int,
        name: str,
        shape: GateShape,
        color: str = "",
        version: int | None = None,
    ) -> Gate:
        """Keep a gate with a table, or change the one of that name, of which `version` is read."""
        ...

    @http.delete("gates/{gate_id}")
    def remove(self, gate_id: int) -> None:
        """Remove a gate from its table."""
        ...
