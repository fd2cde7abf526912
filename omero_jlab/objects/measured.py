"""What can be measured of an image in a notebook, without its pixels coming there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model import ChannelValues, LineProfile
from ..model import Image as ImageRecord
from ..operations import AnySession
from .drawing import channel_number

__all__ = ["Measured"]

_AT_ONCE = 1000


class Measured:
    """What an image has because its pixels are numbers."""

    _session: AnySession
    record: ImageRecord

    def statistics(
        self,
        channels: Sequence[int | str] | None = None,
        z: int | None = None,
        t: int | None = None,
        level: int = 0,
    ) -> tuple[ChannelValues, ...]:
        """Extremes, mean and percentiles of channels, exact, over all Z and T unless named."""
        wanted = self._channels(channels)
        return self._session.images.statistics(self.record.id, wanted, t, z, level)

    def histogram(
        self,
        c: int | str = 0,
        bins: int = 256,
        range: tuple[float, float] | None = None,
        z: int | None = None,
        t: int | None = None,
        level: int = 0,
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Counts and edges of a channel's values, as `numpy.histogram` gives them."""
        low, high = (None, None) if range is None else range
        number = channel_number(self.record, c)
        found = self._session.images.histogram(self.record.id, number, t, z, level, bins, low, high)
        counts = np.array(found.counts, np.int64)
        return counts, np.linspace(found.low, found.high, len(counts) + 1)

    def line_profile(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        channels: Sequence[int | str] | None = None,
        z: int = 0,
        t: int = 0,
        width: int = 1,
    ) -> LineProfile:
        """The values along a line between points (y, x), averaged over `width` pixels across it."""
        wanted = self._channels(channels)
        return self._session.images.line_profile(
            self.record.id, _point(start), _point(end), wanted, z, t, width
        )

    def values(self, points: Any, z: int = 0, t: int = 0) -> NDArray[np.float64]:
        """The values of every channel in the pixels that hold points (y, x); shape (N, C)."""
        given = [_point(point) for point in np.asarray(points, float).reshape(-1, 2)]
        rows: list[tuple[float, ...]] = []
        for first in range(0, len(given), _AT_ONCE):
            part = tuple(given[first : first + _AT_ONCE])
            rows += self._session.images.values(self.record.id, part, z, t)
        return np.array(rows, float).reshape(len(given), self.record.sizes.c)

    def _channels(self, channels: Sequence[int | str] | None) -> tuple[int, ...] | None:
        if channels is None:
            return None
        return tuple(channel_number(self.record, each) for each in channels)


def _point(point: Any) -> tuple[float, float]:
    y, x = point
    return float(y), float(x)
