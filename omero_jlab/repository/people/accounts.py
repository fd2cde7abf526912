"""Users, groups, memberships and tokens, with the rights that concern them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, func, select
from sqlalchemy.orm import Session as OrmSession

from ...database import (
    CapabilityRow,
    DelegationRow,
    GroupRow,
    MembershipRow,
    TokenRow,
    UserRow,
)
from ...errors import Conflict, Invalid, NotFound
from ...model import Group, GroupType, Member, Token, User
from ...operations.declare import UNSET, Unset
from ..access import Access, accounts
from ..work import Work, Writing
from .account_rules import (
    account_row,
    administrators_only,
    check_group_type,
    free_group_name,
    known_to,
    led_group,
    membership_of,
    seen_user,
    somebody_else_in_charge,
)
from .credentials import check_password, hash_of, hash_password, new_secret, user_of_token

__all__ = ["Accounts", "check_password", "group_record", "user_of_token", "user_record"]

_USER_NAME = re.compile(r"[\w.@+-]{1,100}")


def user_record(db: OrmSession, user_id: int) -> User:
    """An account as its own user and administrators see it."""
    return _user(account_row(db, UserRow, user_id))


def group_record(db: OrmSession, group_id: int) -> Group:
    """A group with its members, by name."""
    row = account_row(db, GroupRow, group_id)
    statement = (
        select(UserRow.id, UserRow.name, MembershipRow.is_owner)
        .join(MembershipRow, MembershipRow.user_id == UserRow.id)
        .where(MembershipRow.group_id == group_id)
        .order_by(UserRow.name)
    )
    members = tuple(
        Member(user_id=user_id, user_name=name, is_owner=is_owner)
        for user_id, name, is_owner in db.execute(statement.execution_options(unguarded="accounts"))
    )
    return Group(
        id=row.id,
        name=row.name,
        description=row.description,
        type=GroupType(row.type),
        members=members,
    )


class Accounts:
    """Who there is.  Users see the users of their own groups, administrators see all."""

    def __init__(self, session: Work) -> None:
        self._session = session

    def users(self) -> tuple[User, ...]:
        """The users, by name; the addresses of others are shown to administrators only."""
        with self._session.reading() as (db, access):
            statement = select(UserRow).order_by(UserRow.name)
            if not access.actor.is_admin:
                statement = statement.where(known_to(access))
            rows = db.scalars(accounts(statement))
            return tuple(_user(row, _may_see_mail(access, row)) for row in rows)

    def add_user(
        self,
        name: str,
        full_name: str = "",
        email: str = "",
        password: str | None = None,
        is_admin: bool = False,
    ) -> User:
        """Make an account (administrators); without a password nobody logs in by one."""
        if not _USER_NAME.fullmatch(name):
            raise Invalid(
                f"{name!r} is no user name: use 1 to 100 letters, digits and any of . _ @ + -"
            )
        hashed = None if password is None else hash_password(password)
        with self._changing() as unit:
            administrators_only(unit.access, "make an account")
            same = select(UserRow.name).where(func.lower(UserRow.name) == func.lower(name))
            taken = unit.db.scalar(accounts(same))
            if taken is not None:
                raise Conflict(f"There is a user {taken} already: choose another name.")
            row = UserRow(
                name=name,
                full_name=full_name,
                email=email,
                password_hash=hashed,
                is_admin=is_admin,
            )
            unit.db.add(row)
            unit.db.flush()
            return unit.answer(_user(row))

    def update_user(
        self,
        user_id: int,
        full_name: str | Unset = UNSET,
        email: str | Unset = UNSET,
        is_admin: bool | Unset = UNSET,
        active: bool | Unset = UNSET,
    ) -> User:
        """Change an account (administrators; users their own name and address)."""
        with self._changing() as unit:
            row = seen_user(unit, user_id)
            if row.id != unit.access.actor.user_id:
                administrators_only(unit.access, "change the account of somebody else")
            if is_admin is not UNSET or active is not UNSET:
                administrators_only(unit.access, "make or unmake administrators or accounts")
            if not isinstance(full_name, Unset):
                row.full_name = full_name
            if not isinstance(email, Unset):
                row.email = email
            was_in_charge = row.is_admin and row.active
            if not isinstance(is_admin, Unset):
                row.is_admin = is_admin
            if not isinstance(active, Unset):
                row.active = active
            if was_in_charge and not (row.is_admin and row.active):
                somebody_else_in_charge(unit, row)
            return unit.answer(_user(row))

    def set_password(self, user_id: int, password: str) -> None:
        """Give an account a password (administrators; users their own).

        Tokens and other rights made under the old password end with it: who knew it may have made
        them.
        """
        hashed = hash_password(password)
        with self._session.writing() as unit:
            row = seen_user(unit, user_id)
            if row.id != unit.access.actor.user_id:
                administrators_only(unit.access, "set the password of somebody else")
            if row.password_hash is not None:
                rights: tuple[Any, ...] = (TokenRow, CapabilityRow, DelegationRow)
                for kind in rights:
                    made = select(kind).where(kind.user_id == user_id)
                    for token in unit.db.scalars(accounts(made)).all():
                        unit.db.delete(token)
            row.password_hash = hashed
            return unit.answer(None)

    def groups(self) -> tuple[Group, ...]:
        """The groups that the asking user may work in, with their members."""
        with self._session.reading() as (db, access):
            statement = select(GroupRow.id).order_by(GroupRow.name)
            if not access.actor.is_admin:
                statement = statement.where(GroupRow.id.in_(access.actor.member_of))
            ids = db.scalars(accounts(statement)).all()
            return tuple(group_record(db, group_id) for group_id in ids)

    def add_group(
        self, name: str, type: GroupType = GroupType.PRIVATE, description: str = ""
    ) -> Group:
        """Make a group without members (administrators)."""
        with self._changing() as unit:
            administrators_only(unit.access, "make a group")
            row = GroupRow(
                name=free_group_name(unit, name),
                type=GroupType(type).value,
                description=description,
            )
            unit.db.add(row)
            unit.db.flush()
            return unit.answer(group_record(unit.db, row.id))

    def update_group(
        self,
        group_id: int,
        name: str | Unset = UNSET,
        description: str | Unset = UNSET,
        type: GroupType | Unset = UNSET,
    ) -> Group:
        """Change a group (administrators, and its owners up to read-annotate).

        Raises
        ------
        Conflict
            It would become private while objects of different owners hang together in it:
            their owners would lose sight of parts of their own data.
        """
        with self._changing() as unit:
            row = led_group(unit, group_id, "change")
            if not isinstance(name, Unset) and name != row.name:
                row.name = free_group_name(unit, name, group_id)
            if not isinstance(description, Unset):
                row.description = description
            if not isinstance(type, Unset) and type != row.type:
                check_group_type(unit, row, GroupType(type))
                row.type = GroupType(type).value
            unit.db.flush()
            return unit.answer(group_record(unit.db, group_id))

    def put_member(self, group_id: int, user_id: int, is_owner: bool = False) -> Group:
        """Make a user a member or an owner of a group (administrators and its owners)."""
        with self._changing() as unit:
            led_group(unit, group_id, "change the members of")
            account_row(unit.db, UserRow, user_id)
            membership = membership_of(unit.db, group_id, user_id)
            if membership is None:
                membership = MembershipRow(group_id=group_id, user_id=user_id)
                unit.db.add(membership)
            membership.is_owner = is_owner
            unit.db.flush()
            return unit.answer(group_record(unit.db, group_id))

    def remove_member(self, group_id: int, user_id: int) -> Group:
        """Take a user out of a group; what is theirs stays in it (administrators, owners)."""
        with self._changing() as unit:
            group = led_group(unit, group_id, "change the members of")
            membership = membership_of(unit.db, group_id, user_id)
            if membership is None:
                raise NotFound(f"User {user_id} is no member of group {group.name}.")
            user = account_row(unit.db, UserRow, user_id)
            if not user.is_admin and user.default_group_id == group_id:
                user.default_group_id = None
            unit.db.delete(membership)
            unit.db.flush()
            return unit.answer(group_record(unit.db, group_id))

    def add_token(self, user_id: int, name: str = "") -> Token:
        """Make a secret with which scripts log in as that user (oneself, administrators)."""
        secret = new_secret()
        with self._session.writing() as unit:
            user = seen_user(unit, user_id)
            if user.id != unit.access.actor.user_id:
                administrators_only(unit.access, "make a token for somebody else")
            if not user.active:
                raise Invalid(f"The account of {user.name} is not active: activate it first.")
            row = TokenRow(user_id=user_id, name=name, sha256=hash_of(secret))
            unit.db.add(row)
            unit.db.flush()
            # No answer is kept: the secret would lie in the database in plain text.
            return Token(id=row.id, secret=secret)

    def remove_token(self, token_id: int) -> None:
        """Make a secret worthless at once."""
        with self._session.writing() as unit:
            row = unit.db.scalar(accounts(select(TokenRow).where(TokenRow.id == token_id)))
            actor = unit.access.actor
            if row is None or not (actor.is_admin or row.user_id == actor.user_id):
                raise NotFound(f"There is no token {token_id} that you may see.")
            unit.db.delete(row)
            return unit.answer(None)

    @contextmanager
    def _changing(self) -> Iterator[Writing]:
        """A transaction after which nobody's access is taken from memory.

        Memory is cleared before the next writer's turn, or that one would still act on rights
        that it just lost.
        """
        store = self._session.store
        with self._session.writing() as unit:
            event.listen(unit.db, "after_commit", lambda _: store.accounts_changed())
            own_row = store.own_row(unit.db)
            if own_row is not None:
                own_row.access_epoch += 1
            yield unit


def _user(row: UserRow, with_mail: bool = True) -> User:
    return User(
        id=row.id,
        name=row.name,
        full_name=row.full_name,
        email=row.email if with_mail else "",
        is_admin=row.is_admin,
        active=row.active,
    )


def _may_see_mail(access: Access, row: UserRow) -> bool:
    return access.actor.is_admin or row.id == access.actor.user_id
