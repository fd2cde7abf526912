"""Which blocks of segments this process compared with their checksums."""

from __future__ import annotations

import threading
from collections import OrderedDict

from ...model import ColumnPart
from ...storage import Stamp

__all__ = ["BLOCK", "VERIFIED", "VerifiedBlocks", "VerifiedSegments"]

BLOCK = 1 << 20


class VerifiedBlocks:
    """The blocks of one segment: a byte for each MiB of each part, 1 once it was verified."""

    def __init__(self) -> None:
        self._blocks: dict[int, bytearray] = {}

    def blocks(self, part: ColumnPart) -> bytearray:
        """What is known of one part's blocks; to be changed in place."""
        known = self._blocks.get(part.offset)
        if known is None:
            known = self._blocks.setdefault(part.offset, bytearray(len(part.checksums)))
        return known


class VerifiedSegments:
    """The segments that were read last; one that was written to since is unknown again."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._guard = threading.Lock()
        self._known: OrderedDict[tuple[str, Stamp], VerifiedBlocks] = OrderedDict()

    def of(self, path: str, stamp: Stamp) -> VerifiedBlocks:
        """What is known of the file at `path` as long as it has this stamp."""
        key = path, stamp
        with self._guard:
            found = self._known.get(key)
            if found is None:
                found = self._known[key] = VerifiedBlocks()
            else:
                self._known.move_to_end(key)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
            return found


VERIFIED = VerifiedSegments(4096)
