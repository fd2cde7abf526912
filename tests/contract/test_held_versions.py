"""Whoever reads a version of a table reads that one, whatever is done to the table."""

from __future__ import annotations

import pickle
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omero_jlab.errors import Invalid, OmeroError
from omero_jlab.model import GroupType
from omero_jlab.objects import Repository, Table
from omero_jlab.repository.tables import compaction

from .conftest import World

RW = GroupType.READ_WRITE
ROWS = 500


@pytest.fixture
def table(world: World) -> Table:
    repo = Repository(world.session("owner", RW))
    dataset = repo.datasets.add("held")
    frame = pd.DataFrame({"a": np.arange(ROWS), "b": np.arange(ROWS) * 0.5})
    return dataset.attach_table(frame, "held")


def compacted(world: World, table: Table) -> str:
    """Compact a table, all its changes forgotten; answers what kept it from that."""
    session = world.session("owner", RW)
    job = session.tables.compact(table.id, 0)
    deadline = time.monotonic() + 60
    while job.finished_at is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
        job = session.jobs.get(job.id)
    return str(job.error or "")


def test_a_dask_frame_keeps_its_version(world: World, table: Table) -> None:
    session = world.session("owner", RW)
    lazy = table.to_dask(partition_rows=100)
    if world.over_http:
        carried = pickle.dumps(lazy)
        assert session.transport.token.encode() not in carried, "a user's token leaves with it"
    before = lazy.compute()
    session.tables.set_values(table.id, {"b": -1.0}, "a < 250")
    table.delete_rows("a >= 400")
    assert compacted(world, table) == ""
    pd.testing.assert_frame_equal(lazy.compute(), before)
    if world.over_http:
        pd.testing.assert_frame_equal(pickle.loads(carried).compute(), before)
    newest = table.to_pandas()
    assert len(newest) == 400 and (newest["b"][:250] == -1).all()
    for held in session.delegations.list():
        session.delegations.remove(held.id)
    assert compacted(world, table) == ""
    with pytest.raises((Invalid, OmeroError), match=r"versions|expired or was revoked"):
        lazy.compute()


def test_who_begins_to_read_while_a_table_is_compacted_keeps_the_version(
    world: World, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = world.session("owner", RW)
    session.tables.set_values(table.id, {"b": -1.0}, "a < 250")
    begun: list[Any] = []
    merged = compaction._Compaction._merged

    def late(self: Any, *arguments: Any) -> Any:
        if not begun:
            begun.append(session.delegations.add(table_id=table.id, table_version=1))
        yield from merged(self, *arguments)

    monkeypatch.setattr(compaction._Compaction, "_merged", late)
    assert "begun to read version 1" in compacted(world, table)
    assert (table.query(version=1)["b"] == np.arange(ROWS) * 0.5).all()
    assert compacted(world, table) == ""
    assert (table.query(version=1)["b"] == np.arange(ROWS) * 0.5).all()
    session.delegations.remove(begun[0].id)
    assert compacted(world, table) == ""
    with pytest.raises(Invalid, match="versions"):
        table.query(version=1)
