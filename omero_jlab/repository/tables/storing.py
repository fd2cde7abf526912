"""A new table whose rows come in batches: all of them are stored, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy
import pandas
from sqlalchemy import select

from ...database import TARGET_COLUMNS, AnnotationLinkRow, AnnotationRow
from ...model import Column, Segment, TableInfo, TargetKind
from ...tables import encoded_columns, segment_rows
from ..containers import check_name, found
from ..index import TARGETS
from ..intents import intending_one
from ..places import table_place
from ..work import Work
from .describing import checked_metadata
from .manifest import (
    add_segment,
    add_version,
    let_be_missing,
    segment_path,
    store_segment,
    table_info,
)

__all__ = ["check_target", "newest_named", "store_table"]

# Rows that come in small pieces are held until they are so many bytes.
_JOINED = 64 << 20


def check_target(session: Work, kind: TargetKind, id: int, name: str) -> int:
    """The group of an object that may get a table called `name`.

    Raises
    ------
    NotFound, Denied, Invalid
        It is not there, must not be annotated, or nothing can be called so.
    """
    check_name(name)
    with session.reading() as (db, access):
        target = found(db, TARGETS[kind], id)
        access.require(target, "can_annotate")
        return int(target.group_id)


def store_table(
    session: Work,
    kind: TargetKind,
    id: int,
    name: str,
    columns: tuple[Column, ...],
    frames: Iterator[pandas.DataFrame],
    namespace: str,
    description: str = "",
    metadata: Mapping[str, str | int | float | bool] | None = None,
    tell: Callable[[int], object] = lambda rows: None,
) -> TableInfo:
    """Attach a table with the rows of `frames`, of which a few are held at a time.

    `tell` is called with how many rows were stored.  Links are not looked at: whoever calls this
    has seen what they point to.
    """
    group_id = check_target(session, kind, id, name)
    details: dict[str, Any] = {
        "columns": [column.model_dump(mode="json") for column in columns],
        "metadata": checked_metadata(metadata or {}),
        "provenance": None,
    }
    with intending_one(session.store, "table", table_place, AnnotationRow) as intended:
        segments: list[Segment] = []
        rows = 0
        for frame in _joined(columns, frames):
            path = segment_path(1, f"{len(segments):03d}")
            numbers = numpy.arange(rows, rows + len(frame))
            encoded = encoded_columns(frame, columns)
            segments.append(
                store_segment(
                    session.store, intended.ids[0], path, encoded, columns, numbers, rows, "rows", 1
                )
            )
            rows += len(frame)
            tell(rows)
        with session.writing() as unit:
            row = unit.new(
                AnnotationRow(
                    id=intended.ids[0],
                    kind="table",
                    name=name,
                    namespace=namespace,
                    description=description,
                    details=details,
                ),
                group_id,
            )
            let_be_missing(row, segments, 1)
            for segment in segments:
                add_segment(unit, row, segment)
            add_version(unit, row, 1, "attach", rows, rows, rows)
            link = AnnotationLinkRow(annotation_id=row.id, **{TARGET_COLUMNS[kind]: id})
            unit.new(link, group_id)
            intended.end(unit.db)
            return unit.answer(table_info(unit.db, unit.access, row))


def _joined(
    columns: tuple[Column, ...], frames: Iterator[pandas.DataFrame]
) -> Iterator[pandas.DataFrame]:
    """`frames` joined to larger ones; at least one, so that columns are there."""
    most = segment_rows(columns, _JOINED)
    held: list[pandas.DataFrame] = []
    count = 0
    some = False
    for frame in frames:
        held.append(frame)
        count += len(frame)
        if count >= most:
            yield pandas.concat(held, ignore_index=True) if len(held) > 1 else frame
            held, count, some = [], 0, True
    if held or not some:
        yield pandas.concat(held, ignore_index=True) if held else _nothing(columns)


def _nothing(columns: tuple[Column, ...]) -> pandas.DataFrame:
    return pandas.DataFrame({column.name: _empty(column) for column in columns})


def _empty(column: Column) -> pandas.Series[Any]:
    if column.kind == "string":
        return pandas.Series([], dtype="string")
    if column.kind == "timestamp":
        return pandas.Series([], dtype=column.dtype)
    return pandas.Series([], dtype="object" if column.kind == "array" else column.dtype)


def newest_named(session: Work, kind: TargetKind, id: int, namespace: str) -> list[int]:
    """The tables of an object in a namespace, the newest first."""
    with session.reading() as (db, _):
        found(db, TARGETS[kind], id)
        link = getattr(AnnotationLinkRow, TARGET_COLUMNS[kind])
        statement = (
            select(AnnotationRow.id)
            .join(AnnotationLinkRow, AnnotationLinkRow.annotation_id == AnnotationRow.id)
            .where(link == id, AnnotationRow.kind == "table", AnnotationRow.namespace == namespace)
            .order_by(AnnotationRow.id.desc())
        )
        return list(db.scalars(statement))
