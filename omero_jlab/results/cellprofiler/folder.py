"""Which files of a folder are CellProfiler's, without following a path that stands in one."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import TooLarge, Unreadable
from ..texts import CODE_PAGE, stem_of, suffix_of
from .headers import Header, note_of_code_page, read_header
from .route import short_list

__all__ = ["CSV", "Folder", "Table", "find"]

_DEPTH = 3
_MAX_FILES = 1_000_000
_MAX_TABLES = 100_000
CSV = (".csv", ".txt", ".tsv")
"""The suffixes of tables, before that of a packed file."""

_DATABASES = (".db", ".sqlite", ".sqlite3", ".db3")
_HDF5 = (".h5", ".hdf5", ".cpproj", ".cpa")
_MATLAB = (".mat",)
_SNIFFED = 4096
# CSV files and .sql scripts for a MySQL database have no header.
_SCRIPT = (".sql",)


@dataclass(frozen=True)
class Table:
    """A CSV; `name` is the object's (or `Image`), and empty where a file holds several.

    `run` is its folder and what stands before the names of all files of one run.
    """

    path: Path
    header: Header
    name: str
    run: tuple[Path, str]


@dataclass
class Folder:
    """What was found below `root`: tables, pipelines, and every file by its folded name."""

    root: Path
    tables: list[Table] = field(default_factory=list)
    pipelines: list[Path] = field(default_factory=list)
    databases: list[Path] = field(default_factory=list)
    measurements: list[Path] = field(default_factory=list)
    properties: list[Path] = field(default_factory=list)
    scripts: list[Path] = field(default_factory=list)
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


def find(root: Path) -> Folder:
    """The files in folder `root` that CellProfiler may have written.

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
            if suffix_of(path) == ".csv":
                folder.notes.append(f"{_inside(root, path)} is no table of CellProfiler's.")
        else:
            headers.append((path, header))
            if header.encoding == CODE_PAGE:
                folder.notes.append(note_of_code_page(_inside(root, path)))
            if header.end:
                folder.notes.append(f"{_inside(root, path)} {header.end}.")
    headers = _outermost(folder, headers)
    prefixes = _prefixes(headers)
    counted = {
        column.removeprefix("Count_")
        for _, header in headers
        for column in header.columns
        if header.kind == "image" and column.startswith("Count_")
    }
    for path, header in headers:
        prefix = _prefix(path, prefixes.get(path.parent, []))
        name = _name(path, header, prefix, counted)
        folder.tables.append(Table(path, header, name, (path.parent, prefix)))
    if others:
        folder.notes.append(
            f"Not read: {short_list(others)}; pipelines and outputs of MATLAB's CellProfiler 1 say "
            "nothing here. Open the pipeline in a newer version and save it as .cppipe."
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
            suffix = suffix_of(path)
            if suffix in CSV:
                csvs.append(path)
            elif suffix != path.suffix.casefold():
                pass  # Packed, and no table.
            elif suffix in (".cppipe", ".cp") or (suffix == ".json" and _is_pipeline(path)):
                folder.pipelines.append(path)
            elif suffix in _DATABASES:
                folder.databases.append(path)
            elif suffix in _HDF5:
                folder.measurements.append(path)
            elif suffix == ".properties":
                folder.properties.append(path)
            elif suffix in _SCRIPT:
                folder.scripts.append(path)
            elif suffix in _MATLAB:
                others.append(path.name)
            folder.files.setdefault(entry.name.casefold(), []).append(path)
    if len(csvs) > _MAX_TABLES:
        raise TooLarge(
            f"{folder.root.name} holds {len(csvs):,} CSV files, more than {_MAX_TABLES:,}; name "
            "the folder of one plate."
        )
    return sorted(csvs), others


def _is_pipeline(path: Path) -> bool:
    with path.open("rb") as file:
        return b'"has_image_plane_details"' in file.read(_SNIFFED)


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


def _prefixes(headers: list[tuple[Path, Header]]) -> dict[Path, list[str]]:
    """What ExportToSpreadsheet put before file names (`MyExpt_`), by folder, the longest first."""
    prefixes: dict[Path, list[str]] = {}
    for kind, word in (("experiment", "experiment"), ("image", "image")):
        for path, header in headers:
            stem = stem_of(path)
            if header.kind == kind and stem.casefold().endswith(word):
                prefix = stem[: len(stem) - len(word)]
                prefixes.setdefault(path.parent, []).append(prefix)
    return {folder: sorted(found, key=len, reverse=True) for folder, found in prefixes.items()}


def _prefix(path: Path, prefixes: list[str]) -> str:
    """Which of the folder's prefixes the file's name begins with."""
    stem = stem_of(path)
    return next((prefix for prefix in prefixes if stem.startswith(prefix)), "")


def _name(path: Path, header: Header, prefix: str, counted: set[str]) -> str:
    """The object's name: the file's, without what stands before it in all file names."""
    if header.kind == "image":
        return "Image"
    if header.kind != "object":
        return ""
    stem = stem_of(path)
    if prefix and stem != prefix:
        return stem.removeprefix(prefix)
    # Without an image table beside it, what the image tables elsewhere count may end the name.
    ending = [n for n in counted if re.fullmatch(rf".*[\W_]{re.escape(n)}", stem)]
    return max(ending, key=len) if ending and stem not in counted else stem


def _inside(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
