"""Which rows and files go when an object is erased, deleted or not, whoever sees them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from ...database import (
    AnnotationLinkRow,
    AnnotationRow,
    DatasetImageRow,
    DatasetRow,
    FieldRow,
    FileRow,
    FilesetRow,
    Guarded,
    ImageRow,
    PlateRow,
    ProjectDatasetRow,
    ProjectRow,
    ScreenPlateRow,
    ScreenRow,
    WellRow,
)
from ...model import ErasureKind
from ...storage import Layout
from ..index import TARGETS
from .holdings import paths_of
from .trash import CLASSES, Keys, load, parents_of

__all__ = ["Doomed", "find_doomed"]

_FREE = {"unguarded": "erase"}
_BATCH = 5000
_INSIDE: dict[type[Any], tuple[Any, Any, type[Any]]] = {
    ProjectRow: (ProjectDatasetRow.parent_id, ProjectDatasetRow.child_id, DatasetRow),
    DatasetRow: (DatasetImageRow.parent_id, DatasetImageRow.child_id, ImageRow),
    ScreenRow: (ScreenPlateRow.parent_id, ScreenPlateRow.child_id, PlateRow),
    WellRow: (FieldRow.well_id, FieldRow.image_id, ImageRow),
}


@dataclass(frozen=True)
class Doomed:
    """Everything that goes.

    Attributes
    ----------
    rows : the rows, parts after what they belong to
    staying : ids of images that came from the same files and were not asked for
    linked : how many original files are links to files elsewhere
    """

    rows: tuple[Guarded, ...]
    staying: tuple[int, ...]
    linked: int

    def paths(self, layout: Layout) -> frozenset[str]:
        """Their files and folders, relative to the root."""
        return frozenset(paths_of(layout, self.rows))

    def words(self) -> frozenset[str]:
        """Names, paths and texts by which others may speak of it."""
        found: set[str] = set()
        for row in self.rows:
            for column in ("name", "client_path", "path", "folder", "source", "text"):
                value = getattr(row, column, None)
                if isinstance(value, str) and value.strip():
                    found.add(value)
        return frozenset(found)


def find_doomed(
    db: Any, kind: ErasureKind, id: int, contents: bool, with_fileset: bool
) -> Doomed | None:
    """What goes with an object; None where there is none, not even a deleted one."""
    root_class: type[Any] = AnnotationRow if kind == "annotation" else TARGETS[kind]
    rows: dict[tuple[type[Any], int], Guarded] = {}
    if not _take(rows, load(db, {root_class: {id}})):
        return None
    asked = {id} if root_class is ImageRow else set()
    if contents:
        asked |= _take_contents(db, rows)
    elif root_class is PlateRow:
        _take(rows, _having(db, WellRow.plate_id, {id}))
    images = {number for row_class, number in rows if row_class is ImageRow}
    filesets = {i.fileset_id for i in _images(rows) if i.fileset_id is not None}
    siblings = list(_having(db, ImageRow.fileset_id, filesets))
    staying = sorted({image.id for image in siblings} - images)
    if staying and not with_fileset:
        return Doomed((), tuple(staying), 0)
    _take(rows, siblings)
    _take(rows, load(db, {FilesetRow: filesets}))
    _take_dependents(db, rows)
    _take_hanging(db, rows)
    linked = sum(
        row.transfer in ("symlink", "hardlink")
        for row in rows.values()
        if isinstance(row, FilesetRow)
    )
    return Doomed(tuple(rows.values()), (), linked)


def _take(rows: dict[tuple[type[Any], int], Guarded], found: Iterable[Guarded]) -> list[Guarded]:
    """Add rows; answers those that were not there yet."""
    fresh = []
    for row in found:
        key = (type(row), row.id)
        if key not in rows:
            rows[key] = row
            fresh.append(row)
    return fresh


def _take_contents(db: Any, rows: dict[tuple[type[Any], int], Guarded]) -> set[int]:
    """Add what lies in the objects and nowhere else; answers the ids of images among it."""
    while True:
        before = len(rows)
        plates = {number for row_class, number in rows if row_class is PlateRow}
        _take(rows, _having(db, WellRow.plate_id, plates))
        for parent_class, (parent_id, child_id, child_class) in _INSIDE.items():
            parents = {number for row_class, number in rows if row_class is parent_class}
            inside = {getattr(link, child_id.key) for link in _having(db, parent_id, parents)}
            for column, holder in ((child_id, parent_id),):
                for link in _having(db, column, inside):
                    if getattr(link, holder.key) not in parents and link.deleted_at is None:
                        inside.discard(getattr(link, column.key))
            _take(rows, load(db, {child_class: inside}))
        if len(rows) == before:
            return {number for row_class, number in rows if row_class is ImageRow}


def _take_dependents(db: Any, rows: dict[tuple[type[Any], int], Guarded]) -> None:
    """Add every row that points to one that goes."""
    found = list(rows.values())
    while found:
        fresh: Keys = defaultdict(set)
        for row in found:
            fresh[type(row)].add(row.id)
        found = []
        for row_class in CLASSES.values():
            for column, parent in parents_of(row_class).items():
                ids = fresh.get(parent, set())
                found += _take(rows, _having(db, getattr(row_class, column), ids))


def _take_hanging(db: Any, rows: dict[tuple[type[Any], int], Guarded]) -> None:
    """Add annotations, but tags, that hang on nothing else, and files that only they had."""
    links = [row for row in rows.values() if isinstance(row, AnnotationLinkRow)]
    hanging = {link.annotation_id for link in links}
    for link in _having(db, AnnotationLinkRow.annotation_id, hanging):
        if (AnnotationLinkRow, link.id) not in rows:
            hanging.discard(link.annotation_id)
    own = [row for row in load(db, {AnnotationRow: hanging}) if row.kind != "tag"]
    _take(rows, own)
    _take_dependents(db, rows)
    files = {
        row.file_id
        for row in rows.values()
        if isinstance(row, AnnotationRow) and row.file_id is not None
    }
    for user in _having(db, AnnotationRow.file_id, files):
        if (AnnotationRow, user.id) not in rows:
            files.discard(user.file_id)
    _take(rows, (file for file in load(db, {FileRow: files}) if file.fileset_id is None))


def _images(rows: dict[tuple[type[Any], int], Guarded]) -> Iterator[ImageRow]:
    return (row for row in rows.values() if isinstance(row, ImageRow))


def _having(db: Any, column: Any, ids: Iterable[int]) -> Iterator[Any]:
    """The rows with one of `ids` in a column, deleted or not."""
    wanted = sorted(ids)
    for first in range(0, len(wanted), _BATCH):
        some = column.in_(wanted[first : first + _BATCH])
        yield from db.scalars(select(column.class_).where(some), execution_options=_FREE)
