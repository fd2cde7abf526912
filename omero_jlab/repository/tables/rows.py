"""Result tables: rows in segment files, and the manifest rows that make them exist."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy
from sqlalchemy import select

from ...database import TARGET_COLUMNS, AnnotationLinkRow, AnnotationRow, now
from ...model import (
    BULK_ANNOTATIONS,
    Column,
    LinkTarget,
    Provenance,
    Segment,
    Selection,
    TableInfo,
    TargetKind,
)
from ...operations.paging import EVERYTHING
from ...tables import TableView, columns_of, encoded_columns, in_segments, segment_rows
from ..containers import check_name, found
from ..index import TARGETS
from ..intents import intending, intending_one
from ..places import table_place
from ..state import State
from ..work import Work
from .compaction import compact_soon
from .describing import checked_metadata
from .gates import conditions_of
from .links import check_links
from .manifest import (
    add_segment,
    add_version,
    check_version,
    columns_at,
    let_be_missing,
    newest,
    segment_path,
    segments_at,
    store_segment,
    table_info,
    table_row,
    version_at,
)

__all__ = ["Rows", "Tables", "store_rows"]


class Tables:
    """What tables there are."""

    def __init__(self, session: Rows) -> None:
        self._session = session

    def list(self, kind: TargetKind, id: int) -> tuple[TableInfo, ...]:
        """The tables attached to an object."""
        with self._session.reading() as (db, access):
            found(db, TARGETS[kind], id)
            link = getattr(AnnotationLinkRow, TARGET_COLUMNS[kind])
            statement = (
                select(AnnotationRow)
                .join(AnnotationLinkRow, AnnotationLinkRow.annotation_id == AnnotationRow.id)
                .where(link == id, AnnotationRow.kind == "table")
                .order_by(AnnotationRow.id)
            )
            return tuple(table_info(db, access, row) for row in db.scalars(statement).all())

    def get(self, table_id: int) -> TableInfo:
        """A table's columns and how many rows it has."""
        with self._session.reading() as (db, access):
            return table_info(db, access, table_row(db, table_id))

    def count(self, table_id: int, condition: str | None = None) -> int:
        """How many rows meet a condition."""
        return self._session.table_view(table_id).count(condition)


class Rows(Work):
    """The streams of rows."""

    def add_table(
        self,
        kind: TargetKind,
        id: int,
        name: str,
        frame: Any,
        namespace: str = BULK_ANNOTATIONS,
        description: str = "",
        units: Mapping[str, str] | None = None,
        descriptions: Mapping[str, str] | None = None,
        links: Mapping[str, LinkTarget] | None = None,
        metadata: Mapping[str, str | int | float | bool] | None = None,
        provenance: Provenance | None = None,
    ) -> TableInfo:
        """Attach a table with the rows of a `pandas.DataFrame`."""
        check_name(name)
        columns = columns_of(frame, units, descriptions, links)
        details = {
            "columns": [column.model_dump(mode="json") for column in columns],
            "metadata": checked_metadata(metadata or {}),
            "provenance": None,
        }
        with self.reading() as (db, access):
            target = found(db, TARGETS[kind], id)
            access.require(target, "can_annotate")
            group_id = target.group_id
            check_links(db, frame, columns)
            if provenance is not None:
                made = {
                    "made_at": provenance.made_at or now(),
                    "made_by": provenance.made_by or access.actor.user_name,
                }
                complete = provenance.model_copy(update=made)
                details["provenance"] = complete.model_dump(mode="json")
        with intending_one(self.store, "table", table_place, AnnotationRow) as intended:
            segments = store_rows(self.store, intended.ids[0], frame, columns)
            with self.writing() as unit:
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
                for segment in segments:
                    add_segment(unit, row, segment)
                count = len(frame)
                add_version(unit, row, 1, "attach", count, count, count)
                link = AnnotationLinkRow(annotation_id=row.id, **{TARGET_COLUMNS[kind]: id})
                unit.new(link, group_id)
                intended.end(unit.db)
                return unit.answer(table_info(unit.db, unit.access, row))

    def append_rows(self, table_id: int, frame: Any, version: int | None = None) -> TableInfo:
        """Append rows to a table; durable when this returns."""
        # The next row's number is known only to one who keeps other writers out.
        with self.store.appending(table_id):
            with self.reading() as (db, access):
                row = table_row(db, table_id)
                access.require(row, "can_edit")
                columns = columns_at(row)
                last = newest(db, table_id)
                check_version(last, version)
                check_links(db, frame, columns)
            number, first, count = last.number + 1, last.next_row, len(frame)
            folder = table_place(table_id)
            paths = [f"{folder}/{path}" for path in _paths(frame, columns, number)]
            with intending(self.store, "segment", lambda _: paths) as intended:
                segments = _stored(self.store, table_id, frame, columns, first, number)
                with self.writing() as unit:
                    row = table_row(unit.db, table_id)
                    unit.access.require(row, "can_edit")
                    let_be_missing(row, segments, number)
                    for segment in segments:
                        add_segment(unit, row, segment)
                    add_version(
                        unit, row, number, "append", count, last.rows + count, first + count
                    )
                    intended.end(unit.db)
                    info = unit.answer(table_info(unit.db, unit.access, row))
        compact_soon(self, table_id, number)
        return info

    def read_rows(self, table_id: int, selection: Selection = EVERYTHING) -> Any:
        """Rows as a `pandas.DataFrame` whose index is the permanent row id."""
        view = self.table_view(table_id, selection.version)
        return view.read(**selection.model_dump(exclude={"version"}))

    def table_view(self, table_id: int, version: int | None = None) -> TableView:
        """One version of a table that the user may see; without a number, the newest."""
        gates = partial(conditions_of, self, table_id)
        pin = self.store.pins.new(table_id)
        with self.reading() as (db, _):
            row = table_row(db, table_id)
            wanted = version_at(db, table_id, version)
            key = table_id, wanted.number, int(row.details.get("views", 0))
            known = self.store.views.get(key)
            if known is not None:
                return known.with_gates(gates)
            segments = segments_at(db, table_id, wanted.number)
            columns = columns_at(row, wanted.number)
        view = TableView(
            self.store.layout.root / table_place(table_id),
            columns,
            segments,
            self.store.freshness,
            wanted.next_row,
            pin,
        )
        self.store.views.put(key, view)
        return view.with_gates(gates)


def _paths(frame: Any, columns: tuple[Column, ...], version: int) -> list[str]:
    count = math.ceil(max(len(frame), 1) / segment_rows(columns))
    return [segment_path(version, f"{i:03d}") for i in range(count)]


def store_rows(
    store: State, table_id: int, frame: Any, columns: tuple[Column, ...]
) -> list[Segment]:
    """The rows of a new table, stored durably."""
    return _stored(store, table_id, frame, columns, 0, 1)


def _stored(
    store: State, table_id: int, frame: Any, columns: tuple[Column, ...], first: int, version: int
) -> list[Segment]:
    segments = []
    paths = _paths(frame, columns, version)
    for path, rows in zip(paths, in_segments(frame, columns), strict=True):
        encoded = encoded_columns(rows, columns)
        numbers = numpy.arange(first, first + len(rows))
        segments.append(
            store_segment(store, table_id, path, encoded, columns, numbers, first, "rows", version)
        )
        first += len(rows)
    return segments
