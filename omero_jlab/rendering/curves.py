"""How a pixel value becomes a brightness: window, family, gamma, reversal, in that order."""

from __future__ import annotations

import math
import re

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid
from ..model import ChannelSettings

__all__ = ["FULL", "brightness", "check_channel", "is_linear", "quantise", "rgb_of"]

# Brightness 0 to 1 is kept as 0 to 65535: sums over channels are then exact integers.
FULL = 65535
_DEVICE_MAX = 255.0
_COLOR = re.compile("[0-9A-Fa-f]{6}")


def check_channel(channel: ChannelSettings) -> None:
    """Raise `Invalid` where a channel cannot be drawn as `channel` says."""
    start, end = channel.start, channel.end
    if not (math.isfinite(start) and math.isfinite(end) and math.isfinite(end - start)):
        raise Invalid(f"A window needs two finite numbers, not {start} to {end}.")
    if start >= end:
        raise Invalid(f"A window begins below its end, not {start} to {end}.")
    for name, value in (("gamma", channel.gamma), ("coefficient", channel.coefficient)):
        if not (math.isfinite(value) and value > 0):
            raise Invalid(f"The {name} of a channel is a number above 0, not {value}.")
    rgb_of(channel.color)


def rgb_of(color: str) -> tuple[int, int, int]:
    """Red, green and blue of `RRGGBB`, 0 to 255; raises `Invalid` for anything else."""
    if not _COLOR.fullmatch(color):
        raise Invalid(f"A colour is written RRGGBB in hexadecimal, such as 00FF00, not {color!r}.")
    return int(color[:2], 16), int(color[2:4], 16), int(color[4:], 16)


def is_linear(channel: ChannelSettings) -> bool:
    """Whether brightness is the place in the window itself."""
    return channel.family == "linear" and channel.gamma == 1.0 and not channel.reverse


def brightness(values: NDArray[np.float64], channel: ChannelSettings) -> NDArray[np.float64]:
    """Brightness from 0 to 1 of pixel values, any shape; NaN is 0 even if reversed.

    With ``x = clip((value - start) / (end - start), 0, 1)``, ``u = 255 x`` and the coefficient k,
    the families are those of OMERO's rendering engine (omeis.providers.re.quantum:
    PolynomialMap, LogarithmicMap, ExponentialMap, normalised as in Quantization_8_16_bit):

    - linear: x
    - polynomial: x ** k
    - logarithmic: log(max(u, 1)) / log(255), whatever k is
    - exponential: (exp(u ** k) - 1) / (exp(255 ** k) - 1)

    The result is raised to `gamma`, and with `reverse` taken from 1.  All of it can be computed
    in single precision: the exponential is written so that nothing overflows.
    """
    with np.errstate(over="ignore"):
        x = np.clip((values - channel.start) / (channel.end - channel.start), 0.0, 1.0)
    y = _family(x, channel)
    if channel.gamma != 1.0:
        y = y**channel.gamma
    if channel.reverse:
        y = 1.0 - y
    y[np.isnan(values)] = 0.0
    return y


def quantise(values: NDArray[np.float64], channel: ChannelSettings) -> NDArray[np.uint16]:
    """Brightness of pixel values as 0 to 65535, to the nearest."""
    found: NDArray[np.uint16] = (brightness(values, channel) * FULL + 0.5).astype(np.uint16)
    return found


def _family(x: NDArray[np.float64], channel: ChannelSettings) -> NDArray[np.float64]:
    k = channel.coefficient
    y: NDArray[np.float64]
    if channel.family == "polynomial":
        y = x**k
    elif channel.family == "logarithmic":
        y = np.log(np.maximum(_DEVICE_MAX * x, 1.0)) / math.log(_DEVICE_MAX)
    elif channel.family == "exponential":
        # From there on every value but the last is 0, and 255 ** k still fits single precision.
        k = min(k, 10.0)
        t, m = (_DEVICE_MAX * x) ** k, _DEVICE_MAX**k
        y = np.exp(t - m) * np.expm1(-t) / math.expm1(-m)
    else:
        y = x
    return y
