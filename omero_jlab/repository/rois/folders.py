"""Folders of regions: named, one in another, and a region in any number of them."""

from __future__ import annotations

import builtins
from collections import defaultdict
from collections.abc import Iterable, Iterator

from sqlalchemy import func, select

from ...database import FolderRoiRow, FolderRow, RoiRow
from ...errors import Conflict, Invalid, NotFound
from ...model import RoiFolder
from ...operations.declare import UNSET, Unset
from ..access import Access
from ..containers import check_name, found
from ..guarded import GuardedSession
from ..records import owned
from ..upkeep.trash import throw_away
from ..work import Work, Writing, fresh

__all__ = ["Folders", "folder_at", "folders_of"]

_DEEPEST = 20
_BATCH = 5000


class Folders:
    """Folders of regions."""

    def __init__(self, session: Work) -> None:
        self._session = session

    def list(self, image_id: int | None = None) -> tuple[RoiFolder, ...]:
        """Every folder by path; those only that hold a region of one image where that is named."""
        with self._session.reading() as (db, access):
            rows = {row.id: row for row in db.scalars(select(FolderRow))}
            counts = _counts(db, image_id)
            wanted = rows if image_id is None else counts
            records = [
                _record(rows[number], rows, counts.get(number, 0), access)
                for number in wanted
                if number in rows
            ]
            return tuple(sorted(records, key=lambda folder: (folder.path, folder.id)))

    def add(self, name: str, description: str = "", parent_id: int | None = None) -> RoiFolder:
        """A new folder, in another where one is named."""
        _check(name)
        with self._session.writing() as unit:
            group_id = None
            if parent_id is not None:
                parent = found(unit.db, FolderRow, parent_id)
                unit.access.require(parent, "can_link")
                _check_depth(unit.db, parent)
                group_id = parent.group_id
            row = FolderRow(name=name, description=description, parent_id=parent_id)
            unit.new(row, group_id)
            return unit.answer(_record(row, _above(unit.db, row), 0, unit.access))

    def update(
        self,
        folder_id: int,
        version: int,
        name: str | Unset = UNSET,
        description: str | Unset = UNSET,
        parent_id: int | Unset | None = UNSET,
    ) -> RoiFolder:
        """Change a folder's name or description, or put it into another or, with null, in none."""
        with self._session.writing() as unit:
            row = found(unit.db, FolderRow, folder_id)
            unit.access.require(row, "can_edit")
            fresh(row, version)
            if not isinstance(name, Unset):
                _check(name)
                row.name = name
            if not isinstance(description, Unset):
                row.description = description
            if not isinstance(parent_id, Unset):
                if parent_id is not None:
                    parent = found(unit.db, FolderRow, parent_id)
                    unit.access.require(parent, "can_link")
                    _check_depth(unit.db, parent, row.id)
                row.parent_id = parent_id
            unit.db.flush()
            above = _above(unit.db, row)
            count = _counts(unit.db, None).get(row.id, 0)
            return unit.answer(_record(row, above, count, unit.access))

    def remove(self, folder_id: int) -> None:
        """Delete a folder and those in it; the regions stay."""
        with self._session.writing() as unit:
            root = found(unit.db, FolderRow, folder_id)
            folders = [root, *_below(unit.db, [root.id])]
            for row in folders:
                unit.access.require(row, "can_delete")
            links = _links(unit.db, FolderRoiRow.parent_id, [row.id for row in folders])
            throw_away(unit, root, [*folders, *links])
            return unit.answer(None)

    def put(self, folder_id: int, roi_ids: tuple[int, ...]) -> int:
        """Put regions into a folder; answers how many were not in it yet."""
        with self._session.writing() as unit:
            folder = found(unit.db, FolderRow, folder_id)
            unit.access.require(folder, "can_link")
            _seen(unit.db, roi_ids)
            known = {
                link.child_id: link
                for link in unit.db.scalars(
                    select(FolderRoiRow)
                    .where(FolderRoiRow.parent_id == folder_id)
                    .execution_options(unguarded="graph")
                )
            }
            count = 0
            for roi_id in dict.fromkeys(roi_ids):
                link = known.get(roi_id)
                if link is None:
                    row = FolderRoiRow(parent_id=folder_id, child_id=roi_id)
                    row.owner_id = unit.access.actor.user_id
                    row.group_id = folder.group_id
                    unit.db.add(row)
                    count += 1
                elif link.deleted_at is not None:
                    with unit.db.flushing_unchecked("graph"):
                        link.deleted_at = None
                    count += 1
            unit.db.flush()
            return unit.answer(count)

    def take(self, folder_id: int, roi_ids: tuple[int, ...]) -> int:
        """Take regions out of a folder; answers how many were in it."""
        with self._session.writing() as unit:
            folder = found(unit.db, FolderRow, folder_id)
            _seen(unit.db, roi_ids)
            wanted = set(roi_ids)
            links = [
                link
                for link in _links(unit.db, FolderRoiRow.parent_id, [folder_id])
                if link.child_id in wanted
            ]
            for link in links:
                if link.owner_id != unit.access.actor.user_id:
                    unit.access.require(folder, "can_link")
                unit.db.delete(link)
            return unit.answer(len(links))


def folder_at(unit: Writing, path: str, group_id: int) -> FolderRow:
    """The actor's own folder at a path such as `cells/nuclei`, made where it is missing."""
    parent: FolderRow | None = None
    names = path.split("/")
    if len(names) > _DEEPEST:
        raise Invalid(f"Folders lie at most {_DEEPEST} deep, not {len(names)}.")
    for name in names:
        _check(name)
        inside = (
            FolderRow.parent_id.is_(None) if parent is None else (FolderRow.parent_id == parent.id)
        )
        mine = FolderRow.owner_id == unit.access.actor.user_id
        known = select(FolderRow).where(
            FolderRow.name == name, inside, mine, FolderRow.group_id == group_id
        )
        row = unit.db.scalars(known.order_by(FolderRow.id)).first()
        if row is None:
            above = None if parent is None else parent.id
            row = unit.new(FolderRow(name=name, parent_id=above), group_id)
        parent = row
    assert parent is not None
    return parent


def folders_of(db: GuardedSession, roi_ids: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """The ids of the folders that regions lie in, by the id of the region."""
    result: dict[int, builtins.list[int]] = defaultdict(list)
    for link in _links(db, FolderRoiRow.child_id, roi_ids):
        result[link.child_id].append(link.parent_id)
    return {number: tuple(sorted(folders)) for number, folders in result.items()}


def _links(db: GuardedSession, column: object, ids: Iterable[int]) -> Iterator[FolderRoiRow]:
    wanted = sorted(ids)
    for first in range(0, len(wanted), _BATCH):
        some = column.in_(wanted[first : first + _BATCH])  # type: ignore[attr-defined]
        yield from db.scalars(select(FolderRoiRow).where(some))


def _counts(db: GuardedSession, image_id: int | None) -> dict[int, int]:
    statement = (
        select(FolderRoiRow.parent_id, func.count(FolderRoiRow.id))
        .join(RoiRow, RoiRow.id == FolderRoiRow.child_id)
        .group_by(FolderRoiRow.parent_id)
    )
    if image_id is not None:
        statement = statement.where(RoiRow.image_id == image_id)
    return {number: count for number, count in db.execute(statement)}


def _above(db: GuardedSession, row: FolderRow) -> dict[int, FolderRow]:
    """A folder and those that it lies in, by their ids."""
    rows = {row.id: row}
    while row.parent_id is not None and row.parent_id not in rows:
        parent = db.scalar(select(FolderRow).where(FolderRow.id == row.parent_id))
        if parent is None:
            break
        rows[parent.id] = row = parent
    return rows


def _below(db: GuardedSession, ids: builtins.list[int]) -> builtins.list[FolderRow]:
    rows: builtins.list[FolderRow] = []
    while ids:
        inside = db.scalars(select(FolderRow).where(FolderRow.parent_id.in_(ids))).all()
        rows += inside
        ids = [row.id for row in inside]
    return rows


def _check_depth(db: GuardedSession, parent: FolderRow, moved: int | None = None) -> None:
    above = _above(db, parent)
    if moved in above:
        raise Conflict(f"Folder {moved} cannot lie in folder {parent.id}, which lies in it.")
    if len(above) >= _DEEPEST:
        raise Invalid(f"Folders lie at most {_DEEPEST} deep: folder {parent.id} lies there.")


def _check(name: str) -> None:
    check_name(name)
    if "/" in name:
        raise Invalid(f"A folder's name has no /, unlike {name!r}: it stands between folders.")


def _seen(db: GuardedSession, roi_ids: Iterable[int]) -> None:
    wanted = sorted(set(roi_ids))
    known: set[int] = set()
    for first in range(0, len(wanted), _BATCH):
        some = RoiRow.id.in_(wanted[first : first + _BATCH])
        known.update(db.scalars(select(RoiRow.id).where(some)))
    for number in wanted:
        if number not in known:
            raise NotFound(f"There is no Roi {number}.")


def _record(row: FolderRow, rows: dict[int, FolderRow], count: int, access: Access) -> RoiFolder:
    names, each = [row.name], row
    while each.parent_id in rows and len(names) <= _DEEPEST:
        each = rows[each.parent_id]
        names.append(each.name)
    return RoiFolder(
        **owned(row, access),
        name=row.name,
        description=row.description,
        parent_id=row.parent_id,
        path="/".join(reversed(names)),
        rois=count,
    )
