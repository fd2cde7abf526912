"""The inner loops in numpy: what `kernels` must equal, and what runs where numba cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .curves import FULL

__all__ = ["lookup", "mix", "quantise_linear", "shrink"]


def lookup(
    plane: NDArray[Any], table: NDArray[np.uint16], low: int, high: int, out: NDArray[np.uint16]
) -> None:
    """Write to `out` what `table` holds for each value v of `plane`: at ``clip(v, low, high)``.

    The table begins with the entry of `low`.
    """
    out[...] = table[np.clip(plane.astype(np.int32), low, high) - low]


def mix(bright: NDArray[np.uint16], colors: NDArray[np.uint32], out: NDArray[np.uint8]) -> None:
    """Write to `out` (Y, X, 3) the sum of `bright` (C, Y, X) times `colors` (C, 3), cut at 255.

    Rounded to the nearest: ``(sum + 32767) // 65535``, all in integers.
    """
    total = np.full(out.shape, FULL // 2, np.uint32)
    for plane, color in zip(bright, colors, strict=True):
        total += plane[..., None].astype(np.uint32) * color
    np.minimum(total // np.uint32(FULL), 255, out=total)
    out[...] = total


def quantise_linear(
    plane: NDArray[Any], start: float, width: float, out: NDArray[np.uint16]
) -> None:
    """Write to `out` where in the window `plane` lies, as 0 to 65535; NaN is 0."""
    place = (plane.astype(np.float64) - start) / width
    place = np.where(np.isnan(place), 0.0, np.clip(place, 0.0, 1.0))
    out[...] = (place * FULL + 0.5).astype(np.uint16)


def shrink(plane: NDArray[Any], out: NDArray[np.float64]) -> None:
    """Write to `out` the averages of the rectangles of `plane` that its pixels cover.

    A pixel that lies under two rectangles counts for each by the part that it covers.
    """
    down = _weights(plane.shape[0], out.shape[0])
    across = _weights(plane.shape[1], out.shape[1])
    np.matmul(down @ plane.astype(np.float64), across.T, out=out)


def _weights(size: int, parts: int) -> NDArray[np.float64]:
    """For each part, the share of each pixel in it; rows add up to 1.  Shape (parts, size)."""
    step = size / parts
    edges = np.minimum(np.arange(parts + 1) * step, size)
    pixels = np.arange(size)
    low = np.maximum(edges[:-1, None], pixels)
    high = np.minimum(edges[1:, None], pixels + 1)
    cover = np.maximum(high - low, 0.0)
    found: NDArray[np.float64] = cover / (edges[1:] - edges[:-1])[:, None]
    return found
