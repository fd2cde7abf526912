"""Where a process finds its repository: in itself, its owner, or in the process that owns it."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from weakref import WeakSet

from ..errors import OmeroError, Unavailable
from ..operations import AnySession
from ..storage import Layout, Owner, RepositoryLock
from ..version import __version__
from .attempts import Attempts
from .pool import Pool

__all__ = ["Address", "Holder", "OpenRepository", "Upstream"]

log = logging.getLogger(__name__)

_PATIENCE_S = 5.0
_WAITING = 256


class OpenRepository(Protocol):
    """An open repository, as `repository.Store` is one."""

    @property
    def uuid(self) -> str: ...

    @property
    def tier(self) -> str: ...

    @property
    def layout(self) -> Layout: ...

    @property
    def local_user(self) -> str: ...

    def session(
        self,
        user: str | None = None,
        group: str | int | None = None,
        request_id: str | None = None,
        shares_disk: bool = True,
    ) -> AnySession: ...

    def user_of_token(self, secret: str) -> str | None: ...

    def delegated_session(
        self, secret: str, group: str | int | None = None, request_id: str | None = None
    ) -> Any: ...

    @property
    def zarr_origins(self) -> tuple[str, ...]: ...

    def grant_of(self, secret: str) -> tuple[str, int] | None: ...

    def check_password(self, name: str, password: str) -> str | None: ...

    def close(self) -> None: ...


def open_store(root: Path) -> OpenRepository:
    """The user's own repository at `root`, opened in this process."""
    # A process that only passes requests on loads no database.
    from ..repository import Store

    return Store.open(root)


@dataclass(frozen=True)
class Address:
    """Where this process answers, and the file that holds its token."""

    url: str
    token_file: Path


@dataclass(frozen=True)
class Upstream:
    """The process that owns the repository; the token is read when it is needed."""

    url: str
    token_file: Path
    owner: Owner | None = None

    @property
    def token(self) -> str:
        """The owner's token.

        Raises
        ------
        Unavailable
            The file is gone, and so probably is the owner.
        """
        try:
            return self.token_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise Unavailable(f"The token of {self.url} cannot be read: {error}") from error

    def answers(self) -> bool:
        """Whether somebody listens there."""
        parts = urlsplit(self.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            with socket.create_connection((parts.hostname or "", port), timeout=2):
                return True
        except OSError:
            return False


class Holder:
    """The repository at `root` as this process holds it.

    `settle` takes the lock, or finds the process that has it; afterwards `upstream` is None in
    the owner.  The owner opens the repository when it is first needed.  With `elsewhere` there
    is no repository here at all: all requests go to that server.  `address` begins to listen and
    says where; a `Listener` puts itself there.
    """

    address: Callable[[], Address]

    def __init__(
        self,
        root: Path,
        *,
        create: bool = True,
        elsewhere: Upstream | None = None,
        open_repository: Callable[[Path], OpenRepository] | None = None,
    ) -> None:
        self.root = root.absolute()
        self.secret = secrets.token_urlsafe(32)
        self.upstream: Upstream | None = elsewhere
        self.is_taken = False
        cores = os.cpu_count() or 1
        self.reading = Pool("read", cores, _WAITING)
        # Writes take turns at the database anyway; they must not keep tiles waiting.
        self.writing = Pool("write", 4, _WAITING)
        # Pieces of uploads wait for the disk, which must not keep other writes waiting.
        self.receiving = Pool("receive", 4, _WAITING)
        self.attempts = Attempts()
        self._create = create
        self._open = open_repository or open_store
        self._fixed = elsewhere is not None
        self._settling = threading.Lock()
        self._opening = threading.Lock()
        self._lock: RepositoryLock | None = None
        self._store: OpenRepository | None = None
        self._ended = False
        _holders.add(self)

    @classmethod
    def of(cls, store: OpenRepository) -> Holder:
        """The holder of a repository that is open already; its lock is the caller's."""
        holder = cls(store.layout.root)
        holder._store = store
        holder._fixed = True
        return holder

    @property
    def owns(self) -> bool:
        """Whether the repository is open, or may be opened, in this process."""
        return self._store is not None or self._lock is not None

    def settle(self) -> Upstream | None:
        """Take the lock, or find who has it; None for the owner.

        `address` is called before the lock is announced, so that whoever reads the announcement
        finds somebody listening.

        Raises
        ------
        NotFound, Invalid
            There is no repository, or something else, at the root.
        Unavailable
            Somebody has held the lock for five seconds and cannot be reached: it `is_taken`.
        """
        with self._settling:
            if self._ended:
                raise Unavailable("This process has closed its repository: connect anew.")
            if self._fixed or self._lock is not None:
                return self.upstream
            self._check_root()
            deadline = time.monotonic() + _PATIENCE_S
            lock = RepositoryLock(Layout(self.root).lock)
            while True:
                if lock.acquire():
                    self._become_owner(lock)
                    return None
                found = lock.read_owner()
                # An address of another machine's own is no address here.
                if found is not None and found.url and (found.is_here or not _is_local(found.url)):
                    owner = Upstream(found.url, Path(found.token_file), found)
                    if owner.answers():
                        self.upstream = owner
                        return owner
                if time.monotonic() > deadline:
                    self.is_taken = True
                    raise Unavailable(
                        f"The repository at {self.root} is open already, in "
                        f"{found or 'a process that did not say where it is'}, and cannot be "
                        f"reached from here: end that process and try again."
                    )
                time.sleep(0.05)

    def store(self) -> OpenRepository:
        """The open repository; found and opened by the first call, which may take a second.

        Raises
        ------
        Unavailable
            Another process owns it.
        """
        if not self.owns and self.upstream is None:
            self.settle()
        with self._opening:
            if self._store is None:
                if self._lock is None:
                    raise Unavailable(f"The repository at {self.root} is in another process.")
                self._store = self._open(self.root)
            return self._store

    def session(
        self,
        user: str | None,
        group: str | int | None,
        request_id: str | None,
        shares_disk: bool = True,
    ) -> AnySession:
        """The repository as `user` sees it; None is the account of its owner.

        Without `shares_disk` it names no files of this machine but what it uploaded.
        """
        return self.store().session(user, group, request_id, shares_disk)

    def close(self) -> None:
        """Finish what runs, close the repository and give back the lock."""
        with self._settling:
            self._ended = True
        self.reading.close()
        self.writing.close()
        self.receiving.close()
        with self._opening:
            if self._lock is not None:
                if self._store is not None:
                    self._store.close()
                self._lock.release()
            self._store = self._lock = None

    def abandon(self) -> None:
        """In a forked child: let go of the copy of the lock, which is the parent's."""
        # Other threads may have held these when the process forked.
        self._settling, self._opening = threading.Lock(), threading.Lock()
        lock, self._lock, self._store, self._ended = self._lock, None, None, True
        if lock is not None:
            lock.release()

    def _check_root(self) -> None:
        if not self._create or any(self._entries()):
            try:
                Layout.open(self.root)
            except LookupError:
                if not self._create:
                    raise
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _entries(self) -> list[Path]:
        return list(self.root.iterdir()) if self.root.is_dir() else []

    def _become_owner(self, lock: RepositoryLock) -> None:
        try:
            if not Layout(self.root).sentinel.exists():
                Layout.create(self.root)
            here = self.address()
            lock.announce(
                Owner(
                    pid=os.getpid(),
                    host=socket.gethostname(),
                    started_at=datetime.now(UTC).isoformat(timespec="seconds"),
                    version=__version__,
                    url=here.url,
                    token_file=str(here.token_file),
                )
            )
        except (OmeroError, OSError):
            lock.release()
            raise
        self._lock, self.upstream = lock, None
        log.info("this process owns the repository at %s and answers at %s", self.root, here.url)


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == "localhost" or host == "::1" or host.startswith("127.")


_holders: WeakSet[Holder] = WeakSet()


def _abandon_all() -> None:
    for holder in _holders:
        holder.abandon()


os.register_at_fork(after_in_child=_abandon_all)
