"""Result tables: rows in segment files, and the manifest rows that make them exist."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import or_, select

from ...database import TARGET_COLUMNS, AnnotationLinkRow, AnnotationRow, SegmentRow
from ...errors import Invalid, NotFound
from ...model import Column, Segment, TableInfo, TargetKind
from ...storage import make_folders
from ...tables import TableView, columns_of, in_segments, write_segment
from ..containers import check_name, found
from ..guarded import GuardedSession
from ..index import TARGETS
from ..intents import intending, intending_one
from ..places import table_place
from ..records import annotation_record
from ..state import State
from ..work import Work, Writing

__all__ = ["Rows", "Tables"]

BULK_ANNOTATIONS = "openmicroscopy.org/omero/bulk_annotations"
_PER_FOLDER = 1000


def _table(db: GuardedSession, table_id: int) -> AnnotationRow:
    row = db.get(AnnotationRow, table_id)
    if row is None or row.kind != "table":
        raise NotFound(f"There is no table {table_id}.")
    return row


def _info(db: GuardedSession, access: Any, row: AnnotationRow) -> TableInfo:
    record = annotation_record(db, access, row)
    assert isinstance(record, TableInfo)
    return record


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
            return tuple(_info(db, access, row) for row in db.scalars(statement).all())

    def get(self, table_id: int) -> TableInfo:
        """A table's columns and how many rows it has."""
        with self._session.reading() as (db, access):
            return _info(db, access, _table(db, table_id))

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
    ) -> TableInfo:
        """Attach a table with the rows of a `pandas.DataFrame`."""
        check_name(name)
        columns = columns_of(frame)
        with self.reading() as (db, access):
            target = found(db, TARGETS[kind], id)
            access.require(target, "can_annotate")
            group_id = target.group_id
        with intending_one(self.store, "table", table_place, AnnotationRow) as intended:
            segments = _write(self.store, intended.paths[0], frame, columns, 0, 0)
            with self.writing() as unit:
                row = unit.new(
                    AnnotationRow(
                        id=intended.ids[0],
                        kind="table",
                        name=name,
                        namespace=namespace,
                        description=description,
                        details=_details(columns, len(frame), 1),
                    ),
                    group_id,
                )
                _add_segments(unit, row, segments, 1)
                link = AnnotationLinkRow(annotation_id=row.id, **{TARGET_COLUMNS[kind]: id})
                unit.new(link, group_id)
                intended.end(unit.db)
                return unit.answer(_info(unit.db, unit.access, row))

    def append_rows(self, table_id: int, frame: Any) -> TableInfo:
        """Append rows to a table; durable when this returns."""
        # The next row's number is known only to one who keeps other appenders out.
        with self.store.appending(table_id):
            with self.reading() as (db, access):
                row = _table(db, table_id)
                access.require(row, "can_edit")
                columns = _columns(row)
                first, version = int(row.details["rows"]), int(row.details["version"]) + 1
            folder = table_place(table_id)
            paths = [f"{folder}/{name}" for name in _names(frame, columns, version)]
            with intending(self.store, "segment", lambda _: paths) as intended:
                segments = _write(self.store, folder, frame, columns, first, version)
                with self.writing() as unit:
                    row = _table(unit.db, table_id)
                    row.details = _details(columns, first + len(frame), version)
                    _add_segments(unit, row, segments, version)
                    intended.end(unit.db)
                    return unit.answer(_info(unit.db, unit.access, row))

    def read_rows(
        self,
        table_id: int,
        columns: Sequence[str] | None = None,
        condition: str | None = None,
        order_by: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        offset: int = 0,
        version: int | None = None,
    ) -> Any:
        """Rows as a `pandas.DataFrame` whose index is the permanent row id."""
        view = self.table_view(table_id, version)
        return view.read(columns, condition, order_by, descending, limit, offset)

    def read_batches(
        self,
        table_id: int,
        columns: Sequence[str] | None = None,
        condition: str | None = None,
        order_by: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        offset: int = 0,
        version: int | None = None,
    ) -> Iterator[Any]:
        """The same rows as `pyarrow.RecordBatch`es, a bounded number at a time."""
        view = self.table_view(table_id, version)
        return iter(view.arrow(columns, condition, order_by, descending, limit, offset))

    def table_view(self, table_id: int, version: int | None = None) -> TableView:
        """One version of a table that the user may see; without a number, the newest."""
        with self.reading() as (db, _):
            row = _table(db, table_id)
            newest = int(row.details["version"])
            wanted = newest if version is None else version
            if not 1 <= wanted <= newest:
                raise Invalid(f"Table {table_id} has versions 1 to {newest}, not {version}.")
            known = self.store.views.get((table_id, wanted))
            if known is not None:
                return known
            statement = (
                select(SegmentRow.manifest)
                .where(
                    SegmentRow.table_id == table_id,
                    SegmentRow.since <= wanted,
                    or_(SegmentRow.until.is_(None), SegmentRow.until > wanted),
                )
                .order_by(SegmentRow.first_row)
            )
            segments = tuple(Segment.model_validate(m) for m in db.scalars(statement))
            columns = _columns(row)
        view = TableView(
            self.store.layout.root / table_place(table_id), columns, segments, self.store.freshness
        )
        self.store.views.put((table_id, wanted), view)
        return view


def _columns(row: AnnotationRow) -> tuple[Column, ...]:
    return tuple(Column.model_validate(column) for column in row.details["columns"])


def _details(columns: tuple[Column, ...], rows: int, version: int) -> dict[str, Any]:
    listed = [column.model_dump(mode="json") for column in columns]
    return {"columns": listed, "rows": rows, "version": version}


def _names(frame: Any, columns: tuple[Column, ...], version: int) -> list[str]:
    """The paths of a version's segments: at most a thousand versions share a folder."""
    folder = f"{version // _PER_FOLDER:04d}"
    count = sum(1 for _ in in_segments(frame, columns))
    return [f"{folder}/{version:08d}-{i:03d}.h5" for i in range(count)]


def _write(
    store: State, place: str, frame: Any, columns: tuple[Column, ...], first: int, version: int
) -> list[Segment]:
    segments = []
    names = _names(frame, columns, version)
    for name, rows in zip(names, in_segments(frame, columns), strict=True):
        path = store.layout.root / place / name
        make_folders(path.parent)
        made = write_segment(path.parent, path.name, rows, columns, first)
        segments.append(made.model_copy(update={"path": name}))
        first += len(rows)
    return segments


def _add_segments(
    unit: Writing, table: AnnotationRow, segments: Sequence[Segment], version: int
) -> None:
    for segment in segments:
        row = SegmentRow(
            table_id=table.id,
            since=version,
            until=None,
            first_row=segment.first_row,
            rows=segment.rows,
            manifest=segment.model_dump(mode="json"),
        )
        unit.new(row, table.group_id)
