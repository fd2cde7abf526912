"""The inner loops, compiled.  `loops` holds the same in numpy, and a test compares both."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from ..storage import compiled

__all__ = ["count", "lookup", "mix", "mix_tables", "paint", "quantise_linear", "scale", "shrink"]


@compiled
def lookup(
    plane: NDArray[Any], table: NDArray[np.uint16], low: int, high: int, out: NDArray[np.uint16]
) -> None:
    """Brightness from a table; see `loops.lookup`."""
    source, target = plane.ravel(), out.ravel()
    for i in range(source.size):
        value = min(max(np.int32(source[i]), np.int32(low)), np.int32(high)) - np.int32(low)
        # An unsigned index spares the test for one that counts from the end.
        target[i] = table[np.uint32(value)]


@compiled
def scale(
    plane: NDArray[Any], low: int, high: int, factor: int, offset: int, out: NDArray[np.uint16]
) -> None:
    """Brightness by a multiplication, many pixels at a time; see `loops.scale`."""
    source, target = plane.ravel(), out.ravel()
    for i in range(source.size):
        value = min(max(np.int32(source[i]), np.int32(low)), np.int32(high)) - np.int32(low)
        step = np.int32((np.int64(value) * np.int64(factor) + np.int64(offset)) >> np.int64(32))
        target[i] = np.uint16(min(max(step, np.int32(0)), np.int32(65535)))


@numba.njit(inline="always")
def _write(total: NDArray[np.uint32], cut: NDArray[np.uint8], line: NDArray[np.uint8]) -> None:
    width = total.shape[1]
    for sample in range(3):
        sums, row_cut = total[sample], cut[sample]
        for x in range(width):
            # Equal to a division by 65535 for every sum of 256 channels, and without one.
            part = np.uint32(sums[x] + np.uint32(sums[x] >> np.uint32(16)) + np.uint32(1))
            row_cut[x] = np.uint8(min(part >> np.uint32(16), np.uint32(255)))
    # The three at once: written one by one, steps of three bytes cost more than the sums.
    red, green, blue = cut
    for x in range(width):
        line[3 * x] = red[x]
        line[3 * x + 1] = green[x]
        line[3 * x + 2] = blue[x]


@compiled
def mix(bright: NDArray[np.uint16], colors: NDArray[np.uint32], out: NDArray[np.uint8]) -> None:
    """Add up channels of known brightness; see `loops.mix`."""
    width = bright.shape[2]
    total, cut = np.empty((3, width), np.uint32), np.empty((3, width), np.uint8)
    for y in range(bright.shape[1]):
        total[:] = 32767
        for i in range(bright.shape[0]):
            row = bright[i, y]
            for sample in range(3):
                color = np.uint32(colors[i, sample])
                if color != 0:
                    sums = total[sample]
                    for x in range(width):
                        sums[x] = np.uint32(sums[x] + np.uint32(np.uint32(row[x]) * color))
        _write(total, cut, out[y].ravel())


@compiled
def paint(
    planes: NDArray[Any],
    steps: NDArray[np.int64],
    colors: NDArray[np.uint32],
    out: NDArray[np.uint8],
) -> None:
    """`scale` and `mix` in one go, for a third less time; see `loops.paint`."""
    width = planes.shape[2]
    total, cut = np.empty((3, width), np.uint32), np.empty((3, width), np.uint8)
    reds, greens, blues = total
    for y in range(planes.shape[1]):
        total[:] = 32767
        for i in range(planes.shape[0]):
            source = planes[i, y]
            low, high = np.int32(steps[i, 0]), np.int32(steps[i, 1])
            factor, offset = steps[i, 2], steps[i, 3]
            red, green, blue = colors[i]
            for x in range(width):
                value = min(max(np.int32(source[x]), low), high) - low
                step = np.int32((np.int64(value) * factor + offset) >> np.int64(32))
                bright = np.uint32(min(max(step, np.int32(0)), np.int32(65535)))
                reds[x] = np.uint32(reds[x] + np.uint32(bright * red))
                greens[x] = np.uint32(greens[x] + np.uint32(bright * green))
                blues[x] = np.uint32(blues[x] + np.uint32(bright * blue))
        _write(total, cut, out[y].ravel())


@compiled
def mix_tables(
    bright: NDArray[np.uint16],
    tables: NDArray[np.uint8],
    colors: NDArray[np.uint32],
    tabled: NDArray[np.bool_],
    out: NDArray[np.uint8],
) -> None:
    """Add up channels with lookup tables among them; see `loops.mix_tables`."""
    for y in range(bright.shape[1]):
        for x in range(bright.shape[2]):
            for sample in range(3):
                total = np.uint64(32767)
                for i in range(bright.shape[0]):
                    if tabled[i]:
                        place = (
                            np.uint64(bright[i, y, x]) * np.uint64(255) + np.uint64(32767)
                        ) // (np.uint64(65535))
                        total += np.uint64(tables[i, place, sample]) * np.uint64(65535)
                    else:
                        total += np.uint64(bright[i, y, x]) * np.uint64(colors[i, sample])
                out[y, x, sample] = np.uint8(min(total // np.uint64(65535), np.uint64(255)))


@compiled
def count(
    values: NDArray[Any], low: float, high: float, counts: NDArray[np.int64]
) -> tuple[int, int, int]:
    """Count values into bins; see `loops.count`."""
    below, above, missing = 0, 0, 0
    bins = counts.size
    width = high - low
    source = values.ravel()
    for i in range(source.size):
        value = np.float64(source[i])
        if np.isnan(value):
            missing += 1
        elif value < low:
            below += 1
        elif value > high:
            above += 1
        else:
            place = np.int64((value - low) / width * bins)
            counts[place if place < bins else bins - 1] += 1
    return below, above, missing


@compiled
def quantise_linear(
    plane: NDArray[Any], start: float, width: float, out: NDArray[np.uint16]
) -> None:
    """Places in a window as 0 to 65535; see `loops.quantise_linear`."""
    for y in range(plane.shape[0]):
        for x in range(plane.shape[1]):
            place = (np.float64(plane[y, x]) - start) / width
            if place >= 1.0:
                out[y, x] = 65535
            elif place > 0.0:
                out[y, x] = np.uint16(place * 65535.0 + 0.5)
            else:
                out[y, x] = 0


@compiled
def shrink(
    plane: NDArray[Any],
    top: float,
    left: float,
    step_y: float,
    step_x: float,
    out: NDArray[np.float64],
) -> None:
    """Area averages; see `loops.shrink`."""
    height, width = plane.shape
    rows, columns = out.shape
    line = np.empty(width, np.float64)
    for row in range(rows):
        first = min(max(top + row * step_y, 0.0), height - 1e-9)
        last = min(max(top + (row + 1) * step_y, first), float(height))
        line[:] = 0.0
        for y in range(int(first), min(max(int(np.ceil(last)), int(first) + 1), height)):
            tall = min(y + 1.0, last) - max(float(y), first)
            source = plane[y]
            for x in range(width):
                line[x] += source[x] * tall
        for column in range(columns):
            begin = min(max(left + column * step_x, 0.0), width - 1e-9)
            end = min(max(left + (column + 1) * step_x, begin), float(width))
            total = 0.0
            for x in range(int(begin), min(max(int(np.ceil(end)), int(begin) + 1), width)):
                total += line[x] * (min(x + 1.0, end) - max(float(x), begin))
            out[row, column] = total / ((last - first) * (end - begin))
