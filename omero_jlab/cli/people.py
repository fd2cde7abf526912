"""`user` and `group`: accounts and memberships."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TypeVar

from ..errors import NotFound
from ..model import Group, GroupType, User
from .options import repository_option

T = TypeVar("T", User, Group)

__all__ = ["group_options", "user_options"]


def user_options(parser: argparse.ArgumentParser) -> None:
    repository_option(parser)
    parser.add_argument("action", choices=("list", "add", "password", "token"))
    parser.add_argument("name", nargs="?")
    parser.add_argument("--full-name", default="")
    parser.add_argument("--admin", action="store_true")
    parser.set_defaults(run=_user)


def _user(options: argparse.Namespace) -> int:
    import getpass

    from ..connection import connect

    if options.name is None and options.action != "list":
        options.error(f"user {options.action} needs a name")
    accounts = connect(options.repository).accounts
    if options.action == "list":
        for user in accounts.users():
            print(f"{user.id}\t{user.name}\t{user.full_name}\t{'admin' if user.is_admin else ''}")
        return 0
    if options.action == "add":
        user = accounts.add_user(options.name, options.full_name, is_admin=options.admin)
        print(f"user {user.name} has id {user.id}")
        return 0
    user = _named(accounts.users(), options.name, "user")
    if options.action == "password":
        accounts.set_password(user.id, getpass.getpass(f"New password of {user.name}: "))
    else:
        print(accounts.add_token(user.id, "command line").secret)
    return 0


def group_options(parser: argparse.ArgumentParser) -> None:
    repository_option(parser)
    parser.add_argument("action", choices=("list", "add", "join", "leave"))
    parser.add_argument("name", nargs="?")
    parser.add_argument("user", nargs="?")
    parser.add_argument(
        "--type",
        default=GroupType.PRIVATE.value,
        choices=[each.value for each in GroupType],
        help="private, read-only, read-annotate or read-write",
    )
    parser.add_argument("--owner", action="store_true", help="join as an owner of the group")
    parser.set_defaults(run=_group)


def _group(options: argparse.Namespace) -> int:
    from ..connection import connect

    if options.name is None and options.action != "list":
        options.error(f"group {options.action} needs a name")
    if options.user is None and options.action in ("join", "leave"):
        options.error(f"group {options.action} needs a group and a user")
    accounts = connect(options.repository).accounts
    if options.action == "list":
        for group in accounts.groups():
            members = ", ".join(member.user_name for member in group.members)
            print(f"{group.id}\t{group.name}\t{group.type.value}\t{members}")
        return 0
    if options.action == "add":
        group = accounts.add_group(options.name, GroupType(options.type))
        print(f"group {group.name} has id {group.id}")
        return 0
    group = _named(accounts.groups(), options.name, "group")
    user = _named(accounts.users(), options.user, "user")
    if options.action == "join":
        accounts.put_member(group.id, user.id, options.owner)
    else:
        accounts.remove_member(group.id, user.id)
    return 0


def _named(things: Sequence[T], name: str, kind: str) -> T:
    for thing in things:
        if thing.name == name:
            return thing
    raise NotFound(f"There is no {kind} {name!r} here.")
