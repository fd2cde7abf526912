"""A region of an image, drawn: at its own pixels, or in any number of them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import Invalid, TooLarge
from ...model import Image, Projection, Settings
from ...rendering import render, resample, to_srgb
from ..pixel_access import OpenImage
from ..readers import PROFILE
from ..state import State
from .luts import tables_of, without_lost_luts
from .projections import check_projection, planes_of

__all__ = ["Grid", "View", "draw", "draw_grid", "stored_picture"]

log = logging.getLogger(__name__)

# Pixels of a channel that are read and mixed at once.
_STRIP = 1 << 21
# What is read for one picture, in bytes.
_MOST_READ = 1 << 32

Area = tuple[int, int, int, int]


@dataclass(frozen=True)
class View:
    """Which plane of an image is drawn, and how."""

    source: OpenImage
    t: int
    z: int
    settings: Settings
    projection: Projection | None = None


@dataclass(frozen=True)
class Grid:
    """A rectangle of level 0, in its pixels, and in how many rows and columns it is drawn."""

    y: int
    x: int
    height: int
    width: int
    rows: int
    columns: int


def draw(state: State, view: View, level: int, area: Area) -> NDArray[np.uint8]:
    """The region `area` (y, x, height, width) of a level, shape (height, width, 3).

    Raises
    ------
    Invalid
        The settings are for another number of channels, or the region lies outside.
    """
    planes, settings = _read(view, level, area)
    return _colored(state, view.source, planes, settings)


def stored_picture(view: View, level: int, area: Area) -> bytes | None:
    """The JPEG that is stored of a region and looks as it is drawn, or None where none is.

    An RGB picture is drawn as it is, whatever the settings, unless it has a colour profile.
    """
    source = view.source
    drawn_as_is = source.record.is_rgb and view.projection is None
    if not drawn_as_is or _profile(source.reader.roots["pixels"]) is not None:
        return None
    return source.reader.picture(level, view.t, view.z, *area)


def draw_grid(
    state: State, view: View, grid: Grid, most_read: float = _MOST_READ
) -> NDArray[np.uint8]:
    """A rectangle in as many pixels as asked for, shape (rows, columns, 3).

    Pixels come from the coarsest level that has at least as many, averaged over the area that
    each pixel of the picture covers; where there are fewer, each becomes a square.  A strip of
    the picture is made at a time.

    Raises
    ------
    Invalid
        The settings are for another number of channels.
    TooLarge
        More than `most_read` bytes, 4 GiB, would have to be read.
    """
    image = view.source.record
    number = _level_for(image, grid)
    level = image.levels[number]
    scale_y, scale_x = level.height / image.sizes.y, level.width / image.sizes.x
    corner = grid.y * scale_y, grid.x * scale_x
    steps = grid.height * scale_y / grid.rows, grid.width * scale_x / grid.columns
    left, right = _covered(corner[1], corner[1] + steps[1] * grid.columns, level.width)
    _check_work(view, number, steps[0] * grid.rows * (right - left), most_read)
    out = np.empty((grid.rows, grid.columns, 3), np.uint8)
    rows = max(1, int(_STRIP / max(grid.columns, (right - left) * max(1.0, steps[0]))))
    for first in range(0, grid.rows, rows):
        last = min(first + rows, grid.rows)
        start = corner[0] + first * steps[0]
        top, bottom = _covered(start, corner[0] + last * steps[0], level.height)
        area = (top, left, bottom - top, right - left)
        planes, settings = _read(view, number, area)
        if (bottom - top, right - left) != (last - first, grid.columns) or steps != (1.0, 1.0):
            inside = start - top, corner[1] - left
            planes = resample(planes, last - first, grid.columns, inside, steps)
        out[first:last] = _colored(state, view.source, planes, settings)
    return out


def _read(view: View, level: int, area: Area) -> tuple[NDArray[Any], Settings]:
    """The planes that are drawn, and the settings of these alone."""
    image, settings = view.source.record, view.settings
    if image.is_rgb:
        channels = list(range(image.sizes.c))[:3]
        drawn = settings.model_copy(update={"is_rgb": True})
        return planes_of(view.source, level, view.t, view.z, channels, area, view.projection), drawn
    if len(settings.channels) != image.sizes.c:
        raise Invalid(
            f"Image {image.id} has {image.sizes.c} channels; these settings are for "
            f"{len(settings.channels)}."
        )
    active = [c for c, channel in enumerate(settings.channels) if channel.active]
    # Without an active channel one is read all the same, for its size, and not drawn.
    channels = (active[:1] if settings.greyscale else active) or [0]
    drawn = settings.model_copy(update={"channels": tuple(settings.channels[c] for c in channels)})
    planes = planes_of(view.source, level, view.t, view.z, channels, area, view.projection)
    return planes, drawn


def _colored(
    state: State, source: OpenImage, planes: NDArray[Any], settings: Settings
) -> NDArray[np.uint8]:
    if not source.record.is_rgb:
        kept = without_lost_luts(state, settings)
        return render(planes, kept, tables_of(state, kept))
    picture = render(planes, settings)
    profile = _profile(source.reader.roots["pixels"])
    return picture if profile is None else to_srgb(picture, profile)


@lru_cache(maxsize=1024)
def _profile(folder: Path) -> bytes | None:
    path = folder / PROFILE
    if not path.is_file():
        return None
    profile = path.read_bytes()
    try:
        to_srgb(np.zeros((1, 1, 3), np.uint8), profile)
    except Invalid as error:
        log.warning("%s is drawn without its colour profile: %s", folder, error)
        return None
    return profile


def _level_for(image: Image, grid: Grid) -> int:
    """The coarsest level that has at least as many pixels in the rectangle as are drawn."""
    wanted = 0
    for number, level in enumerate(image.levels):
        rows = grid.height * level.height / image.sizes.y
        columns = grid.width * level.width / image.sizes.x
        # A level of an odd size is half a pixel short.
        if rows > grid.rows - 1 and columns > grid.columns - 1:
            wanted = number
    return wanted


def _covered(start: float, end: float, size: int) -> tuple[int, int]:
    """The whole pixels that a stretch of a level lies on."""
    first = min(max(0, int(np.floor(start + 1e-6))), size - 1)
    return first, min(max(first + 1, int(np.ceil(end - 1e-6))), size)


def _check_work(view: View, level: int, pixels: float, most: float) -> None:
    image = view.source.record
    count = 3 if image.is_rgb else sum(each.active for each in view.settings.channels)
    if view.projection is not None:
        count *= len(check_projection(image, view.projection))
    read = int(pixels * count * np.dtype(image.dtype).itemsize)
    if read > most:
        raise TooLarge(
            f"This picture would read {read >> 20:,} MiB of level {level}, more than "
            f"{int(most) >> 20:,}: draw a smaller region, fewer planes, or a smaller picture "
            f"once the image's pyramid is complete."
        )
