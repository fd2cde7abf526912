"""Several processes on one repository, with a real one in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from omero_jlab.connection import connect, disconnect
from omero_jlab.storage import Layout, RepositoryLock

WRITER = """
import json, sys
from omero_jlab.connection import connect

root, name, count = sys.argv[1:]
sys.stdin.readline()
session = connect(root)
for number in range(int(count)):
    made = session.containers.add_project(f"{name}-{number}")
    print(json.dumps(made.name), flush=True)
sys.stdin.read()
"""


class Writer:
    """A process that connects when told, writes, and ends when told."""

    def __init__(self, root: Path, name: str, count: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(root), name, str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.acknowledged: list[str] = []

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def read(self, count: int) -> None:
        """Wait until so many writes are acknowledged, or for the end."""
        assert self.process.stdout is not None
        while len(self.acknowledged) < count:
            line = self.process.stdout.readline()
            if not line:
                break
            self.acknowledged.append(json.loads(line))

    def end(self) -> int:
        self.process.communicate()
        return self.process.returncode


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "repository"
    disconnect()


def names(root: Path) -> Counter[str]:
    return Counter(project.name for project in connect(root).containers.projects())


@pytest.mark.long
def test_four_processes_write_at_once(root: Path) -> None:
    writers = [Writer(root, name, 10) for name in "abcd"]
    for writer in writers:
        writer.go()
    for writer in writers:
        writer.read(10)
    assert [writer.end() for writer in writers] == [0, 0, 0, 0]
    expected = [name for writer in writers for name in writer.acknowledged]
    assert len(expected) == 40
    assert names(root) == Counter(expected)


def test_the_owner_is_killed_and_the_others_go_on(root: Path) -> None:
    writers = [Writer(root, name, 60) for name in "abc"]
    for writer in writers:
        writer.go()
    for writer in writers:
        writer.read(5)
    owner = RepositoryLock(Layout(root).lock).read_owner()
    assert owner is not None
    (killed,) = [w for w in writers if w.process.pid == owner.pid]
    os.kill(killed.process.pid, signal.SIGKILL)
    survivors = [writer for writer in writers if writer is not killed]
    for writer in writers:
        writer.read(60)
    assert killed.end() == -signal.SIGKILL
    assert [writer.end() for writer in survivors] == [0, 0]
    assert all(len(writer.acknowledged) == 60 for writer in survivors)
    found = names(root)
    # Nothing acknowledged is lost, nothing is there twice.
    assert set(found.values()) == {1}
    for writer in writers:
        assert set(writer.acknowledged) <= set(found)
    assert set(found) - {n for w in survivors for n in w.acknowledged} <= {
        f"{killed.acknowledged[0][0]}-{number}" for number in range(60)
    }
