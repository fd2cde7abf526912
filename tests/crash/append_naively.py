"""Append rows with PyTables to a file that stays open: append_naively.py FILE ACKNOWLEDGED"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import tables

BATCH = 1000


def rows(start: int, count: int) -> np.ndarray:
    """Rows whose every value follows from their number."""
    made = np.zeros(count, [("id", "i8"), ("v", "f8"), ("s", "S16")])
    made["id"] = np.arange(start, start + count)
    made["v"] = (made["id"] * 2654435761 % 1000003) / 7.0
    made["s"] = [b"r%015d" % n for n in made["id"]]
    return made


def good_rows(path: Path) -> int:
    """How many rows a reader finds; 0 where they are not those that were written."""
    with tables.open_file(str(path)) as file:
        found = file.root.rows.read()
    return len(found) if np.array_equal(found, rows(0, len(found))) else 0


def main() -> None:
    out = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with tables.open_file(sys.argv[1], "w") as file:
        compressed = tables.Filters(complib="zlib", complevel=1)
        table = file.create_table("/", "rows", rows(0, 0), filters=compressed, chunkshape=4096)
        while True:
            table.append(rows(table.nrows, BATCH))
            table.flush()
            os.write(out, b"%d\n" % table.nrows)


if __name__ == "__main__":
    main()
