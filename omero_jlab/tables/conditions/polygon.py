"""Which points lie inside of a polygon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["inside"]


def inside(
    x: NDArray[Any], y: NDArray[Any], corners: Sequence[tuple[float, float]]
) -> NDArray[numpy.bool_]:
    """shape (n,): where the points lie inside of a polygon, by the even-odd rule.

    A point on a left or lower edge is inside, one on a right or upper edge outside.  Each edge is
    computed from its lower end, so that polygons which share one agree on it to the last bit.

    Parameters
    ----------
    x, y : shape (n,), float64; NaN lies outside
    corners : of the polygon, whose last one is joined to the first
    """
    found = numpy.zeros(len(x), bool)
    left, bottom = numpy.min(corners, axis=0)
    right, top = numpy.max(corners, axis=0)
    near = numpy.flatnonzero((x >= left) & (x <= right) & (y >= bottom) & (y <= top))
    x, y = x[near], y[near]
    odd = numpy.zeros(len(near), bool)
    for i, one in enumerate(corners):
        (x0, y0), (x1, y1) = sorted((corners[i - 1], one), key=lambda corner: corner[1])
        if y0 == y1:
            continue
        beside = numpy.flatnonzero((y >= y0) & (y < y1))
        across = x0 + (y[beside] - y0) * ((x1 - x0) / (y1 - y0))
        odd[beside] ^= x[beside] < across
    found[near] = odd
    return found
