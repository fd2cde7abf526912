"""Read a segment's columns at their offsets: no HDF5 library, no lock, no memory map."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy
from numpy.typing import NDArray

from ..errors import Newer, Unreadable
from ..model import ColumnPart, Segment

__all__ = ["LAYOUT", "SegmentFile", "bytes_of"]

LAYOUT = 1
# So much is read at once where rows lie apart: it stays in the processor's cache.
_WINDOW = 1 << 19


class SegmentFile:
    """An open segment.

    Raises
    ------
    Unreadable
        The file is missing, or has another size than when it was written.
    Newer
        A newer program laid it out.
    """

    def __init__(self, folder: Path, segment: Segment) -> None:
        if segment.layout > LAYOUT:
            raise Newer(
                f"table file {segment.path} has layout {segment.layout}; "
                f"this program reads up to {LAYOUT}"
            )
        self._name = segment.path
        self._scratch: NDArray[numpy.uint8] | None = None
        try:
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
            self._file = os.open(folder / segment.path, flags)
        except FileNotFoundError as error:
            raise Unreadable(f"table file {segment.path} is missing") from error
        size = os.fstat(self._file).st_size
        if size != segment.size:
            os.close(self._file)
            raise Unreadable(
                f"table file {segment.path} has {size:,} bytes, but was written with "
                f"{segment.size:,}; restore it from a backup"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._file)

    def fill(self, out: NDArray[Any], offset: int) -> None:
        """Read the bytes at `offset` into the contiguous `out`."""
        view = bytes_of(out)
        done = 0
        while done < len(view):
            got = os.preadv(self._file, [view[done:]], offset + done)
            if got == 0:
                raise Unreadable(f"table file {self._name} ends before byte {offset + len(view):,}")
            done += got

    def read(self, part: ColumnPart, start: int, out: NDArray[Any]) -> None:
        """Read the rows of `part` from `start` on that fill `out`."""
        self.fill(out, part.offset + start * _row_bytes(part))

    def take(self, part: ColumnPart, rows: NDArray[numpy.int64], out: NDArray[Any]) -> None:
        """Read the given `rows` of `part`, which ascend, into `out`."""
        width = _row_bytes(part)
        most = max(_WINDOW // width, 1)
        # One small buffer for all: new memory costs several times what the copy into it does.
        if self._scratch is None or self._scratch.nbytes < width:
            self._scratch = numpy.empty(max(_WINDOW, width), "u1")
        begin = 0
        while begin < len(rows):
            first = int(rows[begin])
            end = begin + int(numpy.searchsorted(rows[begin : begin + most], first + most))
            count = int(rows[end - 1]) + 1 - first
            if count == end - begin:
                self.fill(out[begin:end], part.offset + first * width)
            else:
                raw = self._scratch[: count * width]
                self.fill(raw, part.offset + first * width)
                window = raw.view(part.dtype).reshape(count, *part.shape[1:])
                numpy.take(window, rows[begin:end] - first, axis=0, out=out[begin:end], mode="clip")
            begin = end


def bytes_of(array: NDArray[Any]) -> memoryview:
    """The bytes of a contiguous `array`, without a copy."""
    return array.reshape(-1).view("u1").data


def _row_bytes(part: ColumnPart) -> int:
    return int(numpy.dtype(part.dtype).itemsize * numpy.prod(part.shape[1:], dtype=int))
