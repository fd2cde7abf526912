"""One owner at a time, whatever becomes of the process that was it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from omero_jlab.storage import Owner, RepositoryLock

_OWNER = Owner(
    pid=1, host="here", url="http://127.0.0.1:1/", token_file="/t", started_at="", version="1"
)
_HOLD = """
import sys
from pathlib import Path
from omero_jlab.storage import Owner, RepositoryLock
lock = RepositoryLock(Path(sys.argv[1]))
print(lock.acquire(), flush=True)
lock.announce(Owner(pid=2, host="there", url="u", token_file="t", started_at="", version="1"))
print("announced", flush=True)
sys.stdin.read()
"""


def _holder(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    assert process.stdout.readline() == "announced\n"
    return process


def test_one_of_two_gets_it(tmp_path: Path) -> None:
    first, second = RepositoryLock(tmp_path / ".lock"), RepositoryLock(tmp_path / ".lock")
    assert first.acquire() and first.acquire() and first.is_held()
    assert not second.acquire() and not second.is_held()
    first.release()
    assert second.acquire() and not first.is_held()
    second.release()
    second.release()


def test_who_waits_can_read_who_owns(tmp_path: Path) -> None:
    first, second = RepositoryLock(tmp_path / ".lock"), RepositoryLock(tmp_path / ".lock")
    assert second.read_owner() is None
    first.acquire()
    assert second.read_owner() is None
    first.announce(_OWNER)
    assert second.read_owner() == _OWNER
    assert not second.acquire(), "an announcement must not take the lock away"
    with pytest.raises(RuntimeError):
        second.announce(_OWNER)
    first.release()
    assert second.read_owner() is None


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"pid": 1})])
def test_words_that_are_not_understood_are_nobodys(tmp_path: Path, text: str) -> None:
    lock = RepositoryLock(tmp_path / ".lock")
    lock.announcement.write_text(text)
    assert lock.read_owner() is None


def test_a_killed_owner_leaves_no_lock_and_its_words_go(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    lock = RepositoryLock(path)
    with _holder(path) as process:
        assert not lock.acquire()
        owner = lock.read_owner()
        assert owner is not None and owner.host == "there"
        process.kill()
        process.wait()
        assert lock.acquire()
        assert lock.read_owner() is None
        lock.release()


def test_a_program_that_the_owner_started_does_not_keep_the_lock(tmp_path: Path) -> None:
    script = """
import subprocess, sys
from pathlib import Path
from omero_jlab.storage import RepositoryLock
lock = RepositoryLock(Path(sys.argv[1]))
assert lock.acquire()
child = subprocess.Popen(
    [sys.executable, "-c", "print('up', flush=True); input()"], stdin=0, close_fds=False
)
child.wait()
"""
    lock = RepositoryLock(tmp_path / ".lock")
    with subprocess.Popen(
        [sys.executable, "-c", script, str(lock.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None and owner.stdin is not None
        assert owner.stdout.readline() == "up\n"
        assert not lock.acquire()
        owner.kill()
        owner.wait()
        assert lock.acquire(), "the program that it had started still holds the lock"
        lock.release()
        owner.stdin.write("end\n")


def test_a_forked_child_neither_has_nor_keeps_the_lock(tmp_path: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from omero_jlab.storage import RepositoryLock
lock = RepositoryLock(Path(sys.argv[1]))
assert lock.acquire()
ready, go = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    held = lock.is_held() or RepositoryLock(Path(sys.argv[1])).acquire()
    lock.release()
    os.write(ready[1], b"1" if held else b"0")
    os.read(go[0], 1)
    os._exit(0)
assert os.read(ready[0], 1) == b"0", "the child has the lock"
assert lock.is_held() and not RepositoryLock(Path(sys.argv[1])).acquire()
os.close(lock._descriptor)  # as if the parent had died while its child lives
assert RepositoryLock(Path(sys.argv[1])).acquire(), "the child keeps the lock"
os.write(go[1], b"1")
assert os.waitpid(child, 0)[1] == 0
"""
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(tmp_path / ".lock")],
        check=True,
        timeout=60,
    )


def test_a_replaced_lock_file_gives_no_second_owner_of_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    lock = RepositoryLock(path)
    real = Path.stat
    calls = []

    def replace_first(self: Path, **named: bool) -> object:
        if self == path and not calls:
            calls.append(1)
            path.unlink()
            path.touch()
        return real(self, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "stat", replace_first)
        assert not lock.acquire()
    assert calls and lock.acquire()
    lock.release()
