"""Who owns a repository: one process holds the lock, and says where it can be reached."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from weakref import WeakSet

from .disk import writing
from .durable import write_file
from .platform import try_lock, unlock

__all__ = ["Owner", "RepositoryLock"]


@dataclass(frozen=True)
class Owner:
    """The process that holds the lock; `started_at` is ISO 8601 in UTC."""

    pid: int
    host: str
    url: str
    token_file: str
    started_at: str
    version: str


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
            The file cannot be written, or its file system has no locks.
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
        self._descriptor = descriptor
        # The last owner's words must not lead anybody to a port that is another's by now.
        self.announcement.unlink(missing_ok=True)
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
