"""A table appended to, updated and compacted while several read it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pandas as pd

from omero_jlab.model import GroupType
from omero_jlab.objects import Repository

from .conftest import World

BATCH = 50
ROUNDS = 5


def rows(first: int) -> pd.DataFrame:
    numbers = np.arange(first, first + BATCH)
    return pd.DataFrame({"id": numbers, "mark": np.zeros(BATCH)})


def test_readers_see_whole_changes_and_never_an_earlier_one(world: World) -> None:
    """Each update gives all rows of one batch the same mark, and marks only grow."""
    repo = Repository(world.session("owner", GroupType.READ_ANNOTATE))
    image = repo.image(world.image("owner", GroupType.READ_ANNOTATE))
    table_id = image.attach_table(rows(0), "shared").id
    done = threading.Event()
    failures: list[BaseException] = []

    def guarded(work: Callable[[Repository], None]) -> threading.Thread:
        def run() -> None:
            try:
                work(Repository(world.session("owner", GroupType.READ_ANNOTATE)))
            except BaseException as error:  # noqa: BLE001 - told by the test
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def append(mine: Repository) -> None:
        for number in range(1, ROUNDS):
            mine.table(table_id).append(rows(number * BATCH))

    def update(mine: Repository) -> None:
        for number in range(1, ROUNDS):
            mine.table(table_id).update({"mark": float(number)}, where=f"id < {BATCH}")
            if number % 3 == 0:
                mine.table(table_id).compact(keep=1)

    def read(mine: Repository) -> None:
        count = mark = 0.0
        while not done.is_set():
            found = mine.table(table_id).query()
            assert len(found) % BATCH == 0
            assert list(found.index) == list(found["id"]) == list(range(len(found)))
            marks = found["mark"].to_numpy().reshape(-1, BATCH)
            assert (marks == marks[:, :1]).all()
            assert len(found) >= count and marks[0, 0] >= mark
            count, mark = len(found), marks[0, 0]

    readers = [guarded(read) for _ in range(4)]
    writers = [guarded(append), guarded(update)]
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    assert failures == []
    found = repo.table(table_id).query()
    assert len(found) == ROUNDS * BATCH
    assert found["mark"].iloc[0] == ROUNDS - 1
