"""Planes that are one compressed chunk each, read from top to bottom.

Old writers put a whole plane into one strip.  To decode it at once takes as much memory as it has
pixels, for each thread; row by row, a few bands do.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Unreadable
from .encode import CHUNK
from .reader import PixelReader
from .sources import Block, held, spots

__all__ = ["StreamedSource", "is_streamed"]

_BLOCK = 4 * CHUNK
_LARGEST_BAND = 16 << 20


def is_streamed(reader: PixelReader, level: int) -> bool:
    """Whether each plane of a level is one large chunk that can be decoded row by row."""
    chunks = reader.level(level)
    (_, _, _, y, x, s), (kt, kc, kz, ky, kx, ks) = chunks.layout.shape, chunks.layout.chunk
    whole = ky >= y and kx >= x and ks == s and kt == kc == kz == 1
    return whole and chunks.heavy and chunks.pipeline.inflates is not None


class StreamedSource:
    """A level for which `is_streamed`; the thread that asks for blocks decodes them."""

    def __init__(self, reader: PixelReader, level: int) -> None:
        self._reader = reader
        self._level = level
        chunks = reader.level(level)
        self.sizes = chunks.sizes
        self.dtype = reader.dtype
        self.group = chunks.layout.shape[5]

    def halvings(self, copying: bool) -> int:
        """As many as let a band of rows stay small."""
        row = self.group * self.sizes[4] * self.dtype.itemsize
        for halvings in (2, 1):
            if (CHUNK << halvings) * row <= _LARGEST_BAND:
                return halvings
        return 0 if copying else 1

    def count(self, halvings: int) -> int:
        """How many blocks there are."""
        t, c, z, y, x = self.sizes
        return t * (c // self.group) * z * -(-y // (CHUNK << halvings)) * -(-x // _BLOCK)

    def samples(self) -> list[NDArray[Any]]:
        """A few chunks; of planes with several of them each row is decoded once."""
        wanted: dict[tuple[int, int, int], list[tuple[int, int]]] = defaultdict(list)
        for t, c, z, y, x in spots(self.sizes, self.group):
            wanted[t, c, z].append((y, x))
        found = []
        for plane, places in wanted.items():
            rows = _Rows(self._reader, self._level, *plane)
            last, band = -1, np.empty(0)
            for y, x in sorted(places):
                if y != last:
                    rows.skip_to(y)
                    band = rows.next(min(CHUNK, self.sizes[3] - y))
                    last = y
                found.append(np.ascontiguousarray(band[:, :, x : x + CHUNK]))
        return [sample for sample in found if sample.any()] or found

    def blocks(self, halvings: int, interleaved: bool) -> Iterator[Block]:
        """Every block once, plane after plane, from top to bottom."""
        t, c, z, y, x = self.sizes
        height = CHUNK << halvings
        for at in product(range(t), range(0, c, self.group), range(z)):
            rows = _Rows(self._reader, self._level, *at)
            for y0 in range(0, y, height):
                band = rows.next(min(height, y - y0))
                for x0 in range(0, x, _BLOCK):
                    pixels = band[:, :, x0 : x0 + _BLOCK]
                    h, w = pixels.shape[1:]
                    yield Block(*at, y0, x0, h, w, held(pixels), _BLOCK)


class _Rows:
    """The rows of one plane, each once."""

    def __init__(self, reader: PixelReader, level: int, t: int, c: int, z: int) -> None:
        chunks = reader.level(level)
        self._reader = reader
        self._chunks = chunks
        self._width, self._samples = chunks.layout.chunk[4], chunks.layout.shape[5]
        self._sizes = chunks.sizes
        channels = range(c, c + self._samples)
        (self._chunk,) = chunks.touched(t, channels, z, 0, 0, 1, 1)
        self._done = 0
        self._pieces: Iterator[bytes] = iter(())
        if self._chunk.length:
            self._pieces = reader.pieces(self._chunk)
            assert chunks.pipeline.inflates is not None
            self._inflate = zlib.decompressobj(chunks.pipeline.inflates)

    def skip_to(self, row: int) -> None:
        """Leave out the rows before `row`."""
        while self._done < row:
            self.next(min(CHUNK, row - self._done))

    def next(self, count: int) -> NDArray[Any]:
        """The next rows, shape (samples, count, width of the image)."""
        width, samples, pipeline = self._width, self._samples, self._chunks.pipeline
        if not self._chunk.length:
            return np.full((samples, count, self._sizes[4]), self._chunks.fill)
        data = self._bytes(count * width * samples * pipeline.stored.itemsize)
        self._done += count
        if self._done == self._chunk.shape[3] and self._more(1):
            raise self._failed("more comes out of it than its pixels have")
        lines = pipeline.lines(data, count, width, samples)
        native = lines[:, : self._sizes[4]].astype(self._reader.dtype, copy=False)
        return np.ascontiguousarray(np.moveaxis(native, 2, 0))

    def _bytes(self, size: int) -> bytearray:
        found = bytearray()
        while len(found) < size:
            data = self._more(size - len(found))
            if not data:
                raise self._failed(f"it ends after {self._done:,} rows")
            found += data
        return found

    def _more(self, most: int) -> bytes:
        """At least one byte, at most `most`; none at the end."""
        while not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or next(self._pieces, b"")
            if not packed:
                return b""
            try:
                data = self._inflate.decompress(packed, most)
            except zlib.error as error:
                raise self._failed(str(error)) from error
            if data:
                return data
        return b""

    def _failed(self, reason: str) -> Unreadable:
        return self._reader.failed(self._chunk, reason)
