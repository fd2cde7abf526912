"""Database and files that belong together open; others are refused, with the way on."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from omero_jlab.cli import main
from omero_jlab.errors import Conflict, Denied, Invalid, NotFound, Unavailable
from omero_jlab.model import Adoption
from omero_jlab.objects import Repository, wait
from omero_jlab.repository import Store
from omero_jlab.repository.upkeep.relocate import adopt
from omero_jlab.storage import Layout, RepositoryLock

DATABASE = "omero-jlab.db"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A closed repository with an image."""
    store = Store.open(tmp_path / "r", create=True)
    Repository(store.session()).save_image(np.ones((1, 1, 1, 9, 9), np.uint8), name="one")
    store.close()
    return tmp_path / "r"


def opened(root: Path, tier: str = "personal") -> int:
    """Open and close it; answers its generation then."""
    store = Store.open(root, tier=tier)
    try:
        session = store.session()
        assert len(list(Repository(session).images)) == 1
        report = wait(session, session.admin.check(verify=True), "check", quiet=True)
        assert report.problems == ()
    finally:
        store.close()
    return Layout(root).identity().generation


def test_each_opening_is_a_generation_and_a_run(root: Path) -> None:
    runs = set()
    for generation in (3, 4, 5):
        assert opened(root) == generation
        runs.add(Layout(root).identity().run)
    assert len(runs) == 3


@pytest.mark.parametrize("step", ["before the sentinel", "after the sentinel"])
def test_a_crash_while_the_generation_is_raised_is_no_harm(root: Path, step: str) -> None:
    with sqlite3.connect(root / DATABASE) as database:
        database.execute("UPDATE repository SET next_generation = generation + 1")
    database.close()
    before = Layout(root).identity().generation
    if step == "after the sentinel":
        Layout(root).set_generation(before + 1)
    assert opened(root) >= before + 1


def test_a_copied_repository_opens(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(root, tmp_path / "copy")
    opened(tmp_path / "copy")
    assert "was copied or moved" in caplog.text
    caplog.clear()
    opened(tmp_path / "copy")
    opened(root)
    assert "was copied or moved" not in caplog.text


def test_a_teams_copy_opens_once_it_is_adopted(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened(root, "team")
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    with pytest.raises(Conflict, match=r"is a copy, or was moved.*relocate --adopt"):
        opened(copy, "team")
    before = Layout(copy).identity().generation
    assert main(["admin", "relocate", "--adopt", "--repository", str(copy)]) == 0
    assert "admin check" in capsys.readouterr().out
    assert opened(copy, "team") == before + 2


@pytest.mark.parametrize("older", ["database", "files"])
def test_two_generations_are_refused_until_they_are_adopted(root: Path, older: str) -> None:
    kept = root.with_name("kept")
    kept.mkdir()
    names = (DATABASE,) if older == "database" else ("omero-jlab.json",)
    for name in names:
        shutil.copy(root / name, kept / name)
    opened(root)
    for name in names:
        shutil.copy(kept / name, root / name)
    before = (root / DATABASE).read_bytes()
    word = "older" if older == "database" else "newer"
    with pytest.raises(Conflict, match=rf"is {word} than the files.*relocate --adopt") as told:
        opened(root)
    assert {"2", "3"} <= set(str(told.value).replace(",", " ").replace(".", " ").split())
    assert (root / DATABASE).read_bytes() == before, "what is refused is not changed"
    found = adopt(root)
    assert isinstance(found, Adoption)
    assert found.generation == 4
    assert opened(root) == 5


def test_another_repositorys_database_is_never_adopted(root: Path, tmp_path: Path) -> None:
    Store.open(tmp_path / "other", create=True).close()
    shutil.copy(tmp_path / "other" / DATABASE, root / DATABASE)
    with pytest.raises(Invalid, match="belongs to repository"):
        opened(root)
    with pytest.raises(Invalid, match="not one repository"):
        adopt(root)


def test_an_open_repository_is_not_adopted(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = RepositoryLock(Layout(root).lock)
    assert lock.acquire()
    assert main(["admin", "relocate", "--adopt", "--repository", str(root)]) == 1
    assert "is open in" in capsys.readouterr().err
    lock.release()


def test_a_lost_database_is_not_replaced_by_an_empty_one(root: Path) -> None:
    (root / DATABASE).unlink()
    with pytest.raises(NotFound, match="has lost its database"):
        opened(root)
    assert not (root / DATABASE).exists()


@pytest.mark.parametrize("name", ["", "Pixels", DATABASE, "omero-jlab.json"])
def test_what_everybody_may_write_is_not_served(root: Path, name: str) -> None:
    (root / name).chmod(0o777)
    with pytest.raises(Denied, match="Everybody on this machine may write"):
        opened(root, "team")
    store = Store.open(root)
    try:
        health = store.session().server.health()
        assert health.writable and health.state == "warning"
        assert str(root / name) in health.warning
    finally:
        store.close()


@pytest.mark.parametrize("journal", ["wal", "rollback"])
def test_the_database_may_lie_elsewhere(tmp_path: Path, journal: str) -> None:
    root, elsewhere = tmp_path / "r", tmp_path / "local" / "rows.db"
    Layout.create(root)
    text = f'[database]\npath = "{elsewhere}"\njournal = "{journal}"\n'
    (root / "config.toml").write_text(text)
    store = Store.open(root)
    try:
        repo = Repository(store.session())
        repo.save_image(np.ones((1, 1, 1, 9, 9), np.uint8), name="one")
        assert elsewhere.with_name("rows.db-wal").exists() == (journal == "wal")
        wait(repo._session, repo.admin.backup(str(tmp_path / "backup")), "backup", quiet=True)
        second = tmp_path / "second"
        shutil.copytree(root, second)
        with pytest.raises(Unavailable, match="in use by another program"):
            Store.open(second)
    finally:
        store.close()
    assert not (root / DATABASE).exists()
    opened(root)
    # It holds a database of its own, and opens with it.
    assert (tmp_path / "backup" / DATABASE).is_file()
    opened(tmp_path / "backup")


def test_a_wrong_expectation_of_a_mount_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "config.toml").write_text("[disk]\nexpect_mount = true")
    from omero_jlab.storage import mounts

    here = mounts.Mount(Path("/"), "ext4", "/dev/sda1", "/")
    monkeypatch.setattr(mounts, "mount_of", lambda _: here)
    with pytest.raises(Unavailable, match="the system's own disk"):
        opened(root)
    elsewhere = mounts.Mount(root.parent, "ext4", "/dev/sdb1", "/")
    monkeypatch.setattr(mounts, "mount_of", lambda _: elsewhere)
    opened(root)


def test_no_repository_is_made_where_a_disk_should_be_mounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from omero_jlab.storage import mounts

    table = tmp_path / "fstab"
    table.write_text(f"# disks\n/dev/sdb1 {tmp_path / 'data'} ext4 defaults 0 2\n")
    monkeypatch.setattr(mounts, "_FSTAB", table)
    with pytest.raises(Unavailable, match="nothing is mounted there"):
        Store.open(tmp_path / "data" / "repository", create=True)
    assert not (tmp_path / "data").exists()
    Store.open(tmp_path / "elsewhere", create=True).close()
