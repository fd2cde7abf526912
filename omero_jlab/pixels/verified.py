"""Which chunks were compared with their checksums since their files were last written to."""

from __future__ import annotations

import threading

from ..storage import Stamp

__all__ = ["VerifiedChunks"]


class VerifiedChunks:
    """One byte for each of `count` chunks; all are forgotten when one of their files changes."""

    def __init__(self, count: int) -> None:
        self._guard = threading.Lock()
        self._known = bytearray(count)
        self._stamps: dict[int, Stamp] = {}

    def has(self, number: int, file: int, stamp: Stamp) -> bool:
        """Whether chunk `number` of `file` was verified, and the file still has this stamp."""
        return self._known[number] == 1 and self._stamps.get(file) == stamp

    def add(self, number: int, file: int, stamp: Stamp) -> None:
        """Chunk `number` was verified while its file had this stamp."""
        with self._guard:
            if self._stamps.setdefault(file, stamp) != stamp:
                self._known = bytearray(len(self._known))
                self._stamps = {file: stamp}
            self._known[number] = 1
