"""The repository as a tree, a page at a time."""

from __future__ import annotations

import json
from typing import Any, cast

from pydantic_core import from_json
from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy import exists as exists_

from ..database import (
    DatasetImageRow,
    FieldRow,
    ImageRow,
    PlateRow,
    ProjectDatasetRow,
    ProjectRow,
    ScreenPlateRow,
    ScreenRow,
    WellRow,
)
from ..errors import Invalid
from ..model import Kind, Node, Page, Rights, TargetKind
from .access import Access
from .containers import counts, found
from .guarded import GuardedSession
from .index import TARGETS
from .plate_names import well_label
from .work import Work

__all__ = ["Browse"]

_MOST = 1000
_INSIDE: dict[str, Any] = {
    "project": ProjectDatasetRow.parent_id,
    "dataset": DatasetImageRow.parent_id,
    "screen": ScreenPlateRow.parent_id,
    "plate": WellRow.plate_id,
    "well": FieldRow.well_id,
}
_CHILD = {"project": "dataset", "dataset": "image", "screen": "plate", "plate": "well"}
_LINKS: dict[str, Any] = {
    "project": ProjectDatasetRow,
    "dataset": DatasetImageRow,
    "screen": ScreenPlateRow,
}
_ORPHANS: dict[str, tuple[str, str]] = {
    "orphaned-datasets": ("dataset", "Datasets in no project"),
    "orphaned-images": ("image", "Images in no dataset"),
    "orphaned-plates": ("plate", "Plates in no screen"),
}


class Browse:
    """The tree."""

    def __init__(self, session: Work) -> None:
        self._session = session

    def children(
        self,
        kind: Kind | None = None,
        id: int = 0,
        group: int = -1,
        filter: str = "",
        after: str | None = None,
        limit: int = 200,
    ) -> Page:
        """What lies in an object; without a kind, what lies at the root of the tree."""
        limit = min(max(limit, 1), _MOST)
        with self._session.reading() as (db, access):
            if kind is None:
                return _root(db, access, group, filter)
            if kind == "image":
                return Page(nodes=(), next=None, total=0)
            child = _ORPHANS[kind][0] if kind in _ORPHANS else _CHILD.get(kind, "image")
            statement = _members(db, kind, id)
            return _page(db, access, child, statement, group, filter, after, limit)

    def parents(self, kind: TargetKind, id: int) -> tuple[Node, ...]:
        """What an object lies in."""
        with self._session.reading() as (db, access):
            found(db, TARGETS[kind], id)
            nodes: list[Node] = []
            for parent, link in _LINKS.items():
                if _CHILD[parent] == kind:
                    row = TARGETS[parent]
                    linked = select(row).join(link, link.parent_id == row.id)
                    rows = db.scalars(linked.where(link.child_id == id).order_by(row.name))
                    nodes += _nodes(db, access, parent, rows.all())
            if kind == "image":
                wells = select(WellRow).join(FieldRow, FieldRow.well_id == WellRow.id)
                rows = db.scalars(wells.where(FieldRow.image_id == id))
                nodes += _nodes(db, access, "well", rows.all())
            if kind == "well":
                rows = db.scalars(
                    select(PlateRow)
                    .join(WellRow, WellRow.plate_id == PlateRow.id)
                    .where(WellRow.id == id)
                )
                nodes += _nodes(db, access, "plate", rows.all())
            return tuple(nodes)


def _root(db: GuardedSession, access: Access, group: int, filter: str) -> Page:
    nodes: list[Node] = []
    for kind, row in (("project", ProjectRow), ("screen", ScreenRow)):
        statement = _narrowed(select(row), row, group, filter).order_by(row.name, row.id)
        nodes += _nodes(db, access, kind, db.scalars(statement.limit(_MOST)).all())
    for kind, (child, name) in _ORPHANS.items():
        orphans = _narrowed(_members(db, kind, 0), TARGETS[child], group, "")
        count = db.scalar(select(func.count()).select_from(orphans.subquery())) or 0
        if count:
            nodes.append(
                Node(
                    kind=cast(Kind, kind),
                    id=0,
                    name=name,
                    child_count=count,
                    owner_id=access.actor.user_id,
                    group_id=access.actor.group_id,
                    rights=Rights(),
                )
            )
    return Page(nodes=tuple(nodes), next=None, total=len(nodes))


def _members(db: GuardedSession, kind: str, id: int) -> Select[Any]:
    """The select of what lies in an object, which must be visible itself."""
    if kind in _ORPHANS:
        child = TARGETS[_ORPHANS[kind][0]]
        link: Any = {
            "dataset": ProjectDatasetRow,
            "image": DatasetImageRow,
            "plate": ScreenPlateRow,
        }[_ORPHANS[kind][0]]
        lonely = ~exists_().where(link.child_id == child.id)
        if child is ImageRow:
            lonely = and_(lonely, ~exists_().where(FieldRow.image_id == child.id))
        return select(child).where(lonely)
    found(db, TARGETS[kind], id)
    if kind == "plate":
        return select(WellRow).where(WellRow.plate_id == id)
    if kind == "well":
        in_well = select(ImageRow).join(FieldRow, FieldRow.image_id == ImageRow.id)
        return in_well.where(FieldRow.well_id == id)
    child, link = TARGETS[_CHILD[kind]], _LINKS[kind]
    return select(child).join(link, link.child_id == child.id).where(link.parent_id == id)


def _narrowed(statement: Select[Any], row: Any, group: int, filter: str) -> Select[Any]:
    if group >= 0:
        statement = statement.where(row.group_id == group)
    if filter and hasattr(row, "name"):
        statement = statement.where(row.name.icontains(filter, autoescape=True))
    return statement


def _page(
    db: GuardedSession,
    access: Access,
    kind: str,
    statement: Select[Any],
    group: int,
    filter: str,
    after: str | None,
    limit: int,
) -> Page:
    row = TARGETS[kind]
    statement = _narrowed(statement, row, group, filter)
    total = db.scalar(select(func.count()).select_from(statement.subquery())) or 0
    keys = (row.row, row.column) if kind == "well" else (row.name, row.id)
    if after is not None:
        first, second = _cursor(after, kind)
        statement = statement.where(or_(keys[0] > first, and_(keys[0] == first, keys[1] > second)))
    rows = db.scalars(statement.order_by(*keys).limit(limit + 1)).all()
    more = len(rows) > limit
    rows = rows[:limit]
    last = None
    if more:
        last = json.dumps([getattr(rows[-1], key.key) for key in keys])
    return Page(nodes=tuple(_nodes(db, access, kind, rows)), next=last, total=total)


def _cursor(after: str, kind: str) -> tuple[Any, int]:
    try:
        first, second = from_json(after)
        if isinstance(first, int if kind == "well" else str) and isinstance(second, int):
            return first, second
    except (ValueError, TypeError):
        pass
    raise Invalid(f"{after!r} is no cursor: pass on what `next` of the page before held.")


def _nodes(db: GuardedSession, access: Access, kind: str, rows: Any) -> list[Node]:
    inside = counts(db, _INSIDE[kind], [row.id for row in rows]) if kind in _INSIDE else {}
    return [
        Node(
            kind=cast(Kind, kind),
            id=row.id,
            name=well_label(row.row, row.column) if isinstance(row, WellRow) else row.name,
            child_count=inside.get(row.id, 0),
            owner_id=row.owner_id,
            group_id=row.group_id,
            rights=access.rights(row),
        )
        for row in rows
    ]
