"""Which repository `connect` finds, and what happens when its owner ends."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omero_jlab.connection import connect, disconnect
from omero_jlab.errors import Invalid, Unauthenticated, Unavailable
from omero_jlab.remote import RemoteSession
from omero_jlab.server import Holder, Listener, holder
from omero_jlab.storage import Layout, RepositoryLock

from .fakes import FakeStore


@pytest.fixture(autouse=True)
def stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[Path, FakeStore]]:
    """The repositories in memory that were opened, by their folders."""
    opened: dict[Path, FakeStore] = {}

    def open_store(root: Path) -> FakeStore:
        opened[root] = FakeStore(root)
        return opened[root]

    monkeypatch.setattr(holder, "open_store", open_store)
    yield opened
    disconnect()


class Owner:
    """Another process, as far as the lock can tell."""

    def __init__(self, root: Path) -> None:
        self.store = FakeStore(root)
        self.holder = Holder(root, open_repository=lambda _: self.store)
        self.listener = Listener(self.holder)
        assert self.holder.settle() is None

    def end(self) -> None:
        self.listener.stop()
        self.holder.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "named"


@pytest.fixture
def owner(root: Path) -> Iterator[Owner]:
    owner = Owner(root)
    yield owner
    owner.end()


def names(session: Any) -> list[str]:
    return [project.name for project in session.containers.projects()]


def test_a_folder_nobody_has_open_is_opened_here(root: Path, stores: dict[Path, FakeStore]) -> None:
    session = connect(root)
    session.containers.add_project("p")
    assert names(session) == ["p"]
    assert stores[root].calls == ["containers.add_project", "containers.projects"]
    lock = RepositoryLock(Layout(root).lock)
    assert not lock.acquire()
    found = lock.read_owner()
    assert found is not None and found.pid == os.getpid()
    token = Path(found.token_file).read_text()
    there = RemoteSession(found.url, token)
    assert names(there) == ["p"]
    there.close()
    disconnect()
    assert stores[root].closed and not Path(found.token_file).exists()
    assert lock.acquire()
    lock.release()


def test_two_connections_share_what_is_open(root: Path, stores: dict[Path, FakeStore]) -> None:
    first, second = connect(root), connect(repository=str(root))
    first.containers.add_project("p")
    assert names(second) == ["p"]


def test_the_last_to_let_go_gives_the_lock_back(root: Path, stores: dict[Path, FakeStore]) -> None:
    first, second = connect(root), connect(root)
    first.close()
    first.close()
    lock = RepositoryLock(Layout(root).lock)
    assert names(second) == [] and not lock.acquire()
    second.close()
    assert stores[root].closed and lock.acquire()
    lock.release()
    assert names(first) == []


def test_a_folder_that_is_open_elsewhere_is_attached_to(
    root: Path, owner: Owner, stores: dict[Path, FakeStore]
) -> None:
    session = connect(root, group="Lab B")
    session.containers.add_project("p")
    assert [p.name for p in owner.store.projects] == ["p"]
    assert session.server.status().group.name == "Lab B"
    assert not stores


def test_the_environment_comes_first(
    root: Path, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = owner.listener.start()
    monkeypatch.setenv("OMERO_JLAB_URL", address.url)
    monkeypatch.setenv("OMERO_JLAB_TOKEN_FILE", str(address.token_file))
    connect().containers.add_project("p")
    assert [p.name for p in owner.store.projects] == ["p"]


def test_then_the_server_that_started_the_kernel(
    owner: Owner, monkeypatch: pytest.MonkeyPatch, runtime_folder: Path
) -> None:
    monkeypatch.setenv("JPY_PARENT_PID", "4711")
    file = runtime_folder / "jpserver-4711.json"
    runtime_folder.mkdir(exist_ok=True)
    file.write_text(json.dumps({"url": owner.listener.start().url, "token": owner.holder.secret}))
    connect().containers.add_project("p")
    assert [p.name for p in owner.store.projects] == ["p"]


@pytest.mark.parametrize(
    "text", ['{"url": "http://127.0.0.1:9/", "token": ""}', "{", "[]", None], ids=str
)
def test_a_server_without_a_token_is_skipped(
    text: str | None,
    monkeypatch: pytest.MonkeyPatch,
    runtime_folder: Path,
    stores: dict[Path, FakeStore],
) -> None:
    monkeypatch.setenv("JPY_PARENT_PID", "4711")
    runtime_folder.mkdir(exist_ok=True)
    if text is not None:
        (runtime_folder / "jpserver-4711.json").write_text(text)
    connect()
    assert list(stores) == [Path(os.environ["OMERO_JLAB_REPOSITORY"])]


def test_what_has_ended_is_skipped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stores: dict[Path, FakeStore]
) -> None:
    token = tmp_path / "token"
    token.write_text("old")
    monkeypatch.setenv("OMERO_JLAB_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("OMERO_JLAB_TOKEN_FILE", str(token))
    connect()
    assert list(stores) == [Path(os.environ["OMERO_JLAB_REPOSITORY"])]


def test_users_log_in_by_password_or_token(root: Path, owner: Owner) -> None:
    url = owner.listener.start().url
    for session in (
        connect(url, user="ada", password="lovelace"),
        connect(url, token="token-of-ada"),
        connect(root, user="ada", password="lovelace"),
    ):
        assert session.server.status().user.name == "ada"
    with pytest.raises(Unauthenticated):
        connect(url, user="ada", password="byron")
    with pytest.raises(Unauthenticated):
        connect(url, token="wrong")
    with pytest.raises(Unauthenticated, match="user="):
        connect(url)


def test_users_of_a_repository_that_is_open_here(root: Path) -> None:
    session = connect(root, user="ada", password="lovelace")
    assert session.server.status().user.name == "ada"
    there = pickle.loads(pickle.dumps(session))
    assert isinstance(there, RemoteSession)
    assert there.server.status().user.name == "ada"
    there.close()
    with pytest.raises(Unauthenticated):
        connect(root, user="ada", password="")


def test_a_password_that_is_not_given_is_asked_for(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getpass", lambda prompt: "lovelace")
    session = connect(owner.listener.start().url, user="ada")
    assert session.server.status().user.name == "ada"


def test_a_survivor_takes_over(root: Path, owner: Owner, stores: dict[Path, FakeStore]) -> None:
    session = connect(root)
    assert session.server.status().user.name == "root"
    owner.end()
    session.containers.add_project("after")
    assert [p.name for p in stores[root].projects] == ["after"]


def test_a_survivor_follows_who_took_over(root: Path, owner: Owner) -> None:
    session = connect(root)
    assert names(session) == []
    owner.end()
    heir = Owner(root)
    try:
        session.containers.add_project("after")
        assert [p.name for p in heir.store.projects] == ["after"]
    finally:
        heir.end()


def test_a_survivor_does_not_write_into_another_repository(root: Path, owner: Owner) -> None:
    session = connect(root)
    assert names(session) == []
    owner.end()
    heir = Owner(root)
    heir.store.uuid = "another"
    try:
        with pytest.raises(Unavailable, match="another"):
            session.containers.add_project("after")
        assert heir.store.projects == []
    finally:
        heir.end()


def test_an_owner_that_cannot_be_reached_is_named(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holder, "_PATIENCE_S", 0.2)
    Layout.create(root)
    lock = RepositoryLock(Layout(root).lock)
    assert lock.acquire()
    try:
        with pytest.raises(Unavailable, match="cannot be reached"):
            connect(root)
    finally:
        lock.release()


def test_a_folder_with_something_else_stays_as_it_is(root: Path) -> None:
    root.mkdir()
    (root / "thesis.docx").write_text("precious")
    with pytest.raises(Invalid, match=r"thesis\.docx"):
        connect(root)
    assert [path.name for path in root.iterdir()] == ["thesis.docx"]


def test_a_forked_child_attaches_to_its_parent(root: Path, stores: dict[Path, FakeStore]) -> None:
    session = connect(root)
    assert names(session) == []
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            session.containers.add_project("from the child")
            os.write(write, b"done")
        finally:
            os._exit(0)
    os.close(write)
    answer = os.read(read, 10)
    os.close(read)
    os.waitpid(child, 0)
    assert answer == b"done"
    assert [p.name for p in stores[root].projects] == ["from the child"]
