"""One key of a `bulkmap` configuration, and what a cell becomes under it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from ...errors import Invalid

__all__ = ["Key", "Pairs", "key_of", "pairs_of"]

Pairs = tuple[tuple[str, str], ...]

_PLACE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_FILTERS: dict[str, Callable[[str], str]] = {
    "urlencode": lambda text: quote(text, safe="/"),
    "lower": str.lower,
    "upper": str.upper,
    "title": str.title,
    "capitalize": str.capitalize,
    "trim": str.strip,
    "escape": html.escape,
    "e": html.escape,
}
_TRUTHS = ("include", "includeclient", "visible", "omitempty")
_TEXTS = ("name", "clientname", "clientvalue", "split", "type")


class Key(NamedTuple):
    """What is made of a column.

    `clientname` is its key where it is not `name`; one that is not `visible` begins with two
    underscores.  `split` parts a cell into several values.  `omitempty` leaves out empty ones.
    `clientvalue` is a pattern with `{{ value }}`.  `position` counts from 1.  `type` and
    `includeclient` are there for OMERO's files, where they change nothing either.
    """

    name: str
    clientname: str | None = None
    clientvalue: str | None = None
    include: bool = True
    includeclient: bool = True
    split: str | None = None
    type: str | None = "string"
    visible: bool = True
    omitempty: bool = False
    position: int = -1


def key_of(where: str, told: Mapping[str, Any], defaults: Mapping[str, Any]) -> Key:
    """The key that a column's options and the defaults make.

    Raises
    ------
    Invalid
        There is no name, an option is not known, or has a value that it cannot have.
    """
    options = {**defaults, **told}
    unknown = set(options) - set(Key._fields)
    if unknown:
        known = ", ".join(Key._fields)
        raise Invalid(f"{where} has no option {', '.join(sorted(unknown))}: there are {known}.")
    if not told.get("name"):
        raise Invalid(f"{where} has no name: it says which column of the table it is.")
    if "name" in defaults:
        raise Invalid("defaults have no name: each column has its own.")
    made: dict[str, Any] = {}
    for option, value in options.items():
        if option in _TRUTHS:
            if not isinstance(value, bool):
                raise Invalid(f"{where}: {option} is yes or no, not {str(value)[:60]!r}.")
            made[option] = value
        elif option in _TEXTS:
            # What YAML takes for a number or for nothing.
            made[option] = None if value is None or value is False else str(value)
        else:
            if not isinstance(value, int) or isinstance(value, bool):
                raise Invalid(f"{where}: {option} is a whole number, not {str(value)[:60]!r}.")
            made[option] = value
    key = Key(**made)
    if key.clientvalue:
        for place in _PLACE.findall(key.clientvalue):
            _filters(where, place)
        if "{%" in key.clientvalue:
            raise Invalid(f"{where}: clientvalue has no statements, only {{{{ value }}}}.")
    return key


def _filters(where: str, place: str) -> list[Callable[[str], str]]:
    word, *names = (part.strip() for part in place.split("|"))
    if word != "value":
        raise Invalid(f"{where}: clientvalue has {{{{ {word} }}}}; only value can stand there.")
    for name in names:
        if name not in _FILTERS:
            raise Invalid(
                f"{where}: clientvalue has the filter {name!r}; there are {', '.join(_FILTERS)}."
            )
    return [_FILTERS[name] for name in names]


def pairs_of(key: Key, cell: str | None) -> Pairs:
    """The pairs that a cell gives: one, several where it is split, or none where it is empty."""
    name = key.clientname or key.name
    name = name if key.visible else f"__{name}"
    text = "" if cell is None else cell
    values = [part.strip() for part in text.split(key.split)] if key.split else [text]
    if key.omitempty:
        values = [value for value in values if value.strip()]
    return tuple((name, _shown(key, value)) for value in values)


def _shown(key: Key, value: str) -> str:
    if key.clientvalue is None:
        return value

    def put(match: re.Match[str]) -> str:
        text = value
        for apply in _filters(key.name, match[1]):
            text = apply(text)
        return text

    return _PLACE.sub(put, key.clientvalue)
