"""Connections: many that read, one that writes.

SQLite runs in WAL mode with `synchronous=FULL`: what was acknowledged survives a power cut.
A write begins with BEGIN IMMEDIATE; with the deferred BEGIN of the driver, threads that read
and then write find the database locked.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, text

__all__ = ["Engines", "Turnstile"]


class Turnstile:
    """A lock that lets threads through in the order in which they came."""

    def __init__(self) -> None:
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
                self._waiting.pop(0)
                if self._waiting:
                    self._waiting[0].set()


class Engines:
    """Two engines on one SQLite file: `reader` is pooled and cannot write."""

    def __init__(self, database: Path) -> None:
        url = f"sqlite:///{database}"
        arguments: dict[str, Any] = {"check_same_thread": False, "timeout": 30}
        self.writer: Engine = create_engine(url, connect_args=arguments, pool_size=1)
        self.reader: Engine = create_engine(
            url, connect_args=arguments, pool_size=16, max_overflow=16
        )
        self.turnstile = Turnstile()
        event.listen(self.writer, "connect", _writes)
        event.listen(self.reader, "connect", _reads)
        event.listen(self.writer, "begin", _begin_immediate)

    def close(self) -> None:
        """Write the log back into the database and close every connection."""
        self.reader.dispose()
        with self.writer.connect() as connection:
            connection.commit()
        self.writer.dispose()


def _common(cursor: Any) -> None:
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "busy_timeout = 30000",
        "cache_size = -65536",
        "temp_store = MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")


def _writes(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    _common(cursor)
    cursor.close()


def _reads(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    _common(cursor)
    cursor.execute("PRAGMA query_only = ON")
    cursor.close()


def _begin_immediate(connection: Any) -> None:
    connection.execute(text("BEGIN IMMEDIATE"))
