"""Values of a channel counted plane by plane: exact extremes, means, percentiles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .fast import inner_loops

__all__ = ["ValueCounts", "count_values"]

_BINS = 1 << 16


class ValueCounts:
    """Extremes, mean and deviation of the planes that were added, and how often values occur.

    Integers of up to 16 bits are counted one by one.  Other values are counted into 65 536 bins
    from `low` to `high`, which are known only after a first pass: without them nothing is
    counted.  NaN and infinities are left out of everything.
    """

    def __init__(
        self, dtype: np.dtype[Any], low: float | None = None, high: float | None = None
    ) -> None:
        self.minimum = math.inf
        self.maximum = -math.inf
        self.count = 0
        self._mean = 0.0
        self._squares = 0.0
        if dtype.kind in "iub" and dtype.itemsize <= 2:
            limits = np.iinfo(np.uint8 if dtype.kind == "b" else dtype)
            # A value is the middle of its own bin.
            low, high = limits.min - 0.5, limits.max + 0.5
            self._counts = np.zeros(limits.max - limits.min + 1, np.int64)
            self._exact = True
        else:
            self._counts = np.zeros(_BINS if low is not None else 0, np.int64)
            self._exact = False
        self._low, self._high = low, high

    @property
    def is_counted(self) -> bool:
        """Whether percentiles are known, or need a second pass with `low` and `high`."""
        return len(self._counts) > 0

    @property
    def mean(self) -> float | None:
        return self._mean if self.count else None

    @property
    def deviation(self) -> float | None:
        """The standard deviation of the population."""
        return math.sqrt(max(0.0, self._squares / self.count)) if self.count else None

    def add(self, plane: NDArray[Any]) -> None:
        """Count a plane, any shape and real dtype or complex (by magnitude)."""
        plane = _known(plane)
        if plane.dtype.kind == "f":
            finite = np.isfinite(plane)
            if not finite.all():
                plane = plane[finite]
        if plane.size == 0:
            return
        if self.is_counted and self._low is not None and self._high is not None:
            inner_loops().count(plane, self._low, self._high, self._counts)
        self.minimum = min(self.minimum, float(plane.min()))
        self.maximum = max(self.maximum, float(plane.max()))
        self._gather(plane)

    def _gather(self, plane: NDArray[Any]) -> None:
        """Mean and sum of squares, put together as by Chan, Golub and LeVeque (1979)."""
        mean = float(plane.mean(dtype=np.float64))
        squares = float(plane.var(dtype=np.float64)) * plane.size
        total = self.count + plane.size
        apart = mean - self._mean
        self._squares += squares + apart * apart * self.count * plane.size / total
        self._mean += apart * plane.size / total
        self.count = total

    def percentile(self, percent: float) -> float:
        """The smallest value that `percent` per cent of the pixels do not exceed.

        Exact where values are counted one by one; else the upper edge of its bin, within the
        extremes.
        """
        rank = max(1, math.ceil(percent / 100 * self.count))
        place = int(np.searchsorted(np.cumsum(self._counts), rank))
        assert self._low is not None and self._high is not None
        if self._exact:
            return self._low + 0.5 + place
        width = (self._high - self._low) / len(self._counts)
        return min(max(self._low + (place + 1) * width, self.minimum), self.maximum)


def count_values(
    plane: NDArray[Any], low: float, high: float, counts: NDArray[np.int64]
) -> tuple[int, int, int]:
    """Add to `counts` how many values lie in each of its equal bins from `low` up to `high`.

    The last bin includes `high`.  Answers how many lie below, how many above, how many are NaN.
    """
    below, above, missing = inner_loops().count(_known(plane), low, high, counts)
    return int(below), int(above), int(missing)


def _known(plane: NDArray[Any]) -> NDArray[Any]:
    """`plane` contiguous, in native byte order, of a dtype that the loops know."""
    if plane.dtype.kind == "c":
        plane = np.abs(plane)
    elif plane.dtype.kind == "b":
        plane = plane.view(np.uint8)
    dtype = plane.dtype.newbyteorder("=")
    if dtype == np.float16:
        dtype = np.dtype(np.float32)
    return np.ascontiguousarray(plane, dtype)
