"""A bulk import: a sheet says of each path where its images go and what they are called."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from ..errors import Invalid, NotFound
from ..model import CHECKSUMS, ImportRow, TransferMode
from .sheet_yaml import Entry, read_yaml

__all__ = ["Sheet", "read_sheet"]

_MOST_BYTES = 64 << 20
_MOST_ROWS = 100_000
_MOST_TOLD = 30
_KEY = "key:"
_TEXTS = ("project", "dataset", "screen", "plate", "channels", "name")
_LISTS = ("tags", "channel_names")
_COLUMNS = ("path", "target", *_TEXTS, *_LISTS, "transfer", "checksum", f"{_KEY}NAME")
# Names of `omero import` and its bulk files, and what people write.
_ALIASES = {
    "checksum_algorithm": "checksum",
    "file": "path",
    "tag": "tags",
    "channel names": "channel_names",
}
_TRANSFERS = {
    "upload": "copy", "cp": "copy", "ln": "hardlink", "ln_s": "symlink",
    "cp_rm": "move", "ln_rm": "move", "upload_rm": "move",
}  # fmt: skip
# Project:name:"P"/Dataset:name:"D", Screen:name:S, with `+` for the default: the latest one.
_STEP = re.compile(r"(Project|Dataset|Screen|Plate):\+?name:(?:\"([^\"]+)\"|([^/\"]+))")


@dataclass(frozen=True)
class Sheet:
    """The rows of a sheet, with whole paths, and what it says of the import as a whole."""

    rows: tuple[ImportRow, ...]
    dry_run: bool = False
    skip_existing: bool = False
    parallel: int = 1


@dataclass
class _Problems:
    """What is wrong, line by line: all of it is told at once."""

    sheet: Path
    told: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, text: str) -> None:
        self.told.append((line, text))

    def raise_any(self) -> None:
        if not self.told:
            return
        lines = [f"  line {line}: {text}" for line, text in sorted(self.told)[:_MOST_TOLD]]
        if len(self.told) > _MOST_TOLD:
            lines.append(f"  and {len(self.told) - _MOST_TOLD} more")
        count = len(self.told)
        many = "a problem" if count == 1 else f"{count} problems"
        raise Invalid(f"{self.sheet} has {many}, and nothing was imported:\n" + "\n".join(lines))


def read_sheet(path: str | Path) -> Sheet:
    """What a CSV, TSV or YAML file says; paths in it are relative to its folder.

    A table names its columns in its first line: `path`; `target`, as OMERO writes it
    (`Dataset:name:Trial`), or `project`, `dataset`, `screen`, `plate`; `name`; `tags` and
    `channel_names`, several with `;` between them; `channels`, the pattern that joins one-channel
    files; `transfer`, `checksum`; and `key:NAME` for a key-value pair each.

    A YAML file holds a list of rows, each a mapping with these names (`key_values` is a mapping
    itself), or `rows` and beside it what holds for all of them, or what OMERO's bulk files hold:
    `path` names a table without a first line, `columns` its columns, `include` another YAML file.

    Raises
    ------
    NotFound
        There is no such file.
    Invalid
        Something in it is wrong; every line that is, is named.
    """
    sheet = Path(path).expanduser().absolute()
    problems = _Problems(sheet)
    whole: dict[str, Any] = {}
    if sheet.suffix.lower() in (".yml", ".yaml"):
        entries, whole = read_yaml(sheet, _text, _table)
    else:
        text = _text(sheet)
        entries = [Entry(line, sheet, cells) for line, cells in _table(sheet, text, None, problems)]
    rows = _rows(entries, problems)
    options = _whole(whole, problems)
    if not rows and not problems.told:
        problems.add(1, "no row names a path")
    problems.raise_any()
    return Sheet(tuple(rows), **options)


def _text(path: Path) -> str:
    if not path.is_file():
        raise NotFound(f"There is no file {path} on this machine.")
    if path.stat().st_size > _MOST_BYTES:
        raise Invalid(f"{path} has more than {_MOST_BYTES:,} bytes: split it.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"{path} is no UTF-8 text: save it as UTF-8. ({error.reason})") from error


def _table(
    path: Path, text: str, columns: list[str] | None, problems: _Problems | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and cells of each row; without `columns`, the first line names them."""
    problems = problems or _Problems(path)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(path, text))
    names = columns
    try:
        for cells in reader:
            line = reader.line_num
            kept = [cell.strip() for cell in cells]
            if not any(kept):
                continue
            if names is None:
                names = kept
                for twice in {name for name in names if names.count(name) > 1}:
                    problems.add(line, f"there are two columns {twice!r}")
                continue
            if len(kept) > len(names) and any(kept[len(names) :]):
                problems.add(line, f"has {len(kept)} cells for {len(names)} columns")
                continue
            yield line, {n: cell for n, cell in zip(names, kept, strict=False) if cell}
    except csv.Error as error:
        problems.add(reader.line_num, f"is no row of a table: {error}")
    if columns is not None:
        problems.raise_any()


def _delimiter(path: Path, text: str) -> str:
    if path.suffix.lower() in (".tsv", ".tab"):
        return "\t"
    first = text.partition("\n")[0]
    # Spreadsheets write `;` where the comma is the decimal point.
    return max(",;\t", key=first.count)


def _rows(entries: Iterable[Entry], problems: _Problems) -> list[ImportRow]:
    rows: list[ImportRow] = []
    seen: dict[str, int] = {}
    unknown: set[str] = set()
    for entry in entries:
        if len(rows) >= _MOST_ROWS:
            problems.add(entry.line, f"more than {_MOST_ROWS:,} rows: split the sheet")
            break
        found = _row(entry, problems, unknown)
        if found is None:
            continue
        if found.path in seen:
            problems.add(entry.line, f"names the same path as line {seen[found.path]}")
            continue
        seen[found.path] = entry.line
        rows.append(found)
    return rows


def _row(entry: Entry, problems: _Problems, unknown: set[str]) -> ImportRow | None:
    values: dict[str, Any] = {}
    pairs: list[tuple[str, str]] = []
    wrong = len(problems.told)
    for given, value in entry.cells.items():
        name = _ALIASES.get(given, given)
        try:
            if name.startswith(_KEY):
                pairs.append((name.removeprefix(_KEY).strip(), _word(value)))
            elif name == "key_values":
                pairs += _pairs(value)
            elif name == "target":
                values |= _target(_word(value))
            elif name in _LISTS:
                values[name] = _list(value)
            elif name == "transfer":
                values[name] = _one_of(_TRANSFERS.get(value, value), get_args(TransferMode), name)
            elif name == "checksum":
                values[name] = _one_of(value, CHECKSUMS, name)
            elif name in _TEXTS or name == "path":
                values[name] = _word(value)
            elif name not in unknown:
                # Once a sheet, not once a row.
                unknown.add(name)
                problems.add(entry.line, _unknown(given))
        except Invalid as error:
            problems.add(entry.line, str(error))
    if "path" not in values:
        problems.add(entry.line, "names no path")
    else:
        place = (entry.sheet.parent / Path(values["path"]).expanduser()).absolute()
        values["path"] = str(place)
        if not place.exists() and values.get("transfer") != "symlink":
            problems.add(entry.line, f"{place} does not exist on this machine")
    if len(problems.told) > wrong:
        return None
    try:
        return ImportRow(**values, key_values=tuple(pairs))
    except ValidationError as error:
        for each in error.errors():
            problems.add(entry.line, f"{'.'.join(map(str, each['loc']))}: {each['msg']}")
        return None


def _whole(whole: Mapping[str, Any], problems: _Problems) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, value in whole.items():
        if name in ("dry_run", "skip_existing") and isinstance(value, bool):
            options[name] = value
        elif name in ("parallel", "parallel_fileset") and isinstance(value, int):
            options["parallel"] = min(max(value, 1), 32)
        elif name == "exclude" and value in ("clientpath", "filename", "checksum"):
            # Files are told by their contents here, whatever they were called.
            options["skip_existing"] = True
        elif name not in ("continue", "parallel_upload"):
            # OMERO has these two, which always go without saying here.
            problems.add(1, f"{name} cannot be {value!r}")
    return options


def _target(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        step = _STEP.match(text, position)
        if step is None or step[1].lower() in found:
            break
        found[step[1].lower()] = (step[2] or step[3]).strip()
        position = step.end()
        if text[position : position + 1] == "/":
            position += 1
    if not found or position < len(text):
        raise Invalid(
            f"{text!r} is no target: write Dataset:name:NAME, Screen:name:NAME or "
            f'Project:name:"NAME"/Dataset:name:"NAME"; containers are found by name, not by number'
        )
    return found


def _word(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Invalid(f"{value!r} is no text")
    text = str(value).strip()
    if not text or any(ord(letter) < 32 for letter in text):
        raise Invalid(f"{value!r} is empty, or has control characters")
    return text


def _list(value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(_word(each) for each in value)
    return tuple(word.strip() for word in _word(value).split(";") if word.strip())


def _pairs(value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, dict):
        raise Invalid(f"key_values is a mapping of keys to values, not {value!r}")
    found = []
    for key, each in value.items():
        found += [(_word(key), _word(one)) for one in (each if isinstance(each, list) else [each])]
    return found


def _one_of(value: Any, known: tuple[str, ...], name: str) -> str:
    if value in known:
        return str(value)
    near = difflib.get_close_matches(str(value), known, 1, 0.4)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise Invalid(f"{name} is one of {', '.join(known)}, not {value!r}{hint}")


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), _COLUMNS, 1)
    if near:
        return f"there is no column {name!r}; did you mean {near[0]!r}?"
    return (
        f"there is no column {name!r}; there are {', '.join(_COLUMNS)}. For a key-value pair, "
        f"call it {_KEY}{name}"
    )
