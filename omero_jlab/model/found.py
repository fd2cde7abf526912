"""What a reader found in a fileset: images without an identity yet."""

from __future__ import annotations

from datetime import datetime

from .image import Sizes
from .record import Record

__all__ = ["FoundChannel", "FoundImage", "Position"]


class FoundChannel(Record):
    """A channel as its file describes it; the window is the one that it was last shown in."""

    name: str = ""
    color: str | None = None
    window_start: float | None = None
    window_end: float | None = None
    emission_nm: float | None = None
    excitation_nm: float | None = None


class Position(Record):
    """A place on a plate: the well at `row`, `column` (from 0), and the site in it (from 1)."""

    plate: str = ""
    row: int
    column: int
    site: int = 1


class FoundImage(Record):
    """One image of a fileset, of shape `sizes` (TCZYX; three RGB samples count as channels).

    `icc` is the colour profile of an RGB picture in base64, empty where it has none.
    """

    name: str
    description: str = ""
    series: int
    sizes: Sizes
    dtype: str
    is_rgb: bool
    channels: tuple[FoundChannel, ...]
    pixel_size_x_um: float | None = None
    pixel_size_y_um: float | None = None
    pixel_size_z_um: float | None = None
    time_step_s: float | None = None
    acquired_at: datetime | None = None
    position: Position | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    icc: str = ""
