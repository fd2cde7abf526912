"""SIGKILL while rows are appended, and a writer without our care that must be damaged by it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import tables

from omero_jlab.repository import Store

from .append_forever import BATCH, NAME, rows
from .append_naively import good_rows
from .audit import disagreements, let_jobs_end
from .victim import Victim


def kill_and_look(tmp_path: Path, kills: int, seed: int) -> int:
    """Kill a writer so many times on the same table; answers how many rows there are then."""
    root, acknowledged = tmp_path / "repository", tmp_path / "acknowledged"
    chance = random.Random(seed)
    found = 0
    for _ in range(kills):
        victim = Victim(acknowledged, "append_forever.py", root, acknowledged)
        # The next writer goes on where the dead one was: it acknowledges further rows.
        victim.kill_after(1, chance.uniform(0, 0.4))
        claimed = max(map(int, victim.lines()))
        store = Store.open(root)
        try:
            # A merging of small files that the kill interrupted goes on at the opening.
            let_jobs_end(store)
            assert disagreements(store) == []
            session = store.session()
            (dataset,) = session.containers.datasets(name=NAME)
            (table,) = session.tables.list("dataset", dataset.id)
            frame = session.read_rows(table.id)
            assert len(frame) >= claimed, "acknowledged rows are lost"
            assert len(frame) >= found
            assert len(frame) % BATCH == 0, "half a batch is there"
            assert table.rows == len(frame)
            expected = rows(0, len(frame)).astype({"s": frame["s"].dtype})
            assert frame.reset_index(drop=True).equals(expected)
            found = len(frame)
        finally:
            store.close()
    return found


def test_acknowledged_rows_outlive_the_writer(tmp_path: Path) -> None:
    assert kill_and_look(tmp_path, 2, seed=1) >= 2 * BATCH


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_acknowledged_rows_outlive_two_hundred_writers(tmp_path: Path) -> None:
    for part in range(10):
        (tmp_path / str(part)).mkdir()
        assert kill_and_look(tmp_path / str(part), 20, seed=part) >= 20 * BATCH


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_file_that_is_appended_to_in_place_is_damaged(tmp_path: Path) -> None:
    """The control: where this one is never damaged, the kills above prove nothing."""
    chance = random.Random(1)
    for trial in range(200):
        path, acknowledged = tmp_path / f"{trial}.h5", tmp_path / f"{trial}.acknowledged"
        victim = Victim(acknowledged, "append_naively.py", path, acknowledged)
        victim.kill_after(2, chance.uniform(0, 0.4))
        try:
            found = good_rows(path)
        except (tables.HDF5ExtError, tables.NoSuchNodeError, OSError):
            return
        if found < max(map(int, victim.lines())):
            return
    pytest.fail("the naive writer survived every kill: the writers are not kept busy enough")
