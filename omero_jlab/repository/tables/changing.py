"""Other values, fewer rows, more or fewer columns: each change a new version of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy
import pandas
from numpy.typing import NDArray
from pydantic import JsonValue

from ...database import AnnotationRow
from ...errors import Invalid, NotFound
from ...model import (
    Column,
    Job,
    LinkTarget,
    Segment,
    TableChange,
    TableInfo,
    TableVersion,
)
from ...tables import TableView, chosen, columns_of, encoded_columns, segment_rows
from ..intents import intending
from ..jobs.jobs import start_job
from ..places import table_place
from ..work import Writing
from .compaction import compact_soon
from .describing import Fact, describe_columns, set_metadata, versions_of
from .links import check_links
from .manifest import (
    add_segment,
    add_version,
    check_version,
    columns_at,
    every_column,
    let_be_missing,
    newest,
    segment_path,
    set_columns,
    store_segment,
    table_info,
    table_row,
)
from .rows import Rows, Tables
from .values import constants, numbered

__all__ = ["ChangedRows", "ChangedTables"]

Numbers = NDArray[numpy.int64]

_SHOWN = 5


@dataclass(frozen=True)
class _Change:
    """A table that nobody else changes meanwhile, as it is before the change."""

    table_id: int
    view: TableView
    columns: tuple[Column, ...]
    number: int
    rows: int
    next_row: int


class ChangedRows(Rows):
    """Changes of tables beyond appending."""

    def update_rows(self, table_id: int, frame: Any, version: int | None = None) -> TableChange:
        """Give rows, named by the index or the column `row_id` of `frame`, other values."""
        rows = numbered(frame)
        with self._changing(table_id, version) as change:
            _check_known(change, rows)
            columns = _named(change, rows.columns)
            return self._patch(change, rows, columns)

    def set_values(
        self,
        table_id: int,
        values: Mapping[str, JsonValue],
        where: str | None = None,
        version: int | None = None,
    ) -> TableChange:
        """Give all rows that meet a condition the same values."""
        with self._changing(table_id, version) as change:
            columns = _named(change, values)
            numbers = change.view.numbers(where)
            frame = constants(values, columns, numbers)
            return self._patch(change, frame, columns)

    def delete_rows(
        self,
        table_id: int,
        where: str | None = None,
        rows: Sequence[int] | None = None,
        version: int | None = None,
    ) -> TableChange:
        """Delete the rows that meet a condition, or those of these numbers."""
        with self._changing(table_id, version) as change:
            if (where is None) == (rows is None):
                raise Invalid("Say which rows go: give a condition or their numbers, not both.")
            if rows is None:
                numbers = change.view.numbers(where)
            else:
                numbers = numpy.unique(numpy.asarray(rows, "i8"))
                _check_there(change, numbers)
            left = change.rows - len(numbers)

            def add(unit: Writing, table: AnnotationRow) -> None:
                add_version(
                    unit, table, change.number, "delete", len(numbers), left, change.next_row
                )

            return self._commit(change, numbers, None, (), "deletion", add)

    def add_columns(
        self,
        table_id: int,
        frame: Any,
        units: Mapping[str, str] | None = None,
        descriptions: Mapping[str, str] | None = None,
        links: Mapping[str, LinkTarget] | None = None,
        version: int | None = None,
    ) -> TableChange:
        """Add the columns of `frame`, whose index names the rows; other rows have no value."""
        with self._changing(table_id, version) as change:
            rows = numbered(frame, change.view.numbers)
            _check_known(change, rows)
            known = {column.name for column in change.columns}
            for name in rows.columns:
                if name in known:
                    raise Invalid(f"Table {table_id} has a column {name!r} already: update it.")
            with self.reading() as (db, _):
                taken = {column.stored_as for column in every_column(table_row(db, table_id))}
            columns = tuple(
                _added(column, change.number, taken)
                for column in columns_of(rows, units, descriptions, links)
            )
            self._check_links(rows, columns)

            def add(unit: Writing, table: AnnotationRow) -> None:
                set_columns(table, (*every_column(table), *columns))
                names = [column.name for column in columns]
                add_version(
                    unit,
                    table,
                    change.number,
                    "add column",
                    len(rows),
                    change.rows,
                    change.next_row,
                    names,
                )

            numbers = rows.index.to_numpy()
            return self._commit(change, numbers, rows, columns, "patch", add, always=True)

    def drop_column(self, table_id: int, name: str, version: int | None = None) -> TableChange:
        """Take a column away; earlier versions have it still."""
        with self._changing(table_id, version) as change:
            _named(change, [name])
            if len(change.columns) == 1:
                raise Invalid(
                    f"{name!r} is the only column of table {table_id}: delete the table instead."
                )

            def add(unit: Writing, table: AnnotationRow) -> None:
                kept = [
                    column.model_copy(update={"until": change.number})
                    if column.name == name and column.until is None
                    else column
                    for column in every_column(table)
                ]
                set_columns(table, kept)
                add_version(
                    unit,
                    table,
                    change.number,
                    "drop column",
                    0,
                    change.rows,
                    change.next_row,
                    [name],
                )

            nothing = numpy.empty(0, "i8")
            return self._commit(change, nothing, None, (), "patch", add, always=True)

    @contextmanager
    def _changing(self, table_id: int, believed: int | None) -> Iterator[_Change]:
        """The table as it is, while no other writer changes it."""
        with self.store.appending(table_id):
            with self.reading() as (db, access):
                row = table_row(db, table_id)
                access.require(row, "can_edit")
                last = newest(db, table_id)
                check_version(last, believed)
                columns = columns_at(row)
            yield _Change(
                table_id=table_id,
                view=self.table_view(table_id, last.number),
                columns=columns,
                number=last.number + 1,
                rows=last.rows,
                next_row=last.next_row,
            )
        compact_soon(self, table_id, last.number + 1)

    def _patch(
        self, change: _Change, frame: pandas.DataFrame, columns: tuple[Column, ...]
    ) -> TableChange:
        self._check_links(frame, columns)
        names = [column.name for column in columns]

        def add(unit: Writing, table: AnnotationRow) -> None:
            add_version(
                unit,
                table,
                change.number,
                "update",
                len(frame),
                change.rows,
                change.next_row,
                names,
            )

        return self._commit(change, frame.index.to_numpy(), frame, columns, "patch", add)

    def _check_links(self, frame: pandas.DataFrame, columns: Sequence[Column]) -> None:
        if any(column.target for column in columns):
            with self.reading() as (db, _):
                check_links(db, frame, columns)

    def _commit(
        self,
        change: _Change,
        numbers: Numbers,
        frame: pandas.DataFrame | None,
        columns: tuple[Column, ...],
        kind: str,
        add: Callable[[Writing, AnnotationRow], None],
        always: bool = False,
    ) -> TableChange:
        """Store the rows of `numbers`, and make the new version with `add` in one transaction."""
        step = segment_rows(columns)
        starts = range(0, len(numbers), step)
        if not len(starts) and not always:
            with self.reading() as (db, access):
                info = table_info(db, access, table_row(db, change.table_id))
            return TableChange(table=info, changed_rows=0)
        folder = table_place(change.table_id)
        paths = [segment_path(change.number, f"{i:03d}") for i in range(len(starts))]
        wanted = [f"{folder}/{path}" for path in paths]
        with intending(self.store, "segment", lambda _: wanted) as intended:
            segments = []
            for path, start in zip(paths, starts, strict=True):
                some = slice(start, start + step)
                segments.append(
                    self._stored(change, path, numbers[some], frame, columns, some, kind)
                )
            with self.writing() as unit:
                row = table_row(unit.db, change.table_id)
                unit.access.require(row, "can_edit")
                let_be_missing(row, segments, change.number)
                for segment in segments:
                    add_segment(unit, row, segment)
                add(unit, row)
                intended.end(unit.db)
                info = table_info(unit.db, unit.access, row)
                return unit.answer(TableChange(table=info, changed_rows=len(numbers)))

    def _stored(
        self,
        change: _Change,
        path: str,
        numbers: Numbers,
        frame: pandas.DataFrame | None,
        columns: tuple[Column, ...],
        some: slice,
        kind: str,
    ) -> Segment:
        encoded = [] if frame is None else encoded_columns(frame.iloc[some], columns)
        return store_segment(
            self.store,
            change.table_id,
            path,
            encoded,
            columns,
            numbers,
            int(numbers[0]),
            kind,
            change.number,
        )


class ChangedTables(Tables):
    """What tables there are, and changes of them that JSON carries."""

    _session: ChangedRows

    def set_values(
        self,
        table_id: int,
        values: Mapping[str, JsonValue],
        where: str | None = None,
        version: int | None = None,
    ) -> TableChange:
        """Give all rows that meet a condition the same values, by column."""
        return self._session.set_values(table_id, values, where, version)

    def delete_rows(
        self,
        table_id: int,
        where: str | None = None,
        rows: Sequence[int] | None = None,
        version: int | None = None,
    ) -> TableChange:
        """Delete the rows that meet a condition, or those of these numbers."""
        return self._session.delete_rows(table_id, where, rows, version)

    def drop_column(self, table_id: int, name: str, version: int | None = None) -> TableChange:
        """Take a column away; earlier versions have it still."""
        return self._session.drop_column(table_id, name, version)

    def describe_columns(
        self,
        table_id: int,
        units: Mapping[str, str] | None = None,
        descriptions: Mapping[str, str] | None = None,
    ) -> TableInfo:
        """Say what columns mean: their units and descriptions, by name."""
        return describe_columns(self._session, table_id, units or {}, descriptions or {})

    def set_metadata(self, table_id: int, metadata: Mapping[str, Fact | None]) -> TableInfo:
        """Keep words and numbers by key with a table; a key with None is taken away."""
        return set_metadata(self._session, table_id, metadata)

    def versions(
        self, table_id: int, limit: int = 1000, before: int | None = None
    ) -> tuple[TableVersion, ...]:
        """The newest versions that can be read, the newest first: what was done, when, by whom."""
        return versions_of(self._session, table_id, limit, before)

    def compact(self, table_id: int, keep: int | None = None) -> Job:
        """Begin to merge a table's small files, and to work its changes in."""
        with self._session.reading() as (db, access):
            access.require(table_row(db, table_id), "can_edit")
        return start_job(self._session, "compact", {"table_id": table_id, "keep": keep})


def _named(change: _Change, names: Any) -> tuple[Column, ...]:
    """The columns of these names, which are to be changed."""
    wanted = list(names)
    if not wanted:
        raise Invalid("No column is named: say what is to be changed.")
    return tuple(chosen(change.columns, wanted))


def _check_known(change: _Change, frame: pandas.DataFrame) -> None:
    _check_there(change, frame.index.to_numpy())


def _check_there(change: _Change, numbers: Numbers) -> None:
    """Raise where one of the ascending `numbers` is of no row."""
    there = change.view.existing(numbers)
    if len(there) == len(numbers):
        return
    missing = numpy.setdiff1d(numbers, there, assume_unique=True)
    shown = ", ".join(map(str, missing[:_SHOWN].tolist()))
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    raise NotFound(f"Table {change.table_id} has no row {shown}{more}; none was changed.")


def _added(column: Column, version: int, taken: set[str]) -> Column:
    """A column as it is added: who appends without knowing it leaves it empty."""
    key = "" if column.name not in taken else f"{column.name}@{version}"
    nullable = column.nullable or column.kind != "float"
    return column.model_copy(update={"key": key, "since": version, "nullable": nullable})
