"""The inner loops in numpy: what `kernels` must equal, and what runs where numba cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .curves import FULL

__all__ = ["count", "lookup", "mix", "mix_tables", "paint", "quantise_linear", "scale", "shrink"]


def lookup(
    plane: NDArray[Any], table: NDArray[np.uint16], low: int, high: int, out: NDArray[np.uint16]
) -> None:
    """Write to `out` what `table` holds for each value v of `plane`: at ``clip(v, low, high)``.

    The table begins with the entry of `low`.
    """
    out[...] = table[np.clip(plane.astype(np.int32), low, high) - low]


def scale(
    plane: NDArray[Any], low: int, high: int, factor: int, offset: int, out: NDArray[np.uint16]
) -> None:
    """Write to `out` ``(clip(v, low, high) - low) * factor + offset`` for each value v.

    In steps of 1 / 2³² of a step of brightness, cut down to whole ones and to 0 and 65535: what
    `lookup` does with a table of equal steps, without the table.
    """
    place = np.clip(plane.astype(np.int32), low, high).astype(np.int64) - low
    out[...] = np.clip((place * factor + offset) >> 32, 0, FULL)


def mix(bright: NDArray[np.uint16], colors: NDArray[np.uint32], out: NDArray[np.uint8]) -> None:
    """Write to `out` (Y, X, 3) the sum of `bright` (C, Y, X) times `colors` (C, 3), cut at 255.

    Rounded to the nearest: ``(sum + 32767) // 65535``, all in integers.
    """
    total = np.full(out.shape, FULL // 2, np.uint32)
    for plane, color in zip(bright, colors, strict=True):
        total += plane[..., None].astype(np.uint32) * color
    np.minimum(total // np.uint32(FULL), 255, out=total)
    out[...] = total


def paint(
    planes: NDArray[Any],
    steps: NDArray[np.int64],
    colors: NDArray[np.uint32],
    out: NDArray[np.uint8],
) -> None:
    """`mix` of what `scale` makes of each of `planes` (C, Y, X), with a row of `steps` (C, 4)."""
    bright = np.empty(planes.shape, np.uint16)
    for plane, (low, high, factor, offset), target in zip(planes, steps, bright, strict=True):
        scale(plane, low, high, factor, offset, target)
    mix(bright, colors, out)


def mix_tables(
    bright: NDArray[np.uint16],
    tables: NDArray[np.uint8],
    colors: NDArray[np.uint32],
    tabled: NDArray[np.bool_],
    out: NDArray[np.uint8],
) -> None:
    """As `mix`, but a channel that is `tabled` adds the colour that its table has for it.

    `tables` is (C, 256, 3); the place in it is the brightness from 0 to 255, to the nearest.
    """
    total = np.full(out.shape, FULL // 2, np.uint64)
    for i, plane in enumerate(bright):
        if tabled[i]:
            places = (plane.astype(np.uint32) * 255 + FULL // 2) // FULL
            total += tables[i][places].astype(np.uint64) * FULL
        else:
            total += plane[..., None].astype(np.uint64) * colors[i]
    out[...] = np.minimum(total // np.uint64(FULL), 255)


def count(
    values: NDArray[Any], low: float, high: float, counts: NDArray[np.int64]
) -> tuple[int, int, int]:
    """Add to `counts` how many values lie in each of its equal bins from `low` up to `high`.

    Answers how many lie below, how many above, and how many are NaN.
    """
    flat = values.astype(np.float64).ravel()
    missing = np.isnan(flat)
    below, above = flat < low, flat > high
    bins = len(counts)
    inside = (flat[~(missing | below | above)] - low) / (high - low) * bins
    counts += np.bincount(np.minimum(inside.astype(np.int64), bins - 1), minlength=bins)
    return int(below.sum()), int(above.sum()), int(missing.sum())


def quantise_linear(
    plane: NDArray[Any], start: float, width: float, out: NDArray[np.uint16]
) -> None:
    """Write to `out` where in the window `plane` lies, as 0 to 65535; NaN is 0."""
    place = (plane.astype(np.float64) - start) / width
    place = np.where(np.isnan(place), 0.0, np.clip(place, 0.0, 1.0))
    out[...] = (place * FULL + 0.5).astype(np.uint16)


def shrink(
    plane: NDArray[Any],
    top: float,
    left: float,
    step_y: float,
    step_x: float,
    out: NDArray[np.float64],
) -> None:
    """Write to `out` the averages of the rectangles of `plane` that its pixels cover.

    Pixel (i, j) of `out` covers `step_y` × `step_x` pixels of `plane` from ``top + i * step_y``,
    ``left + j * step_x``, cut at its edges.  A pixel that lies under two rectangles counts for
    each by the part that it covers; steps below 1 enlarge.
    """
    down = _weights(plane.shape[0], out.shape[0], top, step_y)
    across = _weights(plane.shape[1], out.shape[1], left, step_x)
    np.matmul(down @ plane.astype(np.float64), across.T, out=out)


def _weights(size: int, parts: int, start: float, step: float) -> NDArray[np.float64]:
    """For each part, the share of each pixel in it; rows add up to 1.  Shape (parts, size)."""
    edges = start + np.arange(parts + 1) * step
    low = np.clip(edges[:-1], 0.0, size - 1e-9)[:, None]
    high = np.clip(edges[1:], low[:, 0], size)[:, None]
    pixels = np.arange(size)
    cover = np.maximum(np.minimum(high, pixels + 1) - np.maximum(low, pixels), 0.0)
    found: NDArray[np.float64] = cover / (high - low)
    return found
