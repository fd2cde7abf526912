"""Read a segment's columns at their offsets: no HDF5 library, no lock, no memory map."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy
import xxhash
from numpy.typing import NDArray

from ...errors import Newer, Unreadable
from ...model import ColumnPart, Segment
from ...storage import NOBODY, Watch, for_each, stamp_of
from .apart import Stretches, are_apart, stretches_of
from .singly import are_shared, read_singly
from .verified import BLOCK, VERIFIED

__all__ = ["LAYOUT", "SegmentFile", "SegmentFolder", "bytes_of"]

LAYOUT = 1
# So much is read at once where rows lie apart: it stays in the processor's cache.
_WINDOW = 1 << 19
# Two threads copy out of the page cache faster than one, from about here on: waking one takes as
# long as to copy a few MiB.
_WORTH_SHARING = 32 << 20
_SHARE = 2 << 20
# So many small reads are one piece of work.
_READS = 1 << 12

Rows = slice | NDArray[numpy.int64]

_kept = threading.local()


@dataclass(frozen=True)
class SegmentFolder:
    """Where a table's segments lie, and who knows of damaged ones."""

    path: Path
    watch: Watch = NOBODY


class SegmentFile:
    """An open segment.  Each MiB that is read is compared with its checksum, the first time.

    Raises
    ------
    Unreadable
        The file is missing, or has another size than when it was written.
    Damaged
        It is known to be damaged.
    Newer
        A newer program laid it out.
    """

    def __init__(self, folder: SegmentFolder, segment: Segment) -> None:
        if segment.layout > LAYOUT:
            raise Newer(
                f"table file {segment.path} has layout {segment.layout}; "
                f"this program reads up to {LAYOUT}"
            )
        self._name = segment.path
        self._path = f"{folder.path}/{segment.path}"
        self._watch = folder.watch
        self._watch.check(self._path)
        try:
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
            self._file = os.open(self._path, flags)
        except FileNotFoundError as error:
            raise Unreadable(f"table file {segment.path} is missing") from error
        found = os.fstat(self._file)
        if found.st_size != segment.size:
            os.close(self._file)
            raise Unreadable(
                f"table file {segment.path} has {found.st_size:,} bytes, but was written with "
                f"{segment.size:,}; restore it from a backup"
            )
        self._verified = VERIFIED.of(self._path, stamp_of(found))
        self._plan: tuple[Rows | None, int, list[Stretches]] = (None, 0, [])

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
        done = os.preadv(self._file, [out.data], offset)
        if done == out.nbytes:
            return
        view = bytes_of(out)
        while done < len(view):
            got = os.preadv(self._file, [view[done:]], offset + done)
            if got == 0:
                raise self._short(offset + len(view))
            done += got

    def _short(self, end: int) -> Unreadable:
        return Unreadable(f"table file {self._name} ends before byte {end:,}")

    def read(self, part: ColumnPart, start: int, out: NDArray[Any]) -> None:
        """Read the rows of `part` from `start` on that fill the contiguous `out`.

        Raises
        ------
        Damaged
            They are not what was written.
        """
        begin = start * _row_bytes(part)
        if out.nbytes < _WORTH_SHARING:
            self._read(part, begin, out)
            return
        view = out.reshape(-1).view("u1")
        shares = [slice(at, at + _SHARE) for at in range(0, len(view), _SHARE)]
        for_each(lambda share: self._read(part, begin + share.start, view[share]), shares)

    def _read(self, part: ColumnPart, begin: int, out: NDArray[Any]) -> None:
        if not out.nbytes:
            return
        self.fill(out, part.offset + begin)
        first, last = begin // BLOCK, (begin + out.nbytes - 1) // BLOCK
        known = self._verified.blocks(part)
        while (first := known.find(0, first, last + 1)) >= 0:
            self._verify(part, first, begin, bytes_of(out))
            known[first] = 1

    def _verify(self, part: ColumnPart, number: int, begin: int, view: memoryview) -> None:
        """Compare a block with its checksum; `view` are the bytes of `part` from `begin` on."""
        low, high = number * BLOCK, min((number + 1) * BLOCK, part.nbytes)
        if begin <= low and high <= begin + len(view):
            block = view[low - begin : high - begin]
        else:
            rest = _buffer("block", BLOCK)[: high - low]
            self.fill(rest, part.offset + low)
            block = rest.data
            inner, end = max(low, begin), min(high, begin + len(view))
            if inner < end:
                view[inner - begin : end - begin] = block[inner - low : end - low]
        if xxhash.xxh3_128_hexdigest(block) != part.checksums[number]:
            at = part.offset + low
            raise self._watch.damaged(
                self._path, f"column {part.column} at byte {at:,} is not what was written"
            )

    def take(self, part: ColumnPart, rows: NDArray[numpy.int64], out: NDArray[Any]) -> None:
        """Read the given `rows` of `part`, which ascend, into the contiguous `out`."""
        if not len(rows):
            return
        width = _row_bytes(part)
        if are_apart(rows, width):
            self.take_each([part], rows, [out])
            return
        most = max(_WINDOW // width, 1)
        scratch = _buffer("scratch", max(_WINDOW, width))
        begin = 0
        while begin < len(rows):
            first = int(rows[begin])
            end = begin + int(numpy.searchsorted(rows[begin : begin + most], first + most))
            count = int(rows[end - 1]) + 1 - first
            if count == end - begin:
                self.read(part, first, out[begin:end])
            else:
                raw = scratch[: count * width]
                self.read(part, first, raw)
                window = raw.view(part.dtype).reshape(count, *part.shape[1:])
                numpy.take(window, rows[begin:end] - first, axis=0, out=out[begin:end], mode="clip")
            begin = end

    def take_each(
        self, parts: Sequence[ColumnPart], rows: Rows, outs: Sequence[NDArray[Any]]
    ) -> None:
        """Read the same `rows` of `parts` of one width into `outs`, of these or wider types.

        `rows` are few, or far apart: little is read at a place.
        """
        width = _row_bytes(parts[0])
        for each in self._planned(rows, width):
            size = max(min(_READS // len(each.starts), _WINDOW // max(each.total, 1)), 1)
            batches = [slice(at, at + size) for at in range(0, len(parts), size)]

            def take(batch: slice, each: Stretches = each) -> None:
                self._take_each(parts[batch], each, outs[batch])

            if are_shared():
                for_each(take, batches)
            else:
                for batch in batches:
                    take(batch)

    def _planned(self, rows: Rows, width: int) -> list[Stretches]:
        """How to read `rows`: the next column is asked for the same ones."""
        known_rows, known_width, plan = self._plan
        if known_rows is not rows or known_width != width:
            plan = list(stretches_of(rows, width))
            self._plan = rows, width, plan
        return plan

    def _take_each(
        self, parts: Sequence[ColumnPart], stretches: Stretches, outs: Sequence[NDArray[Any]]
    ) -> None:
        for part in parts:
            self._verify_touched(part, stretches)
        offsets = numpy.array([part.offset for part in parts])
        starts = numpy.add.outer(offsets, stretches.starts).reshape(-1)
        found = read_singly(self._file, starts, numpy.tile(stretches.sizes, len(parts)))
        if len(found) != stretches.total * len(parts):
            raise self._short(int(offsets.max()) + stretches.end)
        every = found.reshape(len(parts), stretches.total)
        for part, out, raw in zip(parts, outs, every, strict=True):
            values = raw.view(part.dtype).reshape(-1, *part.shape[1:])
            places = stretches.places
            out[stretches.rows] = values if places is None else values[places]

    def _verify_touched(self, part: ColumnPart, stretches: Stretches) -> None:
        known = self._verified.blocks(part)
        if known.find(0, stretches.begin // BLOCK, (stretches.end - 1) // BLOCK + 1) < 0:
            return
        first = stretches.starts // BLOCK
        last = (stretches.starts + stretches.sizes - 1) // BLOCK
        for begin, end in sorted(set(zip(first.tolist(), last.tolist(), strict=True))):
            for number in range(begin, end + 1):
                if not known[number]:
                    self._verify(part, number, number * BLOCK, memoryview(b""))
                    known[number] = 1


def _buffer(name: str, size: int) -> NDArray[numpy.uint8]:
    """A buffer of this thread: new memory costs several times what the copy into it does."""
    found: NDArray[numpy.uint8] | None = getattr(_kept, name, None)
    if found is None or found.nbytes < size:
        found = numpy.empty(size, "u1")
        if size <= BLOCK:
            setattr(_kept, name, found)
    return found


def bytes_of(array: NDArray[Any]) -> memoryview:
    """The bytes of a contiguous `array`, without a copy."""
    return array.reshape(-1).view("u1").data


def _row_bytes(part: ColumnPart) -> int:
    return part.nbytes // max(part.shape[0], 1)
