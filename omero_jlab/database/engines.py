"""Connections: many that read, one that writes.

SQLite runs in WAL mode with `synchronous=FULL`: what was acknowledged survives a power cut.  On a
file system of a server, where the memory that WAL mode needs may not be shared, it keeps a
rollback journal instead: readers and the writer wait for each other.
A write begins with BEGIN IMMEDIATE; with the deferred BEGIN of the driver, threads that read
and then write find the database locked.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from sqlalchemy import Engine, QueuePool, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from ..errors import NotFound, OmeroError, Unavailable

__all__ = ["Engines", "Journal", "Turnstile"]

Journal = Literal["wal", "rollback"]


class Turnstile:
    """A lock that lets threads through in the order in which they came; `turns` counts them."""

    def __init__(self) -> None:
        self.turns = 0
        self._guard = threading.Lock()
        self._waiting: list[threading.Event] = []

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for this thread's turn, and pass it on at the end."""
        mine = threading.Event()
        with self._guard:
            self._waiting.append(mine)
            if len(self._waiting) == 1:
                mine.set()
        mine.wait()
        try:
            yield
        finally:
            with self._guard:
                self.turns += 1
                self._waiting.pop(0)
                if self._waiting:
                    self._waiting[0].set()


class Engines:
    """Two engines on one SQLite file, which must exist: `reader` is pooled and cannot write.

    A connection is refused where another file lies in the place of that one: to open a database
    makes files beside it, or even the database, which no mount point and no copy must get.
    """

    def __init__(self, database: Path, journal: Journal = "wal") -> None:
        self._database = database
        self._file = _identity(database)
        # The URL only names the dialect.
        self.writer: Engine = create_engine(
            "sqlite://", creator=self._connect, poolclass=QueuePool, pool_size=1
        )
        self.reader: Engine = create_engine(
            "sqlite://", creator=self._connect, poolclass=QueuePool, pool_size=16, max_overflow=16
        )
        self.turnstile = Turnstile()
        event.listen(self.writer, "connect", partial(_writes, journal))
        event.listen(self.reader, "connect", _reads)
        event.listen(self.writer, "begin", _begin_immediate)

    def renew(self) -> None:
        """Open what lies there now, with no connection to what lay there before."""
        self.let_go()
        self._file = _identity(self._database)

    def let_go(self) -> None:
        """Close every connection that nobody uses; those in use are closed afterwards."""
        self.reader.dispose()
        self.writer.dispose()

    def close(self) -> None:
        """Write the log back into the database and close every connection."""
        self.reader.dispose()
        try:
            with self.writer.connect() as connection:
                connection.commit()
        except (DBAPIError, OmeroError):
            # Its disk is gone: the log is written back at the next opening.
            pass
        self.writer.dispose()

    def _connect(self) -> sqlite3.Connection:
        if _identity(self._database) != self._file:
            raise Unavailable(
                f"Another file lies in the place of the database {self._database}: mount the "
                f"right disk there, or start again."
            )
        return sqlite3.connect(
            f"file:{quote(str(self._database))}?mode=rw",
            uri=True,
            timeout=30,
            check_same_thread=False,
        )


def _identity(database: Path) -> tuple[int, int]:
    try:
        found = database.stat()
    except FileNotFoundError:
        raise NotFound(
            f"The database {database} is missing: mount its disk, or restore it from the backup."
        ) from None
    except OSError as error:
        reason = error.strerror
        raise Unavailable(f"The database {database} cannot be reached: {reason}.") from error
    return found.st_dev, found.st_ino


def _common(cursor: Any) -> None:
    for pragma in (
        "synchronous = FULL",
        "foreign_keys = ON",
        "busy_timeout = 30000",
        "cache_size = -65536",
        "temp_store = MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")


def _writes(journal: Journal, connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    # The file remembers it, for the readers too.
    cursor.execute(f"PRAGMA journal_mode = {'WAL' if journal == 'wal' else 'DELETE'}")
    _common(cursor)
    cursor.close()


def _reads(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    _common(cursor)
    cursor.execute("PRAGMA query_only = ON")
    cursor.close()


def _begin_immediate(connection: Any) -> None:
    connection.execute(text("BEGIN IMMEDIATE"))
