"""Values along a line, however long it is: a piece of the plane at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..pixel_access import OpenImage

__all__ = ["along", "sampled_values"]

_PIECE = 512


def along(start: tuple[float, float], end: tuple[float, float]) -> NDArray[np.float64]:
    """Points (y, x) from `start` to `end`, both included, at most one pixel apart; (N, 2)."""
    length = float(np.hypot(end[0] - start[0], end[1] - start[1]))
    count = max(2, int(np.ceil(length)) + 1)
    return np.linspace(start, end, count, dtype=np.float64)


def sampled_values(
    source: OpenImage,
    t: int,
    channels: Sequence[int],
    z: int,
    line: NDArray[np.float64],
    width: int = 1,
) -> NDArray[np.float64]:
    """The values of channels at the points of `line`, shape (C, N).

    A point (y, x) lies in pixel (floor(y), floor(x)), whose centre is at one half.  Values
    between centres are interpolated linearly; beyond the outermost centres the edge goes on.
    With a `width`, the mean over as many lines side by side, one pixel apart; those that leave
    the image take the pixels at its edge.
    """
    sizes = source.record.sizes
    found = np.empty((len(channels), len(line)))
    direction = line[-1] - line[0]
    length = float(np.hypot(*direction))
    across = np.array([direction[1], -direction[0]]) / length if length else np.zeros(2)
    offsets = (np.arange(width) - (width - 1) / 2)[:, None, None] * across
    for first in range(0, len(line), _PIECE):
        points = line[first : first + _PIECE] + offsets - 0.5
        y = np.clip(points[..., 0], 0, sizes.y - 1)
        x = np.clip(points[..., 1], 0, sizes.x - 1)
        top, left = int(y.min()), int(x.min())
        height = min(int(y.max()) + 2, sizes.y) - top
        wide = min(int(x.max()) + 2, sizes.x) - left
        pixels = source.reader.planes(0, t, channels, z, top, left, height, wide)
        pixels = np.abs(pixels) if pixels.dtype.kind == "c" else pixels
        values = _between(pixels, y - top, x - left)
        found[:, first : first + _PIECE] = values.mean(axis=1)
    return found


def _between(
    pixels: NDArray[Any], y: NDArray[np.float64], x: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Bilinear values of `pixels` (C, Y, X) at places in them; shape (C, *y.shape)."""
    row, column = y.astype(int), x.astype(int)
    below = np.minimum(row + 1, pixels.shape[1] - 1)
    right = np.minimum(column + 1, pixels.shape[2] - 1)
    down, over = y - row, x - column

    def at(rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.float64]:
        return pixels[:, rows, columns].astype(np.float64)

    def mixed(
        one: NDArray[np.float64], other: NDArray[np.float64], share: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        # What has no share may be NaN.
        return np.where(share == 0, one, one * (1 - share) + other * share)

    upper = mixed(at(row, column), at(row, right), over)
    lower = mixed(at(below, column), at(below, right), over)
    return mixed(upper, lower, down)
