"""Decoded chunks that were larger than what was asked for: a neighbour will want the rest."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["KEPT", "KeptChunks"]

_Key = tuple[str, int, int, int, str]


class KeptChunks:
    """The chunks used last, in at most `limit` bytes of memory."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._guard = threading.Lock()
        self._chunks: OrderedDict[_Key, NDArray[Any]] = OrderedDict()
        self.nbytes = 0

    def get(self, key: _Key) -> NDArray[Any] | None:
        """The chunk kept under `key`, or None."""
        with self._guard:
            chunk = self._chunks.get(key)
            if chunk is not None:
                self._chunks.move_to_end(key)
            return chunk

    def put(self, key: _Key, chunk: NDArray[Any]) -> None:
        """Keep a chunk unless it alone would push out most of the others."""
        if chunk.nbytes > self._limit // 2:
            return
        # A view of a larger buffer would keep all of that.
        chunk = np.ascontiguousarray(chunk)
        chunk.flags.writeable = False
        with self._guard:
            if key in self._chunks:
                return
            self._chunks[key] = chunk
            self.nbytes += chunk.nbytes
            while self.nbytes > self._limit:
                _, oldest = self._chunks.popitem(last=False)
                self.nbytes -= oldest.nbytes

    def clear(self) -> None:
        """Forget every chunk."""
        with self._guard:
            self._chunks.clear()
            self.nbytes = 0


KEPT = KeptChunks(64 << 20)
