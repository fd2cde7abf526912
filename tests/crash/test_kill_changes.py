"""SIGKILL while rows are appended, updated and deleted, and a table is compacted."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from pandas.testing import assert_frame_equal

from omero_jlab.model import Selection
from omero_jlab.repository import Store

from .audit import disagreements, let_jobs_end
from .change_forever import NAME, as_of
from .victim import Victim


def kill_and_look(tmp_path: Path, kills: int, seed: int) -> int:
    """Kill a writer so many times on the same table; answers its version then."""
    root, acknowledged = tmp_path / "repository", tmp_path / "acknowledged"
    chance = random.Random(seed)
    version = 0
    for _ in range(kills):
        victim = Victim(acknowledged, "change_forever.py", root, acknowledged)
        victim.kill_after(3, chance.uniform(0, 0.4))
        claimed = max(map(int, victim.lines()))
        store = Store.open(root)
        try:
            session = store.session()
            let_jobs_end(store)
            assert disagreements(store) == []
            (dataset,) = session.containers.datasets(name=NAME)
            (table,) = session.tables.list("dataset", dataset.id)
            assert table.table_version >= max(claimed, version), "an acknowledged change is lost"
            readable = [each.number for each in session.tables.versions(table.id)]
            for number in {readable[0], readable[-1], chance.choice(readable)}:
                found = session.read_rows(table.id, Selection(version=number))
                expected = as_of(number)
                assert list(found.index) == list(expected["id"])
                assert_frame_equal(
                    found.reset_index(drop=True), expected.reset_index(drop=True), check_dtype=False
                )
            version = table.table_version
        finally:
            store.close()
    return version


def test_acknowledged_changes_outlive_the_writer(tmp_path: Path) -> None:
    assert kill_and_look(tmp_path, 2, seed=1) >= 6


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_acknowledged_changes_outlive_two_hundred_writers(tmp_path: Path) -> None:
    for part in range(10):
        (tmp_path / str(part)).mkdir()
        assert kill_and_look(tmp_path / str(part), 20, seed=part) >= 60
