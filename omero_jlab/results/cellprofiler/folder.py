"""Which files of a folder are CellProfiler's, without following a path that stands in one."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import TooLarge, Unreadable
from .headers import Header, read_header

__all__ = ["Folder", "Table", "find"]

_DEPTH = 3
_MAX_FILES = 1_000_000
_MAX_TABLES = 100_000
_OTHER = (".db", ".sqlite", ".h5", ".mat", ".properties", ".cpproj")


@dataclass(frozen=True)
class Table:
    """A CSV; `name` is the object's (or `Image`), and empty where a file holds several."""

    path: Path
    header: Header
    name: str


@dataclass
class Folder:
    """What was found below `root`: tables, pipelines, and every file by its folded name."""

    root: Path
    tables: list[Table] = field(default_factory=list)
    pipelines: list[Path] = field(default_factory=list)
    files: dict[str, list[Path]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def of(self, *kinds: str) -> list[Table]:
        """The tables whose header is of one of `kinds`."""
        return [table for table in self.tables if table.header.kind in kinds]

    def file(self, name: str, near: Path | None = None) -> Path | None:
        """The one file called `name` (its last part only), the one in folder `near` before others.

        None where there is none, or several and none of them near.
        """
        base = name.replace("\\", "/").rpartition("/")[2].casefold()
        found = self.files.get(base, [])
        if len(found) > 1 and near is not None:
            found = [path for path in found if path.parent == near]
        return found[0] if len(found) == 1 else None


def find(root: Path) -> Folder | None:
    """The output in folder `root`, or None where CellProfiler wrote nothing there.

    Tables lie in the folder itself, or in one folder for each image set or group below it.
    """
    folder = Folder(root)
    headers: list[tuple[Path, Header]] = []
    csvs, others = _walk(folder)
    for path in csvs:
        try:
            header = read_header(path)
        except Unreadable as error:
            folder.notes.append(f"{path.name} was skipped: {error}")
            continue
        if header is None:
            folder.notes.append(f"{_inside(root, path)} is empty and was skipped.")
        elif header.kind == "other":
            folder.notes.append(f"{_inside(root, path)} is no table of CellProfiler's.")
        elif header.kind == "relationships":
            folder.notes.append(
                f"{_inside(root, path)}: parents and children are read from the objects' tables."
            )
        else:
            headers.append((path, header))
    kinds = {header.kind for _, header in headers}
    if not kinds & {"image", "object", "objects"}:
        return None
    headers = _outermost(folder, headers)
    prefixes = _prefixes(headers)
    for path, header in headers:
        folder.tables.append(Table(path, header, _name(path, header, prefixes.get(path.parent))))
    if others:
        folder.notes.append(
            f"Not read: {', '.join(others[:5])}{' …' if len(others) > 5 else ''}; "
            "the CSV files were."
        )
    return folder


def _walk(folder: Folder) -> tuple[list[Path], list[str]]:
    """CSV files in order of their names, and the names of CellProfiler's other files."""
    csvs: list[Path] = []
    others: list[str] = []
    count = 0
    pending = [(folder.root, 0)]
    while pending:
        place, depth = pending.pop()
        try:
            with os.scandir(place) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except PermissionError:
            folder.notes.append(f"{_inside(folder.root, place)} may not be read.")
            continue
        for entry in ordered:
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                if depth < _DEPTH and not entry.name.startswith("."):
                    pending.append((path, depth + 1))
                continue
            # A link may lead out of the folder that the user pointed at.
            if not entry.is_file(follow_symlinks=False):
                continue
            count += 1
            if count > _MAX_FILES:
                raise TooLarge(
                    f"{folder.root.name} holds more than {_MAX_FILES:,} files; name the folder "
                    "of one output."
                )
            suffix = path.suffix.casefold()
            if suffix == ".csv":
                csvs.append(path)
            elif suffix == ".cppipe":
                folder.pipelines.append(path)
            elif suffix in _OTHER:
                others.append(path.name)
            folder.files.setdefault(entry.name.casefold(), []).append(path)
    if len(csvs) > _MAX_TABLES:
        raise TooLarge(
            f"{folder.root.name} holds {len(csvs):,} CSV files, more than {_MAX_TABLES:,}; name "
            "the folder of one plate."
        )
    return sorted(csvs), others


def _outermost(folder: Folder, headers: list[tuple[Path, Header]]) -> list[tuple[Path, Header]]:
    """Where the folder itself has an image table, tables further down are another output's."""
    if not any(h.kind == "image" and p.parent == folder.root for p, h in headers):
        return headers
    below = sorted({_inside(folder.root, p.parent) for p, _ in headers if p.parent != folder.root})
    if below:
        folder.notes.append(
            f"Tables in {', '.join(below[:5])}{' …' if len(below) > 5 else ''} were not read: "
            "attach these folders by themselves."
        )
    return [(p, h) for p, h in headers if p.parent == folder.root]


def _prefixes(headers: list[tuple[Path, Header]]) -> dict[Path, str]:
    """What ExportToSpreadsheet put before every file name (`MyExpt_`), by folder."""
    prefixes = {}
    for kind, word in (("experiment", "experiment"), ("image", "image")):
        for path, header in headers:
            if header.kind == kind and path.stem.casefold().endswith(word):
                prefixes[path.parent] = path.stem[: len(path.stem) - len(word)]
    return prefixes


def _name(path: Path, header: Header, prefix: str | None) -> str:
    if header.kind == "image":
        return "Image"
    if header.kind != "object":
        return ""
    return path.stem.removeprefix(prefix or "") or path.stem


def _inside(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
