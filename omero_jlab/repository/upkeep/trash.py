"""What was deleted together: marked at once, known as one deletion, and brought back as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, inspect, or_, select, update

from ...database import (
    AnnotationLinkRow,
    AnnotationRow,
    DatasetImageRow,
    DeletionRow,
    FieldRow,
    FilesetRow,
    FolderRoiRow,
    FolderRow,
    Guarded,
    ImageRow,
    ProjectDatasetRow,
    RoiRow,
    ScreenPlateRow,
    UserRow,
    now,
)
from ...errors import Conflict
from ...model import Deletion, Undeleted
from ..access import Access, accounts, noun
from ..guarded import GuardedSession
from ..index import TARGETS
from ..work import Writing

__all__ = [
    "CLASSES",
    "MANY",
    "Keys",
    "batches",
    "bring_back",
    "deletion_records",
    "deletions_at",
    "deletions_of",
    "keys_of",
    "load",
    "parents_of",
    "throw_away",
]

Keys = dict[type[Guarded], set[int]]
"""Ids of rows, by class."""

CLASSES: dict[str, type[Any]] = {row.__tablename__: row for row in Guarded.__subclasses__()}  # type: ignore[attr-defined]
"""The guarded classes by the name of their table."""

MANY: tuple[type[Any], ...] = (RoiRow, FolderRoiRow)
"""Classes of which there may be a million: marked, brought back and removed by statements."""

_BATCH = 5000
_SHOWN = 20
_FREE = {"unguarded": "graph"}
_LINKS = (
    AnnotationLinkRow,
    DatasetImageRow,
    FieldRow,
    FolderRoiRow,
    ProjectDatasetRow,
    ScreenPlateRow,
)
_OBJECTS: tuple[type[Any], ...] = (*TARGETS.values(), FilesetRow)


def throw_away(
    unit: Writing, root: Guarded, rows: Iterable[Guarded], many: Keys | None = None
) -> DeletionRow:
    """Mark rows as deleted, as the one deletion of `root`, which is among them.

    `many` are keys of further rows, of the classes in `MANY`.  The caller has made sure that the
    actor may delete them.
    """
    took: dict[str, set[int]] = defaultdict(set)
    time = now()
    with unit.db.flushing_unchecked("graph"):
        for row in rows:
            row.deleted_at = time
            took[_table(type(row))].add(row.id)
        for row_class, ids in (many or {}).items():
            took[_table(row_class)] |= ids
            _mark(unit.db, row_class, ids, None, time)
        deletion = DeletionRow(
            user_id=unit.access.actor.user_id,
            owner_id=root.owner_id,
            group_id=root.group_id,
            created_at=time,
            kind=_table(type(root)),
            object_id=root.id,
            images=len(took[_table(ImageRow)]),
            rows=sum(map(len, took.values())),
            took={name: sorted(ids) for name, ids in took.items() if ids},
        )
        unit.db.add(deletion)
    return deletion


def batches(ids: Iterable[int]) -> Iterator[list[int]]:
    """Ids in order, as many at a time as one statement takes."""
    wanted = sorted(ids)
    for first in range(0, len(wanted), _BATCH):
        yield wanted[first : first + _BATCH]


def _mark(
    db: GuardedSession,
    row_class: type[Any],
    ids: Iterable[int],
    before: datetime | None,
    after: datetime | None,
) -> int:
    """Change when rows were deleted, of those where it was `before`; answers how many."""
    count = 0
    was = row_class.deleted_at.is_(None) if before is None else row_class.deleted_at == before
    for some in batches(ids):
        statement = (
            update(row_class)
            .where(row_class.id.in_(some), was)
            .values(deleted_at=after, updated_at=now(), version=row_class.version + 1)
            .execution_options(synchronize_session=False, **_FREE)
        )
        count += db.execute(statement).rowcount  # type: ignore[attr-defined]
    return count


def load(db: GuardedSession, keys: Keys) -> Iterator[Any]:
    """The rows with these keys, deleted or not, whoever may see them."""
    for row_class, ids in keys.items():
        for some in batches(ids):
            statement = select(row_class).where(row_class.id.in_(some))
            yield from db.scalars(statement, execution_options=_FREE)


def deletions_of(db: GuardedSession, rows: Iterable[Guarded]) -> list[DeletionRow]:
    """The deletions that took some of these rows."""
    return deletions_at(db, {row.deleted_at for row in rows if row.deleted_at is not None})


def deletions_at(db: GuardedSession, when: Iterable[datetime]) -> list[DeletionRow]:
    """The deletions of these times."""
    times = sorted(when)
    found: list[DeletionRow] = []
    for first in range(0, len(times), _BATCH):
        some = DeletionRow.created_at.in_(times[first : first + _BATCH])
        found += db.scalars(select(DeletionRow).where(some), execution_options=_FREE)
    return found


def keys_of(deletion: DeletionRow) -> Keys:
    """What a deletion took."""
    return {CLASSES[name]: set(ids) for name, ids in deletion.took.items() if ids}


def parents_of(row_class: type[Guarded]) -> dict[str, type[Guarded]]:
    """The guarded classes that rows of a class point to, by the name of the column."""
    found = {}
    for column in inspect(row_class).columns:
        for key in column.foreign_keys:
            if key.column.table.name in CLASSES:
                found[column.key] = CLASSES[key.column.table.name]
    return found


def bring_back(unit: Writing, deletion: DeletionRow) -> Undeleted:
    """Undo one deletion: exactly what it took is there again.

    A link to something that was deleted by itself stays in the trash, and comes back with that;
    it is told.

    Raises
    ------
    Denied
        The actor may not delete one of the objects, and so may not bring it back.
    Conflict
        What the object lies on is deleted, or is gone for good.
    """
    db, taken = unit.db, keys_of(deletion)
    # What was brought back, or deleted for good, by another way is not this deletion's any more.
    many = {row_class: taken[row_class] for row_class in MANY if row_class in taken}
    few = {row_class: ids for row_class, ids in taken.items() if row_class not in MANY}
    rows = [row for row in load(db, few) if row.deleted_at == deletion.created_at]
    rows += _looked_at(db, deletion, taken)
    for row in rows:
        is_root = (_table(type(row)), row.id) == (deletion.kind, deletion.object_id)
        if is_root or isinstance(row, _OBJECTS):
            unit.access.require(row, "can_delete")
    staying = _without_parents(db, rows, taken)
    kept = {row for row, _ in staying}
    with db.flushing_unchecked("graph"):
        for row in rows:
            if row not in kept:
                row.deleted_at = None
        for row, parent in staying:
            _hand_over(db, row, parent)
        db.flush()
        # Those that were looked at are back by now, or belong to another deletion.
        time = deletion.created_at
        number = sum(_mark(db, row_class, ids, time, None) for row_class, ids in many.items())
        db.delete(deletion)
    back = [row for row in rows if row not in kept]
    left = [f"{noun(row)}: {noun(parent)} is deleted itself" for row, parent in staying]
    gone = sum(map(len, taken.values())) - len(rows) - number
    if gone:
        left.append(f"{gone} things were removed for good meanwhile")
    return Undeleted(
        images=sum(isinstance(row, ImageRow) for row in back),
        rows=len(back) + number,
        left=tuple(left[:_SHOWN]),
    )


def _looked_at(db: GuardedSession, deletion: DeletionRow, taken: Keys) -> list[Guarded]:
    """The rows of `MANY` that a deletion took and that do not simply come back with it.

    That is its root, regions of an image that is deleted itself, and links of a folder or a
    region that is.
    """
    wanted: Keys = defaultdict(set)
    root_class = CLASSES[deletion.kind]
    if root_class in MANY:
        wanted[root_class].add(deletion.object_id)
    time = deletion.created_at
    images = taken.get(ImageRow, set())
    for some in batches(taken.get(RoiRow, ())):
        statement = (
            select(RoiRow.image_id, func.min(RoiRow.id))
            .join(ImageRow, ImageRow.id == RoiRow.image_id)
            .where(RoiRow.id.in_(some), RoiRow.deleted_at == time)
            .where(ImageRow.deleted_at.is_not(None))
            .group_by(RoiRow.image_id)
        )
        for image, roi in db.execute(statement, execution_options=_FREE):
            if image not in images:
                wanted[RoiRow].add(roi)
    folders, rois = taken.get(FolderRow, set()), taken.get(RoiRow, set())
    for some in batches(taken.get(FolderRoiRow, ())):
        links = (
            select(
                FolderRoiRow.id, FolderRow.id, FolderRow.deleted_at, RoiRow.id, RoiRow.deleted_at
            )
            .join(FolderRow, FolderRow.id == FolderRoiRow.parent_id)
            .join(RoiRow, RoiRow.id == FolderRoiRow.child_id)
            .where(FolderRoiRow.id.in_(some))
            .where(or_(FolderRow.deleted_at.is_not(None), RoiRow.deleted_at.is_not(None)))
        )
        for link, folder, of_folder, roi, of_roi in db.execute(links, execution_options=_FREE):
            if (of_folder and folder not in folders) or (of_roi and roi not in rois):
                wanted[FolderRoiRow].add(link)
    return [row for row in load(db, wanted) if row.deleted_at == time]


def _without_parents(
    db: GuardedSession, rows: Sequence[Guarded], taken: Keys
) -> list[tuple[Guarded, Guarded]]:
    """The links that would point to something deleted, with what that is."""
    pointing: list[tuple[Guarded, type[Guarded], int]] = []
    wanted: Keys = defaultdict(set)
    for row in rows:
        for column, parent_class in parents_of(type(row)).items():
            parent_id = getattr(row, column)
            if parent_id is not None and parent_id not in taken.get(parent_class, ()):
                pointing.append((row, parent_class, parent_id))
                wanted[parent_class].add(parent_id)
    dead = {
        (type(parent), parent.id): parent
        for parent in load(db, wanted)
        if parent.deleted_at is not None
    }
    found: list[tuple[Guarded, Guarded]] = []
    for row, parent_class, parent_id in pointing:
        parent = dead.get((parent_class, parent_id))
        if parent is None:
            continue
        if not isinstance(row, _LINKS):
            first = deletions_of(db, [parent])
            undo = f"undo deletion {first[0].id} first" if first else "it cannot be brought back"
            raise Conflict(f"{noun(row)} belongs to {noun(parent)}, which is deleted: {undo}.")
        found.append((row, parent))
    return found


def _hand_over(db: GuardedSession, row: Guarded, parent: Guarded) -> None:
    """Let a row that is left in the trash come back, or go, with the deletion of its parent."""
    row.deleted_at = parent.deleted_at
    for deletion in deletions_of(db, [parent]):
        name = _table(type(row))
        ids = {*deletion.took.get(name, ()), row.id}
        deletion.took = deletion.took | {name: sorted(ids)}
        deletion.rows += 1


def deletion_records(
    db: GuardedSession, access: Access, deletions: Sequence[DeletionRow]
) -> Iterator[Deletion]:
    """The records of deletions, with the names that things had."""
    wanted: Keys = defaultdict(set)
    for deletion in deletions:
        wanted[CLASSES[deletion.kind]].add(deletion.object_id)
    roots = {(_table(type(row)), row.id): row for row in load(db, wanted)}
    names = {user.id: user.name for user in db.scalars(accounts(select(UserRow)))}
    for deletion in deletions:
        root = roots.get((deletion.kind, deletion.object_id))
        yield Deletion(
            id=deletion.id,
            kind=root.kind if isinstance(root, AnnotationRow) else deletion.kind,
            object_id=deletion.object_id,
            name=_name(root),
            user="" if deletion.user_id is None else names[deletion.user_id],
            owner=names[deletion.owner_id],
            group=access.group_names[deletion.group_id],
            deleted_at=deletion.created_at,
            images=deletion.images,
            rows=deletion.rows,
        )


def _name(row: Guarded | None) -> str:
    if isinstance(row, RoiRow | AnnotationRow):
        return row.name or str(getattr(row, "text", ""))[:80]
    return str(getattr(row, "name", ""))


def _table(row_class: type[Guarded]) -> str:
    return str(row_class.__tablename__)  # type: ignore[attr-defined]
