"""A writer that appends to a table for ever, and what a reader finds after it was killed.

    table_victim.py append REPOSITORY ACKNOWLEDGED [--batch 1000]
    table_victim.py check REPOSITORY [--append]

The writer is itself the process that owns the repository, and does what a notebook does.  Row n
says of itself what the harnesses of others expect: `id` n, and a checksum.  The number of rows so
far goes to the file ACKNOWLEDGED after each append that returned.  The check prints one line of
JSON: whether the table opens, how many rows there are, whether they are those from 0 on, and,
with `--append`, whether the next rows can be appended.
"""

from __future__ import annotations

import argparse
import json
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import omero_jlab
from omero_jlab.errors import OmeroError
from omero_jlab.objects import Repository, Table

NAME = "rows"


def rows(start: int, count: int) -> pd.DataFrame:
    """Rows whose every value follows from their number."""
    numbers = np.arange(start, start + count)
    return pd.DataFrame(
        {
            "id": numbers,
            "v": (numbers * 2654435761 % 1000003) / 7.0,
            "s": pd.array([f"r{n:015d}" for n in numbers], dtype="string"),
            "crc": np.array([zlib.crc32(b"%d" % n) for n in numbers], np.uint32),
        }
    )


def table_in(repo: Repository) -> Table | None:
    """The table, if a writer came so far as to make it."""
    datasets = [each for each in repo.datasets if each.name == NAME]
    tables = datasets[0].tables if datasets else ()
    return tables[0] if tables else None


def append(root: Path, acknowledged: Path, batch: int) -> None:
    """Append until the process is killed, or an append fails."""
    out = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    repo = omero_jlab.connect(root)
    table = table_in(repo)
    if table is None:
        names = [each.name for each in repo.datasets]
        dataset = repo.datasets.find(name=NAME) if NAME in names else repo.datasets.add(NAME)
        table = dataset.attach_table(rows(0, batch), NAME)
        os.write(out, b"%d\n" % len(table))
    while True:
        table.append(rows(len(table), batch))
        os.write(out, b"%d\n" % len(table))


def check(root: Path, and_append: bool) -> dict[str, Any]:
    """What a reader finds, and whether a writer can go on."""
    found: dict[str, Any] = {"ok": False, "rows": 0, "prefix": False, "err": ""}
    try:
        table = table_in(omero_jlab.connect(root))
        if table is None:
            return found | {"err": "there is no table"}
        frame = table.query()
        found |= {"ok": True, "rows": len(frame), "prefix": is_prefix(frame)}
        if and_append:
            table.append(rows(len(frame), 10))
            found["append"] = is_prefix(table.query())
    except (OmeroError, OSError) as error:
        found["err"] = f"{type(error).__name__}: {error}"
        if found["ok"]:
            found["append"] = False
    return found


def is_prefix(frame: pd.DataFrame) -> bool:
    """Whether these are the rows from 0 on, each as it was written."""
    expected = rows(0, len(frame)).astype({"s": frame["s"].dtype})
    numbered = list(frame.index) == list(range(len(frame)))
    return numbered and frame.reset_index(drop=True).equals(expected)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    writer = commands.add_parser("append")
    writer.add_argument("root", type=Path)
    writer.add_argument("acknowledged", type=Path)
    writer.add_argument("--batch", type=int, default=1000)
    checker = commands.add_parser("check")
    checker.add_argument("root", type=Path)
    checker.add_argument("--append", action="store_true")
    given = parser.parse_args()
    if given.command == "append":
        append(given.root, given.acknowledged, given.batch)
    else:
        print(json.dumps(check(given.root, given.append)))


if __name__ == "__main__":
    main()
