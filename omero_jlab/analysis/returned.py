"""What a function returned for an image → tables and label images by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Number
from typing import Any

from ..errors import Invalid

__all__ = ["Returned", "sorted_out"]


@dataclass
class Returned:
    """Tables and label images by name."""

    tables: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows the tables have."""
        return sum(len(frame) for frame in self.tables.values())


def sorted_out(value: Any, name: str) -> Returned:
    """What `value` means.

    A `pandas.DataFrame` is a table, an array a label image, both called `name`; a tuple is several
    of them; a mapping names them, or, where its values are single ones, is a table of one row.
    None is nothing.

    Raises
    ------
    Invalid
        It is something else, or has two results of one kind and name.
    """
    returned = Returned()
    _add(returned, value, name)
    return returned


def _add(returned: Returned, value: Any, name: str) -> None:
    from pandas import DataFrame

    if value is None:
        return
    if isinstance(value, DataFrame):
        _put(returned.tables, name, value, "tables")
    elif isinstance(value, Mapping):
        if value and all(_single(each) for each in value.values()):
            _put(returned.tables, name, DataFrame([dict(value)]), "tables")
            return
        for key, each in value.items():
            if _single(each):
                raise Invalid(
                    f"The function returned a mapping with {key!r}: {each!r} beside tables or "
                    f"label images; return single values in a mapping of their own."
                )
            _add(returned, each, str(key))
    elif isinstance(value, tuple):
        for each in value:
            _add(returned, each, name)
    elif hasattr(value, "shape") and hasattr(value, "dtype"):
        _put(returned.labels, name, value, "label images")
    else:
        raise Invalid(
            f"The function returned {type(value).__name__}; it may return a pandas.DataFrame, a "
            f"label image, a tuple of both, a mapping from names to them or to single values, "
            f"or None."
        )


def _single(value: Any) -> bool:
    return (
        value is None
        or isinstance(value, str | bool | Number)
        or getattr(value, "shape", None) == ()
    )


def _put(into: dict[str, Any], name: str, value: Any, what: str) -> None:
    if name in into:
        raise Invalid(f"The function returned two {what} called {name!r}: name them in a mapping.")
    into[name] = value
