"""Room that is kept for the day on which the disk is full: deleting needs some, too."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path

from .disk import Space, space

__all__ = ["Reserve"]

log = logging.getLogger(__name__)

_LEAST = 2_000_000
_PART = 100


class Reserve:
    """A file at `path` that takes room, so that there is some when it is removed.

    It has `most` bytes, on a small disk a hundredth of it, but 2 MB at least: what the database
    writes to forget rows.
    """

    def __init__(self, path: Path, most: int) -> None:
        self._path = path
        self._most = most

    def size(self, room: Space) -> int:
        """How many bytes it should have on such a disk."""
        return min(self._most, max(room.total // _PART, _LEAST))

    def spared(self, room: Space) -> Space:
        """The room that is there for all else: a reserve that was given up is to be made again."""
        missing = 0 if self._path.exists() else self.size(room)
        return Space(total=room.total, free=max(room.free - missing, 0))

    def is_needed(self, room: Space) -> bool:
        """Whether there is so little room that it should be given up."""
        return room.free < self.size(room)

    def give_up(self) -> bool:
        """Remove it; whether that freed anything."""
        try:
            self._path.unlink()
        except OSError:
            return False
        log.warning("the disk is full: %s was given up to make room for deleting", self._path)
        return True

    def make(self) -> None:
        """Make it where it is missing and there is room for several of it."""
        room = space(self._path.parent)
        size = self.size(room)
        if size == 0 or self._path.exists() or room.free < 4 * size:
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            descriptor = os.open(self._path, flags, 0o600)
        except OSError as error:
            log.warning("no room is kept for deleting: %s", error)
            return
        try:
            # Blocks of its own: a file with holes would free nothing.
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            log.warning("no room is kept for deleting: %s", error)
            with suppress(OSError):
                self._path.unlink()
        finally:
            os.close(descriptor)
