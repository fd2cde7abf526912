"""What every request to an open repository shares: folders, database, caches, the guard."""

from __future__ import annotations

import errno
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from ..database import Engines, RepositoryRow
from ..errors import Full, OmeroError, Unavailable
from ..storage import Guard, Layout, Template, space
from ..tables import TableView
from ..workers import Workers
from .access import Access, load_access
from .config import read_config
from .guarded import GuardedSession
from .readers import Readers
from .recent import Recent

__all__ = ["State"]

log = logging.getLogger(__name__)


class State:
    """An open repository, seen by nobody in particular."""

    def __init__(self, layout: Layout, tier: str) -> None:
        self.layout = layout
        self.tier = tier
        self.local_user = ""
        self.config = read_config(layout.root)
        self.template = Template(self.config.managed.path_template)
        self.closing = threading.Event()
        self._uuid = layout.identity().uuid
        self.guard = Guard(layout)
        self.engines = Engines(layout.database)
        self.workers = Workers(("omero_jlab.formats", "omero_jlab.results"))
        self.readers = Readers()
        self.jobs = ThreadPoolExecutor(2, "omero-jlab-job")
        self.cancelled: set[int] = set()
        self.outcomes: dict[int, dict[str, Any]] = {}
        self.views: Recent[tuple[int, int], TableView] = Recent(64)
        self._appenders: dict[int, threading.Lock] = {}
        self._epoch = 0
        self._accesses: dict[tuple[str, str | int | None], tuple[int, Access]] = {}
        self._accesses_guard = threading.Lock()
        self._trash_guard = threading.Lock()
        self._keeping = 0
        self._read_only = ""

    def appending(self, table_id: int) -> threading.Lock:
        """The lock that a thread holds while it appends to a table."""
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
        with self.engines.turnstile.turn(), GuardedSession(self.engines.writer, None) as db:
            try:
                yield db
                db.commit()
            except OperationalError as error:
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

    def check_trash(self) -> None:
        """Raise `Unavailable` while the trash must be kept."""
        if self._keeping:
            raise Unavailable("A backup is being made: empty the trash when it is complete.")

    def own_row(self, db: GuardedSession) -> RepositoryRow | None:
        """The row that says which repository the database belongs to."""
        return db.scalar(select(RepositoryRow).execution_options(unguarded="jobs"))

    def check_writable(self, what: Literal["rows", "imports", "freeing"] = "rows") -> None:
        """Raise where that may not be written just now.

        Raises
        ------
        Unavailable
            The repository is read-only, or its disk is gone.
        Full
            Too little room is left for it; what frees room is always allowed.
        """
        if self._read_only:
            raise Unavailable(
                f"The repository is read-only since {self._read_only}. Reading goes on; restart "
                f"after the disk is mended."
            )
        self.guard.check()
        limits, room = self.config.disk, space(self.layout.root)
        if what != "freeing" and limits.below(limits.writes, room):
            raise Full(
                f"Only {room.free:,} bytes are free on the repository's disk: it takes no writes "
                f"but deletes. Delete something and empty the trash, or make room."
            )
        if what == "imports" and limits.below(limits.imports, room):
            raise Full(
                f"Only {room.free:,} bytes are free on the repository's disk: it takes no imports. "
                f"Empty the trash, or make room."
            )

    def warning(self) -> str:
        """What an administrator should know before it is too late; empty where all is well."""
        limits, room = self.config.disk, space(self.layout.root)
        if limits.below(limits.warn, room):
            return f"Only {room.free:,} of {room.total:,} bytes are free on the repository's disk."
        return ""

    def why_read_only(self) -> str:
        """Why nothing may be written just now; empty where it may."""
        try:
            self.check_writable()
        except (Unavailable, Full) as reason:
            return str(reason)
        return ""

    def become_read_only(self, reason: str) -> None:
        """Refuse every further write: a disk that failed once is not to be trusted."""
        log.error("the repository becomes read-only: %s", reason)
        self._read_only = reason

    def disk_failed(self, error: BaseException) -> bool:
        """Whether `error` says that the repository's own disk failed; it is read-only then.

        A source that cannot be read, a broken stick perhaps, is `Unreadable`: no reason.
        """
        if not isinstance(error, Unavailable) or error.errno != errno.EIO:
            return False
        self.become_read_only(str(error))
        return True

    def database_error(self, error: OperationalError) -> OmeroError:
        """What an error of the database means; after some the repository is read-only."""
        text = str(error.orig)
        if "full" in text:
            return Full(f"The disk of the repository is full ({text}): free space and try again.")
        if "disk I/O" in text or "readonly" in text or "malformed" in text:
            self.become_read_only(f"the database answered: {text}")
        return Unavailable(f"The database cannot be written: {text}. Try again.")

    def close(self) -> None:
        """Finish what is running and close every file."""
        self.closing.set()
        self.jobs.shutdown(wait=True, cancel_futures=True)
        self.readers.close()
        self.workers.close()
        self.engines.close()
