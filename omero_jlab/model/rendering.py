"""How an image is drawn."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .record import Record

__all__ = [
    "ChannelSettings",
    "CopiedSettings",
    "Lut",
    "Picture",
    "Projection",
    "SetAside",
    "Settings",
    "Tile",
    "UserSettings",
]


class ChannelSettings(Record):
    """How one channel is drawn: `start` is black, `end` is full `color` (RRGGBB).

    Values between are mapped by `family` with `coefficient`, as in OMERO; `gamma` after it.
    With the name of a lookup table in `lut`, its colours take the place of `color`.
    """

    active: bool = True
    color: str = "FFFFFF"
    start: float
    end: float
    family: Literal["linear", "polynomial", "exponential", "logarithmic"] = "linear"
    coefficient: float = 1.0
    reverse: bool = False
    gamma: float = 1.0
    lut: str = ""


class Settings(Record):
    """How an image is drawn: one entry per channel, and the plane shown first.

    With `is_rgb` the three planes are one picture and the channels' windows are ignored.
    """

    channels: tuple[ChannelSettings, ...]
    z: int = 0
    t: int = 0
    greyscale: bool = False
    is_rgb: bool = False


class Tile(Record):
    """A tile of the viewer's grid: tile (`row`, `column`) of `level`, `size` pixels a side."""

    level: int
    t: int
    z: int
    row: int
    column: int
    size: int = 256


class UserSettings(Record):
    """How one user keeps an image drawn."""

    user_id: int
    user_name: str
    settings: Settings


class SetAside(Record):
    """An image that was left as it is, and why."""

    image_id: int
    reason: str


class CopiedSettings(Record):
    """The images that are drawn anew, and those that could not be."""

    changed: tuple[int, ...]
    refused: tuple[SetAside, ...] = ()


class Projection(Record):
    """Many planes made one: those of `axis` from `start` up to, not including, `stop`.

    Without `stop` up to the last plane.
    """

    method: Literal["max", "mean", "sum", "min"] = "max"
    axis: Literal["z", "t"] = "z"
    start: int = 0
    stop: int | None = None


class Lut(Record):
    """A lookup table: 256 colours (RRGGBB) from black to full brightness.

    `added` says that it came as a file and can be taken away again.
    """

    name: str
    added: bool = False
    colors: tuple[str, ...] = ()


class Picture(Record):
    """What a picture of an image shows.

    The region is given in pixels of level 0, the whole plane by default.  `size` is the longer
    side of one panel in pixels; without it the region has its own size.  `layout` is all active
    channels in one panel, one panel for each and one of all (`split`), or a panel for every
    plane along `z` or `t` from `start` up to, not including, `stop` in steps of `step`.

    `scale_bar_um` is a length in micrometres, or 0 for one that fits; `legend` names the
    channels.  The label images in `labels` lie over it with `opacity`, the last on top.
    """

    t: int | None = None
    z: int | None = None
    y: int = 0
    x: int = 0
    height: int | None = None
    width: int | None = None
    size: int | None = None
    settings: Settings | None = None
    projection: Projection | None = None
    layout: Literal["merged", "split", "z", "t"] = "merged"
    start: int = 0
    stop: int | None = None
    step: int = 1
    columns: int | None = None
    scale_bar_um: float | None = None
    legend: bool = False
    labels: Annotated[tuple[int, ...], Field(max_length=16)] = ()
    opacity: float = 0.5
    format: Literal["jpeg", "png", "webp", "tiff"] = "png"
    quality: int = 85
