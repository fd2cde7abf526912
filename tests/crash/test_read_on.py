"""Several processes and threads read a table that is appended to, changed and compacted."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from omero_jlab.repository import Store
from omero_jlab.server.holder import Holder
from omero_jlab.server.standalone import Listener

from .change_forever import BATCH, NAME, change, rows
from .read_on import read_on


def read_while_changing(folder: Path, processes: int, threads: int, seconds: float) -> int:
    """Change a table while it is read over HTTP and in this process; answers its version then."""
    stop = folder / "stop"
    store = Store.open(folder / "repository", create=True)
    listener = Listener(Holder.of(store))
    session = store.session()
    dataset = session.containers.add_dataset(NAME)
    table_id = session.add_table("dataset", dataset.id, NAME, rows(0, BATCH)).id
    address = [listener.start().url, str(table_id), str(stop)]
    script = str(Path(__file__).with_name("read_on.py"))
    readers = [
        subprocess.Popen(
            [sys.executable, script, *address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    try:
        with ThreadPoolExecutor(threads) as pool:
            for reader in readers:
                assert reader.stdin is not None
                reader.stdin.write(listener.holder.secret)
                reader.stdin.close()
                reader.stdin = None
            for reader in readers:
                assert reader.stdout is not None
                assert reader.stdout.readline() == "ready\n"
            here = [
                pool.submit(read_on, store.session(), table_id, stop.exists) for _ in range(threads)
            ]
            try:
                version = change_on(store, table_id, seconds)
            finally:
                stop.touch()
            told = [each.result() for each in here]
        for reader in readers:
            out, error = reader.communicate(timeout=120)
            assert reader.returncode == 0, error
            told.append(json.loads(out))
    finally:
        for reader in readers:
            reader.kill()
            reader.communicate()
        listener.stop()
        listener.holder.close()
        store.close()
    assert all(each["answers"] for each in told)
    assert any(each["versions"] > 1 for each in told)
    return version


def change_on(store: Store, table_id: int, seconds: float) -> int:
    """Change the table so long, and compact it now and then; answers its version then."""
    session = store.session()
    version, end = 1, time.monotonic() + seconds
    while time.monotonic() < end:
        version = change(session, table_id, version + 1)
        if version % 8 == 0:
            session.tables.compact(table_id, version % 3)
    return version


def test_readers_never_see_a_part_of_a_change_or_an_earlier_one(tmp_path: Path) -> None:
    assert read_while_changing(tmp_path, processes=2, threads=2, seconds=3) > 3


@pytest.mark.long
@pytest.mark.timeout(600)
def test_readers_see_whole_changes_for_a_minute(tmp_path: Path) -> None:
    assert read_while_changing(tmp_path, processes=4, threads=4, seconds=60) > 30
