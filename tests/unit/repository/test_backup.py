"""A backup is a repository that opens, made while the other is in use."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from omero_jlab.errors import Invalid, Unavailable, Unreadable
from omero_jlab.model import BackupReport, CheckReport
from omero_jlab.objects import Repository, wait
from omero_jlab.repository import Store


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


def test_a_damaged_original_is_not_backed_up_silently(
    store: Store, repo: Repository, tmp_path: Path
) -> None:
    (original,) = store.layout.managed.rglob("*.tif")
    data = bytearray(original.read_bytes())
    data[1000] ^= 1
    original.write_bytes(bytes(data))
    with pytest.raises(Unreadable, match="SHA-256"):
        back_up(repo, tmp_path / "copy")
    with pytest.raises(Exception, match="no repository"):
        Store.open(tmp_path / "copy")


def test_a_folder_of_something_else_is_left_alone(repo: Repository, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("years of work")
    for target in (tmp_path / "other", tmp_path / "r" / "inside", tmp_path):
        with pytest.raises(Invalid):
            back_up(repo, target)
    assert (tmp_path / "other" / "thesis.txt").exists()
