"""Brightness of every integer in a window: as a table, and where steps are equal without one."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model import ChannelSettings
from . import loops
from .curves import FULL, check_channel, is_linear, quantise

__all__ = ["steps_of", "table_of"]

_LARGEST = 2.0**62


@lru_cache(maxsize=256)
def table_of(channel: ChannelSettings, dtype: np.dtype[Any]) -> tuple[NDArray[np.uint16], int, int]:
    """What `loops.lookup` takes: brightness of each value of the window, its first and last value.

    Only the window: the table of a narrow one stays in the processor's cache.  `dtype` has at
    most 16 bits.  Raises `Invalid` where the channel cannot be drawn so.
    """
    check_channel(channel)
    limits = np.iinfo(dtype)
    low = min(max(math.floor(channel.start), limits.min), limits.max)
    high = min(max(math.ceil(channel.end), limits.min), limits.max)
    return quantise(np.arange(low, high + 1, dtype=np.float64), channel), low, high


@lru_cache(maxsize=256)
def steps_of(channel: ChannelSettings, dtype: np.dtype[Any]) -> tuple[int, int, int, int] | None:
    """What `loops.scale` takes to write what the table has, or None where it cannot.

    Multiplying many pixels at a time is five times as fast as looking each up.  The answer was
    compared with the table at every value, so that the picture is the same.
    """
    table, low, high = table_of(channel, dtype)
    unit = FULL * 2**32 / (channel.end - channel.start)
    first = (low - channel.start) * unit
    if not is_linear(channel) or max(unit * (high - low + 1), abs(first)) >= _LARGEST:
        return None
    factor, offset = round(unit), round(first) + 2**31
    values, found = np.arange(low, high + 1, dtype=np.int32), np.empty(table.shape, np.uint16)
    # A half that the factor's own rounding moved is moved back.
    for moved in (0, high - low, low - high):
        loops.scale(values, low, high, factor, offset + moved, found)
        if np.array_equal(found, table):
            return low, high, factor, offset + moved
    return None
