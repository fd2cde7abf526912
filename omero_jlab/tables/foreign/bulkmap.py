"""How rows of a bulk annotation table become key-values: the configuration of OMERO's `bulkmap`.

A file of YAML with `defaults`, `columns`, of which some are a `group` with a namespace of its own,
and `advanced`.  What each option means is taken from omero-metadata and from `metadata_utils` of
omero-py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from ...errors import Invalid
from ...model import BULK_ANNOTATIONS
from ..nearest import nearest
from .bulk_values import Key, Pairs, key_of, pairs_of

__all__ = ["Bulkmap", "Group", "bulkmap_of"]

_LONGEST = 4 << 20
_DEEPEST = 12
_SECTIONS = ("defaults", "columns", "advanced", "name", "version")
_ADVANCED = ("well_to_images", "ignore_missing_primary_key", "primary_group_keys")


class Group(NamedTuple):
    """The keys of one annotation, each with the number of its column."""

    namespace: str
    keys: tuple[tuple[Key, int], ...]

    def pairs(self, row: Sequence[str | None]) -> Pairs:
        """The pairs that a row gives, in order."""
        return tuple(pair for key, place in self.keys for pair in pairs_of(key, row[place]))


class Bulkmap:
    """A configuration, checked.

    Attributes
    ----------
    well_to_images : what hangs on a well hangs on its images, too
    skip_missing : rows without a primary key are left out, instead of being refused
    primary : by namespace, the keys whose values make two annotations one
    notes : what is accepted and changes nothing
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        unknown = set(config) - set(_SECTIONS)
        if unknown:
            raise Invalid(_unknown("the configuration", unknown, _SECTIONS))
        self._defaults = _mapping(config.get("defaults"), "defaults")
        key_of("defaults", {"name": "any"}, self._defaults)
        self._columns = _list(config.get("columns"), "columns")
        if not self._defaults and not self._columns:
            raise Invalid("The configuration has neither defaults nor columns.")
        advanced = _mapping(config.get("advanced"), "advanced")
        unknown = set(advanced) - set(_ADVANCED)
        if unknown:
            raise Invalid(_unknown("advanced", unknown, _ADVANCED))
        self.well_to_images = _truth(advanced, "well_to_images")
        self.skip_missing = _truth(advanced, "ignore_missing_primary_key")
        self.primary = _primary(_list(advanced.get("primary_group_keys"), "primary_group_keys"))
        self._plain, self._groups = self._parsed()
        hidden = [
            key.name
            for keys in (self._plain, *(keys for _, keys in self._groups))
            for key in keys
            if key.include and not key.includeclient
        ]
        self.notes = (
            (f"includeclient changes nothing, as in OMERO: {', '.join(hidden[:5])} are included",)
            if hidden
            else ()
        )

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces of all groups, and of what is in none."""
        named = [namespace for namespace, _ in self._groups]
        return tuple(dict.fromkeys((*named, BULK_ANNOTATIONS)))

    def _parsed(self) -> tuple[list[Key], list[tuple[str, list[Key]]]]:
        plain: list[Key] = []
        groups: list[tuple[str, list[Key]]] = []
        for number, entry in enumerate(self._columns, 1):
            where = f"column {number}"
            options = _mapping(entry, where)
            if "group" not in options:
                plain.append(key_of(where, options, self._defaults))
                continue
            group = _mapping(options["group"], f"{where}: group")
            if set(group) != {"namespace", "columns"} or not group["namespace"]:
                told = ", ".join(group) or "nothing"
                raise Invalid(f"{where}: a group has a namespace and columns, not {told}.")
            inside = _list(group["columns"], f"{where}: columns")
            if not inside:
                raise Invalid(f"{where}: the group {group['namespace']!r} has no columns.")
            keys = [
                key_of(f"{where}.{place}", _mapping(each, f"{where}.{place}"), self._defaults)
                for place, each in enumerate(inside, 1)
            ]
            groups.append((str(group["namespace"]), keys))
        return plain, groups

    def groups(self, columns: Sequence[str]) -> tuple[Group, ...]:
        """What is made of rows with these columns: an annotation for each, if it has any pair.

        Columns that are not named belong to the namespace of bulk annotations where the defaults
        say so.

        Raises
        ------
        Invalid
            A column that is asked for is not there, or positions are not to be filled.
        """
        places = {name: place for place, name in enumerate(columns)}
        every = [*self._plain, *(key for _, keys in self._groups for key in keys)]
        missing = dict.fromkeys(k.name for k in every if k.include and k.name not in places)
        if missing:
            told = []
            for name in list(missing)[:5]:
                like = nearest(name, columns)
                told.append(f"{name!r}" + (f" (did you mean {like!r}?)" if like else ""))
            more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
            raise Invalid(f"The table has no column {', '.join(told)}{more}.")
        made = [
            Group(namespace, _ordered(namespace, keys, [], places))
            for namespace, keys in self._groups
        ]
        named = {key.name for key in every}
        default = key_of("defaults", {"name": "any"}, self._defaults)
        rest = [default._replace(name=n) for n in columns if n not in named and default.include]
        made.append(Group(BULK_ANNOTATIONS, _ordered("no group", self._plain, rest, places)))
        return tuple(group for group in made if group.keys)


def _ordered(
    where: str, keys: Sequence[Key], rest: Sequence[Key], places: Mapping[str, int]
) -> tuple[tuple[Key, int], ...]:
    """Keys with a position there, and the others in their order in the gaps and behind."""
    waiting: list[Key] = []
    placed: dict[int, Key] = {}
    for key in (key for key in keys if key.include):
        if key.position <= 0:
            waiting.append(key)
        elif key.position in placed:
            raise Invalid(f"Two columns of {where} have the position {key.position}.")
        else:
            placed[key.position] = key
    others = iter([*waiting, *rest])
    made: list[Key] = []
    for position in range(1, max(placed, default=0) + 1):
        key = placed.get(position) or next(others, None)  # type: ignore[assignment]
        if key is None:
            raise Invalid(f"No column of {where} is left for the position {position}.")
        made.append(key)
    return tuple((key, places[key.name]) for key in (*made, *others))


def _primary(entries: Sequence[Any]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for entry in entries:
        told = _mapping(entry, "primary_group_keys")
        if set(told) != {"namespace", "keys"}:
            raise Invalid("An entry of primary_group_keys has a namespace and keys.")
        namespace, keys = str(told["namespace"]), _list(told["keys"], "keys")
        if namespace in found:
            raise Invalid(f"primary_group_keys name {namespace!r} twice.")
        if keys:
            found[namespace] = frozenset(map(str, keys))
    return found


def bulkmap_of(text: str) -> Bulkmap:
    """The configuration that a text of YAML holds.

    Raises
    ------
    Invalid
        It is no YAML, refers to itself, or says what no option is for.
    """
    if len(text) > _LONGEST:
        raise Invalid(f"A configuration has at most {_LONGEST:,} characters, not {len(text):,}.")
    try:
        depth = 0
        # What repeats itself could grow large when it is built.
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise Invalid(f"Write out what *{event.anchor} stands for in the configuration.")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise Invalid(f"The configuration is nested more than {_DEEPEST} deep.")
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, Invalid):
            raise
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error)
        raise Invalid(f"The configuration is no YAML: {where}{problem}.") from error
    return Bulkmap(_mapping(found, "the configuration"))


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid(f"{where} has names with values, not {str(value)[:60]!r}.")
    return {str(key): each for key, each in value.items()}


def _list(value: Any, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise Invalid(f"{where} is a list, not {str(value)[:60]!r}.")
    return value


def _truth(told: Mapping[str, Any], name: str) -> bool:
    value = told.get(name)
    if value is not None and not isinstance(value, bool):
        raise Invalid(f"advanced: {name} is yes or no, not {str(value)[:60]!r}.")
    return bool(value)


def _unknown(where: str, unknown: set[str], known: Sequence[str]) -> str:
    return f"{where} has no {', '.join(sorted(unknown))}; it may have {', '.join(known)}."
