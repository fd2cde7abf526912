"""What the database knows of a table: its columns, its versions, and its segments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
from numpy.typing import NDArray
from sqlalchemy import select

from ...database import AnnotationRow, SegmentRow, TableVersionRow
from ...errors import Conflict, Invalid, NotFound
from ...model import Column, Segment, TableInfo, TableVersion
from ...storage import make_folders
from ...tables import Encoded, write_parts
from ..access import Access
from ..guarded import GuardedSession
from ..places import table_place
from ..records import annotation_record
from ..state import State
from ..work import Writing

__all__ = [
    "add_segment",
    "add_version",
    "check_version",
    "columns_at",
    "every_column",
    "let_be_missing",
    "newest",
    "segment_path",
    "segments_at",
    "set_columns",
    "store_segment",
    "table_info",
    "table_row",
    "version_at",
    "version_record",
]

_PER_FOLDER = 1000


def table_row(db: GuardedSession, table_id: int) -> AnnotationRow:
    """The row of a table; NotFound for what is hidden, not there, or something else."""
    row = db.get(AnnotationRow, table_id)
    if row is None or row.kind != "table":
        raise NotFound(f"There is no table {table_id}.")
    return row


def table_info(db: GuardedSession, access: Access, row: AnnotationRow) -> TableInfo:
    """The record of a table."""
    record = annotation_record(db, access, row)
    assert isinstance(record, TableInfo)
    return record


def every_column(row: AnnotationRow) -> tuple[Column, ...]:
    """The columns of all versions that can be read."""
    return tuple(Column.model_validate(column) for column in row.details["columns"])


def columns_at(row: AnnotationRow, version: int | None = None) -> tuple[Column, ...]:
    """The columns of a version; of the newest, where none is given."""
    columns = every_column(row)
    if version is None:
        return tuple(column for column in columns if column.until is None)
    return tuple(
        column
        for column in columns
        if column.since <= version and (column.until is None or version < column.until)
    )


def set_columns(row: AnnotationRow, columns: Sequence[Column]) -> None:
    """Keep these as the columns of all versions."""
    listed = [column.model_dump(mode="json") for column in columns]
    row.details = row.details | {"columns": listed}


def let_be_missing(row: AnnotationRow, segments: Sequence[Segment], version: int) -> None:
    """Let values be missing, from a version on, where `segments` hold a column without some.

    Earlier versions keep the column as it was, and so the type that it is read as.
    """
    lacking = {
        part.column for segment in segments for part in segment.parts if part.part == "valid"
    }
    if not lacking:
        return
    known, columns = every_column(row), list[Column]()
    for column in known:
        if column.until is not None or column.nullable or column.stored_as not in lacking:
            columns.append(column)
            continue
        if column.since < version:
            columns.append(column.model_copy(update={"until": version}))
        columns.append(column.model_copy(update={"since": version, "nullable": True}))
    if len(columns) > len(known) or version == 1:
        set_columns(row, columns)


def newest(db: GuardedSession, table_id: int) -> TableVersionRow:
    """The newest version of a table."""
    statement = (
        select(TableVersionRow)
        .where(TableVersionRow.table_id == table_id)
        .order_by(TableVersionRow.number.desc())
        .limit(1)
    )
    found = db.scalar(statement)
    if found is None:
        raise NotFound(f"There is no table {table_id}.")
    return found


def version_at(db: GuardedSession, table_id: int, number: int | None) -> TableVersionRow:
    """A version of a table, the newest without a number.

    Raises
    ------
    Invalid
        It is not there yet, or was forgotten.
    """
    last = newest(db, table_id)
    if number is None or number == last.number:
        return last
    of = select(TableVersionRow).where(TableVersionRow.table_id == table_id)
    found = db.scalar(of.where(TableVersionRow.number == number))
    if found is None:
        first = db.scalar(of.order_by(TableVersionRow.number).limit(1))
        assert first is not None
        raise Invalid(
            f"Table {table_id} has versions {first.number} to {last.number}, not {number}."
        )
    return found


def check_version(last: TableVersionRow, believed: int | None) -> None:
    """Raise `Conflict` where a table is no longer at the version that a change was based on."""
    if believed is not None and believed != last.number:
        raise Conflict(
            f"Table {last.table_id} was changed since you read it (version {believed}, now "
            f"{last.number}): read it again and repeat the change."
        )


def version_record(row: TableVersionRow, made_by: str) -> TableVersion:
    """The record of a version."""
    return TableVersion.model_validate(
        {
            "number": row.number,
            "change": row.change,
            "columns": tuple(row.columns),
            "changed_rows": row.changed_rows,
            "rows": row.rows,
            "made_at": row.created_at,
            "made_by": made_by,
        }
    )


def segments_at(db: GuardedSession, table_id: int, version: int) -> tuple[Segment, ...]:
    """The segments that hold a version."""
    statement = (
        select(SegmentRow.manifest, SegmentRow.since)
        .where(SegmentRow.table_id == table_id, SegmentRow.since <= version)
        .order_by(SegmentRow.first_row)
    )
    return tuple(
        Segment.model_validate(manifest | {"since": since})
        for manifest, since in db.execute(statement)
    )


def segment_path(version: int, name: str) -> str:
    """Where a segment lies in its table's folder: a thousand versions share a folder."""
    return f"{version // _PER_FOLDER:04d}/{version:08d}-{name}.h5"


def store_segment(
    state: State,
    table_id: int,
    path: str,
    encoded: Sequence[Sequence[Encoded]],
    columns: Sequence[Column],
    numbers: NDArray[numpy.int64],
    first_row: int,
    kind: Any,
    since: int,
) -> Segment:
    """Columns stored durably at `path` in the table's folder; see `tables.write_parts`."""
    place = state.layout.root / table_place(table_id) / path
    make_folders(place.parent)
    made = write_parts(place.parent, place.name, encoded, columns, numbers, first_row, kind, since)
    return made.model_copy(update={"path": path})


def add_segment(unit: Writing, table: AnnotationRow, segment: Segment) -> None:
    """Make a segment part of its table, when the transaction is next flushed."""
    unit.db.add(
        SegmentRow(
            table_id=table.id,
            owner_id=unit.access.actor.user_id,
            group_id=table.group_id,
            since=segment.since,
            first_row=segment.first_row,
            rows=segment.rows,
            manifest=segment.model_dump(mode="json"),
        )
    )


def add_version(
    unit: Writing,
    table: AnnotationRow,
    number: int,
    change: str,
    changed_rows: int,
    rows: int,
    next_row: int,
    columns: Sequence[str] = (),
) -> None:
    """Make a new version of a table, the newest."""
    unit.new(
        TableVersionRow(
            table_id=table.id,
            number=number,
            change=change,
            columns=list(columns),
            changed_rows=changed_rows,
            rows=rows,
            next_row=next_row,
        ),
        table.group_id,
    )
