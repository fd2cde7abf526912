"""Where levels are made from: another level of an image, or any array, block by block."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid
from .encode import CHUNK
from .reader import PixelReader

__all__ = ["ArraySource", "Block", "LevelSource", "Sizes", "Source", "held", "spots"]

Sizes = tuple[int, int, int, int, int]
_BLOCK = 4 * CHUNK
_LARGEST = 512 << 20
# A block of several levels' chunks is worked on whole up to here.
_AT_ONCE = 32 << 20
_CHUNK_BYTES = 4 << 20
# Chunks that are tried before a codec is chosen.
_SPOTS = 5


@dataclass(frozen=True)
class Block:
    """Planes `t`, `c` to `c + group`, `z`; rows `y` to `y + height`, columns from `x`.

    `rows` gives rows of it, counted from `y`: shape (group, rows, width).
    """

    t: int
    c: int
    z: int
    y: int
    x: int
    height: int
    width: int
    rows: Callable[[int, int], NDArray[Any]]
    row_step: int

    @property
    def at(self) -> tuple[int, ...]:
        """t, c, z, y, x, height, width."""
        return (self.t, self.c, self.z, self.y, self.x, self.height, self.width)


class Source(Protocol):
    """An image that is read once, in blocks whose edges lie on `1 << halvings` chunks."""

    sizes: Sizes
    dtype: np.dtype[Any]
    group: int

    def halvings(self, copying: bool) -> int:
        """How many times a block may be halved before it is no longer whole chunks."""
        ...

    def count(self, halvings: int) -> int:
        """How many blocks `blocks` will give."""
        ...

    def samples(self) -> list[NDArray[Any]]:
        """A few chunks that are much like the others, each (group, height, width)."""
        ...

    def blocks(self, halvings: int, interleaved: bool) -> Iterator[Block]:
        """Every block once; those that share stored chunks follow each other.

        With `interleaved`, what can be read so has its channels side by side in memory.
        """
        ...


class LevelSource:
    """A level of an image that a reader reads, by the thread that works on the block."""

    def __init__(self, reader: PixelReader, level: int) -> None:
        self._reader = reader
        self._level = level
        chunks = reader.level(level)
        self.sizes = chunks.sizes
        self.dtype = reader.dtype
        kt, kc, kz, ky, kx, _ = chunks.layout.chunk
        samples = chunks.layout.shape[5]
        together = samples if samples > 1 else kc
        fits = together * CHUNK * CHUNK * self.dtype.itemsize <= _CHUNK_BYTES
        self.group = together if fits and self.sizes[1] % together == 0 else 1
        # Uncompressed chunks are read in parts, others should be decoded once.
        plain = chunks.pipeline.plain
        channels = max(kc * samples, self.group)
        self._chunk: Sizes = (1, self.group, 1, 1, 1) if plain else (kt, channels, kz, ky, kx)

    def halvings(self, copying: bool) -> int:
        for halvings in (2, 1):
            if self._bytes(halvings) <= _AT_ONCE:
                return halvings
        return 0 if copying else 1

    def count(self, halvings: int) -> int:
        t, c, z, y, x = self.sizes
        height, width = self._extent(halvings)
        return t * (c // self.group) * z * -(-y // height) * -(-x // width)

    def samples(self) -> list[NDArray[Any]]:
        return _samples(self.sizes, self.group, self._spot)

    def _spot(self, t: int, c: int, z: int, y: int, x: int, h: int, w: int) -> NDArray[Any]:
        return self._reader.planes(self._level, t, range(c, c + self.group), z, y, x, h, w)

    def blocks(self, halvings: int, interleaved: bool) -> Iterator[Block]:
        t, c, z, y, x = self.sizes
        height, width = self._extent(halvings)
        kt, kc, kz, _, _ = self._chunk
        step = self._row_step(width)
        outer = product(range(0, t, kt), range(0, c, kc), range(0, z, kz))
        for t0, c0, z0 in outer:
            for y0, x0 in product(range(0, y, height), range(0, x, width)):
                inner = product(
                    range(t0, min(t0 + kt, t)),
                    range(c0, min(c0 + kc, c), self.group),
                    range(z0, min(z0 + kz, z)),
                )
                for at in inner:
                    h, w = min(height, y - y0), min(width, x - x0)
                    rows = self._rows(*at, y0, x0, w, interleaved)
                    yield Block(*at, y0, x0, h, w, rows, step)

    def _rows(
        self, t: int, c: int, z: int, y: int, x: int, width: int, interleaved: bool
    ) -> Callable[[int, int], NDArray[Any]]:
        channels = range(c, c + self.group)

        def read(first: int, count: int) -> NDArray[Any]:
            area = (y + first, x, count, width)
            return self._reader.planes(self._level, t, channels, z, *area, interleaved=interleaved)

        return read

    def _extent(self, halvings: int) -> tuple[int, int]:
        side = CHUNK << halvings
        _, _, _, ky, kx = self._chunk
        return -(-ky // side) * side, -(-kx // side) * side

    def _bytes(self, halvings: int) -> int:
        height, width = self._extent(halvings)
        planes = math.prod(self._chunk[:3])
        return height * min(width, self.sizes[4]) * planes * self.dtype.itemsize

    def _row_step(self, width: int) -> int:
        """Rows read at once: an even number, and whole chunks of them."""
        row = self.group * min(width, self.sizes[4]) * self.dtype.itemsize
        ky = self._chunk[3]
        unit = ky if ky % 2 == 0 else 2 * ky
        return max(1, (_AT_ONCE // 2) // (row * unit)) * unit


class ArraySource:
    """A TCZYX array (numpy, dask, Zarr, ...), sliced by one thread, chunk by chunk."""

    def __init__(
        self,
        array: Any,
        dtype: np.dtype[Any],
        axes: tuple[int, ...] = (0, 1, 2, 3, 4),
        group: int = 1,
    ) -> None:
        """`axes` says which of TCZYX the array has; a missing one is of size 1.

        `group` channels, a divisor of their number, share a chunk.
        """
        self._array = array
        self._axes = axes
        shape = [1] * 5
        chunk = [1, 1, 1, 1, 1]
        for axis, size, own in zip(axes, array.shape, _chunks(array), strict=True):
            shape[axis], chunk[axis] = int(size), own
        self.sizes: Sizes = (shape[0], shape[1], shape[2], shape[3], shape[4])
        self.dtype = dtype
        self.group = group
        y, x = (-(-size // _BLOCK) * _BLOCK for size in chunk[3:])
        if math.prod(chunk[:3]) * y * x * dtype.itemsize > _LARGEST:
            chunk[:3] = 1, 1, 1
        chunk[1] = -(-chunk[1] // group) * group
        self._step: Sizes = (chunk[0], chunk[1], chunk[2], y, x)

    def halvings(self, copying: bool) -> int:
        return 2

    def count(self, halvings: int) -> int:
        t, c, z, y, x = self.sizes
        return t * (c // self.group) * z * -(-y // _BLOCK) * -(-x // _BLOCK)

    def samples(self) -> list[NDArray[Any]]:
        # Each spot of a lazy array may cost the computing of a whole chunk.
        return _samples(
            self.sizes, self.group, self._spot, 1 if hasattr(self._array, "compute") else _SPOTS
        )

    def _spot(self, t: int, c: int, z: int, y: int, x: int, h: int, w: int) -> NDArray[Any]:
        pixels: NDArray[Any] = self._piece(
            (t, c, z, y, x), (t + 1, c + self.group, z + 1, y + h, x + w)
        )
        return pixels.reshape(self.group, h, w)

    def blocks(self, halvings: int, interleaved: bool) -> Iterator[Block]:
        for start, part in self.parts():
            groups = range(0, part.shape[1], self.group)
            for t, c, z in product(range(part.shape[0]), groups, range(part.shape[2])):
                planes = part[t, c : c + self.group, z]
                for y, x in product(*(range(0, n, _BLOCK) for n in planes.shape[1:])):
                    pixels = planes[:, y : y + _BLOCK, x : x + _BLOCK]
                    yield Block(
                        t=start[0] + t,
                        c=start[1] + c,
                        z=start[2] + z,
                        y=start[3] + y,
                        x=start[4] + x,
                        height=pixels.shape[1],
                        width=pixels.shape[2],
                        rows=held(pixels),
                        row_step=_BLOCK,
                    )

    def parts(self) -> Iterator[tuple[Sizes, NDArray[Any]]]:
        """The array in pieces, each with its first index TCZYX, in the dtype of the source."""
        ranges = (range(0, n, k) for n, k in zip(self.sizes, self._step, strict=True))
        for start in product(*ranges):
            stop = [min(a + k, n) for a, k, n in zip(start, self._step, self.sizes, strict=True)]
            yield (start[0], start[1], start[2], start[3], start[4]), self._piece(start, stop)

    def _piece(self, start: Sequence[int], stop: Sequence[int]) -> NDArray[Any]:
        asked = tuple(slice(start[axis], stop[axis]) for axis in self._axes)
        found = np.asarray(self._array[asked])
        expected = tuple(stop[axis] - start[axis] for axis in self._axes)
        if found.shape != expected:
            raise Invalid(
                f"The array says it has shape {self._array.shape}, but gave {found.shape} for "
                f"{expected} pixels."
            )
        if not np.can_cast(found.dtype, self._array.dtype):
            # Cutting 0.7 down to 0 would go unnoticed.
            raise Invalid(
                f"The array says it is {self._array.dtype}, but its blocks are {found.dtype}: tell "
                f"what makes them the right dtype, or convert them with astype."
            )
        shape = [b - a for a, b in zip(start, stop, strict=True)]
        return found.reshape(shape).astype(self.dtype, copy=False)


def _samples(
    sizes: Sizes, group: int, spot: Callable[..., NDArray[Any]], count: int = _SPOTS
) -> list[NDArray[Any]]:
    height, width = min(CHUNK, sizes[3]), min(CHUNK, sizes[4])
    found = [
        np.ascontiguousarray(spot(*place, height, width)) for place in spots(sizes, group, count)
    ]
    # Empty chunks say nothing: they are not stored.
    return [sample for sample in found if sample.any()] or found


def spots(
    sizes: Sizes, group: int, count: int = _SPOTS
) -> Iterator[tuple[int, int, int, int, int]]:
    """Where chunks are much like the others: t, first of `group` channels, z, y and x."""
    t, c, z, y, x = sizes
    for i in range(1, count + 1):
        top, left = ((n - CHUNK) * i // (count + 1) // CHUNK * CHUNK for n in (y, x))
        # Channels differ in what they show, planes of a stack little.
        channel = (i - 1) * (c // group) // count * group
        yield t // 2, channel, z // 2, max(0, top), max(0, left)


def held(pixels: NDArray[Any]) -> Callable[[int, int], NDArray[Any]]:
    """What gives rows of `pixels`, as a block does."""
    return lambda first, count: pixels[:, first : first + count]


def _chunks(array: Any) -> list[int]:
    """How large the array's own chunks are along its axes: dask's, Zarr's or h5py's."""
    chunks = getattr(array, "chunks", None)
    if chunks is None or len(chunks) != len(array.shape):
        return [1] * (len(array.shape) - 2) + [_BLOCK, _BLOCK]
    return [max(chunk) if isinstance(chunk, tuple) else int(chunk) for chunk in chunks]
