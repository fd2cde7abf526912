"""What every test may ask for."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import Connection, Engine

import omero_jlab
from omero_jlab.database import migrate, schema_of
from omero_jlab.workers import Workers

_LONGEST_FIRST = ("test_notebooks", "browser/", "crash/", "test_packaging", "test_demo", "server/")
_DEFAULT_DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are cores: many tests wait for a disk, a server or a browser."""
    return (os.cpu_count() or 1) + 2


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long forms run when they are asked for; files that take long are begun first."""
    items.sort(key=_turn)
    if "long" in config.option.markexpr:
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="the long form: run it with -m long"))


def _turn(item: pytest.Item) -> int:
    name = item.path.relative_to(Path(__file__).parent).as_posix()
    for turn, start in enumerate(_LONGEST_FIRST):
        if name.startswith(start):
            return turn
    return len(_LONGEST_FIRST)


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing of the user's own Jupyter or repository is read or written."""
    given = {
        "JUPYTER_RUNTIME_DIR": tmp_path_factory.mktemp("runtime"),
        "OMERO_JLAB_REPOSITORY": tmp_path_factory.mktemp("own") / "repository",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, path in given.items():
            patch.setenv(name, str(path))
        for name in ("OMERO_JLAB_URL", "OMERO_JLAB_TOKEN_FILE", "JPY_PARENT_PID"):
            patch.delenv(name, raising=False)
        # Each of hundreds of processes would compile five hundred modules for itself.
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def small_reserve() -> Iterator[None]:
    """Hundreds of repositories would keep more room for a full disk than there is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("omero_jlab.storage.reserve.Reserve.size", lambda *_: 1 << 16)
        yield


@pytest.fixture(scope="session", autouse=True)
def one_empty_database() -> Iterator[None]:
    """The tables of a new SQLite repository are made once; those of later ones are copies.

    Hundreds of tests begin with a new repository, and the migrations take most of its making.
    What tests them calls `omero_jlab.database.migrate`.
    """
    empty = sqlite3.connect(":memory:", check_same_thread=False)

    def migrate_once(writer: Engine, *check: Callable[[Connection], object]) -> None:
        if writer.dialect.name != "sqlite" or schema_of(writer) is not None:
            migrate(writer, *check)
            return
        with closing(writer.raw_connection()) as connection:
            found = cast(sqlite3.Connection, connection.driver_connection)
            if empty.execute("PRAGMA page_count").fetchone() == (0,):
                migrate(writer, *check)
                found.backup(empty)
            else:
                (journal,) = found.execute("PRAGMA journal_mode").fetchone()
                empty.backup(found)
                found.execute(f"PRAGMA journal_mode = {journal}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("omero_jlab.repository.upkeep.upgrade.migrate", migrate_once)
        yield
    empty.close()


class SharedWorkers:
    """Confined processes that outlive the repository which uses them."""

    def __init__(self, workers: Workers) -> None:
        self.run = workers.run
        self.confinement = workers.confinement

    def close(self) -> None:
        """Nothing: others may still need them."""


@pytest.fixture(scope="session", autouse=True)
def one_zygote() -> Iterator[None]:
    """The repositories of a test process share what reads files: starting it takes a second."""
    made: list[Workers] = []

    def shared(preload: Sequence[str]) -> SharedWorkers:
        if not made:
            made.append(Workers(preload))
        return SharedWorkers(made[0])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("omero_jlab.repository.state.Workers", shared)
        yield
    for workers in made:
        workers.close()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real files; the test is skipped where it is absent."""
    folder = Path(os.environ.get("OMERO_JLAB_DATA", _DEFAULT_DATA))
    if not folder.is_dir():
        pytest.skip(f"no folder of real files at {folder}; set OMERO_JLAB_DATA to have one")
    return folder


@pytest.fixture(scope="session")
def demo_plate() -> Path:
    """The demo plate that ships with the package: images/, cellprofiler/, facts.json."""
    return Path(omero_jlab.__file__).parent / "demo" / "plate-1"
