"""Planes of an image, single or projected over a range of Z or T, with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import Invalid, TooLarge
from ...model import Image, Projection
from ...rendering import project, projected_dtype
from ..pixel_access import OpenImage, check_plane

__all__ = ["check_projection", "planes_of", "projected"]

Area = tuple[int, int, int, int]

# What is read for one answer, and what one answer of raw pixels holds, in bytes.
_MOST_READ = 1 << 32
_MOST_HELD = 1 << 28


def check_projection(image: Image, projection: Projection) -> range:
    """The planes that a projection takes; `Invalid` where there are none, or not those."""
    size = image.sizes.z if projection.axis == "z" else image.sizes.t
    stop = size if projection.stop is None else projection.stop
    if not 0 <= projection.start < stop <= size:
        raise Invalid(
            f"Image {image.id} has {projection.axis.upper()} 0 to {size - 1}: a projection takes "
            f"planes from `start` up to, not including, `stop`, not {projection.start} to {stop}."
        )
    return range(projection.start, stop)


def projected(
    source: OpenImage,
    level: int,
    t: int,
    z: int,
    channels: Sequence[int],
    area: Area,
    projection: Projection,
) -> NDArray[Any]:
    """Channels of a region, projected; shape (C, height, width).

    Raises
    ------
    TooLarge
        It would hold more than 256 MiB, or read more than 4 GiB.
    """
    image = source.record
    count = len(check_projection(image, projection)) * len(channels)
    held = len(channels) * area[2] * area[3]
    held *= projected_dtype(projection.method, np.dtype(image.dtype)).itemsize
    read = count * area[2] * area[3] * np.dtype(image.dtype).itemsize
    if held > _MOST_HELD or read > _MOST_READ:
        raise TooLarge(
            f"This projection takes {count} planes of {area[2]} × {area[3]} pixels: it would read "
            f"{read >> 20:,} MiB (at most {_MOST_READ >> 20:,}) and hold {held >> 20:,} (at most "
            f"{_MOST_HELD >> 20}). Project a part of the plane, fewer planes, or a coarser level; "
            f"image.dask() has no limit."
        )
    return planes_of(source, level, t, z, channels, area, projection)


def planes_of(
    source: OpenImage,
    level: int,
    t: int,
    z: int,
    channels: Sequence[int],
    area: Area,
    projection: Projection | None = None,
) -> NDArray[Any]:
    """Channels of a region of one plane, or of many made one; shape (C, height, width)."""
    if projection is None:
        check_plane(source.record, t, z)
        colors = source.record.is_rgb
        return source.reader.planes(level, t, channels, z, *area, interleaved=colors)
    # The axis that is projected has no plane of its own.
    check_plane(source.record, *((t, 0) if projection.axis == "z" else (0, z)))

    def each() -> Iterator[NDArray[Any]]:
        for place in check_projection(source.record, projection):
            where = (t, place) if projection.axis == "z" else (place, z)
            yield source.reader.planes(level, where[0], channels, where[1], *area)

    return project(each(), projection.method)
