"""What a function returned for an image → tables, label images, and a value beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Number
from typing import Any

from ..errors import Invalid, TooLarge

__all__ = ["Returned", "sorted_out"]

_LONGEST = 1 << 20


@dataclass
class Returned:
    """Tables and label images by name, and what else was returned, as JSON."""

    tables: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, Any] = field(default_factory=dict)
    value: str | None = None

    @property
    def rows(self) -> int:
        """How many rows the tables have."""
        return sum(len(frame) for frame in self.tables.values())


def sorted_out(value: Any, name: str) -> Returned:
    """What `value` means.

    A `pandas.DataFrame` is a table, an array a label image, both called `name`; a tuple is several
    of them; a mapping names them, or, where its values are single ones, is a table of one row.
    Numbers, texts, truths, None, and lists and mappings of them are a value, which is kept; beside
    tables and label images in a mapping, they are kept under their names.

    Raises
    ------
    Invalid
        It is something else, or has two results of one kind and name.
    TooLarge
        The value has more than a megabyte.
    """
    returned = Returned()
    rest = _add(returned, value, name)
    if rest is not None:
        returned.value = _as_json(rest)
    return returned


def _add(returned: Returned, value: Any, name: str) -> Any:
    """Take tables and label images out of `value`; answers what is left, None where nothing is."""
    from pandas import DataFrame

    if value is None:
        return None
    if isinstance(value, DataFrame):
        _put(returned.tables, name, value, "tables")
    elif isinstance(value, Mapping):
        if value and all(_single(each) for each in value.values()):
            _put(returned.tables, name, DataFrame([dict(value)]), "tables")
        elif not _holds_results(value):
            return value
        else:
            left = {
                str(key): each if _single(each) else _add(returned, each, str(key))
                for key, each in value.items()
            }
            return {k: v for k, v in left.items() if v is not None or value[k] is None} or None
    elif isinstance(value, tuple) and _holds_results(value):
        rest = [_add(returned, each, name) for each in value]
        left_over = [each for each in rest if each is not None]
        if left_over:
            return left_over[0] if len(left_over) == 1 else left_over
    elif _is_array(value):
        _put(returned.labels, name, value, "label images")
    else:
        return value
    return None


def _holds_results(value: Any) -> bool:
    from pandas import DataFrame

    if isinstance(value, DataFrame) or _is_array(value):
        return True
    if isinstance(value, Mapping):
        return any(_holds_results(each) for each in value.values())
    return isinstance(value, tuple) and any(_holds_results(each) for each in value)


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype") and value.shape != ()


def _single(value: Any) -> bool:
    return (
        value is None
        or isinstance(value, str | bool | Number)
        or getattr(value, "shape", None) == ()
    )


def _as_json(value: Any) -> str:
    try:
        told = json.dumps(value, default=_number)
    except (TypeError, ValueError) as error:
        raise Invalid(
            f"The function returned {type(value).__name__} ({error}); it may return a "
            f"pandas.DataFrame, a label image, a tuple of both, a mapping from names to them or to "
            f"single values, or what JSON holds: numbers, texts, lists and mappings of them."
        ) from None
    if len(told) > _LONGEST:
        raise TooLarge(
            f"The function returned a value of {len(told):,} characters as JSON; it has at most "
            f"{_LONGEST:,}: return a table or a label image instead."
        )
    return told


def _number(value: Any) -> Any:
    """A number or a text that another library has its own type for."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} is nothing that JSON holds")


def _put(into: dict[str, Any], name: str, value: Any, what: str) -> None:
    if name in into:
        raise Invalid(f"The function returned two {what} called {name!r}: name them in a mapping.")
    into[name] = value
