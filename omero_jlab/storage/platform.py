"""What only POSIX has: whole-file locks, folders made durable, copies that share blocks."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

__all__ = ["clone", "fsync_file", "fsync_folder", "try_lock", "unlock"]

# linux/fs.h: _IOW(0x94, 9, int); Btrfs, XFS, bcachefs and some network file systems answer it.
_FICLONE = 0x40049409
_CANNOT_CLONE = {
    errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM,
    errno.ETXTBSY, errno.EACCES, errno.EBADF,
}  # fmt: skip
_FULL_FSYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)


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
