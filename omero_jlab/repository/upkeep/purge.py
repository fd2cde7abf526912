"""The end of what was deleted: its rows go, and then its files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select

from ...database import (
    Base,
    DamageRow,
    DeletionRow,
    FolderRoiRow,
    FolderRow,
    Guarded,
    ImageRow,
    IntentRow,
    RoiRow,
    now,
)
from ...model import PurgeReport, Trashed
from ..access import Access
from ..guarded import GuardedSession
from ..intents import fulfil
from ..jobs.progress import Progress
from ..state import State
from .holdings import Held, held_below, lies_below, paths_of
from .trash import (
    CLASSES,
    MANY,
    Keys,
    batches,
    deletion_records,
    deletions_at,
    keys_of,
    load,
    parents_of,
)

__all__ = ["Removal", "purge", "purge_deletions", "purge_oldest", "remove_rows", "trashed"]

_AT_ONCE = 100
_BATCH = 5000
_FREE = {"unguarded": "purge"}


class Removal:
    """Rows that are gone and files that must go: `finish` removes these, a crash before it too."""

    def __init__(self, intent_id: int, paths: Collection[str], rows: int) -> None:
        self.intent_id = intent_id
        self.paths = paths
        self.rows = rows

    def finish(self, state: State) -> PurgeReport:
        """Remove the files; answers what went."""
        held = held_below(state.layout, self.paths)
        fulfil(state, self.intent_id)
        state.close_files()
        state.damage.forget(self.paths)
        return PurgeReport(rows=self.rows, files=held.files, size=held.size)


def purge(state: State, older_than: timedelta, progress: Progress | None = None) -> PurgeReport:
    """Remove what was deleted longer ago than `older_than`.

    The rows go in transactions that name their files in an intent: a crash after one leaves
    files that the next opening removes, never a row without its file.
    """
    state.check_writable("freeing")
    state.check_trash()
    before = now() - older_than
    total = PurgeReport(rows=0, files=0, size=0)
    while some := _oldest(state, before, _AT_ONCE):
        total = _sum(total, purge_deletions(state, some))
        if progress is not None:
            progress.tell(0, 0, f"{total.size:,} bytes are free again")
    return total


def purge_oldest(state: State, bytes_wanted: int) -> PurgeReport:
    """Remove the oldest deletions, one after the other, until so many bytes are freed.

    Raises
    ------
    Unavailable
        A backup keeps the trash.
    """
    total = PurgeReport(rows=0, files=0, size=0)
    while total.size < bytes_wanted and (some := _oldest(state, now(), 1)):
        total = _sum(total, purge_deletions(state, some))
    return total


def purge_deletions(state: State, ids: Iterable[int]) -> PurgeReport:
    """Remove for good what these deletions took."""
    state.check_writable("freeing")
    with state.emptying_trash():
        with state.books() as db, db.flushing_unchecked("purge"):
            wanted = select(DeletionRow).where(DeletionRow.id.in_(tuple(ids)))
            taken: Keys = defaultdict(set)
            for deletion in db.scalars(wanted, execution_options=_FREE).all():
                for row_class, some in keys_of(deletion).items():
                    taken[row_class] |= some
                db.delete(deletion)
            many = {row_class: taken.pop(row_class) for row_class in MANY if row_class in taken}
            few = [row for row in load(db, taken) if row.deleted_at]
            removal = remove_rows(state, db, few, many=many)
        return removal.finish(state)


def trashed(state: State, access: Access) -> tuple[Trashed, ...]:
    """What was deleted and is kept, the oldest first, with what it takes of the disk."""
    found = []
    with GuardedSession(state.engines.reader, None) as db:
        every = select(DeletionRow).order_by(DeletionRow.created_at, DeletionRow.id)
        deletions = db.scalars(every, execution_options=_FREE).all()
        for deletion, record in zip(
            deletions, deletion_records(db, access, deletions), strict=True
        ):
            keys = keys_of(deletion)
            rows = load(db, {each: keys[each] for each in keys if each not in MANY})
            held = held_below(state.layout, paths_of(state.layout, rows))
            found.append(Trashed(deletion=record, files=held.files, size=held.size))
    return tuple(found)


def remove_rows(
    state: State,
    db: GuardedSession,
    rows: Iterable[Guarded],
    more_paths: Iterable[str] = (),
    many: Keys | None = None,
) -> Removal:
    """Remove deleted rows, and deleted ones that point to them; their files go with `finish`.

    `many` are keys of further rows, of the classes in `MANY`.
    """
    doomed = _with_dependents(db, rows)
    everything = [row for rows_of in doomed.values() for row in rows_of.values()]
    places = frozenset((*paths_of(state.layout, everything), *more_paths))
    number = _remove_many(db, doomed, many or {})
    _forget_deletions(db, everything)
    for damage in db.scalars(select(DamageRow), execution_options=_FREE):
        if lies_below(damage.path, places):
            db.delete(damage)
    for row_class in _parts_first():
        for row in doomed.get(row_class, {}).values():
            if row_class not in MANY:
                db.delete(row)
        db.flush()
    intent = IntentRow(kind="purge", paths=sorted(places))
    db.add(intent)
    db.flush()
    few = sum(type(row) not in MANY for row in everything)
    return Removal(intent.id, intent.paths, few + number)


def _with_dependents(
    db: GuardedSession, rows: Iterable[Guarded]
) -> dict[type[Guarded], dict[int, Guarded]]:
    """Rows by class and id, with every deleted row that points to one of them."""
    doomed: dict[type[Guarded], dict[int, Guarded]] = defaultdict(dict)
    found = list(rows)
    while found:
        fresh: Keys = defaultdict(set)
        for row in found:
            if row.id not in doomed[type(row)]:
                doomed[type(row)][row.id] = row
                fresh[type(row)].add(row.id)
        found = []
        for row_class in (each for each in CLASSES.values() if each not in MANY):
            for column, parent in parents_of(row_class).items():
                found += _pointing(db, getattr(row_class, column), fresh.get(parent, set()))
    return doomed


def _remove_many(
    db: GuardedSession, doomed: dict[type[Guarded], dict[int, Guarded]], keys: Keys
) -> int:
    """Remove deleted regions and their links: those with these keys, and those of what goes."""
    gone: dict[str, set[int]] = {row_class.__tablename__: set() for row_class in MANY}
    times: set[datetime] = set()

    def find(column: Any, ids: Iterable[int], is_deleted: bool = True) -> set[int]:
        row_class = column.class_
        found = set()
        for some in batches(ids):
            statement = select(row_class.id, row_class.deleted_at).where(column.in_(some))
            if is_deleted:
                statement = statement.where(row_class.deleted_at.is_not(None))
            for number, time in db.execute(statement, execution_options=_FREE):
                found.add(number)
                times.update(() if time is None else (time,))
        gone[row_class.__tablename__] |= found
        return found

    rois = find(RoiRow.id, doomed.get(RoiRow, ()), False) | find(RoiRow.id, keys.get(RoiRow, ()))
    rois |= find(RoiRow.image_id, doomed.get(ImageRow, ()))
    find(FolderRoiRow.id, doomed.get(FolderRoiRow, ()), False)
    find(FolderRoiRow.id, keys.get(FolderRoiRow, ()))
    find(FolderRoiRow.parent_id, doomed.get(FolderRow, ()))
    find(FolderRoiRow.child_id, rois)
    _take_out(db, times, gone)
    for row_class in reversed(MANY):
        for some in batches(gone[row_class.__tablename__]):
            db.execute(
                delete(row_class).where(row_class.id.in_(some)),
                execution_options={**_FREE, "synchronize_session": False},
            )
    return sum(map(len, gone.values()))


def _pointing(db: GuardedSession, column: object, ids: set[int]) -> Iterable[Guarded]:
    row_class, wanted = column.class_, sorted(ids)  # type: ignore[attr-defined]
    for first in range(0, len(wanted), _BATCH):
        some = wanted[first : first + _BATCH]
        statement = select(row_class).where(
            column.in_(some),  # type: ignore[attr-defined]
            row_class.deleted_at.is_not(None),
        )
        yield from db.scalars(statement, execution_options=_FREE)


def _forget_deletions(db: GuardedSession, rows: Iterable[Guarded]) -> None:
    """Take rows that go out of the deletions that took them; one without any is no deletion."""
    gone: dict[str, set[int]] = defaultdict(set)
    times = set()
    for row in rows:
        gone[row.__tablename__].add(row.id)  # type: ignore[attr-defined]
        if row.deleted_at is not None:
            times.add(row.deleted_at)
    _take_out(db, times, gone)


def _take_out(db: GuardedSession, times: set[datetime], gone: Mapping[str, set[int]]) -> None:
    for deletion in deletions_at(db, times):
        left = {name: sorted({*ids} - gone.get(name, set())) for name, ids in deletion.took.items()}
        deletion.took = {name: ids for name, ids in left.items() if ids}
        if not deletion.took:
            db.delete(deletion)


def _oldest(state: State, before: datetime, count: int) -> list[int]:
    statement = select(DeletionRow.id).where(DeletionRow.created_at < before)
    statement = statement.order_by(DeletionRow.created_at, DeletionRow.id).limit(count)
    with GuardedSession(state.engines.reader, None) as db:
        return list(db.scalars(statement, execution_options=_FREE))


def _parts_first() -> list[type[Guarded]]:
    """The guarded classes, so ordered that no row goes before those that point to it."""
    tables = reversed(Base.metadata.sorted_tables)
    return [CLASSES[table.name] for table in tables if table.name in CLASSES]


def _sum(one: PurgeReport, other: PurgeReport) -> PurgeReport:
    held = Held(one.files, one.size) + Held(other.files, other.size)
    return PurgeReport(rows=one.rows + other.rows, files=held.files, size=held.size)
