"""Bulk imports written as YAML: rows of our own, or OMERO's bulk files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..errors import Invalid

__all__ = ["Entry", "read_yaml"]

_DEEPEST = 12
_MOST_INCLUDES = 8
_PLAIN_TAGS = ("tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")
_WHOLE = {
    "dry_run", "skip_existing", "parallel", "parallel_fileset", "parallel_upload", "exclude",
    "continue",
}  # fmt: skip

Table = Callable[[Path, str, list[str] | None], Iterator[tuple[int, dict[str, Any]]]]


@dataclass(frozen=True)
class Entry:
    """A row as it stands in a sheet: its line there, and its cells by their columns."""

    line: int
    sheet: Path
    cells: dict[str, Any]


def read_yaml(
    path: Path, text: Callable[[Path], str], table: Table
) -> tuple[list[Entry], dict[str, Any]]:
    """The rows of a YAML file, and what it says of the import as a whole.

    Parameters
    ----------
    text : reads a file of text
    table : number and cells of each row of a table; with its columns, or those of its first line

    Raises
    ------
    Invalid
        It is no YAML, or holds something else than rows.
    """
    found = _included(path, text, 0)
    if isinstance(found.value, list):
        found = _Value(found.line, {"rows": found}, found.sheet)
    if not isinstance(found.value, dict):
        raise Invalid(f"{path} holds no list of rows, and no mapping with `rows` or `path`.")
    top: dict[str, _Value] = dict(found.value)
    whole = {name: _plain(top.pop(name)) for name in list(top) if name in _WHOLE}
    rows = top.pop("rows", None)
    columns = top.pop("columns", None)
    shared = {name: _plain(value) for name, value in top.items() if name != "path"}
    if rows is not None:
        return [_entry(row, path, shared) for row in _each(rows, path)], whole
    named = top.get("path")
    if named is None:
        raise Invalid(f"{path} has neither `rows` nor `path`: nothing says what to import.")
    file = (named.sheet.parent / str(named.value)).expanduser()
    names = ["path"] if columns is None else [str(_plain(c)) for c in _each(columns, path)]
    if columns is None and not _is_list_of_paths(file):
        # The key names what to import itself, as it does in a row.
        return [Entry(named.line, named.sheet, {"path": named.value} | shared)], whole
    rows_there = table(file, text(file), names)
    return [Entry(line, file, shared | cells) for line, cells in rows_there], whole


@dataclass(frozen=True)
class _Value:
    """A value, the line where it stands, and the file."""

    line: int
    value: Any
    sheet: Path


def _is_list_of_paths(file: Path) -> bool:
    return file.is_file() and file.suffix.lower() in (".txt", ".csv", ".tsv", ".tab", ".list")


def _included(path: Path, text: Callable[[Path], str], depth: int) -> _Value:
    """A file's value; what it includes stands behind what it says itself."""
    if depth > _MOST_INCLUDES:
        raise Invalid(f"{path} is included by files that include each other.")
    found = _parsed(path, text(path))
    if not isinstance(found.value, dict) or "include" not in found.value:
        return found
    include = found.value.pop("include")
    other = _included((path.parent / str(include.value)).expanduser(), text, depth + 1)
    if not isinstance(other.value, dict):
        raise Invalid(f"{include.value} is included by {path}, and is no mapping.")
    return _Value(found.line, other.value | found.value, path)


def _parsed(path: Path, text: str) -> _Value:
    try:
        _check_form(path, text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            raise Invalid(f"{path} is empty.")
        return _value(yaml.SafeLoader(""), node, path)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error)
        raise Invalid(f"{path}{where}: this is no YAML for a sheet: {problem}.") from error


def _check_form(path: Path, text: str) -> None:
    """Look at the text before it is built: what is deep, or repeats itself, could grow large."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise _wrong(path, event, f"write out what *{event.anchor} stands for")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise _wrong(path, event, f"it is nested more than {_DEEPEST} deep")


def _wrong(path: Path, where: yaml.Event | yaml.Node, problem: str) -> Invalid:
    line = 1 if where.start_mark is None else where.start_mark.line + 1
    return Invalid(f"{path}, line {line}: {problem}.")


def _value(loader: yaml.SafeLoader, node: yaml.Node, sheet: Path) -> _Value:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.CollectionNode) and node.tag not in _PLAIN_TAGS:
        raise _wrong(sheet, node, f"{node.tag} means nothing in a sheet")
    if isinstance(node, yaml.SequenceNode):
        return _Value(line, [_value(loader, each, sheet) for each in node.value], sheet)
    if isinstance(node, yaml.MappingNode):
        found: dict[str, _Value] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in found:
                raise _wrong(sheet, key, "a key is a word that stands there once")
            found[key.value] = _value(loader, value, sheet)
        return _Value(line, found, sheet)
    if node.tag == "tag:yaml.org,2002:timestamp":
        # A name such as 2024-01-31 is one, and not a date.
        return _Value(line, node.value, sheet)
    return _Value(line, loader.construct_object(node, deep=True), sheet)


def _plain(found: _Value) -> Any:
    if isinstance(found.value, list):
        return [_plain(each) for each in found.value]
    if isinstance(found.value, dict):
        return {name: _plain(each) for name, each in found.value.items()}
    return found.value


def _each(found: _Value, path: Path) -> list[_Value]:
    if not isinstance(found.value, list):
        raise Invalid(f"{path}, line {found.line}: a list belongs here.")
    return found.value


def _entry(row: _Value, path: Path, shared: dict[str, Any]) -> Entry:
    if isinstance(row.value, str):
        return Entry(row.line, path, shared | {"path": row.value})
    if not isinstance(row.value, dict):
        raise Invalid(f"{path}, line {row.line}: a row is a path, or a mapping with `path`.")
    return Entry(row.line, path, shared | _plain(row))
