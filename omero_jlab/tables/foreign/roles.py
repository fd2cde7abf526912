"""What the columns of a bulk annotation file are, as `omero metadata populate` takes them.

A first line `# header plate,well,s,d` says it; without one, columns are known by their names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ...errors import Invalid
from ...model import Record
from .words import WordKind

__all__ = ["HEADER", "ObjectKind", "Role", "roles_of", "types_of"]

ObjectKind = Literal["image", "well", "plate", "dataset", "roi"]

HEADER = "# header"
"""What the line begins with that says the columns' types."""

_TYPES: dict[str, WordKind] = {"d": "float", "l": "integer", "s": "text", "b": "bool"}
_OBJECTS: tuple[ObjectKind, ...] = ("image", "well", "plate", "dataset", "roi")


class Role(Record):
    """What a column is.

    `object` is the kind that its cells name, by `id`, by `name`, or by either; `named` is whether
    it stays as it is and a column of links is added.  `type` is what a header says of its values.
    """

    object: ObjectKind | None = None
    by: Literal["id", "name", "either"] = "either"
    named: bool = False
    type: WordKind | None = None


def roles_of(names: Sequence[str], told: Sequence[str] | None) -> tuple[Role, ...]:
    """What the columns called `names` are; `told` are the words of the header, if there is one.

    Raises
    ------
    Invalid
        The header has more or fewer words than there are columns, or one that means nothing.
    """
    by_name = [_by_name(name) for name in names]
    if told is None:
        return tuple(by_name)
    if len(told) != len(names):
        raise Invalid(
            f"the line {HEADER!r} has {len(told)} types, and the next line {len(names)} columns"
        )
    return tuple(_by_word(word, role) for word, role in zip(told, by_name, strict=True))


def _by_name(name: str) -> Role:
    words = name.strip().lower().replace("_", " ").split()
    plain = " ".join(words)
    for kind in _OBJECTS:
        if plain == kind:
            return Role(object=kind)
        if plain in (f"{kind} id", f"{kind}id"):
            return Role(object=kind, by="id")
        if plain in (f"{kind} name", f"{kind}name") and kind != "roi":
            return Role(object=kind, by="name", named=True)
    return Role()


def _by_word(word: str, role: Role) -> Role:
    plain = word.strip().lower()
    if plain in _TYPES:
        # Names stay text; objects are found by them all the same.
        return role if role.named and plain == "s" else Role(type=_TYPES[plain])
    for kind in _OBJECTS:
        if plain == kind:
            return role.model_copy(update={"named": False}) if role.object == kind else Role(
                object=kind
            )  # fmt: skip
    known = ", ".join((*_TYPES, *_OBJECTS))
    raise Invalid(f"the line {HEADER!r} has the type {word!r}; it may have {known}")


def types_of(roles: Sequence[Role]) -> dict[int, WordKind]:
    """The kinds of columns by position, where their role says it: names of objects are text."""
    found: dict[int, WordKind] = {}
    for position, role in enumerate(roles):
        if role.object is not None:
            found[position] = "text"
        elif role.type is not None:
            found[position] = role.type
    return found
