"""Descriptors of the files that hold chunks: few, shared, and only of files that did not change."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import Unavailable, Unreadable
from ..model.chunks import FileEntry
from ..storage import Watch, open_link

__all__ = ["FILES", "OpenFiles", "read_exactly", "read_into"]

_Key = tuple[str, int, int]
_TOO_MANY = {errno.EMFILE, errno.ENFILE}


@dataclass
class _Open:
    descriptor: int
    users: int = 0
    retired: bool = False


class OpenFiles:
    """At most `limit` open files, besides those in use; the least recently used is closed first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._guard = threading.Lock()
        self._open: OrderedDict[_Key, _Open] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def using(
        self, path: str, entry: FileEntry, watch: Watch, checked: bool
    ) -> Iterator[tuple[int, os.stat_result]]:
        """A descriptor for reading `path`, still the file that `entry` describes, and its state.

        The time of change says nothing of a file of our own whose chunks are `checked` one by
        one; of any other, `watch` is asked what another time means.

        Raises
        ------
        Unreadable
            The file is missing, no regular file, or was changed.
        Damaged
            It is known to be damaged.
        Unavailable
            The process has too many open files, or whether the file was changed is being found
            out.
        """
        watch.check(path)
        key = (path, entry.size, entry.mtime_ns)
        held, found = self._held(key)
        try:
            _check_size(path, entry, found)
            own = checked and entry.root == "pixels"
            if found.st_mtime_ns != entry.mtime_ns and not own:
                watch.touched(path, entry.mtime_ns, found)
            yield held.descriptor, found
        except Unreadable:
            # Whoever mends it may put another file in its place.
            self._retire(key, held)
            raise
        finally:
            self._release(held)

    def forget(self, path: str, entry: FileEntry) -> None:
        """Close the descriptor of one file as soon as nobody reads from it."""
        key = (path, entry.size, entry.mtime_ns)
        held = self._open.get(key)
        if held is not None:
            self._retire(key, held)

    def forget_all(self) -> None:
        """Close every descriptor as soon as nobody reads from it."""
        with self._guard:
            everything = list(self._open.items())
        for key, held in everything:
            self._retire(key, held)

    def _held(self, key: _Key) -> tuple[_Open, os.stat_result]:
        """A descriptor to be released, of the file that has the name now, and its state."""
        with self._guard:
            held = self._open.get(key)
            if held is not None:
                held.users += 1
                self._open.move_to_end(key)
        if held is not None:
            # Each time: a file may be written to while we hold it open.
            found = os.fstat(held.descriptor)
            if found.st_nlink > 0:
                return held, found
            self._retire(key, held)
            self._release(held)
        held = self._add(key, self._opened(key[0]))
        return held, os.fstat(held.descriptor)

    def _retire(self, key: _Key, held: _Open) -> None:
        with self._guard:
            if self._open.get(key) is held:
                del self._open[key]
                held.retired = True
                if held.users == 0:
                    os.close(held.descriptor)

    def _release(self, held: _Open) -> None:
        with self._guard:
            held.users -= 1
            if held.retired and held.users == 0:
                os.close(held.descriptor)
            self._shrink(self._limit)

    def _add(self, key: _Key, descriptor: int) -> _Open:
        with self._guard:
            held = self._open.get(key)
            if held is None:
                held = self._open[key] = _Open(descriptor)
            else:
                os.close(descriptor)
            held.users += 1
            return held

    def _opened(self, path: str) -> int:
        try:
            return _open(path)
        except Unreadable:
            raise
        except OSError as error:
            if error.errno not in _TOO_MANY:
                raise Unreadable(f"{path} cannot be opened: {error.strerror}.") from error
        with self._guard:
            self._shrink(0)
        try:
            return _open(path)
        except Unreadable:
            raise
        except OSError as error:
            raise Unavailable(
                f"{path} cannot be opened: {error.strerror}. Try again, or raise `ulimit -n`."
            ) from error

    def _shrink(self, limit: int) -> None:
        if len(self._open) <= limit:
            return
        idle = [key for key, held in self._open.items() if held.users == 0]
        for key in idle[: len(self._open) - limit]:
            os.close(self._open.pop(key).descriptor)


def _open(path: str) -> int:
    # Without O_NONBLOCK, opening a named pipe would wait for ever.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
    try:
        return os.open(path, flags)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
    return open_link(Path(path))


def _check_size(path: str, entry: FileEntry, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise Unreadable(f"{path} is no regular file.")
    if found.st_size != entry.size:
        raise Unreadable(
            f"{path} was changed: it had {entry.size:,} bytes when it was registered and has "
            f"{found.st_size:,} now. Put the original back, or import the file again."
        )


def read_exactly(descriptor: int, offset: int, length: int, path: str) -> bytes:
    """`length` bytes of a file; `Unreadable` where it ends before, or the disk fails."""
    try:
        data = os.pread(descriptor, length, offset)
    except (OSError, OverflowError) as error:
        raise _failed(path, offset, error) from error
    if len(data) == length:
        return data
    rest = np.empty(length - len(data), np.uint8)
    read_into(descriptor, offset + len(data), rest, path)
    return data + rest.tobytes()


def read_into(descriptor: int, offset: int, target: NDArray[np.uint8], path: str) -> None:
    """Fill the contiguous bytes `target` from a file; raises as `read_exactly`."""
    view = target.data
    done = 0
    while done < len(view):
        try:
            count = os.preadv(descriptor, [view[done:]], offset + done)
        except (OSError, OverflowError) as error:
            raise _failed(path, offset, error) from error
        if count == 0:
            raise Unreadable(
                f"{path} ends at byte {offset + done:,}, but pixels should lie up to "
                f"{offset + len(view):,}: the file is truncated."
            )
        done += count


def _failed(path: str, offset: int, error: Exception) -> Unreadable:
    failed = Unreadable(f"{path} cannot be read at byte {offset:,}: {error}.")
    failed.errno = getattr(error, "errno", None)
    return failed


def _limit() -> int:
    try:
        import resource
    except ImportError:
        return 256
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 256 if soft == resource.RLIM_INFINITY else max(8, min(256, soft // 4))


FILES = OpenFiles(_limit())
