"""The means of `halve`, compiled; they release the interpreter's lock."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..storage import compiled

__all__ = ["mean_floats", "mean_integers", "mean_samples"]


@compiled
def mean_integers(source: NDArray[Any], target: NDArray[Any]) -> None:
    """The mean of each 2 × 2 of `source`, halves to even, for integers of at most 32 bits."""
    for i in range(target.shape[0]):
        upper, lower = source[2 * i], source[2 * i + 1]
        for j in range(target.shape[1]):
            total = np.int64(upper[2 * j]) + np.int64(upper[2 * j + 1])
            total += np.int64(lower[2 * j]) + np.int64(lower[2 * j + 1])
            # Adding 1 and the evenness of the quotient rounds halves to even.
            target[i, j] = (total + 1 + ((total >> 2) & 1)) >> 2


@compiled
def mean_samples(source: NDArray[Any], target: NDArray[Any]) -> None:
    """As `mean_integers`, of pictures (Y, X, samples); rows of `target` are contiguous."""
    height, width, samples = target.shape
    for i in range(height):
        upper, lower, line = source[2 * i], source[2 * i + 1], target[i]
        for j in range(width):
            for k in range(samples):
                total = np.int32(upper[2 * j, k]) + np.int32(upper[2 * j + 1, k])
                total += np.int32(lower[2 * j, k]) + np.int32(lower[2 * j + 1, k])
                line[j, k] = (total + 1 + ((total >> 2) & 1)) >> 2


@compiled
def mean_floats(source: NDArray[Any], target: NDArray[Any]) -> None:
    """The mean of each 2 × 2 of `source` in double precision."""
    for i in range(target.shape[0]):
        upper, lower = source[2 * i], source[2 * i + 1]
        for j in range(target.shape[1]):
            first = np.float64(upper[2 * j]) + np.float64(upper[2 * j + 1])
            second = np.float64(lower[2 * j]) + np.float64(lower[2 * j + 1])
            target[i, j] = (first + second) * 0.25
