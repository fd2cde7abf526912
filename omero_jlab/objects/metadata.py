"""Words and numbers that are kept with a table, as a dictionary."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

__all__ = ["Metadata", "plain"]

Fact = str | int | float | bool


class Metadata(MutableMapping[str, Fact]):
    """A table's metadata; what is set or deleted is stored at once."""

    def __init__(
        self,
        known: Callable[[], Mapping[str, Fact]],
        keep: Callable[[Mapping[str, Fact | None]], None],
    ) -> None:
        self._known = known
        self._keep = keep

    def __getitem__(self, key: str) -> Fact:
        return self._known()[key]

    def __setitem__(self, key: str, value: Fact) -> None:
        self._keep({key: plain(value)})

    def __delitem__(self, key: str) -> None:
        if key not in self._known():
            raise KeyError(key)
        self._keep({key: None})

    def __iter__(self) -> Iterator[str]:
        return iter(self._known())

    def __len__(self) -> int:
        return len(self._known())

    def __repr__(self) -> str:
        return repr(dict(self._known()))


def plain(value: Any) -> Any:
    """`value` as JSON has it: numpy's numbers and times are Python's, what is missing None."""
    if hasattr(value, "isoformat"):
        return None if value != value else value.isoformat()
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return None if type(value).__name__ == "NAType" else value
