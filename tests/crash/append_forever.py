"""Append rows to a table for ever: append_forever.py REPOSITORY ACKNOWLEDGED

After each append that returned, the number of rows so far goes to the file ACKNOWLEDGED.
"""

from __future__ import annotations

import os
import sys
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from omero_jlab.repository import Store

BATCH = 1000
NAME = "rows"


def rows(start: int, count: int) -> pd.DataFrame:
    """Rows whose every value follows from their number."""
    numbers = np.arange(start, start + count)
    return pd.DataFrame(
        {
            "id": numbers,
            "v": (numbers * 2654435761 % 1000003) / 7.0,
            "s": [f"r{n:015d}" for n in numbers],
            "crc": np.array([zlib.crc32(b"%d" % n) for n in numbers], np.uint32),
        }
    )


def main() -> None:
    store = Store.open(Path(sys.argv[1]), create=True)
    session = store.session()
    datasets = session.containers.datasets(name=NAME)
    dataset = datasets[0] if datasets else session.containers.add_dataset(NAME)
    tables = session.tables.list("dataset", dataset.id)
    count = tables[0].rows if tables else 0
    out = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    if not tables:
        tables = (session.add_table("dataset", dataset.id, NAME, rows(0, BATCH)),)
        count = BATCH
        os.write(out, b"%d\n" % count)
    while True:
        session.append_rows(tables[0].id, rows(count, BATCH))
        count += BATCH
        os.write(out, b"%d\n" % count)


if __name__ == "__main__":
    main()
