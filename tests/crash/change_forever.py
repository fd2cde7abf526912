"""Change a table for ever: change_forever.py REPOSITORY ACKNOWLEDGED

After each change that returned, the table's version goes to the file ACKNOWLEDGED.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from omero_jlab.repository import Session, Store

BATCH = 200
NAME = "changed"


def rows(start: int, count: int) -> pd.DataFrame:
    """Rows whose every value follows from their number."""
    numbers = np.arange(start, start + count)
    words = pd.array([f"r{n % 7}" for n in numbers], dtype="string")
    return pd.DataFrame({"id": numbers, "v": numbers / 7.0, "s": words})


def as_of(version: int) -> pd.DataFrame:
    """The table as its first `version` changes leave it."""
    frame = rows(0, BATCH)
    for number in range(2, version + 1):
        frame = made_of(frame, number)
    return frame


def made_of(frame: pd.DataFrame, number: int) -> pd.DataFrame:
    """What change `number` makes of the table before it."""
    stop = _stop(number)
    first = stop - BATCH
    if number % 3 == 2:
        frame = pd.concat([frame, rows(stop, BATCH)])
    elif number % 3 == 0:
        some = (frame["id"] >= first + 10) & (frame["id"] < stop - 20)
        frame = frame.copy()
        frame.loc[some, "v"] = float(number)
        frame.loc[some, "s"] = f"c{number}"
    else:
        frame = frame[~frame["id"].between(first + 50, first + 120)]
    return frame.set_index(pd.Index(frame["id"].to_numpy()))


def _stop(number: int) -> int:
    """The number of the next row before change `number`."""
    return BATCH * (1 + sum(each % 3 == 2 for each in range(2, number)))


def change(session: Session, table_id: int, number: int) -> int:
    """Make version `number`; answers which one was made."""
    stop = _stop(number)
    first = stop - BATCH
    if number % 3 == 2:
        return session.append_rows(table_id, rows(stop, BATCH)).table_version
    if number % 3 == 0:
        values = {"v": float(number), "s": f"c{number}"}
        where = f"id >= {first + 10} & id < {stop - 20}"
        return session.tables.set_values(table_id, values, where).table.table_version
    where = f"id between {first + 50} and {first + 120}"
    return session.tables.delete_rows(table_id, where).table.table_version


def main() -> None:
    store = Store.open(Path(sys.argv[1]), create=True)
    session = store.session()
    datasets = session.containers.datasets(name=NAME)
    dataset = datasets[0] if datasets else session.containers.add_dataset(NAME)
    tables = session.tables.list("dataset", dataset.id)
    out = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    if not tables:
        tables = (session.add_table("dataset", dataset.id, NAME, rows(0, BATCH)),)
    table_id, version = tables[0].id, tables[0].table_version
    while True:
        version = change(session, table_id, version + 1)
        os.write(out, b"%d\n" % version)
        if version % 4 == 0:
            # The writer goes on while it is compacted.
            session.tables.compact(table_id, version % 3)
            time.sleep(0.002)


if __name__ == "__main__":
    main()
