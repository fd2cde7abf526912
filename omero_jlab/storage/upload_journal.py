"""What an upload knows about itself after a crash: lines that are only ever appended."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from .disk import reading, writing
from .platform import fsync_file, fsync_folder

__all__ = ["UploadJournal", "read_journal"]

Line = dict[str, Any]
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class UploadJournal:
    """The journal at `path`; each line is a JSON object with one name that says what happened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()

    @property
    def changed_at(self) -> float:
        """When it was written to, in seconds since 1970."""
        with reading(self._path):
            return self._path.stat().st_mtime

    def append(self, lines: Iterable[Line], durable: bool = True) -> None:
        """Append lines; if `durable` they are on the disk afterwards.

        Raises
        ------
        Full, Unavailable
            The disk is full, or failed: none of the lines is there.
        """
        data = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
        with self._guard, writing(self._path, len(data)):
            descriptor = os.open(self._path, _APPEND, 0o600)
            try:
                before = os.fstat(descriptor).st_size
                try:
                    rest = memoryview(data)
                    while rest:
                        rest = rest[os.write(descriptor, rest) :]
                    if durable:
                        fsync_file(descriptor)
                except BaseException:
                    with suppress(OSError):
                        os.ftruncate(descriptor, before)
                    raise
            finally:
                os.close(descriptor)
            if before == 0:
                fsync_folder(self._path.parent)

    def touch(self) -> None:
        """Remember that somebody is busy with the upload."""
        with writing(self._path):
            os.utime(self._path)


def read_journal(path: Path) -> list[Line]:
    """The lines of a journal, but for one that a crash cut short."""
    with reading(path):
        data = path.read_bytes()
    whole, _, _ = data.rpartition(b"\n")
    found: list[Line] = []
    for text in whole.splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            break
        if not isinstance(line, dict):
            break
        found.append(line)
    return found
