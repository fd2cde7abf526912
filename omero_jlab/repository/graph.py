"""Changing names, links and existence, alike for every kind of object."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from sqlalchemy import select

from ..database import DatasetImageRow, DeletionRow, ProjectDatasetRow, ScreenPlateRow, WellRow
from ..errors import Invalid, NotFound
from ..model import Deletion, TargetKind, Undeleted
from ..operations.declare import UNSET, Unset
from .containers import found
from .deletion import Plan
from .index import TARGETS
from .upkeep.purge import remove_rows
from .upkeep.trash import bring_back, deletion_records, throw_away
from .work import Work, Writing, fresh

__all__ = ["Graph"]

_LONGEST_NAME = 255
_LINKS: dict[tuple[str, str], type[Any]] = {
    ("project", "dataset"): ProjectDatasetRow,
    ("dataset", "image"): DatasetImageRow,
    ("screen", "plate"): ScreenPlateRow,
}


class Graph:
    """Names, links and existence of objects."""

    def __init__(self, session: Work) -> None:
        self._session = session

    def update(
        self,
        kind: TargetKind,
        id: int,
        version: int | None = None,
        name: str | Unset = UNSET,
        description: str | Unset = UNSET,
    ) -> int:
        """Change name or description; answers the new version.

        Raises
        ------
        Conflict
            A `version` is given, and the object has been changed since.
        """
        with self._session.writing() as unit:
            row = found(unit.db, _class(kind), id)
            unit.access.require(row, "can_edit")
            fresh(row, version)
            if not isinstance(name, Unset):
                row.name = _name(row, name)
            if not isinstance(description, Unset):
                row.description = description
            unit.db.flush()
            return unit.answer(int(row.version))

    def link(self, kind: TargetKind, id: int, child_kind: TargetKind, child_id: int) -> None:
        """Put a dataset into a project, an image into a dataset, a plate into a screen."""
        row_class = _link_class(kind, child_kind)
        with self._session.writing() as unit:
            parent = found(unit.db, _class(kind), id)
            child = found(unit.db, _class(child_kind), child_id)
            unit.access.require(parent, "can_link")
            unit.access.require(child, "can_link")
            known = select(row_class).where(
                row_class.parent_id == id, row_class.child_id == child_id
            )
            if unit.db.scalar(known) is None:
                unit.new(row_class(parent_id=id, child_id=child_id), parent.group_id)
            return unit.answer(None)

    def unlink(self, kind: TargetKind, id: int, child_kind: TargetKind, child_id: int) -> None:
        """Take a child out of its parent; the child itself stays."""
        row_class = _link_class(kind, child_kind)
        with self._session.writing() as unit:
            parent = found(unit.db, _class(kind), id)
            found(unit.db, _class(child_kind), child_id)
            known = select(row_class).where(
                row_class.parent_id == id, row_class.child_id == child_id
            )
            link = unit.db.scalar(known)
            if link is None:
                raise NotFound(f"{child_kind.capitalize()} {child_id} does not lie in {kind} {id}.")
            if link.owner_id != unit.access.actor.user_id:
                unit.access.require(parent, "can_link")
            unit.db.delete(link)
            return unit.answer(None)

    def delete(self, kind: TargetKind, id: int, contents: bool = False, now: bool = False) -> int:
        """Delete an object with all that belongs to it; answers how many images went.

        `contents` deletes what lies in it and nowhere else, too; of an image, the rest of its
        fileset.  A fileset of several images is deleted as a whole or not at all.  `now` keeps
        nothing in the trash: the space is free at once, and nothing can be brought back.

        Raises
        ------
        Denied
            One of the objects that would go may not be deleted by the actor: nothing goes.
        Invalid
            Images of a fileset would stay behind; they are named.
        Unavailable
            `now` is asked for while a backup keeps the trash.
        """
        row_class = _class(kind)
        store = self._session.store
        removal = None
        with store.emptying_trash() if now else nullcontext():
            with self._session.writing(freeing=True) as unit:
                root = found(unit.db, row_class, id)
                plan = Plan(unit.db)
                plan.add(kind, id, contents)
                objects = plan.objects()
                for row in objects:
                    unit.access.require(row, "can_delete")
                rows = [*objects, *plan.parts(unit.access)]
                regions = plan.regions()
                throw_away(unit, root, rows, regions)
                if now:
                    with unit.db.flushing_unchecked("purge"):
                        removal = remove_rows(store, unit.db, rows, many=regions)
                images = unit.answer(plan.image_count)
            if removal is not None:
                removal.finish(store)
        return images

    def deletions(self, limit: int = 200) -> tuple[Deletion, ...]:
        """What was deleted and can be brought back, the newest first."""
        with self._session.reading() as (db, access):
            newest = select(DeletionRow).order_by(DeletionRow.id.desc())
            some = db.scalars(newest.limit(min(max(limit, 1), 10_000))).all()
            return tuple(deletion_records(db, access, some))

    def undelete(self, deletion_id: int) -> Undeleted:
        """Undo a deletion: exactly what it took is there again.

        Raises
        ------
        NotFound
            There is no such deletion, or the trash was emptied.
        Denied
            One of the objects is not the actor's to delete, and so not to bring back.
        Conflict
            What the object belongs to was deleted by itself.
        """
        with self._session.writing() as unit:
            return unit.answer(bring_back(unit, found(unit.db, DeletionRow, deletion_id)))


def _class(kind: str) -> type[Any]:
    if kind not in TARGETS:
        raise Invalid(f"There is no kind {kind!r} of object: {', '.join(TARGETS)}.")
    return TARGETS[kind]


def _link_class(kind: str, child_kind: str) -> type[Any]:
    known = _LINKS.get((kind, child_kind))
    if known is None:
        possible = ", ".join(f"a {child} into a {parent}" for parent, child in _LINKS)
        raise Invalid(f"A {child_kind} cannot be put into a {kind}; what can is: {possible}.")
    return known


def _link(unit: Writing, row_class: type[Any], parent_id: int, child_id: int) -> Any:
    return unit.db.scalar(
        select(row_class).where(row_class.parent_id == parent_id, row_class.child_id == child_id)
    )


def _name(row: Any, name: str) -> str:
    if isinstance(row, WellRow):
        raise Invalid(f"Well {row.id} is named by its place on the plate: give it a description.")
    if not name.strip() or len(name) > _LONGEST_NAME:
        raise Invalid(
            f"A name has 1 to {_LONGEST_NAME} characters and not only blanks; this one has "
            f"{len(name)}."
        )
    return name
