"""What the readers of foreign tables have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import pyarrow  # type: ignore[import-untyped]

from ...model import Column
from ..columns import ROW_ID

__all__ = ["Notes", "TableSource", "unique_names"]


class TableSource(Protocol):
    """An open foreign table.

    Attributes
    ----------
    columns : as which its values will be stored
    metadata : words and numbers that the file keeps beside the rows
    """

    columns: tuple[Column, ...]
    metadata: dict[str, str | int | float | bool]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the table does not keep of the file; known when all was read."""
        ...

    def batches(self) -> Iterator[list[pyarrow.Array]]:
        """One array a column, a bounded number of rows at a time."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class Notes:
    """Lines that are each said once."""

    def __init__(self) -> None:
        self._lines: dict[str, None] = {}

    def add(self, line: str) -> None:
        """Say `line`."""
        self._lines[line] = None

    @property
    def lines(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(self._lines)


def unique_names(names: list[str], notes: Notes) -> list[str]:
    """`names` where each column has one, and its own; what was changed is noted."""
    made: list[str] = []
    for position, given in enumerate(names):
        name = given.strip() or f"column {position + 1}"
        if name == ROW_ID:
            name = f"{ROW_ID} of the file"
        plain, number = name, 2
        while name in made:
            name, number = f"{plain} ({number})", number + 1
        if name != given.strip():
            notes.add(f"column {position + 1}, {given.strip()!r} in the file, is called {name!r}")
        made.append(name)
    return made
