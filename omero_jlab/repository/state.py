"""What every request to an open repository shares: folders, database, caches, the guard."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import DatabaseError

from ..database import Engines, RepositoryRow
from ..errors import Full, OmeroError, Unavailable, Unreadable
from ..pixels import FILES
from ..storage import (
    Guard,
    Layout,
    PathRules,
    RepositoryLock,
    Reserve,
    Template,
    Uploads,
    check_mounted,
    no_room_left,
    space,
)
from ..tables import TableView
from ..workers import JobProcesses, Workers
from .access import Access, load_access
from .config import database_of, journal_of, read_config
from .guarded import GuardedSession
from .jobs.live_jobs import LiveJob
from .pins import Pins
from .readers import Readers
from .recent import Recent
from .upkeep.damage import Damage
from .upkeep.disk import Disk, Need
from .upkeep.freshness import Freshness
from .upkeep.generations import ensure_database

__all__ = ["State"]

log = logging.getLogger(__name__)

_BROKEN = {
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOTADB,
}  # fmt: skip


class State:
    """An open repository, seen by nobody in particular."""

    def __init__(self, layout: Layout, tier: str) -> None:
        self.tier = tier
        self.local_user = ""
        self.config = read_config(layout.root)
        self.layout = database_of(layout, self.config.database)
        self.template = Template(self.config.managed.path_template)
        self.path_rules = PathRules(self.config.managed.path_rules)
        self.closing = threading.Event()
        self._uuid = layout.identity().uuid
        self._database_lock = self._open_disk()
        self.workers = Workers(("omero_jlab.formats", "omero_jlab.results", "omero_jlab.tables"))
        self.uploads = Uploads(self.layout, self.config.uploads, self._room_for_uploads)
        self.damage = Damage(self.books)
        self.freshness = Freshness(
            self.layout,
            self.damage,
            self.engines.reader,
            self.books,
            self.check_writable,
            self.closing,
        )
        self.readers = Readers(self.freshness, self.index_lost)
        self.jobs = ThreadPoolExecutor(2, "omero-jlab-job")
        self.followers = ThreadPoolExecutor(max(2, os.cpu_count() or 1), "omero-jlab-follower")
        self.slow_jobs = ThreadPoolExecutor(1, "omero-jlab-slow-job")
        self.processes = JobProcesses()
        self.claiming = threading.Lock()
        self.heart: threading.Thread | None = None
        self.watcher: threading.Thread | None = None
        self.looking_after: threading.Thread | None = None
        self.running: dict[int, LiveJob] = {}
        self.outcomes: dict[int, dict[str, Any]] = {}
        self.views: Recent[tuple[int, int, int], TableView] = Recent(64)
        self.pins = Pins()
        self.seen: Recent[tuple[int, Access, int], Any] = Recent(1024)
        self._appenders: dict[int, threading.Lock] = {}
        self.compacted: set[int] = set()
        self.not_undone: set[int] = set()
        self._epoch = 0
        self._accesses: dict[tuple[str, str | int | None], tuple[int, Access]] = {}
        self._accesses_guard = threading.Lock()
        self._trash_guard = threading.Lock()
        self._keeping = 0

    def _open_disk(self) -> RepositoryLock | None:
        """Begin to guard the disk, and open the database; answers the lock of one elsewhere."""
        layout, limits, database = self.layout, self.config.disk, self.layout.database
        check_mounted(layout.root, limits.expect_mount)
        reserve, room = Reserve(layout.reserve, limits.reserve), space(layout.root)
        if reserve.is_needed(room):
            # Opening writes, too.
            reserve.give_up()
        ensure_database(layout)
        lock = None
        if database.parent != layout.root:
            lock = RepositoryLock(database.with_name(f"{database.name}.lock"))
            if not lock.acquire():
                raise Unavailable(
                    f"The database {database} is in use by another program: each repository "
                    f"needs a database of its own. Correct `path` in its configuration."
                )
        others = () if lock is None else (database.parent,)
        self.engines = Engines(database, journal_of(layout, self.config.database))
        self.disk = Disk(
            layout,
            limits,
            Guard(layout, others),
            self._let_go,
            self._take_back,
            self._make_room,
            self.close_files,
            self._tidy,
        )
        return lock

    def _room_for_uploads(self) -> int:
        room, limits = space(self.layout.root), self.config.disk
        return room.free - limits.least(limits.imports, room)

    def close_files(self) -> None:
        """Close what is open for reading: a removed file takes its room until then."""
        FILES.forget_all()

    def _let_go(self) -> None:
        """Close what is open on a disk that is dead."""
        self.engines.let_go()
        self.close_files()

    def _take_back(self, verify: bool) -> None:
        """Open the repository again on a disk that was mounted anew: a store knows how."""

    def _tidy(self) -> None:
        """Remove what was left lying while the disk was away: a store knows how."""

    def index_lost(self, folder: Path, reason: str) -> OmeroError:
        """The error to raise where an index is of no use: a store makes it again."""
        return Unreadable(
            f"{reason}: ask the repository's administrator to restore it from the backup."
        )

    def _make_room(self, bytes_wanted: int) -> None:
        """Free room by removing what was deleted first: a store knows how."""

    def appending(self, table_id: int) -> threading.Lock:
        """The lock that a thread holds while it changes a table."""
        with self._accesses_guard:
            return self._appenders.setdefault(table_id, threading.Lock())

    @property
    def uuid(self) -> str:
        """The repository's identity."""
        return self._uuid

    def access_of(self, user: str, group: str | int | None) -> Access:
        """The access of a user, kept until a user, group or membership changes."""
        key = (user, group)
        with self._accesses_guard:
            known = self._accesses.get(key)
            epoch = self._epoch
        if known is not None and known[0] == epoch:
            return known[1]
        with GuardedSession(self.engines.reader, None) as db:
            access = load_access(db, user, group)
        with self._accesses_guard:
            self._accesses[key] = (epoch, access)
        return access

    def accounts_changed(self) -> None:
        """Forget every decision about access: called after the change is committed."""
        with self._accesses_guard:
            self._epoch += 1
            self._accesses.clear()

    @contextmanager
    def books(self) -> Iterator[GuardedSession]:
        """A write transaction for the repository's own rows, without an actor."""
        with self.engines.turnstile.turn():
            self.disk.check_place()
            with GuardedSession(self.engines.writer, None) as db:
                try:
                    yield db
                    db.commit()
                except DatabaseError as error:
                    raise self.database_error(error) from error

    @contextmanager
    def keeping_trash(self) -> Iterator[None]:
        """Keep every file that there is until the block ends: nothing is purged meanwhile."""
        with self._trash_guard:
            self._keeping += 1
        try:
            yield
        finally:
            with self._trash_guard:
                self._keeping -= 1

    @contextmanager
    def emptying_trash(self) -> Iterator[None]:
        """Let no backup begin until the block ends; raises `Unavailable` while one is made."""
        with self._trash_guard:
            self.check_trash()
            yield

    def check_trash(self) -> None:
        """Raise `Unavailable` while the trash must be kept."""
        if self._keeping:
            raise Unavailable("A backup is being made: empty the trash when it is complete.")

    def own_row(self, db: GuardedSession) -> RepositoryRow | None:
        """The row that says which repository the database belongs to."""
        return db.scalar(select(RepositoryRow).execution_options(unguarded="jobs"))

    def check_writable(self, what: Need = "rows") -> None:
        """Raise where that may not be written just now.

        Raises
        ------
        Unavailable
            The repository is read-only, or its disk is gone.
        Full
            Too little room is left for it; what frees room is always allowed.
        """
        self.disk.check(what)

    def why_read_only(self) -> str:
        """Why nothing may be written just now; empty where it may."""
        try:
            self.check_writable()
        except (Unavailable, Full) as reason:
            return str(reason)
        return ""

    def become_read_only(self, reason: str) -> None:
        """Refuse every further write: a disk that failed once is not to be trusted."""
        self.disk.fail(reason)

    def disk_failed(self, error: BaseException) -> bool:
        """Whether `error` says that the repository's own disk failed; it is read-only then.

        A source that cannot be read, a broken stick perhaps, is `Unreadable`: no reason.
        """
        if not isinstance(error, Unavailable) or error.errno != errno.EIO:
            return False
        self.become_read_only(str(error))
        return True

    def database_error(self, error: DatabaseError) -> OmeroError:
        """What an error of the database means; after some the repository is read-only."""
        text, code = str(error.orig), getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        full = Full(f"The disk of the repository is full ({text}): free space and try again.")
        if code == sqlite3.SQLITE_FULL:
            return full
        try:
            self.disk.check_place()
        except Unavailable as reason:
            return reason
        if code == sqlite3.SQLITE_IOERR and no_room_left(self.layout.database.parent):
            # SQLite knows a full disk, but no quota.
            return full
        if code in _BROKEN:
            self.become_read_only(f"the database answered: {text}.")
        return Unavailable(f"The database cannot be used: {text}. Try again.")

    def close(self) -> None:
        """Finish what is running and close every file."""
        self.closing.set()
        self.processes.close()
        self.jobs.shutdown(wait=True, cancel_futures=True)
        self.followers.shutdown(wait=True, cancel_futures=True)
        self.slow_jobs.shutdown(wait=True, cancel_futures=True)
        self.uploads.close()
        self.freshness.close()
        for thread in (self.heart, self.looking_after):
            if thread is not None:
                thread.join()
        self.readers.close()
        self.workers.close()
        self.engines.close()
        self.disk.guard.close()
        if self._database_lock is not None:
            self._database_lock.release()
