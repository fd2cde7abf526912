"""The permanent numbers of rows, where some are left out."""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy
from numpy.typing import NDArray

from ...model import Segment
from ..segments.reader import SegmentFile, SegmentFolder

__all__ = ["numbers_of"]

_MOST_BYTES = 128 << 20


class _Remembered:
    """Numbers that were read last, by file: files are never written twice under one name."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._known: OrderedDict[str, NDArray[numpy.int64]] = OrderedDict()
        self._bytes = 0

    def get(self, path: str) -> NDArray[numpy.int64] | None:
        with self._guard:
            if path in self._known:
                self._known.move_to_end(path)
            return self._known.get(path)

    def put(self, path: str, numbers: NDArray[numpy.int64]) -> None:
        with self._guard:
            if path not in self._known:
                self._known[path] = numbers
                self._bytes += numbers.nbytes
            while self._bytes > _MOST_BYTES:
                self._bytes -= self._known.popitem(last=False)[1].nbytes


_REMEMBERED = _Remembered()


def numbers_of(folder: SegmentFolder, segment: Segment) -> NDArray[numpy.int64]:
    """shape (rows,), ascending: the numbers of a segment's rows."""
    part = segment.numbers
    if part is None:
        return numpy.arange(segment.first_row, segment.first_row + segment.rows)
    path = str(folder.path / segment.path)
    found = _REMEMBERED.get(path)
    if found is None:
        found = numpy.empty(segment.rows, "i8")
        with SegmentFile(folder, segment) as file:
            file.read(part, 0, found)
        found.flags.writeable = False
        _REMEMBERED.put(path, found)
    return found
