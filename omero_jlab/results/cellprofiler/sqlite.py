"""The plain tables of a foreign SQLite file, read where it can do no harm.

Nothing that is stored in the file runs: no view, trigger, virtual table, generated column or
extension.  The functions are called in a confined process.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from ...errors import TooLarge, Unreadable
from ..confined import frame_to_bytes

__all__ = ["MAGIC", "describe", "read_rows"]

MAGIC = b"SQLite format 3\0"
_MOST_TABLES = 2_000
_LONGEST_VALUE = 32 * 2**20
_PLAIN = re.compile(r"\s*CREATE\s+TABLE\b", re.IGNORECASE)
# table_xinfo marks what is no stored column: 1 of a virtual table, 2 and 3 generated.
_STORED = 0
_EXACT = 2**53


def describe(path: str) -> bytes:
    """The tables of the file as JSON: `tables` (columns and declared types by name), `notes`.

    Raises
    ------
    Unreadable
        The file is damaged, was cut off, or is no SQLite database.
    """
    tables: dict[str, list[tuple[str, str]]] = {}
    left_out = []
    with _opened(path) as database:
        found = database.execute("SELECT type, name, sql, rootpage FROM sqlite_master").fetchall()
        if len(found) > 10 * _MOST_TABLES:
            raise TooLarge(f"{Path(path).name} declares {len(found):,} tables and indexes.")
        for kind, name, sql, page in found:
            if kind == "view":
                left_out.append(name)
            elif kind == "table" and page and _PLAIN.match(sql or ""):
                columns = database.execute(f"PRAGMA table_xinfo({_quoted(name)})").fetchall()
                tables[name] = [(c[1], c[2] or "") for c in columns if c[6] == _STORED]
            elif kind == "table" and not name.startswith("sqlite_"):
                left_out.append(name)
    return json.dumps({"tables": tables, "left_out": left_out}).encode()


def read_rows(path: str, table: str, columns: Sequence[str], start: int, count: int) -> bytes:
    """Rows `start` to `start + count` of the named columns as an Arrow stream."""
    with _opened(path) as database:
        declared = {
            row[1]: (row[2] or "").upper()
            for row in database.execute(f"PRAGMA table_xinfo({_quoted(table)})")
            if row[6] == _STORED
        }
        wanted = [name for name in columns if name in declared]
        listed = ", ".join(_quoted(name) for name in wanted)
        rows = database.execute(
            f"SELECT {listed} FROM {_quoted(table)} NOT INDEXED LIMIT ? OFFSET ?", (count, start)
        ).fetchall()
    values = list(zip(*rows, strict=True)) or [()] * len(wanted)
    return frame_to_bytes(
        pd.DataFrame(
            {
                name: _series(column, declared[name])
                for name, column in zip(wanted, values, strict=True)
            }
        )
    )


@contextmanager
def _opened(path: str) -> Iterator[sqlite3.Connection]:
    _check_whole(Path(path))
    # Immutable: no lock, no journal and no -wal file is looked for or written beside it.
    database = sqlite3.connect(f"file:{quote(path)}?mode=ro&immutable=1", uri=True)
    try:
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
        database.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        database.setlimit(sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1)
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("PRAGMA cell_size_check = ON")
        database.execute("PRAGMA mmap_size = 0")
        database.set_authorizer(_allowed)
        database.text_factory = lambda raw: raw.decode("utf-8", "replace")
        yield database
    except (sqlite3.Error, RecursionError) as error:
        raise Unreadable(f"{Path(path).name} cannot be read as SQLite: {error}.") from error
    finally:
        database.close()


def _allowed(action: int, one: str | None, two: str | None, _: object, by: str | None) -> int:
    """Reading columns of tables, and nothing on behalf of a view or trigger (`by`)."""
    if by is None and action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ):
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_PRAGMA and one == "table_xinfo":
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _check_whole(path: Path) -> None:
    """Refuse a file that is shorter than its header says."""
    with path.open("rb") as file:
        header = file.read(100)
    if not header.startswith(MAGIC) or len(header) < 100:
        raise Unreadable(f"{path.name} is no SQLite database.")
    page = int.from_bytes(header[16:18], "big")
    page = 65_536 if page == 1 else page
    # The count of pages holds only where its stamp is that of the last change.
    known = header[24:28] == header[92:96]
    pages = int.from_bytes(header[28:32], "big") if known else 0
    size = path.stat().st_size
    if size < page * pages:
        raise Unreadable(
            f"{path.name} was cut off: it has {size:,} bytes of {page * pages:,}. Copy it again."
        )


def _series(values: Sequence[Any], declared: str) -> pd.Series[Any]:
    """One column; numbers stay what they are, what is missing is NaN or NA."""
    if any(word in declared for word in ("CHAR", "TEXT", "CLOB")):
        return _text(values)
    kinds = {type(value) for value in values if value is not None}
    if kinds - {int, float}:
        return _text(values)
    missing = len(values) and any(value is None for value in values)
    if kinds == {int} and not missing and "FLOAT" not in declared:
        return pd.Series(values, dtype="int64")
    if kinds == {int} and max(abs(v) for v in values if v is not None) > _EXACT:
        return pd.Series(values, dtype="Int64")
    return pd.Series([np.nan if v is None else v for v in values], dtype="float64")


def _text(values: Sequence[Any]) -> pd.Series[Any]:
    def text(value: Any) -> str | None:
        if value is None or value == "":
            return None
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    return pd.Series([text(value) for value in values], dtype="string")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
