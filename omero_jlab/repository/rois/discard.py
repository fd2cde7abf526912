"""Regions deleted in number, as one deletion that can be undone as one."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from ...database import FolderRoiRow, FolderRow, RoiRow
from ...errors import Invalid, NotFound
from ..containers import found
from ..deletion import regions_of
from ..guarded import GuardedSession
from ..upkeep.trash import batches, throw_away
from ..work import Writing

__all__ = ["chosen", "discard"]


def chosen(
    db: GuardedSession, image_id: int, rois: Sequence[int] | None, folder_id: int | None
) -> set[int]:
    """Ids of regions of an image: those named, those in a folder, or all that the actor sees.

    Raises
    ------
    Invalid
        Regions and a folder are both named.
    NotFound
        One that is named does not lie on the image.
    """
    if rois is not None and folder_id is not None:
        raise Invalid("Regions are named by their ids or by their folder, not by both.")
    statement = select(RoiRow.id).where(RoiRow.image_id == image_id)
    if folder_id is not None:
        found(db, FolderRow, folder_id)
        statement = statement.join(FolderRoiRow, FolderRoiRow.child_id == RoiRow.id)
        statement = statement.where(FolderRoiRow.parent_id == folder_id)
    if rois is None:
        return set(db.scalars(statement))
    known: set[int] = set()
    for some in batches(set(rois)):
        known.update(db.scalars(statement.where(RoiRow.id.in_(some))))
    for number in rois:
        if number not in known:
            raise NotFound(f"There is no region {number} on image {image_id}.")
    return known


def discard(unit: Writing, ids: set[int]) -> int:
    """Delete regions that the actor sees; answers how many.

    Raises
    ------
    Denied
        One of them may not be deleted by the actor: none is.
    """
    if not ids:
        return 0
    db = unit.db
    # Rights hang on owner and group alone: one region of each is looked at.
    alike: dict[tuple[int, int], int] = {}
    for some in batches(ids):
        pairs = select(RoiRow.owner_id, RoiRow.group_id, RoiRow.id).where(RoiRow.id.in_(some))
        for owner, group, number in db.execute(pairs):
            alike.setdefault((owner, group), number)
    for number in alike.values():
        unit.access.require(found(db, RoiRow, number), "can_delete")
    root = found(db, RoiRow, min(ids))
    many = regions_of(db, RoiRow.id, ids)
    many[RoiRow].discard(root.id)
    throw_away(unit, root, [root], many)
    return len(ids)
