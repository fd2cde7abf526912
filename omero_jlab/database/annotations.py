"""Rows of annotations, their links, label images and table segments."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Guarded

__all__ = [
    "TARGET_COLUMNS",
    "AnnotationLinkRow",
    "AnnotationRow",
    "GateRow",
    "SegmentRow",
    "TableVersionRow",
]

TARGET_COLUMNS = {
    kind: f"{kind}_id" for kind in ("project", "dataset", "screen", "plate", "well", "image")
}
"""The column of a link that points to an object of each kind."""

_ONE_TARGET = " + ".join(
    f"(CASE WHEN {column} IS NULL THEN 0 ELSE 1 END)" for column in TARGET_COLUMNS.values()
)


class AnnotationRow(Guarded, Base):
    """An annotation; `kind` says which of its fields mean something.

    `details` holds what only one kind has: a table's columns and version, a label image's
    shape and placement.
    """

    __tablename__ = "annotation"
    link_rights = {"file_id": "can_link", "image_id": "can_annotate"}
    kind: Mapped[str] = mapped_column(index=True)
    namespace: Mapped[str] = mapped_column(default="")
    name: Mapped[str] = mapped_column(default="", index=True)
    description: Mapped[str] = mapped_column(default="")
    text: Mapped[str] = mapped_column(default="")
    pairs: Mapped[list[Any]] = mapped_column(default=list)
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    file_id: Mapped[int | None] = mapped_column(ForeignKey("file.id"), index=True)
    image_id: Mapped[int | None] = mapped_column(ForeignKey("image.id"), index=True)


class AnnotationLinkRow(Guarded, Base):
    """An annotation on exactly one object."""

    __tablename__ = "annotation_link"
    __table_args__ = (
        CheckConstraint(f"{_ONE_TARGET} = 1", name="one_target"),
        *(
            Index(f"uq_annotation_link_{column}", "annotation_id", column, unique=True)
            for column in TARGET_COLUMNS.values()
        ),
        {"sqlite_autoincrement": True},
    )
    link_rights = {
        "annotation_id": "can_view",
        **dict.fromkeys(TARGET_COLUMNS.values(), "can_annotate"),
    }
    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotation.id"), index=True)
    project_id: Mapped[int | None] = mapped_column(ForeignKey("project.id"), index=True)
    dataset_id: Mapped[int | None] = mapped_column(ForeignKey("dataset.id"), index=True)
    screen_id: Mapped[int | None] = mapped_column(ForeignKey("screen.id"), index=True)
    plate_id: Mapped[int | None] = mapped_column(ForeignKey("plate.id"), index=True)
    well_id: Mapped[int | None] = mapped_column(ForeignKey("well.id"), index=True)
    image_id: Mapped[int | None] = mapped_column(ForeignKey("image.id"), index=True)


class SegmentRow(Guarded, Base):
    """A segment of a table, part of its versions from `since` on."""

    __tablename__ = "segment"
    link_rights = {"table_id": "can_edit"}
    table_id: Mapped[int] = mapped_column(ForeignKey("annotation.id"), index=True)
    since: Mapped[int]
    first_row: Mapped[int]
    rows: Mapped[int]
    manifest: Mapped[dict[str, Any]]


class TableVersionRow(Guarded, Base):
    """What a change made of a table: version `number`, with `rows` rows.

    The next row that is appended gets the number `next_row`.
    """

    __tablename__ = "table_version"
    __table_args__ = (UniqueConstraint("table_id", "number"), {"sqlite_autoincrement": True})
    link_rights = {"table_id": "can_edit"}
    table_id: Mapped[int] = mapped_column(ForeignKey("annotation.id"))
    number: Mapped[int]
    change: Mapped[str]
    columns: Mapped[list[Any]] = mapped_column(default=list)
    changed_rows: Mapped[int]
    rows: Mapped[int]
    next_row: Mapped[int]


class GateRow(Guarded, Base):
    """A named population of a table's rows; `shape` is what was drawn, or a condition."""

    __tablename__ = "gate"
    link_rights = {"table_id": "can_annotate"}
    table_id: Mapped[int] = mapped_column(ForeignKey("annotation.id"), index=True)
    name: Mapped[str]
    color: Mapped[str]
    shape: Mapped[dict[str, Any]]
