"""What goes when an object is deleted, planned over everything, seen by the actor or not.

Objects (containers, wells, images and their filesets) go only where the actor may delete each of
them.  Parts belong to an object and go with it, whoever made them: links, fields, regions,
settings, label images, a comment or key-values that hang nowhere else; and a table or file that
hangs nowhere else and that the actor may delete.  Tags stay.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from sqlalchemy import select

from ..database import (
    TARGET_COLUMNS,
    AnnotationLinkRow,
    AnnotationRow,
    DatasetImageRow,
    FieldRow,
    FileRow,
    FilesetRow,
    FolderRoiRow,
    GateRow,
    Guarded,
    ImageRow,
    ProjectDatasetRow,
    RoiRow,
    ScreenPlateRow,
    SegmentRow,
    SettingsRow,
    TableVersionRow,
    WellRow,
)
from ..errors import Invalid
from ..model import TargetKind
from .access import Access
from .guarded import GuardedSession
from .index import TARGETS

__all__ = ["GO_WITH_LAST_LINK", "Plan", "alive", "parts_of", "regions_of"]

GO_WITH_LAST_LINK = ("comment", "key-values")
"""The kinds of annotation that mean nothing without the object they hang on."""

_BATCH = 5000
_SHOWN = 10
_CHILD_LINKS: dict[str, tuple[str, type[Any]]] = {
    "project": ("dataset", ProjectDatasetRow),
    "dataset": ("image", DatasetImageRow),
    "screen": ("plate", ScreenPlateRow),
}


def alive(db: GuardedSession, column: Any, ids: Collection[int]) -> Iterator[Any]:
    """The rows, not deleted, that have one of `ids` in `column`, whoever may see them."""
    wanted = sorted(ids)
    row_class = column.class_
    for first in range(0, len(wanted), _BATCH):
        some = wanted[first : first + _BATCH]
        statement = select(row_class).where(column.in_(some), row_class.deleted_at.is_(None))
        yield from db.scalars(statement.execution_options(unguarded="graph"))


def regions_of(
    db: GuardedSession, column: Any, ids: Collection[int]
) -> dict[type[Guarded], set[int]]:
    """Ids of regions, not deleted, that have one of `ids` in `column`, and of their links."""
    found: dict[type[Guarded], set[int]] = {RoiRow: set(), FolderRoiRow: set()}
    wanted = sorted(ids)
    free = {"unguarded": "graph"}
    for first in range(0, len(wanted), _BATCH):
        those = column.in_(wanted[first : first + _BATCH]), RoiRow.deleted_at.is_(None)
        found[RoiRow].update(db.scalars(select(RoiRow.id).where(*those), execution_options=free))
        links = (
            select(FolderRoiRow.id)
            .join(RoiRow, RoiRow.id == FolderRoiRow.child_id)
            .where(*those, FolderRoiRow.deleted_at.is_(None))
        )
        found[FolderRoiRow].update(db.scalars(links, execution_options=free))
    return found


def parts_of(db: GuardedSession, annotation: AnnotationRow) -> list[Guarded]:
    """What nobody needs without an annotation: a table's segments, a file attached only here."""
    parts: list[Guarded] = list(alive(db, SegmentRow.table_id, [annotation.id]))
    parts += alive(db, TableVersionRow.table_id, [annotation.id])
    parts += alive(db, GateRow.table_id, [annotation.id])
    if annotation.file_id is not None:
        users = alive(db, AnnotationRow.file_id, [annotation.file_id])
        if {row.id for row in users} <= {annotation.id}:
            files = alive(db, FileRow.id, [annotation.file_id])
            parts += [file for file in files if file.fileset_id is None]
    return parts


class Plan:
    """The objects that would go, by kind and id, and the parts that would go with them."""

    def __init__(self, db: GuardedSession) -> None:
        self._db = db
        self._ids: dict[str, set[int]] = defaultdict(set)

    @property
    def image_count(self) -> int:
        """How many images would go."""
        return len(self._ids["image"])

    def add(self, kind: TargetKind, id: int, contents: bool) -> None:
        """Plan to delete an object, with its contents where these lie nowhere else.

        Raises
        ------
        Invalid
            A fileset would lose some of its images and keep others.
        """
        self._ids[kind].add(id)
        if contents:
            for parent in ("project", "screen"):
                self._add_children(parent)
        self._ids["well"] |= _ids(alive(self._db, WellRow.plate_id, self._ids["plate"]))
        if contents:
            self._add_images()
            if kind == "image":
                self._ids["image"] |= {image.id for image in self._fileset_images()}
        self._check_filesets()

    def objects(self) -> list[Guarded]:
        """The rows of everything that must be the actor's to delete."""
        rows: list[Guarded] = []
        for kind, ids in sorted(self._ids.items()):
            rows += alive(self._db, TARGETS[kind].id, ids)
        return [*rows, *alive(self._db, FilesetRow.id, self._fileset_ids())]

    def parts(self, access: Access) -> list[Guarded]:
        """The rows that go with the objects."""
        images = self._ids["image"]
        labels = [r for r in alive(self._db, AnnotationRow.image_id, images) if r.kind == "labels"]
        rows = self._places()
        rows += alive(self._db, SettingsRow.image_id, images)
        rows += alive(self._db, FileRow.fileset_id, self._fileset_ids())
        links = {link.id: link for link in self._annotation_links(labels)}
        rows += [*labels, *links.values()]
        hanging = {link.annotation_id for link in links.values()} - _ids(labels)
        elsewhere = {
            link.annotation_id
            for link in alive(self._db, AnnotationLinkRow.annotation_id, hanging)
            if link.id not in links
        }
        for annotation in alive(self._db, AnnotationRow.id, hanging - elsewhere):
            if annotation.kind in GO_WITH_LAST_LINK or (
                annotation.kind in ("table", "file") and access.may(annotation, "can_delete")
            ):
                rows += [annotation, *parts_of(self._db, annotation)]
        return rows

    def regions(self) -> dict[type[Guarded], set[int]]:
        """Ids of the regions of the images, and of their places in folders: parts in number."""
        return regions_of(self._db, RoiRow.image_id, self._ids["image"])

    def _add_children(self, parent: str) -> None:
        child, link_class = _CHILD_LINKS[parent]
        inside = _children(alive(self._db, link_class.parent_id, self._ids[parent]))
        for link in alive(self._db, link_class.child_id, inside):
            if link.parent_id not in self._ids[parent]:
                inside.discard(link.child_id)
        self._ids[child] |= inside

    def _add_images(self) -> None:
        datasets, wells = self._ids["dataset"], self._ids["well"]
        inside = _children(alive(self._db, DatasetImageRow.parent_id, datasets))
        inside |= {field.image_id for field in alive(self._db, FieldRow.well_id, wells)}
        elsewhere = {
            link.child_id
            for link in alive(self._db, DatasetImageRow.child_id, inside)
            if link.parent_id not in datasets
        }
        elsewhere |= {
            field.image_id
            for field in alive(self._db, FieldRow.image_id, inside)
            if field.well_id not in wells
        }
        self._ids["image"] |= inside - elsewhere

    def _fileset_ids(self) -> set[int]:
        images = alive(self._db, ImageRow.id, self._ids["image"])
        return {image.fileset_id for image in images if image.fileset_id is not None}

    def _fileset_images(self) -> list[ImageRow]:
        return list(alive(self._db, ImageRow.fileset_id, self._fileset_ids()))

    def _check_filesets(self) -> None:
        staying = [i for i in self._fileset_images() if i.id not in self._ids["image"]]
        if staying:
            named = ", ".join(f"image {i.id} ({i.name})" for i in staying[:_SHOWN])
            more = f" and {len(staying) - _SHOWN} more" if len(staying) > _SHOWN else ""
            raise Invalid(
                f"Images of one fileset are deleted together, and {named}{more} would stay "
                f"behind: delete one of its images with its contents, which is the whole fileset."
            )

    def _places(self) -> list[Guarded]:
        rows: dict[tuple[type, int], Guarded] = {}
        for parent, (child, link_class) in _CHILD_LINKS.items():
            for column, kind in ((link_class.parent_id, parent), (link_class.child_id, child)):
                for link in alive(self._db, column, self._ids[kind]):
                    rows[link_class, link.id] = link
        for column, kind in ((FieldRow.well_id, "well"), (FieldRow.image_id, "image")):
            for field in alive(self._db, column, self._ids[kind]):
                rows[FieldRow, field.id] = field
        return list(rows.values())

    def _annotation_links(self, labels: Iterable[AnnotationRow]) -> Iterator[AnnotationLinkRow]:
        for kind, column in TARGET_COLUMNS.items():
            yield from alive(self._db, getattr(AnnotationLinkRow, column), self._ids[kind])
        yield from alive(self._db, AnnotationLinkRow.annotation_id, _ids(labels))


def _ids(rows: Iterable[Guarded]) -> set[int]:
    return {row.id for row in rows}


def _children(links: Iterable[Any]) -> set[int]:
    return {link.child_id for link in links}
