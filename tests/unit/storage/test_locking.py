"""A file system whose locks keep nobody out, or whose renames do not replace, is refused."""

from __future__ import annotations

import errno
import fcntl
from pathlib import Path
from typing import Any

import pytest

from omero_jlab.errors import Unavailable
from omero_jlab.storage import Owner, RepositoryLock, locking


def test_a_local_disk_is_good_and_left_clean(tmp_path: Path) -> None:
    locking.probe(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["flock", "lockf"])
def test_a_lock_that_two_get_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    real = fcntl.fcntl
    monkeypatch.setattr(fcntl, name, lambda *_: None)
    if name == "lockf":
        monkeypatch.setattr(fcntl, "fcntl", lambda *_: 0)
    lock = RepositoryLock(tmp_path / ".lock")
    with pytest.raises(Unavailable, match=rf"gives one lock \({name}\) to two at once"):
        lock.acquire()
    assert not lock.is_held()
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    monkeypatch.undo()
    assert fcntl.fcntl is real and lock.acquire()
    lock.release()


def test_locks_that_belong_to_processes_are_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two descriptors of this process both get it; another process does not.
    monkeypatch.setattr(locking, "try_lock", lambda fd: fcntl.flock(fd, fcntl.LOCK_SH) is None)
    asked: list[str] = []
    real = locking._keeps_out_another

    def another(path: Path, kind: str) -> bool:
        asked.append(kind)
        return real(path, kind)

    monkeypatch.setattr(locking, "_keeps_out_another", another)
    locking.probe(tmp_path)
    assert asked == ["flock"]


def test_a_disk_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", none)
    with pytest.raises(Unavailable, match=r"no working locks \(lockf: No locks available\)"):
        locking.probe(tmp_path)


def test_a_rename_that_replaces_nothing_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "rename", lambda *_: None)
    with pytest.raises(Unavailable, match="says that a file was renamed"):
        locking.probe(tmp_path)


def test_an_owner_is_named_with_its_age() -> None:
    owner = Owner(7, "microscope", "http://127.0.0.1:1/", "t", "2020-01-01T00:00:00+00:00", "1")
    assert str(owner).startswith("process 7 on microscope, since 2020-01-01")
    assert "days ago" in str(owner)
    assert not owner.is_here
