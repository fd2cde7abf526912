"""Who owns a repository: one process holds the lock, and says where it can be reached."""

from __future__ import annotations

import json
import logging
import os
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from weakref import WeakSet

from .disk import writing
from .durable import write_file
from .locking import probe
from .platform import try_lock, unlock
from .staging import sweep_unfinished

__all__ = ["Owner", "RepositoryLock"]

log = logging.getLogger(__name__)

_UNITS = (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))


@dataclass(frozen=True)
class Owner:
    """The process that holds the lock; `started_at` is ISO 8601 in UTC."""

    pid: int
    host: str
    url: str
    token_file: str
    started_at: str
    version: str

    @property
    def is_here(self) -> bool:
        """Whether it runs on this machine."""
        return self.host == socket.gethostname()

    def __str__(self) -> str:
        since = self.started_at or "an unknown time"
        return f"process {self.pid} on {self.host}, since {since}{self._age()}"

    def _age(self) -> str:
        try:
            age_s = (datetime.now(UTC) - datetime.fromisoformat(self.started_at)).total_seconds()
        except (ValueError, TypeError):
            return ""
        name, length_s = next((unit for unit in _UNITS if age_s >= 2 * unit[1]), _UNITS[-1])
        return f" ({max(int(age_s // length_s), 0)} {name} ago)"


class RepositoryLock:
    """The lock of a repository, at `path`; the owner's announcement lies beside it.

    Two files, because an announcement is replaced by a rename, and a rename would take the
    locked file away: the next process would lock another one of the same name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.announcement = path.with_name(f"{path.name}-owner.json")
        self._descriptor: int | None = None
        _LOCKS.add(self)

    def acquire(self) -> bool:
        """Whether this process holds the lock now; never waits.

        Where it is False, `read_owner` says who holds it, or will shortly.  The lock ends with
        the process: a killed owner leaves none.

        Raises
        ------
        Denied, Unavailable
            The file cannot be written, or the locks of its file system keep nobody out.
        """
        if self._descriptor is not None:
            return True
        with writing(self.path):
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(self.path, flags, 0o600)
            try:
                held = try_lock(descriptor) and self._is_at_path(descriptor)
            except BaseException:
                os.close(descriptor)
                raise
        if not held:
            os.close(descriptor)
            return False
        try:
            probe(self.path.parent)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        last = self.read_owner()
        if last is not None and not last.is_here:
            log.warning(
                "the lock of %s is free, and was last held by %s: where locks are not shared "
                "between machines that one may still run, and will take no more writes",
                self.path.parent,
                last,
            )
        # The last owner's words must not lead anybody to a port that is another's by now.
        self.announcement.unlink(missing_ok=True)
        sweep_unfinished(self.path.parent, self.announcement.name)
        return True

    def announce(self, owner: Owner) -> None:
        """Say where the owner can be reached; only for the process that holds the lock."""
        if not self.is_held():
            raise RuntimeError("only the process that holds the lock may announce itself")
        write_file(self.announcement, json.dumps(asdict(owner), indent=1).encode() + b"\n")

    def read_owner(self) -> Owner | None:
        """Who announced itself; None where nobody has, or in words that are not understood.

        A killed process leaves its announcement until the next one acquires the lock: who gets
        no answer at `url` should try `acquire`.
        """
        try:
            return Owner(**json.loads(self.announcement.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def is_held(self) -> bool:
        """Whether this process holds the lock through this object; a forked child does not."""
        return self._descriptor is not None

    def release(self) -> None:
        """Withdraw the announcement and give the lock back."""
        if self._descriptor is not None:
            # What lies at that place by now may be another disk's.
            with suppress(OSError):
                if self._is_at_path(self._descriptor):
                    self.announcement.unlink(missing_ok=True)
            unlock(self._descriptor)
            self._forget()

    def _is_at_path(self, descriptor: int) -> bool:
        """False where the file was replaced between its opening and its locking."""
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False

    def _forget(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


_LOCKS: WeakSet[RepositoryLock] = WeakSet()


def _forget_in_child() -> None:
    # A forked child shares the lock: it would keep it when the owner is long gone.
    for lock in tuple(_LOCKS):
        lock._forget()


os.register_at_fork(after_in_child=_forget_in_child)
