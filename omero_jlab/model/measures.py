"""What was measured of an image's pixels."""

from __future__ import annotations

from .record import Record

__all__ = ["ChannelValues", "Histogram", "LineProfile"]


class ChannelValues(Record):
    """The values of one channel, NaN and infinities left out.

    `minimum`, `maximum`, `mean` and `deviation` (of the population) are of every pixel asked
    for, None where there is no finite one.  `percentiles` are pairs of a percentage and a value:
    the smallest that so many per cent of the pixels do not exceed, exact for integers of up to
    16 bits and to 1/65536 of the range for others.  `low` to `high` is a window for a good first
    look.
    """

    channel: int
    count: int
    minimum: float | None
    maximum: float | None
    mean: float | None
    deviation: float | None
    percentiles: tuple[tuple[float, float], ...]
    low: float
    high: float


class Histogram(Record):
    """How many pixels of a channel lie in each of equally wide bins from `low` to `high`.

    The last bin includes `high`.  `below`, `above` and `nan` count the pixels outside.
    """

    channel: int
    low: float
    high: float
    counts: tuple[int, ...]
    below: int = 0
    above: int = 0
    nan: int = 0


class LineProfile(Record):
    """The values along a line, one row for each channel in `channels`.

    `distance` is in pixels of level 0, `distance_um` in micrometres where the sizes are known.
    """

    channels: tuple[int, ...]
    distance: tuple[float, ...]
    distance_um: tuple[float, ...] | None
    values: tuple[tuple[float, ...], ...]
