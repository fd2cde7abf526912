"""What values an image's channels have, from a bounded number of its pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model.record import Record
from .reader import PixelReader

__all__ = ["ChannelStatistics", "statistics"]

_PIXELS = 1 << 22
_PLANES = 8
_WINDOWS = 4
_LOW, _HIGH = 0.5, 99.8


class ChannelStatistics(Record):
    """Values of one channel: the extremes among the pixels looked at, None where all are NaN.

    `low` to `high` is a window for a first look: the 0.5 and 99.8 percentiles, or the extremes
    where nearly all pixels are equal.  `high` is always above `low`.
    """

    minimum: float | None
    maximum: float | None
    low: float
    high: float


def statistics(reader: PixelReader, level: int | None = None) -> tuple[ChannelStatistics, ...]:
    """Statistics of every channel, from at most about four million pixels of each.

    They are taken from up to eight planes spread over T and Z of the coarsest level, or of
    `level`; from 4 × 4 windows spread over planes that are too large.  On a level that was made
    by averaging the extremes are those of the averages.  NaN and infinities are left out.

    Raises
    ------
    Invalid
        There is no such level.
    Unreadable
        A file is missing, was changed or is damaged.
    """
    level = reader.levels - 1 if level is None else level
    size_t, size_c, size_z, height, width = reader.sizes(level)
    times = _spread(size_t, 2 if size_z > 1 else _PLANES)
    depths = _spread(size_z, _PLANES // len(times))
    budget = _PIXELS // (len(times) * len(depths))
    group = reader.level(level).layout.shape[5]
    regions = _regions(height, width, budget)
    found: list[ChannelStatistics] = []
    for c in range(0, size_c, group):
        channels = range(c, c + group)
        pieces = [
            reader.planes(level, t, channels, z, *region).reshape(group, -1)
            for t in times
            for z in depths
            for region in regions
        ]
        values = np.concatenate(pieces, axis=1)
        found += [_described(channel) for channel in values]
    return tuple(found)


def _spread(size: int, count: int) -> list[int]:
    """Up to `count` indices, evenly over `size` and in the middle of their parts."""
    count = min(size, max(1, count))
    return [(2 * i + 1) * size // (2 * count) for i in range(count)]


def _regions(height: int, width: int, budget: int) -> list[tuple[int, int, int, int]]:
    if height * width <= budget:
        return [(0, 0, height, width)]
    side = max(1, int((budget / _WINDOWS**2) ** 0.5))
    rows, columns = min(height, side), min(width, side)
    return [
        (
            i * (height - rows) // (_WINDOWS - 1),
            j * (width - columns) // (_WINDOWS - 1),
            rows,
            columns,
        )
        for i in range(_WINDOWS)
        for j in range(_WINDOWS)
    ]


def _described(values: NDArray[Any]) -> ChannelStatistics:
    if values.dtype.kind == "c":
        values = np.abs(values)
    elif values.dtype == np.bool_:
        values = values.view(np.uint8)
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    if values.size == 0:
        return ChannelStatistics(minimum=None, maximum=None, low=0.0, high=1.0)
    minimum, maximum = float(values.min()), float(values.max())
    ranks = [round(share / 100 * (values.size - 1)) for share in (_LOW, _HIGH)]
    ordered = np.partition(values, ranks)
    low, high = (float(ordered[rank]) for rank in ranks)
    if low >= high:
        low, high = minimum, maximum
    if low >= high:
        high = float(np.nextafter(low, np.inf)) if abs(low) > 2**53 else low + 1
    return ChannelStatistics(minimum=minimum, maximum=maximum, low=low, high=high)
