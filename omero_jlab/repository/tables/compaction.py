"""Many small segments become few: patches and deletions that no version needs are worked in.

A segment of rows that were appended can be merged with its neighbours without a trace: an earlier
version reads it up to the number that its next row would have had.  Patches and deletions are
worked in as far as the oldest version that is kept; younger ones stay.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import select

from ...database import AnnotationRow, IntentRow, SegmentRow, TableVersionRow
from ...errors import NotFound, OmeroError, Unavailable
from ...model import Column, CompactionReport, Segment
from ...tables import TableView, merged, segment_rows
from ..guarded import GuardedSession
from ..intents import fulfil, intending
from ..jobs.jobs import Progress, job_kind, start_job
from ..people.held import held_version
from ..places import object_of, table_place
from ..state import State
from ..work import Work
from .manifest import every_column, segment_path, set_columns, store_segment, table_row
from .merging import ASKED, BEHIND, Horizon, Run, Sizes, runs_of

__all__ = ["KEPT_CHANGES", "compact_job", "compact_soon"]

log = logging.getLogger(__name__)

KEPT_CHANGES = 100
"""How many changes of a table, appends not counted, can be looked behind unless told."""

_EVERY = 64
_PATIENCE_S = 5.0
_FREE = {"unguarded": "jobs"}
_REPLACED = "replaced segments"


def compact_soon(session: Work, table_id: int, version: int) -> None:
    """Begin to compact a table in the background, at every so many of its versions."""
    if version % _EVERY or table_id in session.store.compacted:
        return
    try:
        own = type(session)(session.store, session.user, session.group)
        start_job(own, "compact", {"table_id": table_id})
    except OmeroError as error:
        # The change itself is done: the next ones try again.
        log.warning("table %s is not compacted: %s", table_id, error)


@job_kind("compact", resumable=True, behind=True)
def compact_job(
    session: Work, arguments: dict[str, Any], progress: Progress
) -> CompactionReport | None:
    """Merge the small segments of a table."""
    state, table_id = session.store, int(arguments["table_id"])
    with session.reading() as (db, access):
        access.require(table_row(db, table_id), "can_edit")
    with state.claiming:
        if table_id in state.compacted:
            return None
        state.compacted.add(table_id)
    try:
        sizes = ASKED if "keep" in arguments else BEHIND
        return _Compaction(state, table_id, arguments.get("keep"), sizes, progress).run()
    finally:
        state.compacted.discard(table_id)


class _Compaction:
    """The compaction of one table, as it was at one moment; others may change it meanwhile."""

    def __init__(
        self,
        state: State,
        table_id: int,
        kept_changes: int | None,
        sizes: Sizes,
        progress: Progress,
    ) -> None:
        self._state = state
        self._sizes = sizes
        self._table_id = table_id
        self._progress = progress
        with GuardedSession(state.engines.reader, None) as db:
            row = db.get(AnnotationRow, table_id, execution_options=_FREE)
            if row is None or row.deleted_at is not None:
                raise NotFound(f"There is no table {table_id}.")
            kept = KEPT_CHANGES if kept_changes is None else kept_changes
            self._horizon = _horizon(db, table_id, kept)
            kept_columns = (
                _as_stored(column)
                for column in every_column(row)
                if column.until is None or column.until > self._horizon.number
            )
            # One in which values were missing later on is listed twice.
            self._columns = tuple({column.name: column for column in kept_columns}.values())
            statement = select(SegmentRow).where(SegmentRow.table_id == table_id)
            rows = db.scalars(statement.order_by(SegmentRow.first_row), execution_options=_FREE)
            self._segments = {
                each.id: Segment.model_validate(each.manifest | {"since": each.since})
                for each in rows
            }
        # The reading session is closed: what is held from now on is files, which stay until the
        # end of this job.
        fold = None if kept_changes is None else True
        segments = list(self._segments.values())
        self._runs = list(runs_of(segments, self._horizon, fold, sizes))

    def run(self) -> CompactionReport:
        """Write the merged segments, put them in place of the others, and remove those."""
        new: list[Segment] = []
        number = max((segment.since for segment in self._segments.values()), default=1)
        sizes = [
            -(-sum(segment.rows for segment in run.segments) // self._step) for run in self._runs
        ]
        token = secrets.token_hex(4)
        paths = iter(segment_path(number, f"{token}-{i:03d}") for i in range(sum(sizes)))
        names = list(paths)
        folder = table_place(self._table_id)
        before = {segment.path: segment.size for segment in self._segments.values()}
        if not self._runs and not self._forgets():
            return self._report(before, before)
        wanted = [f"{folder}/{name}" for name in names]
        with intending(self._state, "segment", lambda _: wanted) as intended:
            unused = iter(names)
            for place, run in enumerate(self._runs):
                self._progress.tell(place, len(self._runs), "merging segments")
                new += self._merged(run, unused)
            intent_id = self._replace(new, intended.end)
        after = {path: size for path, size in before.items() if path not in self._gone()}
        after |= {segment.path: segment.size for segment in new}
        self._remove(intent_id)
        return self._report(before, after)

    @property
    def _step(self) -> int:
        return segment_rows(self._columns, self._sizes.merged)

    def _merged(self, run: Run, paths: Iterator[str]) -> Iterator[Segment]:
        root = self._state.layout.root / table_place(self._table_id)
        segments = (*run.segments, *run.overlays)
        view = TableView(root, self._columns, segments, self._state.freshness, run.stop_row)
        since = min(segment.since for segment in run.segments)
        for some in merged(view, self._step, run.start_row):
            self._progress.check()
            yield store_segment(
                self._state,
                self._table_id,
                next(paths),
                some.encoded,
                self._columns,
                some.numbers,
                int(some.numbers[0]),
                "rows",
                since,
            )

    def _gone(self) -> set[str]:
        return {s.path for run in self._runs for s in (*run.segments, *run.overlays)}

    def _forgets(self) -> bool:
        with GuardedSession(self._state.engines.reader, None) as db:
            older = select(TableVersionRow.id).where(
                TableVersionRow.table_id == self._table_id,
                TableVersionRow.number < self._horizon.number,
            )
            return db.scalar(older.limit(1), execution_options=_FREE) is not None

    def _replace(self, new: Sequence[Segment], end: Callable[[GuardedSession], None]) -> int:
        """Put the new segments in place of the others; answers the intent that removes those."""
        gone = self._gone()
        ids = [number for number, segment in self._segments.items() if segment.path in gone]
        with self._state.books() as db, db.flushing_unchecked("jobs"):
            table = db.get(AnnotationRow, self._table_id, execution_options=_FREE)
            if table is None or table.deleted_at is not None:
                raise NotFound(f"Table {self._table_id} was deleted while it was compacted.")
            held = held_version(db, self._table_id)
            if held is not None and held < self._horizon.number:
                raise Unavailable(
                    f"Somebody has begun to read version {held} of table {self._table_id}, and "
                    f"keeps it: compact the table later."
                )
            for number in ids:
                row = db.get(SegmentRow, number, execution_options=_FREE)
                if row is None:
                    raise Unavailable(f"Table {self._table_id} was compacted by somebody else.")
                db.delete(row)
            for segment in new:
                db.add(
                    SegmentRow(
                        table_id=self._table_id,
                        owner_id=table.owner_id,
                        group_id=table.group_id,
                        since=segment.since,
                        first_row=segment.first_row,
                        rows=segment.rows,
                        manifest=segment.model_dump(mode="json"),
                    )
                )
            self._forget(db, table)
            end(db)
            folder = table_place(self._table_id)
            intent = IntentRow(kind=_REPLACED, paths=sorted(f"{folder}/{path}" for path in gone))
            db.add(intent)
            db.flush()
            return intent.id

    def _forget(self, db: GuardedSession, table: AnnotationRow) -> None:
        """Forget the versions before the horizon, and the columns that only those had."""
        older = select(TableVersionRow).where(
            TableVersionRow.table_id == self._table_id,
            TableVersionRow.number < self._horizon.number,
        )
        for row in db.scalars(older, execution_options=_FREE):
            db.delete(row)
        kept = [
            column
            for column in every_column(table)
            if column.until is None or column.until > self._horizon.number
        ]
        set_columns(table, kept)
        # Views that are remembered are known by it.
        table.details = table.details | {"views": int(table.details.get("views", 0)) + 1}

    def _remove(self, intent_id: int) -> None:
        state = self._state
        state.views.forget(lambda key: key[0] == self._table_id)
        if not state.pins.gone(self._table_id, _PATIENCE_S, self._progress.check):
            log.info("table %s is read: its old segments go later", self._table_id)
            return
        with GuardedSession(state.engines.reader, None) as db:
            left = db.scalars(
                select(IntentRow).where(IntentRow.kind == _REPLACED), execution_options=_FREE
            )
            mine = [
                (intent.id, list(intent.paths))
                for intent in left
                if intent.id <= intent_id
                and any(object_of(path) == ("table", self._table_id) for path in intent.paths)
            ]
        for number, paths in mine:
            try:
                with state.emptying_trash():
                    fulfil(state, number)
            except Unavailable as error:
                log.info("old segments of table %s stay: %s", self._table_id, error)
                return
            state.damage.forget(paths)

    def _report(self, before: dict[str, int], after: dict[str, int]) -> CompactionReport:
        return CompactionReport(
            oldest_version=self._horizon.number,
            files_before=len(before),
            files_after=len(after),
            size_before=sum(before.values()),
            size_after=sum(after.values()),
        )


def _as_stored(column: Column) -> Column:
    """The column by its stored name; rows from when it was not there have no value."""
    nullable = column.nullable or column.kind != "float"
    return column.model_copy(update={"name": column.stored_as, "nullable": nullable})


def _horizon(db: GuardedSession, table_id: int, kept_changes: int) -> Horizon:
    """The oldest version to keep: so many changes ago, or an older one that somebody holds."""
    of = select(TableVersionRow).where(TableVersionRow.table_id == table_id)
    changes = of.where(TableVersionRow.change.not_in(("attach", "append")))
    newest_first = changes.order_by(TableVersionRow.number.desc())
    found = db.scalar(newest_first.offset(kept_changes).limit(1), execution_options=_FREE)
    if found is None:
        found = db.scalar(of.order_by(TableVersionRow.number).limit(1), execution_options=_FREE)
    assert found is not None
    held = held_version(db, table_id)
    if held is not None and held < found.number:
        found = db.scalar(of.where(TableVersionRow.number == held), execution_options=_FREE)
        assert found is not None
    return Horizon(found.number, found.next_row)
