"""Make datasets with tables: attach_some.py REPOSITORY NAME COUNT, beginning at a line of input.

Each table that was attached and appended to is acknowledged by its dataset's name.
"""

from __future__ import annotations

import sys

import pandas as pd

import omero_jlab

ROWS = 40


def frame(number: int) -> pd.DataFrame:
    """Rows that say which table they belong to."""
    return pd.DataFrame({"number": [number] * ROWS, "row": range(ROWS)})


def main() -> None:
    root, name, count = sys.argv[1:]
    sys.stdin.readline()
    repo = omero_jlab.connect(root)
    for number in range(int(count)):
        dataset = repo.datasets.add(f"{name}-{number}")
        table = dataset.attach_table(frame(number), "rows")
        table.append(frame(number))
        print(dataset.name, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
