"""What came of reading a table from a file."""

from __future__ import annotations

from typing import Literal

from .record import Record
from .table import Column

__all__ = ["TableReport", "Unresolved"]


class Unresolved(Record):
    """A cell that names no object, or several: in which line and column, and why."""

    line: int
    column: str
    value: str
    reason: str


class TableReport(Record):
    """The table that was made of a file, or would be; `table_id` is None after a dry run.

    `unresolved` lists the first thousand cells that name no one object, `unresolved_count` counts
    them all.
    """

    kind: Literal["table"] = "table"
    table_id: int | None = None
    name: str = ""
    format: str = ""
    columns: tuple[Column, ...] = ()
    rows: int = 0
    notes: tuple[str, ...] = ()
    unresolved: tuple[Unresolved, ...] = ()
    unresolved_count: int = 0

    def as_text(self) -> str:
        """What people read: the columns, what was noted, and what was not resolved."""
        made = "would be" if self.table_id is None else f"is table {self.table_id}"
        lines = [f"{self.name}: {self.rows:,} rows × {len(self.columns)} columns, {made}"]
        for column in self.columns:
            told = f"link to {column.target}" if column.kind == "link" else column.dtype
            lines.append(f"  {column.name}: {told}")
        lines += [f"note: {note}" for note in self.notes]
        lines += [f"line {u.line}: {u.column} {u.value!r}: {u.reason}" for u in self.unresolved]
        if self.unresolved_count > len(self.unresolved):
            lines.append(f"… {self.unresolved_count:,} cells in all that name no one object")
        return "\n".join(lines)
