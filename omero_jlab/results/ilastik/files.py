"""The files that ilastik exported, and which of them are of one image."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Any, Literal

from ...errors import Invalid, OmeroError
from ..confined import Confined
from ..folders import entries_at, is_store
from ..hdf5 import is_hdf5
from ..stacks import StoredArray, arrays_in, sequence_of
from ..text_tables import header_of
from ..texts import stem_of, suffix_of

__all__ = ["Found", "Group", "Lane", "Project", "Table", "find"]

_HDF5 = (".h5", ".hdf5", ".ilp")
_PLAIN = (".npy", ".tif", ".tiff", ".png")
_OBJECT_COLUMNS = {"labelimage_oid", "ilastik_id", "labelimageid"}
_DIVISION_COLUMNS = {"parent_oid", "child1_oid", "child1", "child1_object_id"}

Kind = Literal["labels", "classes", "picture", "unknown"]
_RESULTS: dict[str, Kind] = {
    "probabilities": "picture",
    "pixel probabilities": "picture",
    "prediction maps": "picture",
    "probabilities stage 1": "picture",
    "probabilities stage 2": "picture",
    "uncertainty": "picture",
    "simple segmentation": "classes",
    "binary segmentation": "classes",
    "segmentation": "classes",
    "object predictions": "classes",
    "object prediction": "classes",
    "object probabilities": "picture",
    "object identities": "labels",
    "multicut segmentation": "labels",
    "tracking result": "labels",
    "merger result": "labels",
    "plugin": "unknown",
}
"""What exported files are called behind the nickname, and what they hold.

Labels are numbers of objects (or of tracks), classes numbers of what a pixel or object was
predicted to be.
"""
_OF_ANYBODY = ("segmentation",)
"""What other programs call their pictures, too; only in HDF5 files is it ilastik's word."""
_TITLES = {"picture": "probabilities", "classes": "segmentation", "labels": "object identities"}
_SKIPPED = ("features", "labels")
_NOT_ATTACHED = (
    "features of pixels, and labels that were painted to train, are no results of the image; "
    "attach probabilities, segmentations or tables. The project (.ilp) has both and is kept with "
    "them."
)
_OME = re.compile(r"\.ome$", re.IGNORECASE)
_PLANE = re.compile(r"(.+?)[-_ ]*([tz]?)[-_ ]*([0-9]{1,6})", re.IGNORECASE)
_TABLE_NAMES = ("table", "csv table", "object feature table", "objects", "divisions")


@dataclass(frozen=True)
class Table:
    """A table of objects or of divisions; `dataset` is its name in an HDF5 file."""

    path: Path
    title: str
    dataset: str = ""
    delimiter: str = ","


@dataclass
class Group:
    """What was exported of one image, under the name that ilastik gave it."""

    nickname: str
    tables: list[Table] = field(default_factory=list)
    labels: list[tuple[str, StoredArray]] = field(default_factory=list)
    classes: list[tuple[str, StoredArray]] = field(default_factory=list)
    pictures: list[tuple[str, StoredArray]] = field(default_factory=list)

    @property
    def kinds(self) -> set[str]:
        """What there is, by name."""
        parts = [*self.labels, *self.classes, *self.pictures]
        return {one.title for one in self.tables} | {name for name, _ in parts}

    @property
    def paths(self) -> list[Path]:
        """The files."""
        parts = [*self.labels, *self.classes, *self.pictures]
        return [t.path for t in self.tables] + [p for _, array in parts for p in array.paths]

    def add(self, other: Group) -> None:
        """Take in what `other` has."""
        self.tables += other.tables
        self.labels += other.labels
        self.classes += other.classes
        self.pictures += other.pictures


@dataclass(frozen=True)
class Lane:
    """An input of a project: what it is called, and the file it was read from."""

    nicknames: tuple[str, ...]
    file: str
    folder: str


@dataclass(frozen=True)
class Project:
    """An .ilp file."""

    path: Path
    version: str
    workflow: str
    saved: str
    lanes: tuple[Lane, ...]
    class_names: tuple[tuple[str, ...], ...]


@dataclass
class Found:
    """Everything of ilastik's in a folder."""

    groups: list[Group] = field(default_factory=list)
    projects: list[Project] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find(path: Path, confined: Confined) -> Found:
    """What of ilastik's lies at `path`, a folder or a file."""
    found = Found()
    by_name: dict[str, Group] = {}
    alone = path.is_file() or is_store(path)
    failures: list[OmeroError] = []
    planes: dict[tuple[Path, str, str, str], list[tuple[int, Path]]] = {}
    for file in (path,) if alone else entries_at(path):
        plane = _plane_of(file)
        if plane is not None:
            planes.setdefault(plane[0], []).append((plane[1], file))
            continue
        try:
            parts = list(_read(file, alone, found, confined))
        except OmeroError as error:
            if alone:
                raise
            failures.append(error)
            found.notes.append(f"{file.name} was skipped: {error}")
            continue
        for part in parts:
            by_name.setdefault(part.nickname.casefold(), Group(part.nickname)).add(part)
    for (_, nickname, result, axis), files in planes.items():
        arrays = [one for _, file in sorted(files) for one in arrays_in(file, confined)]
        array = sequence_of(arrays, axis) if len(arrays) > 1 else arrays[0]
        group = _group(nickname, _RESULTS[result], result, array)
        by_name.setdefault(nickname.casefold(), Group(nickname)).add(group)
    found.groups = _joined(list(by_name.values()))
    if failures and not found.groups and not found.projects:
        raise failures[0]
    return found


def _read(file: Path, alone: bool, found: Found, confined: Confined) -> Iterator[Group]:
    suffix = suffix_of(file)
    nickname, result = _parted(_OME.sub("", stem_of(file)))
    if suffix in (".csv", ".tsv"):
        table = _text_table(file)
        if table is not None:
            yield Group(nickname, tables=[table])
    elif suffix in _HDF5 and file.is_file():
        yield from _hdf5(file, alone, found, confined)
    elif is_store(file) and result in _RESULTS:
        if suffix == ".n5":
            raise Invalid(
                f"{file.name} is an N5 store, which is not read: export it once more from ilastik "
                "as HDF5, TIFF or OME-Zarr."
            )
        arrays = arrays_in(file, confined)
        for one in arrays[:1] if len(arrays) == 1 else ():
            yield _group(nickname, _RESULTS[result], result, one)
        if len(arrays) != 1:
            raise Invalid(f"{file.name} holds {len(arrays)} arrays; ilastik writes one.")
    elif suffix in _PLAIN and result in _SKIPPED and alone:
        raise Invalid(f"{file.name}: {_NOT_ATTACHED}")
    elif suffix in _PLAIN and result in _RESULTS and result not in _OF_ANYBODY:
        for one in arrays_in(file, confined):
            yield _group(nickname, _RESULTS[result], result, one)


def _plane_of(file: Path) -> tuple[tuple[Path, str, str, str], int] | None:
    """Of which stack the file is a plane (folder, nickname, result, axis), and its place in it.

    ilastik writes a sequence of pictures as `nickname_Probabilities_0007.tif`.
    """
    parted = _PLANE.fullmatch(file.stem)
    if parted is None or file.suffix.casefold() not in _PLAIN:
        return None
    nickname, result = _parted(parted[1])
    if result not in _RESULTS or result in _OF_ANYBODY:
        return None
    return (file.parent, nickname, result, parted[2].casefold()), int(parted[3])


def _hdf5(file: Path, alone: bool, found: Found, confined: Confined) -> Iterator[Group]:
    if not is_hdf5(file):
        return
    said = json.loads(confined("omero_jlab.results.ilastik.reading:describe", file))
    if said["version"] and (said["workflow"] or said["lanes"]):
        found.projects.append(_project(file, said))
        return
    nickname, result = _parted(file.stem)
    tables = [t for name, columns in said["tables"].items() for t in _table(file, name, columns)]
    if tables:
        yield Group(nickname, tables=tables)
        return
    arrays = arrays_in(file, confined)
    if result in _SKIPPED:
        if all(one.name != "exported_data" for one in arrays):
            return
        if alone:
            raise Invalid(f"{file.name}: {_NOT_ATTACHED}")
        found.notes.append(f"{file.name} holds {result}, which are not attached.")
        return
    for one in arrays:
        kind = _RESULTS.get(result, "unknown")
        if kind == "unknown" and one.name == "exported_data":
            kind = _guessed(one)
            if kind != "picture" and not alone:
                found.notes.append(
                    f"{file.name} does not say what it holds; attach it by itself if it holds "
                    "labels."
                )
                continue
        if kind != "unknown":
            yield _group(nickname, kind, result or _TITLES[kind], one)


def _guessed(array: StoredArray) -> Kind:
    if array.dtype.kind == "f":
        return "picture"
    return "labels" if array.dtype.itemsize > 1 else "classes"


def _group(nickname: str, kind: Kind, title: str, array: StoredArray) -> Group:
    part = Group(nickname)
    places = {"labels": part.labels, "classes": part.classes, "picture": part.pictures}
    if kind in places:
        places[kind].append((title, array))
    return part


def _text_table(file: Path) -> Table | None:
    delimiter, columns = header_of(file)
    title = _title(columns)
    return Table(file, title, "", delimiter) if title else None


def _table(file: Path, name: str, columns: list[str]) -> list[Table]:
    title = _title(columns)
    return [Table(file, title, name)] if title else []


def _title(columns: list[str]) -> str:
    words = {column.casefold() for column in columns}
    if words & _DIVISION_COLUMNS:
        return "Divisions"
    return "Objects" if words & _OBJECT_COLUMNS else ""


def _parted(stem: str) -> tuple[str, str]:
    """The nickname and the kind of result in the name of an exported file.

    `2d3c_Object Identities` is `2d3c` and `object identities`.
    """
    for result in sorted({*_RESULTS, *_SKIPPED, *_TABLE_NAMES}, key=len, reverse=True):
        pattern = r"[-_ ]+".join(map(re.escape, result.split()))
        parted = re.fullmatch(rf"(.*?)[-_ ]+(?:blockwise[-_ ]+)?{pattern}", stem, re.IGNORECASE)
        if parted and parted[1]:
            return parted[1], result
    return stem, ""


def _project(file: Path, said: dict[str, Any]) -> Project:
    lanes = []
    for roles in said["lanes"]:
        raw = roles.get("Raw Data") or next(iter(roles.values()), None)
        if raw is not None:
            name, folder = _source(raw["path"])
            nicknames = tuple(role["nickname"] for role in roles.values() if role["nickname"])
            lanes.append(Lane(nicknames, name, folder))
    names = tuple(tuple(words) for words in said["class_names"])
    return Project(file, said["version"], said["workflow"], said["saved"], tuple(lanes), names)


def _source(path: str) -> tuple[str, str]:
    """Name and folder of the file in a project's path, which goes on inside of an HDF5 file."""
    parts = PureWindowsPath(path).parts
    for i, part in enumerate(parts):
        if re.search(r"\.(h5|hdf5|ilp|n5|zarr)$", part, re.IGNORECASE):
            return part, "/".join(parts[:i])
    return (parts[-1], "/".join(parts[:-1])) if parts else ("", "")


def _joined(groups: list[Group]) -> list[Group]:
    """Groups whose nicknames differ by the path inside of an HDF5 file alone, joined."""
    kept: dict[str, Group] = {}
    for group in sorted(groups, key=lambda g: len(g.nickname)):
        bare = group.nickname.rpartition("-")[0].casefold()
        home = kept.get(bare)
        if home is not None and not home.kinds & group.kinds:
            home.add(group)
        else:
            kept[group.nickname.casefold()] = group
    return list(kept.values())
