"""Whether a file is still what it was when it was registered.

A file of the same size and time of change is.  One of ours that got another time, by a copy or a
restore, is compared once with its SHA-256 and stamped anew.  A file in place, which others may
write to, counts as changed until it is registered again.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, select

from ...database import FileRow, FilesetRow
from ...errors import Damaged, OmeroError, Unavailable, Unreadable
from ...model.chunks import FileEntry
from ...storage import NOBODY, Layout, Stamp, damaged, stamp_of
from ..guarded import GuardedSession
from .damage import Damage
from .verify import sha256_of

__all__ = ["Freshness", "Original", "original_of"]

log = logging.getLogger(__name__)

# So much is hashed while somebody waits for a tile: a second or two on a slow disk.
_AT_ONCE = 256 << 20
_OPTIONS = {"unguarded": "jobs"}


@dataclass(frozen=True)
class Original:
    """What a row says of a file; `transfer` is empty for an attached one."""

    id: int
    path: str
    size: int
    sha256: str
    mtime_ns: int
    transfer: str


def original_of(db: GuardedSession, row: FileRow) -> Original:
    """What a file's row says, and how its fileset came."""
    transfer = ""
    if row.fileset_id is not None:
        fileset = db.get(FilesetRow, row.fileset_id, execution_options=_OPTIONS)
        transfer = "" if fileset is None else fileset.transfer
    return Original(row.id, row.path, row.size, row.sha256, row.mtime_ns, transfer)


class _Verification:
    """The hashing of one large file in a thread of its own."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.done = 0
        self.future: Future[None] = Future()

    def step(self, size: int) -> None:
        self.done += size


class Freshness:
    """The `Watch` of an open repository."""

    def __init__(
        self,
        layout: Layout,
        damage: Damage,
        reader: Engine,
        books: Callable[[], AbstractContextManager[GuardedSession]],
        check_writable: Callable[[], None],
        closing: threading.Event,
        at_once: int = _AT_ONCE,
    ) -> None:
        self._layout = layout
        self._prefix = f"{layout.root}/"
        self._damage = damage
        self._reader = reader
        self._books = books
        self._check_writable = check_writable
        self._closing = closing
        self.at_once = at_once
        self._guard = threading.Lock()
        self._known: dict[str, Stamp] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._large: dict[str, _Verification] = {}
        self._threads = ThreadPoolExecutor(1, "omero-jlab-verify")

    def check(self, path: str) -> None:
        """Raise `Damaged` where a file is known to be damaged."""
        if self._damage.marks:
            detail = self._damage.marks.get(path.removeprefix(self._prefix))
            if detail is not None:
                raise damaged(path, detail)

    def damaged(self, path: str, detail: str) -> Damaged:
        """Mark a file as damaged; the error to raise."""
        if path.startswith(self._prefix):
            self._damage.mark(path.removeprefix(self._prefix), detail)
        return damaged(path, detail)

    def touched(self, path: str, mtime_ns: int, found: os.stat_result) -> None:
        """Return where a file with another time of change holds what it held.

        Raises
        ------
        Damaged
            It does not.
        Unreadable
            It lies in place, where anybody may have written to it.
        Unavailable
            It is large, and being verified.
        """
        self._touched(path, mtime_ns, found, self.at_once)

    def settle(self, folder: Path, entries: Iterable[FileEntry]) -> None:
        """Verify and stamp, however long it takes, the touched ones of an index's files.

        Raises as `touched`, but is never `Unavailable`: for a job whose process asks nobody.
        """
        for entry in entries:
            path = folder / entry.path
            try:
                found = path.stat()
            except OSError:
                # Whoever reads it says so.
                continue
            if (found.st_size, found.st_mtime_ns) != (entry.size, entry.mtime_ns):
                self._touched(str(path), entry.mtime_ns, found, sys.maxsize)

    def _touched(self, path: str, mtime_ns: int, found: os.stat_result, at_once: int) -> None:
        stamp = stamp_of(found)
        if self._known.get(path) == stamp:
            return
        relative = path.removeprefix(self._prefix)
        if relative.startswith(f"{self._layout.pixels.name}/"):
            # Of the first release, without checksums: nothing could be compared.
            self._know(path, stamp)
            return
        original = self._original(relative)
        if original is None or original.transfer == "symlink":
            NOBODY.touched(path, mtime_ns, found)
            return
        if original.mtime_ns == found.st_mtime_ns:
            self._know(path, stamp)
        elif original.size <= at_once:
            with self._lock(path):
                # Another thread may have done it meanwhile.
                if self._known.get(path) != stamp:
                    self._verify(original, mtime_ns, lambda size: None)
        else:
            self._verify_beside(original, mtime_ns)

    def check_file(self, path: str) -> None:
        """Raise as `check` and `touched` where the whole file at a relative path will be read."""
        whole = f"{self._prefix}{path}"
        self.check(whole)
        original = self._original(path)
        try:
            found = Path(whole).stat()
        except OSError as error:
            raise Unreadable(
                f"{whole} is missing or cannot be read ({error.strerror}): ask the repository's "
                f"administrator to restore it from the backup."
            ) from error
        if original is None:
            return
        if found.st_size != original.size:
            raise Unreadable(
                f"{whole} has changed in the repository: it has {found.st_size:,} bytes, and must "
                f"have {original.size:,}. Ask its administrator to restore it from the backup."
            )
        if found.st_mtime_ns != original.mtime_ns:
            self.touched(whole, original.mtime_ns, found)

    def vouch(self, original: Original, mtime_ns: int, verified: os.stat_result) -> None:
        """Stamp a file anew that was found to hold what it held when its state was `verified`.

        Its time of change is set back; where that is not permitted, or is another's too, its
        row remembers the new one.
        """
        path = self._layout.root / original.path
        stamp = stamp_of(verified)
        self._know(str(path), stamp)
        try:
            self._check_writable()
            if original.transfer == "hardlink" or not _set_back(path, mtime_ns, stamp):
                self._remember(original.id, verified.st_mtime_ns)
        except OmeroError as error:
            # Nothing is written now; it is verified again after the next opening.
            log.info("%s is not stamped: %s", path, error)

    def close(self) -> None:
        """Wait for what is being verified, which ends early."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _know(self, path: str, stamp: Stamp) -> None:
        self._known[path] = stamp

    @contextmanager
    def _lock(self, path: str) -> Iterator[None]:
        with self._guard:
            lock = self._locks.setdefault(path, threading.Lock())
        with lock:
            yield
        with self._guard:
            self._locks.pop(path, None)

    def _original(self, path: str) -> Original | None:
        with GuardedSession(self._reader, None) as db:
            wanted = select(FileRow).where(FileRow.path == path)
            row = db.scalar(wanted, execution_options=_OPTIONS)
            return None if row is None else original_of(db, row)

    def _verify_beside(self, original: Original, mtime_ns: int) -> None:
        with self._guard:
            running = self._large.get(original.path)
            if running is None:
                running = self._large[original.path] = _Verification(original.size)
                running.future = self._threads.submit(
                    self._verify, original, mtime_ns, running.step
                )
        if running.future.done():
            with self._guard:
                self._large.pop(original.path, None)
            running.future.result()
            return
        percent = 100 * running.done // max(1, running.size)
        raise Unavailable(
            f"{original.path} got another time of change and is being compared with its "
            f"checksum, {percent} % of {running.size:,} bytes are done: try again in a minute."
        )

    def _verify(self, original: Original, mtime_ns: int, progress: Callable[[int], object]) -> None:
        def step(size: int) -> None:
            progress(size)
            if self._closing.is_set():
                raise Unavailable("The program ends before the file was verified.")

        path = self._layout.root / original.path
        sha256, verified = sha256_of(path, step)
        if sha256 != original.sha256:
            raise self.damaged(str(path), "its SHA-256 is not the one it had")
        self.vouch(original, mtime_ns, verified)

    def _remember(self, file_id: int, mtime_ns: int) -> None:
        with self._books() as db, db.flushing_unchecked("jobs"):
            row = db.get(FileRow, file_id, execution_options=_OPTIONS)
            if row is not None:
                row.mtime_ns = mtime_ns


def _set_back(path: Path, mtime_ns: int, verified: Stamp) -> bool:
    """Give a file its old time of change, unless it was written to since it was verified."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            found = os.fstat(descriptor)
            if stamp_of(found) != verified:
                return True
            os.utime(descriptor, ns=(found.st_atime_ns, mtime_ns))
        finally:
            os.close(descriptor)
    except OSError:
        return False
    return True
