"""What hangs together across owners in a group, and would be torn apart were it private."""

from __future__ import annotations

from sqlalchemy import ColumnElement, inspect, select
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import aliased

from ...database import Guarded
from ..access import noun

__all__ = ["crossings"]


def crossings(db: OrmSession, group_id: int) -> list[str]:
    """Each object of the group that points to one of another owner: `RoiRow 3 on Image 7`.

    The session's actor must see everything in the group: its owner or an administrator.
    """
    return [
        f"{noun(row)} of user {row.owner_id} on {noun(target)} of user {target.owner_id}"
        for row_class in sorted(Guarded.__subclasses__(), key=lambda c: c.__name__)
        for column in sorted(row_class.link_rights)
        for row, target in _across(db, row_class, column, group_id)
    ]


def _across(
    db: OrmSession, row_class: type[Guarded], column: str, group_id: int
) -> list[tuple[Guarded, Guarded]]:
    # A folder lies in a folder: the row and what it points to may be of one table.
    target = aliased(_pointed_to(row_class, column))
    key: ColumnElement[int] = getattr(row_class, column)
    statement = (
        select(row_class, target)
        .join(target, target.id == key)
        .where(row_class.group_id == group_id, row_class.owner_id != target.owner_id)
        .order_by(row_class.id)
    )
    return [(row, other) for row, other in db.execute(statement)]


def _pointed_to(row_class: type[Guarded], column: str) -> type[Guarded]:
    (key,) = inspect(row_class).columns[column].foreign_keys
    tables = {inspect(c).local_table: c for c in Guarded.__subclasses__()}
    return tables[key.column.table]
