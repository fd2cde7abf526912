"""One level of an index, checked: its sizes, its chunks and how they are decoded."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..errors import Unreadable
from ..model.chunks import ChunkIndex, LevelLayout, Shape6
from .decode import Pipeline, chunk_bytes, native_dtype
from .verified import VerifiedChunks

__all__ = ["Chunk", "LevelChunks", "Part"]


class Part(NamedTuple):
    """What one channel takes out of a chunk: its place in it, and number `target` of the answer."""

    target: int
    t: int
    c: int
    z: int
    sample: int


class Chunk(NamedTuple):
    """A chunk that a request touches.

    `number` counts the level's chunks; `shape` is what is stored; rows `y0:y1` and columns
    `x0:x1` of it go to row `top` and column `left` of the answer.
    """

    number: int
    file: int
    offset: int
    length: int
    shape: Shape6
    parts: tuple[Part, ...]
    y0: int
    y1: int
    x0: int
    x1: int
    top: int
    left: int


class LevelChunks:
    """The chunks of one level."""

    def __init__(self, index: ChunkIndex, level: int) -> None:
        """Raises `Unreadable` where the index contradicts itself."""
        self.layout: LevelLayout = index.header.levels[level]
        self._file = index.file[level]
        self._offset = index.offset[level]
        self._length = index.length[level]
        layout = self.layout
        if min(layout.shape) < 1 or min(layout.chunk) < 1:
            raise Unreadable(f"Level {level} has shape {layout.shape}, chunks of {layout.chunk}.")
        self._grid = layout.grid
        grids = {array.shape for array in (self._file, self._offset, self._length)}
        files = len(index.header.files)
        stored = self._length != 0
        if (
            grids != {self._grid}
            or bool(np.any(self._length < 0))
            or bool(np.any(self._offset < 0))
            or bool(np.any(stored & ((self._file < 0) | (self._file >= files))))
        ):
            raise Unreadable(f"The chunk index of level {level} is damaged: build it again.")
        self.dtype = native_dtype(layout.dtype)
        with warnings.catch_warnings():
            # A fill that its type cannot hold (NaN in integers) is some number, not an error.
            warnings.simplefilter("ignore", RuntimeWarning)
            self.fill: Any = np.float64(layout.fill).astype(self.dtype)

    @cached_property
    def pipeline(self) -> Pipeline:
        """How chunks are decoded; raises `Unreadable` for codecs that are not decoded here."""
        return Pipeline(self.layout)

    @cached_property
    def verified(self) -> VerifiedChunks:
        """Which chunks were compared with their checksums."""
        return VerifiedChunks(math.prod(self._grid))

    @cached_property
    def identity(self) -> str:
        """What tells this layout from others."""
        return self.layout.model_dump_json()

    @property
    def sizes(self) -> tuple[int, int, int, int, int]:
        """Sizes TCZYX, samples counted as channels."""
        t, c, z, y, x, s = self.layout.shape
        return (t, c * s, z, y, x)

    @property
    def heavy(self) -> bool:
        """Whether a few pixels cost the decoding of more than 4 MiB."""
        return not self.pipeline.plain and chunk_bytes(self.layout) > 4 << 20

    def touched(
        self, t: int, channels: Sequence[int], z: int, y: int, x: int, height: int, width: int
    ) -> list[Chunk]:
        """The chunks of a region, each once, by row and column."""
        kt, kc, kz, ky, kx, ks = self.layout.chunk
        samples = self.layout.shape[5]
        groups: dict[tuple[int, int], list[Part]] = {}
        for target, channel in enumerate(channels):
            c, s = divmod(channel, samples)
            part = Part(target, t % kt, c % kc, z % kz, s % ks)
            groups.setdefault((c // kc, s // ks), []).append(part)
        found = []
        for (gc, gs), parts in groups.items():
            for gy in range(y // ky, (y + height - 1) // ky + 1):
                for gx in range(x // kx, (x + width - 1) // kx + 1):
                    place = (t // kt, gc, z // kz, gy, gx, gs)
                    y0, y1 = max(y - gy * ky, 0), min(y + height - gy * ky, ky)
                    x0, x1 = max(x - gx * kx, 0), min(x + width - gx * kx, kx)
                    found.append(
                        Chunk(
                            number=self._number(place),
                            file=int(self._file[place]),
                            offset=int(self._offset[place]),
                            length=int(self._length[place]),
                            shape=self._stored_shape(place),
                            parts=tuple(parts),
                            y0=y0,
                            y1=y1,
                            x0=x0,
                            x1=x1,
                            top=gy * ky + y0 - y,
                            left=gx * kx + x0 - x,
                        )
                    )
        return found

    def _number(self, place: Shape6) -> int:
        number = 0
        for i, n in zip(place, self._grid, strict=True):
            number = number * n + i
        return number

    def _stored_shape(self, place: Shape6) -> Shape6:
        layout = self.layout
        if layout.edge == "full":
            return layout.chunk
        t, c, z, y, x, s = (
            min(chunk, size - chunk * i)
            for chunk, size, i in zip(layout.chunk, layout.shape, place, strict=True)
        )
        return (t, c, z, y, x, s)

    def nbytes(self, chunk: Chunk) -> int:
        """How many bytes a chunk's pixels are in memory."""
        return math.prod(chunk.shape) * self.dtype.itemsize
