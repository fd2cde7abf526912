"""Planes and settings become a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid
from ..model import ChannelSettings, Settings
from .curves import check_channel, is_linear, quantise, rgb_of
from .fast import inner_loops
from .luts import lut_of
from .windows import steps_of, table_of

__all__ = ["render", "warm_up"]

_TABLED: set[np.dtype[Any]] = {np.dtype(name) for name in ("uint8", "int8", "uint16", "int16")}
_WHITE = "FFFFFF"
# 65535 × 255 × this many channels still fits into 32 bits.
_MOST_CHANNELS = 256
_NONE: Mapping[str, NDArray[np.uint8]] = {}


def render(
    planes: NDArray[Any],
    settings: Settings,
    luts: Mapping[str, NDArray[np.uint8]] = _NONE,
) -> NDArray[np.uint8]:
    """Composite `planes` into an RGB picture.

    A pixel is the sum over active channels of the channel's colour times its brightness (see
    `curves.brightness`), cut at white and rounded to the nearest of 256 steps.  Brightness is
    kept to 1/65535 and sums are integers, so every way of computing it gives the same bytes; a
    shader that computes ``round(255 * min(sum, 1))`` in single precision differs by at most 1.
    A channel with a lookup table adds the table's colour at 255 times the brightness, to the
    nearest, as OMERO does.

    Parameters
    ----------
    planes : shape (C, Y, X), any real dtype or complex (drawn by magnitude), in detector counts
    settings
        One entry per channel; inactive channels are skipped.  With `greyscale` only the first
        active one is drawn, in white.  With `is_rgb` the three planes are the picture: uint8 as
        it is, other integers scaled from the range of their dtype, floats from 0 to 1.
    luts
        Lookup tables, (256, 3), beyond those of `lut_of`; they come first.

    Returns
    -------
    shape (Y, X, 3), 0 to 255, C-contiguous

    Raises
    ------
    Invalid
        The number of planes is not the number of channels, or a channel cannot be drawn so.
    NotFound
        A channel names a lookup table that is not there.
    """
    planes = _checked(planes, settings)
    if settings.is_rgb:
        return _picture(planes)
    drawn = [i for i, channel in enumerate(settings.channels) if channel.active]
    channels = tuple(settings.channels[i] for i in drawn)
    if settings.greyscale:
        drawn = drawn[:1]
        white = {"color": _WHITE, "lut": ""}
        channels = tuple(each.model_copy(update=white) for each in channels[:1])
    out = np.zeros((*planes.shape[1:], 3), np.uint8)
    if not drawn or out.size == 0:
        return out
    if len(drawn) < len(planes):
        planes = planes[drawn]
    colors = np.array([rgb_of(each.color) for each in channels], np.uint32)
    steps = _steps(channels, planes.dtype)
    if steps is not None:
        inner_loops().paint(planes, steps, colors, out)
        return out
    bright = np.empty(planes.shape, np.uint16)
    for plane, channel, target in zip(planes, channels, bright, strict=True):
        _brighten(plane, channel, target)
    if any(each.lut for each in channels):
        tables, tabled = _tables(channels, luts)
        inner_loops().mix_tables(bright, tables, colors, tabled, out)
    else:
        inner_loops().mix(bright, colors, out)
    return out


def warm_up() -> None:
    """Compile what drawing needs, or load it: best when the server starts, not in a request."""
    # glibc keeps at hand as much freed memory as the largest block that was given back, twice:
    # else every tile's arrays are mapped anew, page by page.
    np.empty(1 << 23, np.uint8)
    channel = ChannelSettings(start=0.0, end=1.0)
    curved = ChannelSettings(start=0.0, end=1.0, gamma=0.5)
    for dtype in (*_TABLED, *map(np.dtype, ("uint32", "int32", "float32", "float64"))):
        for each in (channel, curved):
            render(np.zeros((1, 2, 2), dtype), Settings(channels=(each,)))
    tabled = ChannelSettings(start=0.0, end=1.0, lut="grays")
    render(np.zeros((1, 2, 2), np.uint8), Settings(channels=(tabled,)))


def _steps(channels: tuple[ChannelSettings, ...], dtype: np.dtype[Any]) -> NDArray[np.int64] | None:
    """What `loops.paint` takes, or None where a channel is not drawn by steps of its colour."""
    if dtype not in _TABLED or any(each.lut for each in channels):
        return None
    steps = [steps_of(each, dtype) for each in channels]
    return None if None in steps else np.array(steps, np.int64)


def _tables(
    channels: tuple[ChannelSettings, ...], luts: Mapping[str, NDArray[np.uint8]]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The tables of all channels, shape (C, 256, 3), and which channels have one."""
    tables = np.zeros((len(channels), 256, 3), np.uint8)
    for table, channel in zip(tables, channels, strict=True):
        if channel.lut:
            table[...] = luts[channel.lut] if channel.lut in luts else lut_of(channel.lut)
    return tables, np.array([bool(channel.lut) for channel in channels])


def _brighten(plane: NDArray[Any], channel: ChannelSettings, out: NDArray[np.uint16]) -> None:
    """Write the brightness of `plane` (Y, X) to `out`, 0 to 65535."""
    if plane.dtype in _TABLED:
        steps = steps_of(channel, plane.dtype)
        if steps is None:
            inner_loops().lookup(plane, *table_of(channel, plane.dtype), out)
        else:
            inner_loops().scale(plane, *steps, out)
        return
    check_channel(channel)
    if is_linear(channel):
        inner_loops().quantise_linear(plane, channel.start, channel.end - channel.start, out)
    else:
        out[...] = quantise(plane.astype(np.float64), channel)


def _checked(planes: NDArray[Any], settings: Settings) -> NDArray[Any]:
    """`planes` contiguous, in native byte order, of a dtype that the loops know."""
    if planes.ndim != 3:
        raise Invalid(f"Planes have the shape (C, Y, X), not {planes.shape}.")
    wanted = 3 if settings.is_rgb else len(settings.channels)
    if planes.shape[0] != wanted:
        raise Invalid(
            f"{planes.shape[0]} planes were given, but the settings draw {wanted} channels."
        )
    if wanted > _MOST_CHANNELS:
        raise Invalid(f"At most {_MOST_CHANNELS} channels can be drawn at once, not {wanted}.")
    if planes.dtype.kind == "c":
        planes = np.abs(planes)
    kind = planes.dtype.kind
    if kind == "b":
        return np.ascontiguousarray(planes).view(np.uint8)
    if kind not in "iuf":
        raise Invalid(f"Pixels of dtype {planes.dtype} cannot be drawn: they must be real numbers.")
    if settings.is_rgb and planes.dtype == np.uint8:
        return planes
    dtype = planes.dtype.newbyteorder("=")
    if dtype.itemsize == 2 and kind == "f":
        dtype = np.dtype(np.float32)
    elif dtype.itemsize > 4:
        dtype = np.dtype(np.float64)
    return np.ascontiguousarray(planes, dtype=dtype)


def _picture(planes: NDArray[Any]) -> NDArray[np.uint8]:
    pixels = np.moveaxis(planes, 0, -1)
    if planes.dtype == np.uint8:
        return np.ascontiguousarray(pixels)
    values = pixels.astype(np.float64)
    if planes.dtype.kind == "f":
        values = np.where(np.isnan(values), 0.0, values)
    else:
        limits = np.iinfo(planes.dtype)
        values = (values - limits.min) / (float(limits.max) - limits.min)
    found: NDArray[np.uint8] = (np.clip(values, 0.0, 1.0) * 255 + 0.5).astype(np.uint8)
    return found
