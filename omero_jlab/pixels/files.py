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

import numpy as np
from numpy.typing import NDArray

from ..errors import Unavailable, Unreadable
from ..model.chunks import FileEntry

__all__ = ["FILES", "OpenFiles", "read_exactly", "read_into"]

_TOO_MANY = {errno.EMFILE, errno.ENFILE}


@dataclass
class _Open:
    descriptor: int
    users: int = 0


class OpenFiles:
    """At most `limit` open files, besides those in use; the least recently used is closed first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._guard = threading.Lock()
        self._open: OrderedDict[tuple[str, int, int], _Open] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def using(self, path: str, entry: FileEntry) -> Iterator[int]:
        """A descriptor for reading `path`, which is still the file that `entry` describes.

        Raises
        ------
        Unreadable
            The file is missing, no regular file, or was changed.
        Unavailable
            The process has too many open files.
        """
        key = (path, entry.size, entry.mtime_ns)
        with self._guard:
            held = self._open.get(key)
            if held is not None:
                held.users += 1
                self._open.move_to_end(key)
        if held is None:
            held = self._add(key, self._opened(path))
        try:
            # Each time: a file may be written to while we hold it open.
            _check_unchanged(path, entry, os.fstat(held.descriptor))
            yield held.descriptor
        finally:
            with self._guard:
                held.users -= 1
                self._shrink(self._limit)

    def forget(self, path: str, entry: FileEntry) -> None:
        """Close the descriptor of one file unless somebody is reading from it."""
        with self._guard:
            key = (path, entry.size, entry.mtime_ns)
            held = self._open.get(key)
            if held is not None and held.users == 0:
                del self._open[key]
                os.close(held.descriptor)

    def _add(self, key: tuple[str, int, int], descriptor: int) -> _Open:
        with self._guard:
            held = self._open.get(key)
            if held is None:
                held = self._open[key] = _Open(descriptor)
            else:
                os.close(descriptor)
            held.users += 1
            return held

    def _opened(self, path: str) -> int:
        # Without O_NONBLOCK, opening a named pipe would wait for ever.
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            return os.open(path, flags)
        except OSError as error:
            if error.errno not in _TOO_MANY:
                raise Unreadable(f"{path} cannot be opened: {error.strerror}.") from error
        with self._guard:
            self._shrink(0)
        try:
            return os.open(path, flags)
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


def _check_unchanged(path: str, entry: FileEntry, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise Unreadable(f"{path} is no regular file.")
    if found.st_size != entry.size:
        raise Unreadable(
            f"{path} was changed: it had {entry.size:,} bytes when it was registered and has "
            f"{found.st_size:,} now. Put the original back, or import the file again."
        )
    if found.st_mtime_ns != entry.mtime_ns:
        raise Unreadable(
            f"{path} was changed after it was registered. Put the original back with its time of "
            f"change, or import the file again."
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
