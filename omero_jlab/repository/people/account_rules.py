"""The rules of accounts: who may change whom, and what may never come to pass."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session as OrmSession

from ...database import Base, GroupRow, MembershipRow, UserRow
from ...errors import Conflict, Denied, Invalid, NotFound
from ...model import GroupType
from ..access import Access, accounts
from ..work import Writing
from .crossings import crossings

__all__ = [
    "account_row",
    "administrators_only",
    "check_group_type",
    "free_group_name",
    "known_to",
    "led_group",
    "membership_of",
    "seen_user",
    "somebody_else_in_charge",
]

A = TypeVar("A", bound=Base)
_LONGEST_NAME = 100
_SHOWN = 5


def known_to(access: Access) -> ColumnElement[bool]:
    """The criterion for users whom one without privileges may see: of shared groups, oneself."""
    shared = select(MembershipRow.user_id).where(MembershipRow.group_id.in_(access.actor.member_of))
    return or_(UserRow.id == access.actor.user_id, UserRow.id.in_(shared))


def account_row(db: OrmSession, row_class: type[A], number: int) -> A:
    """The account row of that id, whoever asks."""
    row = db.get(row_class, number, execution_options={"unguarded": "accounts"})
    if row is None:
        raise _missing(row_class, number)
    return row


def _missing(row_class: type[Base], number: int) -> NotFound:
    name = row_class.__name__.removesuffix("Row").lower()
    return NotFound(f"There is no {name} {number} that you may see.")


def seen_user(unit: Writing, user_id: int) -> UserRow:
    """The user of that id, if the actor may know of them."""
    statement = select(UserRow).where(UserRow.id == user_id)
    if not unit.access.actor.is_admin:
        statement = statement.where(known_to(unit.access))
    row = unit.db.scalar(accounts(statement))
    if row is None:
        raise _missing(UserRow, user_id)
    return row


def administrators_only(access: Access, doing: str) -> None:
    """Refuse everybody but administrators."""
    if not access.actor.is_admin:
        raise Denied(
            f"Only an administrator may {doing}, and you ({access.actor.user_name}) are none: "
            f"ask one."
        )


def led_group(unit: Writing, group_id: int, doing: str) -> GroupRow:
    """The group of that id, which the actor must own unless an administrator."""
    actor = unit.access.actor
    if not (actor.is_admin or group_id in actor.member_of):
        raise _missing(GroupRow, group_id)
    row = account_row(unit.db, GroupRow, group_id)
    if not (actor.is_admin or group_id in actor.owner_of):
        raise Denied(
            f"Only an owner of group {row.name} or an administrator may {doing} it, and you "
            f"({actor.user_name}) are neither: ask one."
        )
    return row


def membership_of(db: OrmSession, group_id: int, user_id: int) -> MembershipRow | None:
    """The membership of a user in a group."""
    statement = select(MembershipRow).where(
        MembershipRow.group_id == group_id, MembershipRow.user_id == user_id
    )
    return db.scalar(accounts(statement))


def somebody_else_in_charge(unit: Writing, row: UserRow) -> None:
    """Refuse to lose the last active administrator."""
    others = select(func.count(UserRow.id)).where(
        UserRow.is_admin, UserRow.active, UserRow.id != row.id
    )
    if not unit.db.scalar(accounts(others)):
        raise Conflict(
            f"{row.name} is the last active administrator: make somebody else one first, or "
            f"nobody could look after the repository."
        )


def free_group_name(unit: Writing, name: str, group_id: int = 0) -> str:
    """The name, trimmed, if no other group has it in upper or lower case."""
    asked = name.strip()
    if not 1 <= len(asked) <= _LONGEST_NAME:
        raise Invalid(f"A group's name has 1 to {_LONGEST_NAME} characters, not {len(asked)}.")
    same = select(GroupRow.name).where(
        func.lower(GroupRow.name) == func.lower(asked), GroupRow.id != group_id
    )
    taken = unit.db.scalar(accounts(same))
    if taken is not None:
        raise Conflict(f"There is a group {taken} already: choose another name.")
    return asked


def check_group_type(unit: Writing, row: GroupRow, wanted: GroupType) -> None:
    """Refuse a type that the actor may not give, or that would tear objects apart."""
    if wanted == GroupType.READ_WRITE:
        administrators_only(unit.access, "make a group read-write")
    if wanted == GroupType.PRIVATE:
        links = crossings(unit.db, row.id)
        if links:
            shown = "; ".join(links[:_SHOWN])
            more = f"; and {len(links) - _SHOWN} more" if len(links) > _SHOWN else ""
            raise Conflict(
                f"Group {row.name} cannot become private while objects of different owners hang "
                f"together in it ({shown}{more}): take them apart first, or make it read-only."
            )
