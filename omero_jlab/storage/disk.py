"""What the disk says, in words: room left, and its errors as ours."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakMethod

from ..errors import Conflict, Denied, Full, Invalid, NotFound, OmeroError, Unavailable, Unreadable

__all__ = ["Space", "disk_error", "guard_writes", "no_room_left", "reading", "space", "writing"]

_FULL = {errno.ENOSPC, errno.EDQUOT}
_GONE = {errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.EROFS, errno.ENOTCONN}
_TOO_MANY = {errno.EMFILE, errno.ENFILE}
_WRONG_PATH = {errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EFBIG}
_REASONS = {
    errno.EROFS: "the file system is mounted read-only",
    errno.EIO: "the disk answered with an input/output error",
    errno.ESTALE: "the network file system lost the folder",
}


@dataclass(frozen=True)
class Space:
    """Bytes of the file system; `free` is what an ordinary account may still write."""

    total: int
    free: int


def space(path: Path) -> Space:
    """The room on the file system of `path`; the nearest existing folder above it counts."""
    existing = path
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    with reading(existing):
        found = os.statvfs(existing)
    return Space(total=found.f_blocks * found.f_frsize, free=found.f_bavail * found.f_frsize)


def no_room_left(folder: Path) -> bool:
    """Whether a small file cannot be written in `folder` for want of room, or of quota."""
    descriptor = -1
    place = folder / f".{secrets.token_hex(8)}.tmp"
    try:
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.write(descriptor, bytes(1 << 16))
    except OSError as error:
        return error.errno in _FULL
    finally:
        if descriptor >= 0:
            os.close(descriptor)
        with suppress(OSError):
            place.unlink(missing_ok=True)
    return False


def disk_error(error: OSError, path: Path, needed: int | None = None) -> OmeroError:
    """What `error` means for somebody who wrote to `path`; its `errno` is kept.

    `Full` and too many open files end one operation.  `Unavailable` with `errno.EIO` means that
    nothing written lately can be trusted: the repository must take no more writes.
    """
    code = error.errno
    found: OmeroError
    if code in _FULL:
        free = space(path.parent).free
        wanted = "" if needed is None else f"{needed:,} bytes are needed, "
        quota = " within this account's quota" if code == errno.EDQUOT else ""
        found = Full(
            f"No room{quota} to write {path}: {wanted}{free:,} bytes are free. "
            "Delete something or make the disk larger, then try again."
        )
    elif code in _GONE:
        reason = _REASONS.get(code, os.strerror(code)) if code is not None else str(error)
        found = Unavailable(f"Cannot write {path}: {reason}. The disk needs looking after.")
    elif code in _TOO_MANY:
        found = Unavailable(
            f"Cannot open {path}: too many files are open. Try again, or raise `ulimit -n`."
        )
    elif isinstance(error, FileExistsError) or code == errno.ENOTEMPTY:
        found = Conflict(f"{path} is there already and is not overwritten.")
    elif isinstance(error, FileNotFoundError):
        found = NotFound(f"There is no {path}.")
    elif isinstance(error, PermissionError):
        found = Denied(f"This account may not write {path}: give it the right to, or another.")
    elif code in _WRONG_PATH:
        found = Invalid(f"{path} cannot be written: {os.strerror(code)}.")
    else:
        found = Unavailable(f"Cannot write {path}: {error.strerror or error}.")
    return _with_errno(found, code)


_guards: dict[str, WeakMethod[Callable[[], None]]] = {}


def guard_writes(root: Path, check: Callable[[], None] | None) -> None:
    """Have `check`, a method, called before anything below `root` is written; None ends that."""
    if check is None:
        _guards.pop(f"{root}/", None)
    else:
        _guards[f"{root}/"] = WeakMethod(check)


@contextmanager
def writing(path: Path, needed: int | None = None) -> Iterator[None]:
    """Turn what the disk says inside the block into the error that `disk_error` gives.

    Raises
    ------
    Unavailable
        `path` lies in a repository whose disk is not the one that it was opened on.
    """
    for root, method in tuple(_guards.items()):
        if f"{path}/".startswith(root):
            check = method()
            if check is None:
                # Whoever opened that repository has forgotten it without closing it.
                _guards.pop(root, None)
            else:
                check()
    try:
        yield
    except OmeroError:
        raise
    except OSError as error:
        raise disk_error(error, path, needed) from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what the disk says while `path` is read into `NotFound`, `Denied` or `Unreadable`."""
    try:
        yield
    except OmeroError:
        raise
    except OSError as error:
        raise _with_errno(_read_error(error, path), error.errno) from error


def _read_error(error: OSError, path: Path) -> OmeroError:
    if isinstance(error, FileNotFoundError):
        return NotFound(f"There is no {path}.")
    if isinstance(error, PermissionError):
        return Denied(f"This account may not read {path}: give it the right to read it.")
    if error.errno in _TOO_MANY:
        return Unavailable(
            f"Cannot open {path}: too many files are open. Try again, or raise `ulimit -n`."
        )
    if error.errno == errno.ELOOP:
        return Unreadable(f"{path} is a symbolic link: give the file that it leads to.")
    return Unreadable(f"{path} cannot be read: {error.strerror or error}.")


def _with_errno(found: OmeroError, code: int | None) -> OmeroError:
    if isinstance(found, OSError):
        found.errno = code
    return found
