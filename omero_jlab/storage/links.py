"""Files that stay where they are: one more name for the same bytes, or a link to them."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import Denied, Invalid, Unreadable
from .disk import reading, writing
from .durable import Copied, hash_open, opened
from .layout import Layout
from .platform import fsync_file, fsync_folder, is_being_written

__all__ = [
    "hard_link",
    "hash_original",
    "lies_in_repository",
    "open_link",
    "opened_original",
    "soft_link",
]

_Progress = Callable[[int], object]
_READ_ONLY = 0o444
_ON_THE_WAY = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_AT_THE_END = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


def hard_link(
    source: Path,
    target: Path,
    progress: _Progress | None = None,
    algorithms: Collection[str] = (),
    mode: int = _READ_ONLY,
) -> Copied:
    """Give the bytes of `source` the second name `target`, and hash them.

    Both names are one file, which gets the permissions `mode` first: nobody writes to it from
    then on without taking that back.  They are as before where this raises.

    Raises
    ------
    Invalid
        `target` lies on another file system, or it has no hard links.
    Denied
        `source` belongs to another account, or is being written: it could be changed silently.
    Unreadable
        `source` is a symbolic link or no regular file, or was changed meanwhile.
    Full, Unavailable
        The disk of `target` is full, or failed.
    """
    with opened(source) as (descriptor, before):
        _check_ours(descriptor, source, before)
        _link(source, target)
        try:
            placed = target.stat(follow_symlinks=False)
            if (placed.st_dev, placed.st_ino) != (before.st_dev, before.st_ino):
                raise Unreadable(f"{source} was replaced while it was linked: try again.")
            with writing(source):
                os.fchmod(descriptor, mode)
            found = hash_open(descriptor, source, before, progress, algorithms)
            with writing(target):
                fsync_file(descriptor)
                fsync_folder(target.parent)
        except BaseException:
            with suppress(OSError):
                os.fchmod(descriptor, before.st_mode & 0o7777)
            with suppress(OSError):
                target.unlink()
            raise
    return found


def soft_link(
    source: Path,
    target: Path,
    progress: _Progress | None = None,
    algorithms: Collection[str] = (),
) -> Copied:
    """Make `target` a link to `source`, all links on the way there resolved, and hash that file.

    Raises
    ------
    Unreadable
        `source` is no regular file, cannot be read, or was changed meanwhile.
    Full, Unavailable
        The disk of `target` is full, or failed.
    """
    place = source.resolve()
    with writing(target):
        target.symlink_to(place)
    try:
        with _opened_link(target) as (descriptor, before):
            found = hash_open(descriptor, source, before, progress, algorithms)
            with writing(place):
                # Not our disk perhaps, but an acknowledged original is on one.
                fsync_file(descriptor)
        with writing(target):
            fsync_folder(target.parent)
    except BaseException:
        with suppress(OSError):
            target.unlink()
        raise
    return found


def open_link(link: Path) -> int:
    """A descriptor for reading the file that one of our links leads to.

    No other link is followed: where a folder on the way was replaced by a link since, the file
    is not the one that was registered, whatever it looks like.

    Raises
    ------
    Unreadable
        The file is gone, was replaced by a link, or cannot be read.
    """
    goal = Path(link.readlink())
    if not goal.is_absolute() or ".." in goal.parts:
        raise Unreadable(f"{link} leads to {goal}: no import makes such a link.")
    try:
        return _walk(goal)
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise
        gone = error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
        why = "is not there as it was" if gone else f"cannot be read ({error.strerror})"
        failed = Unreadable(
            f"{goal} {why}. It was imported in place, by a link: put the original back, or import "
            f"the file again."
        )
        failed.errno = error.errno
        raise failed from error


def lies_in_repository(path: Path) -> bool:
    """Whether `path` lies in a repository of ours or of OMERO's, links followed."""
    folders = path.resolve().parents
    return any(f.name == "ManagedRepository" or Layout(f).sentinel.is_file() for f in folders)


@contextmanager
def opened_original(path: Path) -> Iterator[tuple[int, os.stat_result]]:
    """`opened` for a file of the managed repository, which may be a link to one in place."""
    with _opened_link(path) if path.is_symlink() else opened(path) as found:
        yield found


def hash_original(
    path: Path, progress: _Progress | None = None, algorithms: Collection[str] = ()
) -> Copied:
    """`hash_file` for a file of the managed repository, which may be a link to one in place."""
    with opened_original(path) as (descriptor, before):
        return hash_open(descriptor, path, before, progress, algorithms)


@contextmanager
def _opened_link(link: Path) -> Iterator[tuple[int, os.stat_result]]:
    with reading(link):
        descriptor = open_link(link)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise Unreadable(f"{link.readlink()} is no regular file.")
        yield descriptor, found
    finally:
        os.close(descriptor)


def _walk(goal: Path) -> int:
    folder = os.open("/", _ON_THE_WAY & ~os.O_NOFOLLOW)
    try:
        for part in goal.parts[1:-1]:
            below = os.open(part, _ON_THE_WAY, dir_fd=folder)
            os.close(folder)
            folder = below
        return os.open(goal.name, _AT_THE_END, dir_fd=folder)
    finally:
        os.close(folder)


def _check_ours(descriptor: int, source: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise Denied(
            f"{source} belongs to another account, which could change it unseen after a hard "
            f'link: use transfer="copy".'
        )
    if is_being_written(descriptor):
        raise Denied(
            f"{source} is open for writing in another program: wait until that is done, or use "
            f'transfer="copy" afterwards.'
        )


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno == errno.EXDEV:
            raise Invalid(
                f"{source} lies on another file system than the repository, and a hard link "
                f'cannot lead there: use transfer="copy", "symlink" or "move".'
            ) from error
        if error.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise Invalid(
                f"{source} cannot get a hard link: {error.strerror}. The file system has none, or "
                f'the system protects the file (fs.protected_hardlinks): use transfer="copy".'
            ) from error
        with writing(target):
            raise
