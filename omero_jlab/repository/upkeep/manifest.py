"""The list of what a backup holds: a line of JSON for each file, written as it is copied."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ...storage import fsync_file, write_file, writing

__all__ = ["FILES_COPIED", "FILES_LISTED", "Journal", "Listed", "read_list", "write_list"]

FILES_LISTED = "backup-files.jsonl"
FILES_COPIED = "backup-copied.jsonl"
_SYNC_EACH = 64


@dataclass(frozen=True)
class Listed:
    """A file of a backup: its size, time of change and SHA-256; a link has no SHA-256."""

    path: str
    size: int
    mtime_ns: int
    sha256: str

    def line(self) -> bytes:
        """The line that stands for it."""
        return json.dumps([self.path, self.size, self.mtime_ns, self.sha256]).encode() + b"\n"


def read_list(path: Path) -> dict[str, Listed]:
    """The files of a list by path; a last line that was cut off is left out."""
    found: dict[str, Listed] = {}
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return found
    for line in data.split(b"\n"):
        try:
            listed = Listed(*json.loads(line))
        except (ValueError, TypeError):
            continue
        found[listed.path] = listed
    return found


def write_list(path: Path, listed: Iterable[Listed]) -> None:
    """Write a whole list, replacing an earlier one."""
    write_file(path, b"".join(each.line() for each in listed))


class Journal:
    """A list that grows with each file that is on the disk, for who goes on later."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._since_sync = 0

    def __enter__(self) -> Journal:
        with writing(self._path):
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(self._path, flags, 0o600)
            # An interruption may have left half a line.
            os.write(self._descriptor, b"\n")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)

    def add(self, listed: Listed) -> None:
        """Note a file that is whole and on the disk."""
        with writing(self._path):
            os.write(self._descriptor, listed.line())
            self._since_sync += 1
            if self._since_sync >= _SYNC_EACH:
                fsync_file(self._descriptor)
                self._since_sync = 0
