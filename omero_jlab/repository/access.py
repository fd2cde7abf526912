"""The one rule of who may see and do what: OMERO's, of groups and their types.

It is used two ways: as an SQL criterion (what may be seen) and as a check before writes.  The
algorithm follows OMERO's BasicACLVoter and its all-groups security filter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import with_loader_criteria

from ..database import GroupRow, Guarded, MembershipRow, RoiRow, UserRow
from ..errors import Denied, Invalid, NotFound, Unauthenticated
from ..model import Actor, GroupType, Rights

__all__ = ["Access", "accounts", "load_access", "noun"]

_ALL = frozenset({"can_annotate", "can_edit", "can_delete", "can_link"})
_OF_MEMBERS = {
    GroupType.PRIVATE: frozenset[str](),
    GroupType.READ_ONLY: frozenset[str](),
    GroupType.READ_ANNOTATE: frozenset({"can_annotate"}),
    GroupType.READ_WRITE: _ALL,
}
_DOING = {
    "can_annotate": "annotate",
    "can_edit": "change",
    "can_delete": "delete",
    "can_link": "link",
    "can_move": "move to another group",
    "can_chown": "give away",
}


def noun(row: Any) -> str:
    """What a user calls a row: `Image 3`."""
    name = type(row).__name__.removesuffix("Row")
    return f"{name} {row.id}"


@dataclass(frozen=True)
class Access:
    """What one actor may see and do; made anew when users or groups change."""

    actor: Actor
    group_types: Mapping[int, GroupType]
    group_names: Mapping[int, str]

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    @cached_property
    def readable(self) -> tuple[int, ...]:
        """The groups in which the actor sees what others own."""
        actor = self.actor
        return tuple(
            sorted(
                group
                for group in actor.member_of | actor.owner_of
                if group in actor.owner_of or self.group_types[group] != GroupType.PRIVATE
            )
        )

    @cached_property
    def criteria(self) -> tuple[Any, ...]:
        """The criterion of every guarded class, for a select to carry.

        It is a function of the class: a ready expression would be put on an alias as it stands,
        where it limits the table behind the alias and leaves the alias open.
        """
        user_id, readable = self.actor.user_id, self.readable
        if self.actor.is_admin:

            def visible(row: type[Guarded]) -> ColumnElement[bool]:
                return row.deleted_at.is_(None)
        else:

            def visible(row: type[Guarded]) -> ColumnElement[bool]:
                mine = or_(row.owner_id == user_id, row.group_id.in_(readable))
                return and_(row.deleted_at.is_(None), mine)

        classes = sorted(Guarded.__subclasses__(), key=lambda c: c.__name__)
        return tuple(with_loader_criteria(row, visible, include_aliases=True) for row in classes)

    def rights(self, row: Guarded) -> Rights:
        """What the actor may do to a row that the actor may see."""
        actor = self.actor
        is_mine = row.owner_id == actor.user_id
        leads = row.group_id in actor.owner_of
        kind = self.group_types[row.group_id]
        if actor.is_admin or leads or is_mine:
            granted = _ALL
        elif row.group_id in actor.member_of:
            granted = _OF_MEMBERS[kind]
        else:
            granted = frozenset()
        if kind == GroupType.PRIVATE and not is_mine:
            # Else links would be left that the owner cannot see.
            granted = granted - {"can_annotate", "can_link"}
        return Rights(
            **dict.fromkeys(granted, True),
            can_move=actor.is_admin or is_mine,
            can_chown=actor.is_admin or leads,
        )

    def may(self, row: Guarded, right: str) -> bool:
        """Whether the actor has one right over a row."""
        return bool(getattr(self.rights(row), right))

    def require(self, row: Guarded, right: str) -> None:
        """Raise `Denied`, saying who could, where the actor lacks a right over a row."""
        if right == "can_view" or self.may(row, right):
            return
        kind = self.group_types[row.group_id]
        raise Denied(
            f"You ({self.actor.user_name}) may not {_DOING[right]} {noun(row)}: it belongs to "
            f"user {row.owner_id} in group {self.group_names[row.group_id]} ({kind.value}). "
            f"Ask its owner, an owner of the group or an administrator."
        )

    def check_new(self, db: OrmSession, row: Guarded) -> None:
        """Refuse a new row that the actor may not make, or that points to what it may not."""
        actor = self.actor
        if row.owner_id != actor.user_id:
            raise Denied(f"You ({actor.user_name}) may not make objects that others own.")
        if not (actor.is_admin or row.group_id in actor.member_of | actor.owner_of):
            name = self.group_names.get(row.group_id, str(row.group_id))
            raise Denied(f"You ({actor.user_name}) are no member of group {name}.")
        self._check_links(db, row, tuple(row.link_rights))

    def check_changed(self, db: OrmSession, row: Guarded, changed: frozenset[str]) -> None:
        """Refuse a change of the named columns where the actor lacks the right to it."""
        needed = {"deleted_at": "can_delete", "owner_id": "can_chown", "group_id": "can_move"}
        for right in sorted({needed.get(column, "can_edit") for column in changed}):
            self.require(row, right)
        if isinstance(row, RoiRow) and "shapes" in changed and row.owner_id != self.actor.user_id:
            raise Denied(
                f"The shapes of {noun(row)} can be changed by its owner only: copy it instead."
            )
        self._check_links(db, row, tuple(c for c in row.link_rights if c in changed))

    def _check_links(self, db: OrmSession, row: Guarded, columns: tuple[str, ...]) -> None:
        for column in columns:
            target_id = getattr(row, column)
            if target_id is None:
                continue
            target_class = _class_of(row, column)
            target = db.get(target_class, target_id)
            if target is None:
                raise NotFound(f"There is no {target_class.__name__[:-3]} {target_id}.")
            if target.group_id != row.group_id:
                raise Invalid(
                    f"{noun(target)} lies in group {self.group_names.get(target.group_id)}; "
                    f"only objects of one group can be linked, and the other lies in "
                    f"{self.group_names.get(row.group_id)}."
                )
            # In a private group nothing is tied to what is another's, whatever else may be done.
            is_private = self.group_types[target.group_id] == GroupType.PRIVATE
            self.require(target, "can_link" if is_private else row.link_rights[column])


def _class_of(row: Guarded, column: str) -> type[Guarded]:
    (key,) = type(row).__table__.columns[column].foreign_keys  # type: ignore[attr-defined]
    name = key.column.table.name
    return next(c for c in Guarded.__subclasses__() if c.__tablename__ == name)  # type: ignore[attr-defined]


S = TypeVar("S", bound=Select[Any])


def accounts(statement: S) -> S:
    """A select of users, groups or memberships, which have no owner and no criterion."""
    return statement.execution_options(unguarded="accounts")


def load_access(db: OrmSession, user_name: str, group: str | int | None) -> Access:
    """The access of a user, creating in `group` (name or id) or else in the default group.

    Raises
    ------
    Unauthenticated
        No active account has that name.
    Denied
        The user is no member of that group.
    """
    user = db.scalar(accounts(select(UserRow).where(UserRow.name == user_name)))
    if user is None or not user.active:
        raise Unauthenticated(f"No active account is named {user_name!r}: log in again.")
    groups = {row.id: row for row in db.scalars(accounts(select(GroupRow)))}
    memberships = select(MembershipRow).where(MembershipRow.user_id == user.id)
    mine = db.scalars(accounts(memberships)).all()
    member_of = frozenset(m.group_id for m in mine)
    current = _current_group(user, groups, member_of, group)
    actor = Actor(
        user_id=user.id,
        user_name=user.name,
        is_admin=user.is_admin,
        member_of=member_of,
        owner_of=frozenset(m.group_id for m in mine if m.is_owner),
        group_id=current.id,
        group_name=current.name,
    )
    return Access(
        actor,
        {i: GroupType(row.type) for i, row in groups.items()},
        {i: row.name for i, row in groups.items()},
    )


def _current_group(
    user: UserRow,
    groups: Mapping[int, GroupRow],
    member_of: frozenset[int],
    asked: str | int | None,
) -> GroupRow:
    allowed = groups if user.is_admin else {i: g for i, g in groups.items() if i in member_of}
    if asked is None:
        default = user.default_group_id
        if default is not None and default in allowed:
            return allowed[default]
        if user.is_admin and not member_of:
            return groups[min(groups)]
        if not member_of:
            raise Denied(f"{user.name} is in no group yet: ask an administrator to add you to one.")
        return groups[min(member_of)]
    for row in allowed.values():
        if asked in (row.name, row.id) or (isinstance(asked, str) and asked == str(row.id)):
            return row
    names = ", ".join(sorted(row.name for row in allowed.values())) or "none"
    raise Denied(f"{user.name} is in no group {asked!r}; the groups to choose from: {names}.")
