"""The database's full-text index: one document per object, kept with each write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select, text

from ..database import (
    TARGET_COLUMNS,
    AnnotationLinkRow,
    AnnotationRow,
    DatasetRow,
    Guarded,
    ImageRow,
    PlateRow,
    ProjectRow,
    ScreenRow,
    WellRow,
)
from .guarded import GuardedSession
from .plate_names import well_label
from .records import files_of

__all__ = ["TARGETS", "write_index"]

TARGETS: dict[str, type[Any]] = {
    "project": ProjectRow,
    "dataset": DatasetRow,
    "screen": ScreenRow,
    "plate": PlateRow,
    "well": WellRow,
    "image": ImageRow,
}
"""The classes of what can be annotated and searched, by kind."""

_KINDS = {row: kind for kind, row in TARGETS.items()}
# The row's number names the object: a search for kind and id would read the whole index.
_NUMBERS = {kind: number for number, kind in enumerate(TARGETS)}
_DELETE = text("DELETE FROM search_text WHERE rowid = :row")
_INSERT = text(
    "INSERT INTO search_text (rowid, kind, object_id, name, description, tag, key, comment, "
    "file, channel) VALUES (:row, :kind, :id, :name, :description, :tag, :key, :comment, :file, "
    ":channel)"
)


def write_index(db: GuardedSession, touched: Iterable[Guarded]) -> None:
    """Bring the documents of every object that `touched` rows speak of up to date."""
    for kind, object_id in sorted(_objects(db, touched)):
        row = db.scalar(_free(select(TARGETS[kind]).where(TARGETS[kind].id == object_id)))
        number = object_id * len(_NUMBERS) + _NUMBERS[kind]
        db.execute(_free(_DELETE), {"row": number})
        if row is not None and row.deleted_at is None:
            document = {"row": number, "kind": kind, "id": object_id}
            document |= _document(db, kind, row)
            db.execute(_free(_INSERT), document)


def _objects(db: GuardedSession, touched: Iterable[Guarded]) -> set[tuple[str, int]]:
    found: set[tuple[str, int]] = set()
    annotations: set[int] = set()
    for row in touched:
        kind = _KINDS.get(type(row))
        if kind:
            found.add((kind, row.id))
        elif isinstance(row, AnnotationLinkRow):
            found.add(_target(row))
        elif isinstance(row, AnnotationRow):
            annotations.add(row.id)
    if annotations:
        links = select(AnnotationLinkRow).where(AnnotationLinkRow.annotation_id.in_(annotations))
        found.update(_target(link) for link in db.scalars(_free(links)))
    return found


def _target(link: AnnotationLinkRow) -> tuple[str, int]:
    return next(
        (kind, getattr(link, column))
        for kind, column in TARGET_COLUMNS.items()
        if getattr(link, column) is not None
    )


def _document(db: GuardedSession, kind: str, row: Any) -> dict[str, str]:
    words: dict[str, list[str]] = defaultdict(list)
    is_well = isinstance(row, WellRow)
    words["name"].append(well_label(row.row, row.column) if is_well else row.name)
    words["description"].append(row.description)
    linked = (
        select(AnnotationRow)
        .join(AnnotationLinkRow, AnnotationLinkRow.annotation_id == AnnotationRow.id)
        .where(
            getattr(AnnotationLinkRow, TARGET_COLUMNS[kind]) == row.id,
            AnnotationRow.deleted_at.is_(None),
            AnnotationLinkRow.deleted_at.is_(None),
        )
    )
    for annotation in db.scalars(_free(linked)):
        field = {"tag": "tag", "comment": "comment", "key-values": "key"}
        into = words[field.get(annotation.kind, "file")]
        into += [annotation.name, annotation.description, annotation.text]
        into += [f"{key} {value}" for key, value in annotation.pairs]
    if isinstance(row, ImageRow):
        words["channel"] = [channel["name"] for channel in row.channels]
        words["file"] += [file.name for file in db.scalars(_free(files_of(row.fileset_id)))]
    fields = ("name", "description", "tag", "key", "comment", "file", "channel")
    return {field: " \n".join(filter(None, words[field])) for field in fields}


def _free(statement: Any) -> Any:
    return statement.execution_options(unguarded="index")
