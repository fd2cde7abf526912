"""What only POSIX has: whole-file locks, folders made durable, copies that share blocks."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

__all__ = [
    "clone",
    "drop_cached",
    "fsync_file",
    "fsync_folder",
    "is_being_written",
    "reserve_blocks",
    "start_writing",
    "try_lock",
    "unlock",
]

# linux/fs.h: _IOW(0x94, 9, int); Btrfs, XFS, bcachefs and some network file systems answer it.
_FICLONE = 0x40049409
_CANNOT_CLONE = {
    errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM,
    errno.ETXTBSY, errno.EACCES, errno.EBADF,
}  # fmt: skip
_CANNOT_RESERVE = {errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENODEV}
_SYNC_FILE_RANGE_WRITE = 2
_FULL_FSYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)


def _sync_range() -> Callable[[int, int, int, int], int] | None:
    function = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if function is not None:
        offset = ctypes.c_int64
        function.argtypes = (ctypes.c_int, offset, offset, ctypes.c_uint)
    return function


_SYNC_RANGE = _sync_range()


def fsync_file(descriptor: int) -> None:
    """Wait until what was written to `descriptor` is on the disk."""
    if _FULL_FSYNC is not None:
        # macOS: fsync leaves the data in the drive's own cache.
        fcntl.fcntl(descriptor, _FULL_FSYNC)
    else:
        os.fsync(descriptor)


def fsync_folder(folder: Path) -> None:
    """Wait until the names in `folder` are on the disk: a rename lasts only after this."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Whether the exclusive lock on an open file was got; never waits.

    flock belongs to the open file, not to the process: closing another descriptor of the same
    file does not release it, as it would with fcntl's locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(descriptor: int) -> None:
    """Give the lock back, even while another process has a copy of the descriptor."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def clone(source: int, target: int) -> bool:
    """Whether `target` now shares the blocks of `source`, which takes no time and no room."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as error:
        if error.errno in _CANNOT_CLONE:
            return False
        raise
    return True


def reserve_blocks(descriptor: int, size: int) -> bool:
    """Whether the file now owns blocks for `size` bytes: writing them cannot fail for want of room.

    Where the file system cannot, `os.posix_fallocate` would write into every block instead.
    """
    if size == 0:
        return True
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "fallocate"):
        return False
    if libc.fallocate(descriptor, 0, ctypes.c_int64(0), ctypes.c_int64(size)) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT_RESERVE:
        return False
    raise OSError(code, os.strerror(code))


def is_being_written(descriptor: int) -> bool:
    """Whether anybody has the file open for writing; false where the system cannot tell.

    Linux grants a read lease on a file, to its owner, only while nobody has it open for writing.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno in (errno.EAGAIN, errno.EBUSY)
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def drop_cached(descriptor: int) -> None:
    """Forget what the page cache holds of a file: it says nothing of the disk."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def start_writing(descriptor: int, offset: int, size: int) -> None:
    """Let the disk begin with what was just written, so that fsync finds little left to wait for.

    Nothing is promised: only fsync says that the bytes are there.
    """
    if _SYNC_RANGE is not None:
        _SYNC_RANGE(descriptor, offset, size, _SYNC_FILE_RANGE_WRITE)
