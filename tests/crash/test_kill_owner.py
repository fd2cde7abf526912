"""Four processes attach tables at once, and the one that owns the repository is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from omero_jlab.connection import disconnect
from omero_jlab.repository import Store
from omero_jlab.storage import Layout, RepositoryLock

from .attach_some import frame
from .audit import disagreements

COUNT = 12
NAMES = "abcd"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("OMERO_JLAB_URL", "OMERO_JLAB_TOKEN_FILE", "JPY_PARENT_PID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    yield tmp_path / "repository"
    disconnect()


@pytest.mark.long
def test_survivors_finish_their_tables(root: Path) -> None:
    script = str(Path(__file__).with_name("attach_some.py"))
    writers = {
        name: subprocess.Popen(
            [sys.executable, script, str(root), name, str(COUNT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in NAMES
    }
    acknowledged: dict[str, list[str]] = {name: [] for name in NAMES}
    for writer in writers.values():
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for name, writer in writers.items():
        assert writer.stdout is not None
        acknowledged[name].append(writer.stdout.readline().strip())
    owner = RepositoryLock(Layout(root).lock).read_owner()
    assert owner is not None
    (killed,) = [name for name, writer in writers.items() if writer.pid == owner.pid]
    os.kill(owner.pid, signal.SIGKILL)
    for name, writer in writers.items():
        assert writer.stdout is not None
        while len(acknowledged[name]) < COUNT and (line := writer.stdout.readline()):
            acknowledged[name].append(line.strip())
        writer.communicate()
        assert writer.returncode == (-signal.SIGKILL if name == killed else 0)
        expected = [f"{name}-{number}" for number in range(COUNT)]
        done = len(acknowledged[name])
        assert acknowledged[name] == expected[:done]
        assert name == killed or done == COUNT
    check(root, [name for names in acknowledged.values() for name in names], killed)


def check(root: Path, acknowledged: list[str], killed: str) -> None:
    store = Store.open(root)
    try:
        assert disagreements(store) == []
        session = store.session()
        datasets = session.containers.datasets()
        names = Counter(dataset.name for dataset in datasets)
        assert set(names.values()) == {1}, "something was done twice"
        assert set(acknowledged) <= set(names)
        for dataset in datasets:
            name, number = dataset.name.split("-")
            tables = session.tables.list("dataset", dataset.id)
            if name == killed and dataset.name not in acknowledged:
                # It died somewhere in the middle of this one.
                assert len(tables) <= 1
                continue
            (table,) = tables
            expected = pd.concat([frame(int(number))] * 2, ignore_index=True)
            assert session.read_rows(table.id).reset_index(drop=True).equals(expected)
    finally:
        store.close()
