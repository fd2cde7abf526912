"""Any sequence of changes leaves every version of a table as pandas would have made it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from omero_jlab.errors import Invalid
from omero_jlab.model import Selection
from omero_jlab.repository import Session, Store

SEEDS = st.integers(0, 2**16)
STEP = st.one_of(
    st.tuples(st.just("append"), st.integers(0, 6), SEEDS),
    st.tuples(st.just("update"), st.integers(1, 5), SEEDS),
    st.tuples(st.just("set"), st.integers(-1, 6), SEEDS),
    st.tuples(st.just("delete"), st.integers(1, 4), SEEDS),
    st.tuples(st.just("add"), st.sampled_from(["x", "y"]), SEEDS),
    st.tuples(st.just("drop"), st.sampled_from(["x", "y", "f"]), SEEDS),
    st.tuples(st.just("compact"), st.sampled_from([0, 1, 3, 100]), SEEDS),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store.open(tmp_path_factory.mktemp("changed") / "repository", create=True)
    yield store
    store.close()


def values(name: str, count: int, chance: np.random.Generator) -> Any:
    """Values of the column `name`; what `x` holds depends on when it was added."""
    if name == "k":
        return pd.array(chance.choice([0, 1, -1, 200, 2**40], count), dtype="int64")
    if name == "n":
        whole = pd.array(chance.choice([0, 5, -300, 70_000], count), dtype="Int64")
        whole[chance.random(count) < 0.3] = pd.NA
        return whole
    if name in ("f", "y"):
        return chance.choice([0.0, -0.0, 1.0, 0.1, np.nan, np.inf, -7.0, 2.0**24 + 1], count)
    words = pd.array(chance.choice(["", "a", "é", "long word", "zz"], count), dtype="string")
    words[chance.random(count) < 0.2] = pd.NA
    return words


class Model:
    """What the table must be: its rows at each version that can be read."""

    def __init__(self, session: Session, table_id: int) -> None:
        self.session = session
        self.id = table_id
        self.next = 0
        self.frame = pd.DataFrame()
        self.versions: dict[int, pd.DataFrame] = {}
        self.changes: list[int] = []

    def remember(self, frame: pd.DataFrame, version: int, is_change: bool) -> None:
        self.frame = self.versions[version] = frame
        if is_change:
            self.changes.append(version)

    def append(self, count: int, chance: np.random.Generator) -> None:
        rows = pd.DataFrame({name: values(name, count, chance) for name in self.frame.columns})
        version = self.session.append_rows(self.id, rows).table_version
        rows.index = pd.RangeIndex(self.next, self.next + count)
        self.next += count
        joined = {
            name: pd.concat([self.frame[name], rows[name].astype(self.frame[name].dtype)])
            for name in self.frame.columns
        }
        self.remember(pd.DataFrame(joined), version, False)

    def update(self, count: int, chance: np.random.Generator) -> None:
        if not len(self.frame):
            return
        ids = chance.choice(self.frame.index, min(count, len(self.frame)), replace=False)
        names = list(chance.choice(self.frame.columns, chance.integers(1, 3)))
        names = list(dict.fromkeys(names))
        other = pd.DataFrame({name: values(name, len(ids), chance) for name in names}, index=ids)
        version = self.session.update_rows(self.id, other).table.table_version
        changed = self.frame.copy()
        for name in names:
            changed.loc[ids, name] = other[name].astype(changed[name].dtype)
        self.remember(changed, version, True)

    def set(self, above: int, chance: np.random.Generator) -> None:
        ids = self.frame.index[self.frame.index > above]
        name = str(chance.choice(["f", "n", "w"]))
        if name not in self.frame:
            return
        value = values(name, 1, chance)[0]
        sent = None if value is pd.NA else value.item() if hasattr(value, "item") else value
        made = self.session.tables.set_values(self.id, {name: sent}, f"row_id > {above}")
        assert made.changed_rows == len(ids)
        if len(ids):
            changed = self.frame.copy()
            changed.loc[ids, name] = value
            self.remember(changed, made.table.table_version, True)

    def delete(self, every: int, chance: np.random.Generator) -> None:
        ids = [int(n) for n in self.frame.index if n % every == chance.integers(every)]
        made = self.session.tables.delete_rows(self.id, rows=tuple(ids))
        if ids:
            self.remember(self.frame.drop(index=ids), made.table.table_version, True)

    def add(self, name: str, chance: np.random.Generator) -> None:
        if name in self.frame:
            return
        some = self.frame.index[chance.random(len(self.frame)) < 0.7]
        if not len(some):
            return
        column = pd.Series(values(name, len(some), chance), index=some, name=name)
        named = column.rename_axis("row_id").to_frame()
        version = self.session.add_columns(self.id, named).table.table_version
        changed = self.frame.copy()
        changed[name] = column.reindex(self.frame.index)
        self.remember(changed, version, True)

    def drop(self, name: str, _: np.random.Generator) -> None:
        if name in self.frame:
            version = self.session.tables.drop_column(self.id, name).table.table_version
            self.remember(self.frame.drop(columns=name), version, True)

    def compact(self, keep: int, _: np.random.Generator) -> None:
        job = self.session.tables.compact(self.id, keep)
        while (now := self.session.jobs.get(job.id)).finished_at is None:
            time.sleep(0.002)
        assert now.state == "done", now.error
        if len(self.changes) > keep:
            oldest = self.changes[-keep - 1]
            self.versions = {n: each for n, each in self.versions.items() if n >= oldest}

    def check(self) -> None:
        last = max(self.versions)
        for number, expected in self.versions.items():
            found = self.session.read_rows(self.id, Selection(version=number))
            same(found, expected)
            assert self.session.table_view(self.id, number).rows == len(expected)
        for name, condition in (("f", "f > 0.5"), ("w", "w == 'a' or w >= 'é'"), ("k", "k == 200")):
            if name in self.frame:
                found = self.session.read_rows(self.id, Selection(condition=condition))
                same(found, self.frame.query(condition, engine="python"))
        history = self.session.tables.versions(self.id)
        assert history[0].number == last and history[0].rows == len(self.frame)
        readable = {version.number for version in history}
        assert readable >= set(self.versions)
        if min(self.versions) > 1:
            with pytest.raises(Invalid, match="has versions"):
                self.session.read_rows(self.id, Selection(version=min(readable) - 1))


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert list(found.index) == list(expected.index)
    assert_frame_equal(
        found,
        expected,
        check_dtype=False,
        check_index_type=False,
        check_names=False,
        rtol=0,
        atol=0,
    )


def play(store: Store, steps: list[tuple[str, Any, int]]) -> None:
    session = store.session()
    project = session.containers.add_project("changed")
    chance = np.random.default_rng(len(steps))
    first = pd.DataFrame({name: values(name, 7, chance) for name in ("k", "n", "f", "w")})
    model = Model(session, session.add_table("project", project.id, "t", first).id)
    model.remember(first, 1, False)
    model.next = 7
    for action, argument, seed in steps:
        getattr(model, action)(argument, np.random.default_rng(seed))
    model.check()


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(STEP, min_size=1, max_size=10))
def test_every_version_is_what_pandas_says(store: Store, steps: list[tuple[str, Any, int]]) -> None:
    play(store, steps)


@pytest.mark.long
@pytest.mark.timeout(3600)
@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(STEP, min_size=1, max_size=40))
def test_every_version_of_long_histories(store: Store, steps: list[tuple[str, Any, int]]) -> None:
    play(store, steps)
