"""An image: its sizes, its channels and where it came from."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from .record import Owned, Record

__all__ = ["Channel", "Image", "Level", "Sizes", "Spacing"]


class Level(Record):
    """One level of a pyramid, in pixels; level 0 is full resolution."""

    height: int
    width: int


class Sizes(Record):
    """Sizes along TCZYX of level 0."""

    t: int
    c: int
    z: int
    y: int
    x: int

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        return (self.t, self.c, self.z, self.y, self.x)


class Spacing(Record):
    """What lies between neighbours along TZYX; None where it is not known."""

    t_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    z_um: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    y_um: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    x_um: float | None = Field(default=None, gt=0, allow_inf_nan=False)


class Channel(Record):
    """A channel; `color` is RRGGBB, `minimum` and `maximum` are of the pixels where known."""

    name: str
    color: str
    minimum: float | None = None
    maximum: float | None = None
    window_start: float
    window_end: float
    emission_nm: float | None = None
    excitation_nm: float | None = None


class Image(Owned):
    """An image of shape `sizes` (TCZYX).

    An RGB picture has one channel entry per colour and `is_rgb`; it is shown as it is.
    Pixel sizes are in micrometres, the time step in seconds; None where the file does not say.
    """

    name: str
    description: str = ""
    sizes: Sizes
    dtype: str
    is_rgb: bool
    channels: tuple[Channel, ...]
    levels: tuple[Level, ...]
    pixel_size_x_um: float | None = None
    pixel_size_y_um: float | None = None
    pixel_size_z_um: float | None = None
    time_step_s: float | None = None
    acquired_at: datetime | None = None
    format: str
    fileset_id: int | None = None
    series: int = 0
    pyramid: str = "complete"
