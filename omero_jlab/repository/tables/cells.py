"""Which cells a table's rows are: their images, and the label images with their numbers."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from ...database import AnnotationLinkRow, AnnotationRow
from ...model import Column, TableCells, TableInfo
from ..guarded import GuardedSession

__all__ = ["cells_of"]

_LABELS = (
    "label", "objectnumber", "number_object_number", "labelimage_oid", "object_label", "label_id",
)  # fmt: skip
"""What programs call the number of an object in its label image: scikit-image, CellProfiler
(in CSV and in a database), ilastik, and others; whatever the case."""
_IMAGES = ("image", "image_id", "imageid")


def cells_of(db: GuardedSession, table: TableInfo) -> TableCells:
    """Where the cells of a table's rows are found, as far as names and links tell."""
    attached = db.scalars(
        select(AnnotationLinkRow.image_id).where(
            AnnotationLinkRow.annotation_id == table.id, AnnotationLinkRow.image_id.is_not(None)
        )
    ).all()
    image_column = "" if len(attached) == 1 else _image_column(table.columns)
    image_id = attached[0] if len(attached) == 1 else None
    labels = None if image_id is None else _labels(db, image_id, table)
    return TableCells(
        image_id=image_id,
        image_column=image_column,
        label_column=_label_column(table),
        labels_id=None if labels is None else labels.id,
        labels_name=table.name if labels is None else labels.name,
    )


def _label_column(table: TableInfo) -> str:
    whole = [c.name for c in table.columns if c.kind in ("integer", "float")]
    by_name = {name.casefold(): name for name in reversed(whole)}
    # A merged CellProfiler table has one such column for each kind of object.
    own = f"{table.name}_number_object_number".casefold()
    for wanted in (own, *_LABELS):
        if wanted in by_name:
            return by_name[wanted]
    return ""


def _image_column(columns: Iterable[Column]) -> str:
    columns = tuple(columns)
    for column in columns:
        if column.kind == "link" and column.target == "image":
            return column.name
    by_name = {c.name.casefold(): c.name for c in columns if c.kind == "integer"}
    return next((by_name[wanted] for wanted in _IMAGES if wanted in by_name), "")


def _labels(db: GuardedSession, image_id: int, table: TableInfo) -> AnnotationRow | None:
    """The label image of a table's name, the newest of several; or the only one.

    One with fewer numbers than the table has rows holds classes, or other objects.
    """
    name = table.name
    rows = db.scalars(
        select(AnnotationRow)
        .where(AnnotationRow.kind == "labels", AnnotationRow.image_id == image_id)
        .order_by(AnnotationRow.id.desc())
    ).all()
    for same in (str, str.casefold):
        named = [row for row in rows if same(row.name) == same(name)]
        if named:
            return named[0]
    only = rows[0] if len(rows) == 1 else None
    return only if only is not None and only.details["maximum"] >= table.rows else None
