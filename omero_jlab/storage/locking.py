"""Whether the locks of a file system keep two owners apart, and a rename replaces a file."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import Unavailable
from .disk import writing
from .platform import try_lock

__all__ = ["probe"]

# A program of its own, since a fork of a process with threads may hang.
_TRY = """
import errno, fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        if sys.argv[2] == "flock":
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        sys.exit(3 if error.errno in (errno.EACCES, errno.EAGAIN) else 4)
"""
_HELD = 3
_PATIENCE_S = 30


def probe(folder: Path) -> None:
    """Return where files in `folder` can be locked and replaced as a repository needs it.

    Raises
    ------
    Unavailable
        Somebody else got a lock that is held, or a rename did not replace an open file.
    """
    with _scratch(folder) as (first, second):
        _probe_lock(first, "flock")
        # SQLite's kind of lock.
        _probe_lock(first, "lockf")
        _probe_rename(first, second)


def _probe_lock(path: Path, kind: str) -> None:
    with writing(path), path.open("r+b") as holder, path.open("r+b") as other:
        try:
            if kind == "flock":
                held, kept_out = try_lock(holder.fileno()), not try_lock(other.fileno())
            else:
                fcntl.lockf(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held, kept_out = True, _is_kept_out(other.fileno())
        except OSError as error:
            raise Unavailable(
                f"The file system of {path.parent} has no working locks ({kind}: "
                f"{error.strerror}): two programs could write there at once. Put the repository "
                f"on a local disk, or mount the share with locking."
            ) from error
        # Where locks belong to processes, only another process is kept out.
        if not held or not (kept_out or _keeps_out_another(path, kind)):
            raise Unavailable(
                f"The file system of {path.parent} gives one lock ({kind}) to two at once, so two "
                f"programs could write there at once. Put the repository on a local disk, or "
                f"mount the share with locking."
            )


def _is_kept_out(descriptor: int) -> bool:
    command = getattr(fcntl, "F_OFD_SETLK", None)
    if command is None:
        return False
    # struct flock of Linux: l_type, l_whence, l_start, l_len, l_pid.
    whole_file = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    try:
        # The same locks as SQLite's, but they belong to the open file as those of flock do.
        fcntl.fcntl(descriptor, command, whole_file)
    except OSError as error:
        return error.errno in (errno.EACCES, errno.EAGAIN)
    return False


def _keeps_out_another(path: Path, kind: str) -> bool:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _TRY, str(path), kind],
        check=False,
        timeout=_PATIENCE_S,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    return done.returncode == _HELD


def _probe_rename(first: Path, second: Path) -> None:
    with writing(second), second.open("rb") as still_open:
        try:
            first.rename(second)
            replaced = not os.path.samestat(os.fstat(still_open.fileno()), second.stat())
        except OSError as error:
            raise Unavailable(
                f"The file system of {second.parent} does not replace a file by a rename "
                f"({error.strerror}): put the repository on another."
            ) from error
    if not replaced or first.exists():
        raise Unavailable(
            f"The file system of {second.parent} says that a file was renamed when it was not: "
            f"put the repository on another."
        )


@contextmanager
def _scratch(folder: Path) -> Iterator[tuple[Path, Path]]:
    # Left by who was killed while it tried; whoever tries holds the lock, and is alone.
    for left in folder.glob(f".{'?' * 16}.[ab].tmp"):
        with suppress(OSError):
            left.unlink()
    name = f".{secrets.token_hex(8)}"
    paths = (folder / f"{name}.a.tmp", folder / f"{name}.b.tmp")
    try:
        for path in paths:
            with writing(path):
                path.touch(mode=0o600, exist_ok=False)
        yield paths
    finally:
        for path in paths:
            with suppress(OSError):
                path.unlink(missing_ok=True)
