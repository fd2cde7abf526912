"""Tags, key-values, comments: what is attached to objects, and the links by which it is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from ..database import TARGET_COLUMNS, AnnotationLinkRow, AnnotationRow
from ..errors import Denied, Invalid
from ..model import Annotation, Attached, GroupType, Tag, TargetKind
from ..operations.declare import UNSET, Unset
from .access import Access
from .containers import found
from .deletion import GO_WITH_LAST_LINK, alive, parts_of
from .guarded import GuardedSession
from .index import TARGETS
from .records import annotation_record, attached_record
from .upkeep.trash import throw_away
from .work import Work, Writing, fresh

__all__ = ["Annotations", "attach"]

_EDITABLE = {
    "tag": ("name", "description"),
    "key-values": ("pairs",),
    "comment": ("text",),
    "table": ("name", "description"),
    "labels": ("name",),
    "file": (),
}
"""The fields of each kind that `update` changes."""


def attach(
    unit: Writing, kind: TargetKind, id: int, annotation: AnnotationRow
) -> AnnotationLinkRow:
    """The link of an annotation to an object, made where there is none yet."""
    column = TARGET_COLUMNS[kind]
    known = unit.db.scalar(
        select(AnnotationLinkRow).where(
            AnnotationLinkRow.annotation_id == annotation.id,
            getattr(AnnotationLinkRow, column) == id,
        )
    )
    if known is not None:
        return known
    link = AnnotationLinkRow(annotation_id=annotation.id, **{column: id})
    return unit.new(link, annotation.group_id)


class Annotations:
    """Annotations and their links to objects; link and annotation each have an owner."""

    def __init__(self, session: Work) -> None:
        self._session = session

    def list(self, kind: TargetKind, id: int) -> tuple[Attached, ...]:
        """What is attached to an object, in the order in which it was."""
        with self._session.reading() as (db, access):
            _target(db, kind, id)
            statement = (
                select(AnnotationLinkRow, AnnotationRow)
                .join(AnnotationRow, AnnotationRow.id == AnnotationLinkRow.annotation_id)
                .where(getattr(AnnotationLinkRow, TARGET_COLUMNS[kind]) == id)
                .order_by(AnnotationLinkRow.id)
            )
            return tuple(
                attached_record(db, access, link, row) for link, row in db.execute(statement)
            )

    def tags(self, name: str | None = None) -> tuple[Tag, ...]:
        """The tags, by name."""
        with self._session.reading() as (db, access):
            statement = select(AnnotationRow).where(AnnotationRow.kind == "tag")
            if name is not None:
                statement = statement.where(AnnotationRow.name == name)
            rows = db.scalars(statement.order_by(AnnotationRow.name, AnnotationRow.id))
            records = (annotation_record(db, access, row) for row in rows)
            return tuple(record for record in records if isinstance(record, Tag))

    def get(self, annotation_id: int) -> Annotation:
        """One annotation."""
        with self._session.reading() as (db, access):
            return annotation_record(db, access, found(db, AnnotationRow, annotation_id))

    def add_tag(self, kind: TargetKind, id: int, name: str, description: str = "") -> Attached:
        """Tag an object, with the tag of that name in its group or a new one."""
        word = _text("tag", name)
        with self._session.writing() as unit:
            target = _annotated(unit, kind, id)
            is_own = AnnotationRow.owner_id == unit.access.actor.user_id
            same = select(AnnotationRow).where(
                AnnotationRow.kind == "tag",
                AnnotationRow.name == word,
                AnnotationRow.group_id == target.group_id,
            )
            if unit.access.group_types[target.group_id] == GroupType.PRIVATE:
                same = same.where(is_own)
            known = unit.db.scalars(same.order_by(is_own.desc(), AnnotationRow.id)).first()
            row = known or unit.new(
                AnnotationRow(kind="tag", name=word, description=description), target.group_id
            )
            return _attached(unit, kind, id, row)

    def add_key_values(
        self,
        kind: TargetKind,
        id: int,
        pairs: tuple[tuple[str, str], ...],
        namespace: str = "openmicroscopy.org/omero/client/mapAnnotation",
    ) -> Attached:
        """Attach pairs of key and value; OMERO's namespace for what users may edit."""
        kept = _pairs(pairs)
        with self._session.writing() as unit:
            target = _annotated(unit, kind, id)
            row = AnnotationRow(kind="key-values", pairs=kept, namespace=namespace)
            return _attached(unit, kind, id, unit.new(row, target.group_id))

    def add_comment(self, kind: TargetKind, id: int, text: str) -> Attached:
        """Attach a remark."""
        words = _text("comment", text)
        with self._session.writing() as unit:
            target = _annotated(unit, kind, id)
            row = unit.new(AnnotationRow(kind="comment", text=words), target.group_id)
            return _attached(unit, kind, id, row)

    def link(self, kind: TargetKind, id: int, annotation_id: int) -> Attached:
        """Attach an annotation that exists already to one more object."""
        with self._session.writing() as unit:
            _annotated(unit, kind, id)
            row = found(unit.db, AnnotationRow, annotation_id)
            if row.kind == "labels" and (kind, id) != ("image", row.image_id):
                raise Invalid(
                    f"Label image {row.id} lies over image {row.image_id} and over no other "
                    f"object: attach a copy made for {kind} {id} instead."
                )
            return _attached(unit, kind, id, row)

    def update(
        self,
        annotation_id: int,
        version: int,
        name: str | Unset = UNSET,
        description: str | Unset = UNSET,
        text: str | Unset = UNSET,
        pairs: tuple[tuple[str, str], ...] | Unset = UNSET,
    ) -> Annotation:
        """Change an annotation everywhere it is attached.

        Raises
        ------
        Conflict
            It is no longer at `version`.
        Denied
            It is the comment of somebody else.
        Invalid
            A field is given that its kind does not have.
        """
        asked = {"name": name, "description": description, "text": text, "pairs": pairs}
        given = {field: value for field, value in asked.items() if value is not UNSET}
        with self._session.writing() as unit:
            row = found(unit.db, AnnotationRow, annotation_id)
            unit.access.require(row, "can_edit")
            if row.kind == "comment" and row.owner_id != unit.access.actor.user_id:
                raise Denied(
                    f"Comment {row.id} can be changed by its author only (user {row.owner_id}): "
                    f"add a comment of your own."
                )
            fresh(row, version)
            for field, value in given.items():
                _set(row, field, value)
            unit.db.flush()
            return unit.answer(annotation_record(unit.db, unit.access, row))

    def unlink(self, link_id: int) -> None:
        """Take an annotation off one object; a tag stays, a comment goes with its last link."""
        with self._session.writing() as unit:
            link = found(unit.db, AnnotationLinkRow, link_id)
            annotation = unit.db.get(AnnotationRow, link.annotation_id)
            if (
                annotation is not None
                and annotation.kind in GO_WITH_LAST_LINK
                and {each.id for each in _links(unit.db, annotation.id)} == {link.id}
                and unit.access.may(annotation, "can_delete")
            ):
                unit.access.require(link, "can_delete")
                throw_away(unit, annotation, [annotation, link])
            else:
                unit.db.delete(link)
            return unit.answer(None)

    def remove(self, annotation_id: int) -> None:
        """Delete an annotation with all its links.

        Raises
        ------
        Denied
            Somebody else than its owner has attached it to an object: then an owner of the
            group or an administrator decides.
        """
        with self._session.writing(freeing=True) as unit:
            row = found(unit.db, AnnotationRow, annotation_id)
            unit.access.require(row, "can_delete")
            links = _links(unit.db, row.id)
            _nobody_else_uses(unit.access, row, links)
            throw_away(unit, row, [row, *links, *parts_of(unit.db, row)])
            return unit.answer(None)


def _target(db: GuardedSession, kind: TargetKind, id: int) -> Any:
    if kind not in TARGETS:
        raise Invalid(f"Nothing can be attached to a {kind!r}, only to: {', '.join(TARGETS)}.")
    return found(db, TARGETS[kind], id)


def _annotated(unit: Writing, kind: TargetKind, id: int) -> Any:
    target = _target(unit.db, kind, id)
    unit.access.require(target, "can_annotate")
    return target


def _attached(unit: Writing, kind: TargetKind, id: int, row: AnnotationRow) -> Attached:
    link = attach(unit, kind, id, row)
    return unit.answer(attached_record(unit.db, unit.access, link, row))


def _links(db: GuardedSession, annotation_id: int) -> list[AnnotationLinkRow]:
    return list(alive(db, AnnotationLinkRow.annotation_id, [annotation_id]))


def _nobody_else_uses(access: Access, row: AnnotationRow, links: list[AnnotationLinkRow]) -> None:
    actor = access.actor
    if actor.is_admin or row.group_id in actor.owner_of:
        return
    others = sorted({link.owner_id for link in links} - {actor.user_id, row.owner_id})
    if others:
        raise Denied(
            f"{row.kind.capitalize()} {row.id} is in use by others (user "
            f"{', '.join(map(str, others))}): take it off your own objects, or ask an owner of "
            f"group {access.group_names[row.group_id]}."
        )


def _set(row: AnnotationRow, field: str, value: Any) -> None:
    editable = _EDITABLE[row.kind]
    if field not in editable:
        found = f"its {' and '.join(editable)}" if editable else "nothing"
        raise Invalid(
            f"Annotation {row.id} is a {row.kind}, of which {found} can be changed, not {field}."
        )
    if field == "pairs":
        value = _pairs(value)
    elif field != "description":
        value = _text(row.kind, value)
    setattr(row, field, value)


def _text(kind: str, text: str) -> str:
    words = text.strip()
    if not words:
        raise Invalid(f"A {kind} needs some text; this one has none.")
    return words


def _pairs(pairs: tuple[tuple[str, str], ...]) -> list[list[str]]:
    if not pairs:
        raise Invalid("Key-values need at least one pair of key and value.")
    for number, (key, _) in enumerate(pairs, 1):
        if not key.strip():
            raise Invalid(f"Pair {number} of the key-values has no key.")
    return [[key, value] for key, value in pairs]
