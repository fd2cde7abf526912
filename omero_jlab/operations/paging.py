"""The next page of a table's rows."""

from __future__ import annotations

__all__ = ["after_row"]


def after_row(condition: str | None, row_id: int | None) -> str | None:
    """The condition for the rows that fulfil `condition` and come after the row `row_id`."""
    if row_id is None:
        return condition
    rest = f"row_id > {row_id}"
    return rest if condition is None else f"({condition}) & {rest}"
