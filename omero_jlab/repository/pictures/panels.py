"""A picture of one panel, of one for each channel, or of one for each plane."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...errors import Invalid, TooLarge
from ...model import ChannelSettings, Image, Picture, Settings
from ...rendering import draw_labels, draw_legend, draw_scale_bar
from ..labels import sample_labels
from ..pixel_access import OpenLabels
from ..state import State
from .drawing import Grid, View, draw_grid
from .luts import tables_of, without_lost_luts

__all__ = ["draw_picture", "pixel_width_um"]

# Of a whole picture, and of a side where a format has no bound of its own.
_MOST_PIXELS = 8192 * 8192
_MOST_PANELS = 1000
_GAP = 4


@dataclass(frozen=True)
class _Panel:
    view: View
    words: tuple[str, ...]
    channels: tuple[ChannelSettings, ...]


def draw_picture(
    state: State, view: View, asked: Picture, labels: tuple[OpenLabels, ...]
) -> NDArray[np.uint8]:
    """The picture that is asked for, shape (Y, X, 3); panels have a white gap between them.

    Raises
    ------
    Invalid
        The region, the planes or something else lies outside of the image.
    TooLarge
        It would have more pixels, or panels, than one picture may.
    """
    image = view.source.record
    grid = _grid(image, asked)
    panels = list(_panels(view, asked))
    columns = asked.columns
    if columns is None:
        in_a_row = asked.layout in ("merged", "split")
        columns = len(panels) if in_a_row else math.ceil(math.sqrt(len(panels)))
    if columns < 1:
        raise Invalid(f"A picture has at least one column of panels, not {columns}.")
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    height = rows * (grid.rows + _GAP) - _GAP
    width = columns * (grid.columns + _GAP) - _GAP
    if height * width > _MOST_PIXELS:
        raise TooLarge(
            f"A picture of {height} × {width} pixels is larger than {_MOST_PIXELS:,}: give a "
            f"smaller `size`, or a region."
        )
    out = np.full((height, width, 3), 255, np.uint8)
    for number, panel in enumerate(panels):
        picture = _drawn(state, panel, grid, asked, labels, number == len(panels) - 1)
        top = number // columns * (grid.rows + _GAP)
        left = number % columns * (grid.columns + _GAP)
        out[top : top + grid.rows, left : left + grid.columns] = picture
    return out


def pixel_width_um(image: Image, asked: Picture) -> tuple[float, float] | None:
    """Height and width of the picture's pixels in micrometres, where the image has sizes."""
    if not image.pixel_size_y_um or not image.pixel_size_x_um:
        return None
    grid = _grid(image, asked)
    return (
        image.pixel_size_y_um * grid.height / grid.rows,
        image.pixel_size_x_um * grid.width / grid.columns,
    )


def _drawn(
    state: State,
    panel: _Panel,
    grid: Grid,
    asked: Picture,
    labels: tuple[OpenLabels, ...],
    is_last: bool,
) -> NDArray[np.uint8]:
    picture = draw_grid(state, panel.view, grid)
    for each in labels:
        at, sizes = each.placement, (grid.height / grid.rows, grid.width / grid.columns)
        y = (grid.y + (np.arange(grid.rows) + 0.5) * sizes[0] - at.y) / at.scale_y
        x = (grid.x + (np.arange(grid.columns) + 0.5) * sizes[1] - at.x) / at.scale_x
        objects = sample_labels(each, panel.view.t, panel.view.z, y, x)
        picture = draw_labels(picture, objects, asked.opacity)
    if asked.legend:
        luts = tables_of(state, without_lost_luts(state, panel.view.settings))
        picture = draw_legend(picture, panel.words, panel.channels, luts)
    if asked.scale_bar_um is not None and is_last:
        width_um = panel.view.source.record.pixel_size_x_um
        if not width_um:
            raise Invalid(
                f"Image {panel.view.source.record.id} has no scale bar: its files do not say how "
                f"large a pixel is."
            )
        picture = draw_scale_bar(picture, width_um * grid.width / grid.columns, asked.scale_bar_um)
    return picture


def _grid(image: Image, asked: Picture) -> Grid:
    height = image.sizes.y - asked.y if asked.height is None else asked.height
    width = image.sizes.x - asked.x if asked.width is None else asked.width
    inside = (
        0 <= asked.y < asked.y + height <= image.sizes.y
        and 0 <= asked.x < asked.x + width <= image.sizes.x
    )
    if not inside:
        raise Invalid(
            f"Image {image.id} is {image.sizes.y} × {image.sizes.x} pixels: there is no region of "
            f"{height} × {width} at y={asked.y}, x={asked.x}."
        )
    size = max(height, width) if asked.size is None else asked.size
    if not 1 <= size <= _MOST_PIXELS:
        raise Invalid(f"The longer side of a picture has 1 to {_MOST_PIXELS:,} pixels, not {size}.")
    scale = size / max(height, width)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    if rows * columns > _MOST_PIXELS:
        raise TooLarge(
            f"A picture of {rows} × {columns} pixels is larger than {_MOST_PIXELS:,}: give a "
            f"smaller `size`, or a region."
        )
    return Grid(asked.y, asked.x, height, width, rows, columns)


def _panels(view: View, asked: Picture) -> Iterator[_Panel]:
    image = view.source.record
    if asked.layout == "merged":
        yield _panel(view)
    elif asked.layout == "split":
        yield from _split(view)
    else:
        size = image.sizes.z if asked.layout == "z" else image.sizes.t
        stop = size if asked.stop is None else asked.stop
        if not (0 <= asked.start < stop <= size and asked.step >= 1):
            raise Invalid(
                f"Image {image.id} has {asked.layout.upper()} 0 to {size - 1}: panels are drawn "
                f"from `start` up to, not including, `stop` in steps of 1 or more, not "
                f"{asked.start} to {stop} by {asked.step}."
            )
        if view.projection is not None and view.projection.axis == asked.layout:
            raise Invalid(
                f"Panels along {asked.layout} of a projection of {asked.layout} are all the same: "
                f"leave out one of the two."
            )
        places = range(asked.start, stop, asked.step)
        if len(places) > _MOST_PANELS:
            raise TooLarge(
                f"A picture has at most {_MOST_PANELS} panels, not {len(places)}: give a `step`."
            )
        for place in places:
            moved = replace(view, z=place) if asked.layout == "z" else replace(view, t=place)
            yield _panel(moved, f"{asked.layout} {place}")


def _panel(view: View, *more: str) -> _Panel:
    image, settings = view.source.record, view.settings
    white = tuple(ChannelSettings(start=0, end=1) for _ in more)
    if image.is_rgb:
        return _Panel(view, more, white)
    drawn = [(c, each) for c, each in enumerate(settings.channels) if each.active]
    if settings.greyscale:
        grey = {"color": "FFFFFF", "lut": ""}
        drawn = [(c, each.model_copy(update=grey)) for c, each in drawn[:1]]
    names = tuple(image.channels[c].name for c, _ in drawn if c < len(image.channels))
    return _Panel(view, (*names, *more), (*(each for _, each in drawn[: len(names)]), *white))


def _split(view: View) -> Iterator[_Panel]:
    """A panel for each active channel, and one of all if there are several."""
    settings = view.settings
    if view.source.record.is_rgb:
        yield _panel(view)
        return
    active = [c for c, each in enumerate(settings.channels) if each.active]
    if len(active) > _MOST_PANELS:
        raise TooLarge(f"A picture has at most {_MOST_PANELS} panels, not {len(active)}.")
    for c in active:
        yield _panel(replace(view, settings=_only(settings, c)))
    if len(active) != 1:
        yield _panel(replace(view, settings=settings.model_copy(update={"greyscale": False})))


def _only(settings: Settings, c: int) -> Settings:
    channels = (
        each.model_copy(update={"active": i == c}) for i, each in enumerate(settings.channels)
    )
    return settings.model_copy(update={"channels": tuple(channels)})
