"""Servers to ask: our own listener, and Jupyter's with the extension."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from omero_jlab.remote import RemoteSession
from omero_jlab.server import Holder, Listener

from .fakes import FakeStore
from .hostile import Repository


@pytest.fixture(autouse=True)
def runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Token files go into the test's own folder, and no server of the user's is found."""
    folder = tmp_path / "runtime"
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("OMERO_JLAB_REPOSITORY", str(tmp_path / "default-repository"))
    for name in ("OMERO_JLAB_URL", "OMERO_JLAB_TOKEN_FILE", "JPY_PARENT_PID", "JUPYTERHUB_USER"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def standalone_server() -> Iterator[Callable[[Any], Listener]]:
    """`standalone_server(store)` starts a listener for an open repository."""
    started = []

    def start(store: Any) -> Listener:
        listener = Listener(Holder.of(store))
        listener.start()
        started.append(listener)
        return listener

    yield start
    for listener in started:
        listener.stop()
        listener.holder.close()


@pytest.fixture
def store(tmp_path: Path) -> FakeStore:
    """A repository in memory."""
    return FakeStore(tmp_path / "repository")


@pytest.fixture
def listener(store: FakeStore, standalone_server: Callable[[Any], Listener]) -> Listener:
    """A listener for it."""
    return standalone_server(store)


@pytest.fixture
def session(listener: Listener) -> Iterator[RemoteSession]:
    """The repository's owner, over HTTP."""
    remote = RemoteSession(listener.start().url, listener.holder.secret)
    yield remote
    remote.close()


@pytest.fixture
def http(listener: Listener) -> Iterator[httpx.Client]:
    """Plain requests below the API's root, under the owner's token."""
    with httpx.Client(
        base_url=f"{listener.start().url}omero-jlab/api/v1/",
        headers={"Authorization": f"Bearer {listener.holder.secret}"},
        trust_env=False,
    ) as client:
        yield client


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """A real repository with an object of every kind, shared by the tests of a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        made = Repository(tmp_path_factory.mktemp("hostile") / "repository")
        yield made
        made.close()
