"""A backup is a repository that opens, made while the other is in use."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omero_jlab.errors import Full, Invalid, OmeroError, Unavailable
from omero_jlab.model import BackupReport, CheckReport, RestoreReport
from omero_jlab.objects import Repository, wait
from omero_jlab.repository import Store
from omero_jlab.repository.upkeep import backup
from omero_jlab.repository.upkeep.restore import restore_to
from omero_jlab.storage import copy_hashed


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "r", create=True)
    yield store
    store.close()


@pytest.fixture
def repo(store: Store, demo_plate: Path) -> Repository:
    repo = Repository(store.session())
    repo.import_files(demo_plate / "images" / "A01_s1_DNA.tif", dataset="d", quiet=True)
    return repo


def back_up(repo: Repository, target: Path) -> BackupReport:
    report = wait(repo._session, repo.admin.backup(str(target)), "backup", quiet=True)
    assert isinstance(report, BackupReport)
    return report


def opened(target: Path) -> Store:
    store = Store.open(target)
    repo = Repository(store.session())
    report = wait(repo._session, repo.admin.check(verify=True), "check", quiet=True)
    assert isinstance(report, CheckReport)
    assert report.problems == ()
    return store


def test_a_backup_opens_and_holds_everything(repo: Repository, tmp_path: Path) -> None:
    image = next(iter(repo.images))
    table = image.attach_table(pd.DataFrame({"a": [1, 2]}), name="rows")
    back_up(repo, tmp_path / "copy")
    copy = opened(tmp_path / "copy")
    try:
        there = Repository(copy.session())
        assert np.array_equal(there.image(image.id).plane(), image.plane())
        assert len(there.table(table.id).query()) == 2
    finally:
        copy.close()


def test_a_second_backup_copies_only_what_is_new(repo: Repository, tmp_path: Path) -> None:
    first = back_up(repo, tmp_path / "copy")
    image = next(iter(repo.images))
    image.attach_table(pd.DataFrame({"a": [1, 2]}), name="rows")
    second = back_up(repo, tmp_path / "copy")
    assert second.files == 1 < first.files
    image.delete()
    wait(repo._session, repo.admin.purge(), "purge", quiet=True)
    assert back_up(repo, tmp_path / "copy").files == 0
    opened(tmp_path / "copy").close()
    left = [p for p in (tmp_path / "copy" / "ManagedRepository").rglob("*") if p.is_file()]
    assert left == [], "what was purged goes from the backup, too"


def test_a_backup_is_consistent_while_others_write(repo: Repository, tmp_path: Path) -> None:
    image = next(iter(repo.images))
    table = image.attach_table(pd.DataFrame({"a": range(10)}), name="rows")
    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            table.append(pd.DataFrame({"a": range(10)}))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            back_up(repo, tmp_path / "copy")
    finally:
        ended.set()
        writer.join()
    copy = Store.open(tmp_path / "copy")
    try:
        rows = Repository(copy.session()).table(table.id).query()["a"]
        assert len(rows) % 10 == 0
        assert list(rows) == list(range(10)) * (len(rows) // 10)
    finally:
        copy.close()


def test_the_trash_is_kept_meanwhile(store: Store, repo: Repository) -> None:
    with store.keeping_trash(), pytest.raises(Unavailable, match="backup"):
        wait(repo._session, repo.admin.purge(), "purge", quiet=True)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(bytes(data))


def test_a_damaged_original_is_told_and_keeps_no_other_out(
    store: Store, repo: Repository, tmp_path: Path
) -> None:
    image = next(iter(repo.images))
    image.attach_table(pd.DataFrame({"a": [1, 2]}), name="rows")
    (original,) = store.layout.managed.rglob("*.tif")
    flip(original)
    report = back_up(repo, tmp_path / "copy")
    (problem,) = report.problems
    assert "SHA-256" in problem.detail
    assert not [*(tmp_path / "copy").rglob("*.tif")], "damage is not copied"
    copy = Store.open(tmp_path / "copy")
    try:
        assert len(Repository(copy.session()).image(image.id).tables[0].query()) == 2
    finally:
        copy.close()


def test_a_backup_keeps_its_good_copy_of_what_was_damaged_since(
    store: Store, repo: Repository, tmp_path: Path
) -> None:
    back_up(repo, tmp_path / "copy")
    (original,) = store.layout.managed.rglob("*.tif")
    (kept,) = (tmp_path / "copy").rglob("*.tif")
    good = kept.read_bytes()
    for ruin in (lambda: flip(original), original.unlink):
        ruin()
        (problem,) = back_up(repo, tmp_path / "copy").problems
        assert "earlier copy" in problem.detail
        assert kept.read_bytes() == good


def test_an_interrupted_backup_goes_on_where_it_was(
    store: Store, repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [repo.save_image(np.full((1, 1, 1, 8, 8), n, np.uint8), name="n") for n in range(5)]
    copied: list[Path] = []

    def copy_three(source: Path, target: Path, *more: Any) -> Any:
        if len(copied) == 3:
            raise Full("the disk is full")
        copied.append(source)
        return copy_hashed(source, target, *more)

    target = tmp_path / "copy"
    monkeypatch.setattr(backup, "copy_hashed", copy_three)
    with pytest.raises(Full):
        back_up(repo, target)
    with pytest.raises(OmeroError):
        Store.open(target)
    monkeypatch.setattr(backup, "copy_hashed", copy_hashed)
    # A file that was cut off when the power went: of the right size and time, and not noted.
    image = images[-1].id
    source = store.layout.root / "Pixels" / "images" / str(image) / "index"
    cut = target / source.relative_to(store.layout.root)
    cut.parent.mkdir(parents=True, exist_ok=True)
    cut.write_bytes(b"\0" * source.stat().st_size)
    shutil.copystat(source, cut)
    report = back_up(repo, target)
    assert report.kept == 3
    assert cut.read_bytes() == source.read_bytes()
    opened(target).close()


def verify(repo: Repository, target: Path) -> CheckReport:
    report = wait(repo._session, repo.admin.verify_backup(str(target)), "verify", quiet=True)
    assert isinstance(report, CheckReport)
    return report


@pytest.mark.parametrize("pattern", ["ManagedRepository/**/*.tif", "Files/**/*.h5", "**/index"])
def test_verifying_names_what_is_damaged_in_a_backup(
    repo: Repository, tmp_path: Path, pattern: str
) -> None:
    next(iter(repo.images)).attach_table(pd.DataFrame({"a": [1, 2]}), name="rows")
    target = tmp_path / "copy"
    back_up(repo, target)
    assert verify(repo, target).problems == ()
    (path,) = target.glob(pattern)
    name = path.relative_to(target).as_posix()
    flip(path)
    assert [(p.kind, p.path) for p in verify(repo, target).problems] == [("damaged", name)]
    path.unlink()
    assert [(p.kind, p.path) for p in verify(repo, target).problems] == [("missing", name)]
    back_up(repo, target)
    assert verify(repo, target).problems == ()


def test_the_database_and_the_sentinel_of_a_backup_belong_together(
    store: Store, repo: Repository, tmp_path: Path
) -> None:
    back_up(repo, tmp_path / "copy")
    for _ in range(2):
        store.close()
        store = Store.open(tmp_path / "r")
    again = Repository(store.session())
    try:
        back_up(again, tmp_path / "copy")
    finally:
        store.close()
    opened(tmp_path / "copy").close()


def test_a_backup_is_restored_to_a_new_folder(repo: Repository, tmp_path: Path) -> None:
    image = next(iter(repo.images))
    pixels = image.plane()
    target, goal = tmp_path / "copy", tmp_path / "restored"
    back_up(repo, target)
    report = restore_to(target, goal)
    assert report.left == ()
    assert len(report.restored) >= 2
    restored = opened(goal)
    try:
        assert np.array_equal(Repository(restored.session()).image(image.id).plane(), pixels)
    finally:
        restored.close()
    for folder in (goal, target / "inside", tmp_path):
        with pytest.raises(Invalid):
            restore_to(target, folder)
    with pytest.raises(OmeroError):
        restore_to(tmp_path / "nowhere", tmp_path / "other")


def test_restoring_leaves_out_what_the_backup_has_damaged(repo: Repository, tmp_path: Path) -> None:
    target, goal = tmp_path / "copy", tmp_path / "restored"
    back_up(repo, target)
    (path,) = target.rglob("*.tif")
    flip(path)
    report = restore_to(target, goal)
    (problem,) = report.left
    assert problem.path == path.relative_to(target).as_posix()
    assert [*goal.rglob("*.tif")] == []
    Store.open(goal).close()


@pytest.mark.parametrize("ruin", [flip, Path.unlink], ids=["damaged", "missing"])
@pytest.mark.parametrize("pattern", ["ManagedRepository/**/*.tif", "Files/**/*.h5", "**/index"])
def test_damaged_files_are_put_back_while_the_repository_is_in_use(
    store: Store, repo: Repository, tmp_path: Path, pattern: str, ruin: Callable[[Path], None]
) -> None:
    image = next(iter(repo.images))
    table = image.attach_table(pd.DataFrame({"a": [1, 2]}), name="rows")
    before = image.plane()
    back_up(repo, tmp_path / "copy")
    (path,) = store.layout.root.glob(pattern)
    ruin(path)
    found = wait(repo._session, repo.admin.check(verify=True), "check", quiet=True)
    assert len(found.problems) == 1  # type: ignore[union-attr]
    report = restore(repo, tmp_path / "copy")
    assert report.restored == (path.relative_to(store.layout.root).as_posix(),)
    assert report.left == ()
    assert store.damage.marks == {}
    whole = wait(repo._session, repo.admin.check(verify=True), "check", quiet=True)
    assert whole.problems == ()  # type: ignore[union-attr]
    assert np.array_equal(image.plane(), before)
    assert table.query("a > 1")["a"].tolist() == [2]


def restore(repo: Repository, target: Path) -> RestoreReport:
    job = repo.admin.restore_damaged(str(target))
    report = wait(repo._session, job, "restore", quiet=True)
    assert isinstance(report, RestoreReport)
    return report


def test_a_copy_that_is_damaged_too_replaces_nothing(
    store: Store, repo: Repository, tmp_path: Path
) -> None:
    back_up(repo, tmp_path / "copy")
    (copied,) = (tmp_path / "copy").rglob("*.tif")
    flip(copied)
    (original,) = store.layout.managed.rglob("*.tif")
    flip(original)
    ruined = original.read_bytes()
    wait(repo._session, repo.admin.check(verify=True), "check", quiet=True)
    report = restore(repo, tmp_path / "copy")
    assert report.restored == ()
    assert "damaged, too" in report.left[0].detail
    assert original.read_bytes() == ruined
    assert store.damage.marks


def test_nothing_is_restored_from_the_backup_of_another(repo: Repository, tmp_path: Path) -> None:
    Store.open(tmp_path / "other", create=True).close()
    with pytest.raises(Invalid, match="backup of repository"):
        restore(repo, tmp_path / "other")


def test_a_folder_of_something_else_is_left_alone(repo: Repository, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("years of work")
    for target in (tmp_path / "other", tmp_path / "r" / "inside", tmp_path):
        with pytest.raises(Invalid):
            back_up(repo, target)
    assert (tmp_path / "other" / "thesis.txt").exists()
