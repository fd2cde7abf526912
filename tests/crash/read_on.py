"""Read a table that `change_forever` changes: read_on.py URL TABLE_ID STOP < TOKEN

Says `ready`, reads through a server until the file STOP is there, and prints how many answers
there were and how many different versions they were of, as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))

from change_forever import as_of, made_of

from omero_jlab.remote import RemoteSession


def read_on(session: Any, table_id: int, ended: Callable[[], bool]) -> dict[str, int]:
    """Read until `ended`; every answer is the whole of a version, and none of an older one.

    The version of an answer is one between those that the table had before and after it was
    asked for.
    """
    before = version = session.tables.get(table_id).table_version
    expected = as_of(version)
    answers, versions = 0, {version}
    while not (answers and ended()):
        found = session.read_rows(table_id)
        after = session.tables.get(table_id).table_version
        assert after >= before, f"version {after} was told after version {before}"
        while version < before:
            version += 1
            expected = made_of(expected, version)
        while not is_same(found, expected):
            assert version < after, f"{len(found)} rows are of no version from {before} to {after}"
            version += 1
            expected = made_of(expected, version)
        before = after
        answers += 1
        versions.add(version)
    return {"answers": answers, "versions": len(versions)}


def is_same(found: pd.DataFrame, expected: pd.DataFrame) -> bool:
    """Whether these are the same rows, with the same numbers and values."""
    return list(found.index) == list(expected["id"]) and all(
        list(found[name]) == list(expected[name]) for name in expected.columns
    )


if __name__ == "__main__":
    remote = RemoteSession(sys.argv[1], sys.stdin.read())
    print("ready", flush=True)
    told = read_on(remote, int(sys.argv[2]), Path(sys.argv[3]).exists)
    print(json.dumps(told))
