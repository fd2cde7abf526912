"""How an image is drawn before anybody chose."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from ..model import Channel, ChannelSettings, Settings

__all__ = ["default_colors", "default_settings", "was_chosen"]

_BLUE, _GREEN, _RED, _WHITE = "0000FF", "00FF00", "FF0000", "FFFFFF"
_CYAN, _MAGENTA, _YELLOW, _ORANGE = "00FFFF", "FF00FF", "FFFF00", "FF8000"
_CYCLE = (_BLUE, _GREEN, _RED, _MAGENTA, _CYAN, _YELLOW, _ORANGE, _WHITE)
# Whole words of a channel's name, in lower case, in the order of asking.
_KNOWN = (
    (r"bright ?field|bf|phase|ph[123]?|dic|trans(mitted)?( light)?|tl|pmt ?trans", _WHITE),
    (r"far ?red|cy5(\.5)?|(alexa|af)[ a-z]*(633|647|660|680)|atto ?647n?|sir|draq5", _MAGENTA),
    (r"dapi|dna|hoechst( ?33342| ?33258)?|h33342|bfp|nuclei|nucleus|nuclear|blue", _BLUE),
    (r"cfp|ecfp|mturquoise2?|cerulean|cyan", _CYAN),
    (r"yfp|eyfp|venus|citrine|rna|yellow", _YELLOW),
    (r"e?gfp|fitc|cy2|(alexa|af)[ a-z]*488|atto ?488|mneongreen|er|green", _GREEN),
    (r"agp|orange", _ORANGE),
    (
        r"m?rfp|mcherry|tdtomato|dsred|tritc|texas ?red|rhodamine|cy3(\.5)?|mito|mitotracker|"
        r"(alexa|af)[ a-z]*(546|555|568|594)|atto ?5(50|65|94)|red",
        _RED,
    ),
    (r"magenta", _MAGENTA),
)
# More than this at once add up to white; OMERO, too, begins with the first three.
_ACTIVE = 3


def default_colors(
    names: Sequence[str], emission_nm: Sequence[float | None] | None = None
) -> tuple[str, ...]:
    """A colour (RRGGBB) for each channel of an image.

    A single channel is white.  Else the emission wavelength decides, by the bounds of OMERO's
    ColorsFactory (blue to 500 nm, green to 559, red above), with magenta from 650 so that two
    red dyes can be told apart; then a known name (DAPI, GFP, Cy5, brightfield, ...); then the
    first of blue, green, red, magenta, cyan, yellow, orange, white that is not used yet.
    """
    if len(names) == 1:
        return (_WHITE,)
    waves = emission_nm or (None,) * len(names)
    wanted = [
        _of_wavelength(wave) or _of_name(name) for name, wave in zip(names, waves, strict=True)
    ]
    found: list[str] = []
    for i, color in enumerate(wanted):
        if color is None or (color in found and color != _WHITE):
            taken = {*found, *(each for each in wanted[i + 1 :] if each)}
            free = [each for each in _CYCLE if each not in taken]
            color = free[0] if free else _CYCLE[i % len(_CYCLE)]
        found.append(color)
    return tuple(found)


def default_settings(channels: tuple[Channel, ...], is_rgb: bool) -> Settings:
    """Settings from the windows and colours of `channels`, all linear.

    The first three channels are active.  A window without an extent, as a constant image has,
    gets one.
    """
    return Settings(
        channels=tuple(
            ChannelSettings(
                active=is_rgb or i < _ACTIVE,
                color=channel.color,
                start=_window(channel)[0],
                end=_window(channel)[1],
            )
            for i, channel in enumerate(channels)
        ),
        is_rgb=is_rgb,
    )


def was_chosen(start: float | None, end: float | None, dtype: str) -> bool:
    """Whether a window in a file is one that somebody looked through.

    The whole range of a type with more than 8 bits is what programs write who know no better:
    most cameras fill a sixteenth of it.
    """
    if start is None or end is None or not start < end:
        return False
    kind = np.dtype(dtype)
    if kind.kind not in "iu" or kind.itemsize == 1:
        return True
    limits = np.iinfo(kind)
    return (start, end) not in ((limits.min, limits.max), (0, limits.max), (0, limits.max + 1))


def _window(channel: Channel) -> tuple[float, float]:
    start, end = channel.window_start, channel.window_end
    if not math.isfinite(start):
        start = 0.0
    if not math.isfinite(end) or end <= start:
        # One count, or for huge values the least step that makes a difference.
        end = max(start + 1.0, math.nextafter(start, math.inf))
    return start, end


def _of_wavelength(nm: float | None) -> str | None:
    if nm is None or not math.isfinite(nm) or nm <= 0:
        return None
    for bound, color in ((501, _BLUE), (560, _GREEN), (650, _RED)):
        if nm < bound:
            return color
    return _MAGENTA


def _of_name(name: str) -> str | None:
    words = " ".join(re.findall(r"[a-z0-9.]+", name.lower()))
    for pattern, color in _KNOWN:
        if re.search(rf"(?<![a-z0-9])({pattern})(?![a-z0-9])", words):
            return color
    return None
