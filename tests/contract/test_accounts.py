"""Users, groups, memberships, passwords and tokens."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from omero_jlab.database import AppliedRow, TokenRow, UserRow
from omero_jlab.errors import Conflict, Denied, Invalid, NotFound, Unauthenticated
from omero_jlab.model import GroupType, Point

PRIVATE, RO = GroupType.PRIVATE, GroupType.READ_ONLY


def test_making_users(world: Any, session_of: Any) -> None:
    admin, name = session_of("admin").accounts, world.word()
    made = admin.add_user(name, full_name="Ada L.", email="ada@example.org")
    assert (made.name, made.full_name, made.email) == (name, "Ada L.", "ada@example.org")
    assert made.active and not made.is_admin
    assert made in admin.users()
    for taken in (name, name.upper()):
        with pytest.raises(Conflict, match=name):
            admin.add_user(taken)
    for bad in ("", "two words", "a/b", "x" * 101, "new\nline"):
        with pytest.raises(Invalid, match="user name"):
            admin.add_user(bad)


def test_users_see_users_of_their_groups(world: Any, session_of: Any) -> None:
    seen = {user.name for user in session_of("member").accounts.users()}
    assert {"owner", "member", "leader"} <= seen
    assert not {"outsider", "admin"} & seen
    everybody = {user.name for user in session_of("admin").accounts.users()}
    assert seen | {"outsider", "admin"} <= everybody


def test_addresses_are_for_administrators_and_oneself(world: Any, session_of: Any) -> None:
    world.root.accounts.update_user(world.users["owner"], email="owner@example.org")
    assert _of(session_of("member"), "owner").email == ""
    assert _of(session_of("leader"), "owner").email == ""
    assert _of(session_of("owner"), "owner").email == "owner@example.org"
    assert _of(session_of("admin"), "owner").email == "owner@example.org"


def test_changing_oneself_and_others(world: Any, session_of: Any) -> None:
    member, owner = world.users["member"], world.users["owner"]
    accounts = session_of("member").accounts
    assert accounts.update_user(member, full_name="M. Ember").full_name == "M. Ember"
    with pytest.raises(Denied):
        accounts.update_user(owner, full_name="not mine")
    for change in ({"is_admin": True}, {"active": False}):
        with pytest.raises(Denied):
            accounts.update_user(member, **change)
    assert _of(session_of("admin"), "member").is_admin is False
    outsider = _failure(lambda: accounts.update_user(world.users["outsider"], full_name="x"))
    nobody = _failure(lambda: accounts.update_user(10**6, full_name="x"))
    assert outsider.replace(str(world.users["outsider"]), "?") == nobody.replace("1000000", "?")


def test_the_last_administrator_stays(world: Any) -> None:
    local = world.store.session().accounts
    others = [u for u in local.users() if u.is_admin and u.id != _me(world)]
    for user in others:
        local.update_user(user.id, is_admin=False)
    try:
        for change in ({"is_admin": False}, {"active": False}):
            with pytest.raises(Conflict, match="last active administrator"):
                local.update_user(_me(world), **change)
        assert local.update_user(_me(world), full_name="still here").is_admin
    finally:
        for user in others:
            local.update_user(user.id, is_admin=True)


def test_an_inactive_user_is_locked_out(world: Any, session_of: Any) -> None:
    name, admin = world.word(), session_of("admin").accounts
    user = world.add_user(name)
    world.root.accounts.put_member(world.groups["read-only"], user)
    session = session_of(name, RO)
    secret = session.accounts.add_token(user).secret
    admin.set_password(user, "correct horse")
    assert world.store.check_password(name, "correct horse") == name
    assert session.containers.projects() is not None

    admin.update_user(user, active=False)

    with pytest.raises(Unauthenticated):
        session.containers.projects()
    assert world.store.user_of_token(secret) is None
    assert world.store.check_password(name, "correct horse") is None
    with pytest.raises(Invalid, match="not active"):
        admin.add_token(user)


def test_passwords(world: Any, session_of: Any) -> None:
    name = world.word()
    user = world.add_user(name)
    world.root.accounts.put_member(world.groups["read-only"], user)
    check, mine = world.store.check_password, session_of(name).accounts
    assert check(name, "") is None
    mine.set_password(user, "first password")
    for short in ("", "seven77"):
        with pytest.raises(Invalid, match="8"):
            mine.set_password(user, short)
    with pytest.raises(Denied):
        session_of("member").accounts.set_password(user, "taken over!")
    assert check(name, "first password") == name
    assert check(name, "First password") is None
    assert check(name, "") is None
    assert check(world.word(), "first password") is None
    with world.store.books() as db:
        stored = db.scalar(
            select(UserRow.password_hash)
            .where(UserRow.id == user)
            .execution_options(unguarded="accounts")
        )
    assert stored.startswith("$argon2id$") and "first password" not in stored

    session_of("admin").accounts.set_password(user, "second password")
    assert check(name, "first password") is None
    assert check(name, "second password") == name


def test_a_new_password_ends_the_tokens_of_the_old(world: Any, session_of: Any) -> None:
    user, admin = world.add_user(world.word()), session_of("admin").accounts
    before = admin.add_token(user).secret
    admin.set_password(user, "first password")
    assert world.store.user_of_token(before) is not None
    admin.set_password(user, "second password")
    assert world.store.user_of_token(before) is None


def test_tokens(world: Any, session_of: Any) -> None:
    member, accounts = world.users["member"], session_of("member").accounts
    token = accounts.add_token(member, name="script")
    assert len(token.secret) >= 43
    assert world.store.user_of_token(token.secret) == "member"
    assert world.store.user_of_token(token.secret[:-1]) is None
    assert world.store.user_of_token("") is None
    with pytest.raises(Denied):
        accounts.add_token(world.users["owner"])
    with pytest.raises(NotFound):
        session_of("owner").accounts.remove_token(token.id)
    accounts.remove_token(token.id)
    assert world.store.user_of_token(token.secret) is None
    with pytest.raises(NotFound):
        accounts.remove_token(token.id)


def test_a_secret_is_stored_nowhere(world: Any) -> None:
    session = world.store.session("member", request_id=world.word())
    secret = session.accounts.add_token(world.users["member"]).secret
    with world.store.books() as db:
        for row in (AppliedRow, TokenRow):
            every = db.scalars(select(row).execution_options(unguarded="jobs"))
            assert all(secret not in repr(vars(one)) for one in every)


def test_groups(world: Any, session_of: Any) -> None:
    admin, name = session_of("admin").accounts, world.word()
    made = admin.add_group(f" {name} ", RO, "for tests")
    assert (made.name, made.type, made.description, made.members) == (name, RO, "for tests", ())
    with pytest.raises(Conflict, match=name):
        admin.add_group(name.upper())
    with pytest.raises(Invalid):
        admin.add_group(" ")
    assert made in admin.groups()
    assert made not in session_of("member").accounts.groups()
    with pytest.raises(Denied):
        session_of("leader").accounts.add_group(world.word())


def test_a_groups_owner_looks_after_it(world: Any, session_of: Any) -> None:
    name = world.word()
    group = world.add_group(name, PRIVATE, leader=True, member=False)
    leader, member = session_of("leader").accounts, session_of("member").accounts
    outsider = world.users["outsider"]

    joined = leader.put_member(group, outsider)
    assert {m.user_name: m.is_owner for m in joined.members} == {
        "leader": True,
        "member": False,
        "outsider": False,
    }
    assert leader.put_member(group, outsider, is_owner=True) in leader.groups()
    assert [m.user_name for m in leader.remove_member(group, outsider).members] == [
        "leader",
        "member",
    ]
    with pytest.raises(NotFound, match="no member"):
        leader.remove_member(group, outsider)
    assert leader.update_group(group, description="ours").description == "ours"
    with pytest.raises(Denied, match="owner"):
        member.put_member(group, outsider)
    with pytest.raises(Denied):
        member.update_group(group, description="mine")
    with pytest.raises(NotFound):
        leader.update_group(world.groups["elsewhere"], description="not ours")
    with pytest.raises(NotFound):
        leader.put_member(group, 10**6)


def test_changes_reach_sessions_that_are_open(world: Any, session_of: Any) -> None:
    group = world.add_group(world.word(), GroupType.READ_ONLY, owner=False, member=False)
    name = next(n for n, i in world.groups.items() if i == group)
    dataset = session_of("owner", name).containers.add_dataset("d").id
    member = session_of("member", name)
    assert member.containers.dataset(dataset).rights.can_annotate is False
    with pytest.raises(Denied):
        member.annotations.add_comment("dataset", dataset, "too early")

    world.root.accounts.update_group(group, type=GroupType.READ_ANNOTATE)
    assert member.containers.dataset(dataset).rights.can_annotate is True
    link = member.annotations.add_comment("dataset", dataset, "now")

    member.annotations.unlink(link.link_id)
    world.root.accounts.update_group(group, type=GroupType.PRIVATE)
    with pytest.raises(NotFound):
        member.containers.dataset(dataset)
    world.root.accounts.update_group(group, type=GroupType.READ_ONLY)
    world.root.accounts.remove_member(group, world.users["member"])
    with pytest.raises(Denied):
        member.containers.dataset(dataset)


def test_a_group_becomes_private_only_where_nothing_is_torn_apart(
    world: Any, session_of: Any
) -> None:
    name = world.word()
    group = world.add_group(name, GroupType.READ_ANNOTATE, owner=False, member=False, leader=True)
    image = world.image("owner", name)
    roi = session_of("member", name).shapes.add(image, (Point(x=0, y=0),))
    accounts = session_of("leader", name).accounts
    with pytest.raises(Conflict, match=rf"Roi {roi.id} .* Image {image}"):
        accounts.update_group(group, type=PRIVATE)
    session_of("member", name).shapes.remove(roi.id)
    assert accounts.update_group(group, type=PRIVATE).type == PRIVATE


def test_the_current_group_is_where_one_works(world: Any, session_of: Any) -> None:
    assert session_of("member", RO).server.status().group.name == "read-only"
    with pytest.raises(Denied, match="the groups to choose from"):
        session_of("member", "elsewhere").server.status()


def _of(session: Any, name: str) -> Any:
    return next(user for user in session.accounts.users() if user.name == name)


def _me(world: Any) -> int:
    return int(world.store.session().server.status().user.id)


def _failure(call: Any) -> str:
    with pytest.raises(NotFound) as caught:
        call()
    return str(caught.value)
