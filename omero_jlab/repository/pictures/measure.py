"""What can be measured of an image's pixels: values, statistics, histograms, profiles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import Invalid, TooLarge
from ...model import ChannelValues, Histogram, Image, LineProfile
from ...rendering import ValueCounts, count_values
from ..pixel_access import OpenImage, check_plane, open_image
from ..work import Work
from .lines import along, sampled_values

__all__ = ["Measures"]

_MOST_READ = 1 << 32
_MOST_POINTS = 1000
_MOST_BINS = 65_536
_MOST_WIDTH = 100
# Decoded at once.
_STRIP = 1 << 22
_PERCENTILES = (0.5, 1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0, 99.5, 99.8)
_LOW, _HIGH = 0.5, 99.8


class Measures:
    """Measurements of images."""

    def __init__(self, session: Work) -> None:
        self._session = session

    def statistics(
        self,
        image_id: int,
        channels: tuple[int, ...] | None = None,
        t: int | None = None,
        z: int | None = None,
        level: int = 0,
    ) -> tuple[ChannelValues, ...]:
        """Extremes, mean and percentiles of channels, over every plane that is not ruled out."""
        source = open_image(self._session, image_id)
        planes = _Planes(source, t, z, level)
        return tuple(_values(planes, c) for c in planes.channels(channels))

    def histogram(
        self,
        image_id: int,
        c: int = 0,
        t: int | None = None,
        z: int | None = None,
        level: int = 0,
        bins: int = 256,
        low: float | None = None,
        high: float | None = None,
    ) -> Histogram:
        """How often values occur in a channel, from `low` to `high` or else its extremes."""
        if not 1 <= bins <= _MOST_BINS:
            raise Invalid(f"A histogram has 1 to {_MOST_BINS} bins, not {bins}.")
        source = open_image(self._session, image_id)
        planes = _Planes(source, t, z, level)
        planes.channels((c,))
        if low is None or high is None:
            extremes = ValueCounts(np.dtype(np.float64))
            for pixels in planes.of(c):
                extremes.add(pixels)
            if extremes.count == 0:
                extremes.minimum = extremes.maximum = 0.0
            low = extremes.minimum if low is None else low
            high = extremes.maximum if high is None else high
            if high == low:
                high = max(low + 1.0, math.nextafter(low, math.inf))
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise Invalid(f"A histogram has finite ends, one below the other, not {low} to {high}.")
        if not math.isfinite(high - low):
            raise Invalid(f"The range from {low} to {high} is too wide for a histogram.")
        counts = np.zeros(bins, np.int64)
        outside = np.zeros(3, np.int64)
        for pixels in planes.of(c):
            outside += count_values(pixels, low, high, counts)
        below, above, missing = outside.tolist()
        return Histogram(
            channel=c, low=low, high=high, counts=tuple(counts.tolist()),
            below=below, above=above, nan=missing,
        )  # fmt: skip

    def values(
        self,
        image_id: int,
        points: tuple[tuple[float, float], ...],
        z: int = 0,
        t: int = 0,
    ) -> tuple[tuple[float, ...], ...]:
        """The values of every channel in the pixels that hold the points (y, x)."""
        if not 1 <= len(points) <= _MOST_POINTS:
            raise TooLarge(f"1 to {_MOST_POINTS} points are read at once, not {len(points)}.")
        source = open_image(self._session, image_id)
        image = source.record
        check_plane(image, t, z)
        for y, x in points:
            _check_point(image, y, x)
        channels = range(image.sizes.c)
        found = []
        for y, x in points:
            pixel = source.reader.planes(0, t, channels, z, int(y), int(x), 1, 1)
            found.append(tuple(_real(pixel).ravel().astype(np.float64).tolist()))
        return tuple(found)

    def line_profile(
        self,
        image_id: int,
        start: tuple[float, float],
        end: tuple[float, float],
        channels: tuple[int, ...] | None = None,
        z: int = 0,
        t: int = 0,
        width: int = 1,
    ) -> LineProfile:
        """The values along a line between points (y, x), a pixel apart and interpolated."""
        source = open_image(self._session, image_id)
        image = source.record
        check_plane(image, t, z)
        for y, x in (start, end):
            _check_point(image, y, x)
        if not 1 <= width <= _MOST_WIDTH:
            raise Invalid(f"A line is 1 to {_MOST_WIDTH} pixels wide, not {width}.")
        wanted = _channels(image, channels)
        line = along(start, end)
        values = sampled_values(source, t, wanted, z, line, width)
        steps = line - line[0]
        distance_um = None
        sizes = image.pixel_size_y_um, image.pixel_size_x_um
        if sizes[0] and sizes[1]:
            distance_um = tuple(np.hypot(steps[:, 0] * sizes[0], steps[:, 1] * sizes[1]).tolist())
        return LineProfile(
            channels=wanted,
            distance=tuple(np.hypot(steps[:, 0], steps[:, 1]).tolist()),
            distance_um=distance_um,
            values=tuple(tuple(row) for row in values.tolist()),
        )


class _Planes:
    """The planes of an image that a measurement is about, in strips."""

    def __init__(self, source: OpenImage, t: int | None, z: int | None, level: int) -> None:
        image = source.record
        check_plane(image, t or 0, z or 0)
        if not 0 <= level < len(image.levels):
            raise Invalid(f"Image {image.id} has levels 0 to {len(image.levels) - 1}, not {level}.")
        self._source = source
        self._level = level
        self._times = range(image.sizes.t) if t is None else (t,)
        self._depths = range(image.sizes.z) if z is None else (z,)
        self.dtype = np.dtype(image.dtype)
        size = image.levels[level]
        read = len(self._times) * len(self._depths) * size.height * size.width
        read *= self.dtype.itemsize
        if read > _MOST_READ:
            raise TooLarge(
                f"Level {level} of image {image.id} holds {read >> 20:,} MiB a channel in these "
                f"planes; at most {_MOST_READ >> 20:,} are measured at once: name a plane with t "
                f"and z, or a coarser level."
            )

    def channels(self, asked: tuple[int, ...] | None) -> tuple[int, ...]:
        return _channels(self._source.record, asked)

    def of(self, c: int) -> Iterator[NDArray[Any]]:
        size = self._source.record.levels[self._level]
        rows = max(1, _STRIP // size.width)
        for t in self._times:
            for z in self._depths:
                for top in range(0, size.height, rows):
                    height = min(rows, size.height - top)
                    yield self._source.reader.region(
                        self._level, t, c, z, top, 0, height, size.width
                    )


def _values(planes: _Planes, c: int) -> ChannelValues:
    counts = ValueCounts(planes.dtype)
    for pixels in planes.of(c):
        counts.add(pixels)
    common = {"channel": c, "count": counts.count}
    if counts.count == 0:
        return ChannelValues(
            **common, minimum=None, maximum=None, mean=None, deviation=None, percentiles=(),
            low=0.0, high=1.0,
        )  # fmt: skip
    if not counts.is_counted:
        low, high = counts.minimum, counts.maximum
        if not math.isfinite(high - low):
            low, high = max(low, -1e300), min(high, 1e300)
        again = ValueCounts(planes.dtype, low, high if high > low else low + 1.0)
        for pixels in planes.of(c):
            again.add(pixels)
        counts = again
    low, high = counts.percentile(_LOW), counts.percentile(_HIGH)
    if low >= high:
        low, high = counts.minimum, counts.maximum
    if low >= high:
        high = max(low + 1.0, math.nextafter(low, math.inf))
    return ChannelValues(
        **common,
        minimum=counts.minimum,
        maximum=counts.maximum,
        mean=counts.mean,
        deviation=counts.deviation,
        percentiles=tuple((percent, counts.percentile(percent)) for percent in _PERCENTILES),
        low=low,
        high=high,
    )


def _channels(image: Image, asked: tuple[int, ...] | None) -> tuple[int, ...]:
    every = tuple(range(image.sizes.c)) if asked is None else asked
    if not every or not all(0 <= c < image.sizes.c for c in every):
        raise Invalid(f"Image {image.id} has channels 0 to {image.sizes.c - 1}, not {asked}.")
    return every


def _check_point(image: Image, y: float, x: float) -> None:
    if not (0 <= y < image.sizes.y and 0 <= x < image.sizes.x):
        raise Invalid(
            f"Image {image.id} is {image.sizes.y} × {image.sizes.x} pixels: no pixel holds the "
            f"point y={y}, x={x}."
        )


def _real(pixels: NDArray[Any]) -> NDArray[Any]:
    return np.abs(pixels) if pixels.dtype.kind == "c" else pixels
