"""How an image is drawn."""

from __future__ import annotations

from typing import Literal

from .record import Record

__all__ = ["ChannelSettings", "Settings", "Tile"]


class ChannelSettings(Record):
    """How one channel is drawn: `start` is black, `end` is full `color` (RRGGBB).

    Values between are mapped by `family` with `coefficient`, as in OMERO; `gamma` after it.
    """

    active: bool = True
    color: str = "FFFFFF"
    start: float
    end: float
    family: Literal["linear", "polynomial", "exponential", "logarithmic"] = "linear"
    coefficient: float = 1.0
    reverse: bool = False
    gamma: float = 1.0


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
