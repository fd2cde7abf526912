"""Aggregates of a result table: one value a group."""

from __future__ import annotations

from .record import Record
from .table import Column

__all__ = ["Summarised", "TableSummary"]

Cell = bool | int | float | str | None


class Summarised(Record):
    """`function` of a column in each group; `column` says what the values are.

    Times are microseconds since 1970, missing values null, and what is no number has its name.
    """

    of: str
    function: str
    column: Column
    values: tuple[Cell, ...]


class TableSummary(Record):
    """Groups of a table's rows, ascending: by what they were made, and what was measured."""

    keys: tuple[Summarised, ...]
    measures: tuple[Summarised, ...]
