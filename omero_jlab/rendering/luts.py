"""Lookup tables: 256 colours from black to full brightness, by their usual names."""

from __future__ import annotations

import colorsys
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid, NotFound

__all__ = ["LUT_NAMES", "lut_of", "unknown_lut"]

Table = NDArray[np.uint8]

# One primary or more of them, each rising from 0 to 255.
_RAMPS = {
    "red": (1, 0, 0),
    "green": (0, 1, 0),
    "blue": (0, 0, 1),
    "cyan": (0, 1, 1),
    "magenta": (1, 0, 1),
    "yellow": (1, 1, 0),
    "grays": (1, 1, 1),
}
# Sixteen steps as ImageJ draws them, which is in the public domain.
_SIXTEEN = (
    "000000 0101AB 0101E0 006EFF 01ABFE 01E0FE 01FE01 BEFF00 "
    "FFFF00 FFE000 FF8D00 FA5E00 F50000 F500B9 DEB4DE FFFFFF"
)
# Names as users of ImageJ, OMERO and matplotlib write them, and where the package cmap has them.
_FROM_CMAP = {
    "fire": "imagej:fire",
    "ice": "imagej:ice",
    "hilo": "imagej:HiLo",
    "green_fire_blue": "imagej:GreenFireBlue",
    "glasbey": "glasbey:glasbey",
    "viridis": "bids:viridis",
    "magma": "bids:magma",
    "inferno": "bids:inferno",
    "plasma": "bids:plasma",
    "cividis": "cividis:cividis",
    "turbo": "google:turbo",
    "hot": "matlab:hot",
    "cool": "matlab:cool",
    "jet": "matlab:jet",
    "bone": "matlab:bone",
    "copper": "matlab:copper",
    "hsv": "matlab:hsv",
    "autumn": "matlab:autumn",
    "spring": "matlab:spring",
    "summer": "matlab:summer",
    "winter": "matlab:winter",
    "rainbow": "gnuplot:rainbow",
    "afmhot": "gnuplot:afmhot",
    "cubehelix": "cubehelix:cubehelix",
    "nipy_spectral": "matplotlib:nipy_spectral",
    "coolwarm": "matplotlib:coolwarm",
    "seismic": "matplotlib:seismic",
    "twilight": "matplotlib:twilight",
    "thermal": "cmocean:thermal",
    "phase": "cmocean:phase",
    "haline": "cmocean:haline",
    "batlow": "crameri:batlow",
    "hawaii": "crameri:hawaii",
    "oslo": "crameri:oslo",
    "vik": "crameri:vik",
    "mako": "seaborn:mako",
    "rocket": "seaborn:rocket",
    "icefire": "seaborn:icefire",
    "spectral": "colorbrewer:Spectral",
    "rdbu": "colorbrewer:RdBu",
    "bop_blue": "chrisluts:BOP_Blue",
    "bop_orange": "chrisluts:BOP_Orange",
    "bop_purple": "chrisluts:BOP_Purple",
    "opf_fresh": "chrisluts:OPF_Fresh",
    "opf_orange": "chrisluts:OPF_Orange",
    "opf_purple": "chrisluts:OPF_Purple",
    "i_blue": "chrisluts:I_Blue",
    "i_cyan": "chrisluts:I_Cyan",
    "i_green": "chrisluts:I_Green",
    "i_magenta": "chrisluts:I_Magenta",
    "i_orange": "chrisluts:I_Orange",
    "i_red": "chrisluts:I_Red",
    "i_yellow": "chrisluts:I_Yellow",
}
_BY_FORMULA = ("spectrum", "3-3-2_rgb", "red-green", "16_colors")

LUT_NAMES: tuple[str, ...] = tuple(sorted((*_RAMPS, *_BY_FORMULA, *_FROM_CMAP)))
"""The lookup tables that there are without adding any."""


def lut_of(name: str) -> Table:
    """The colours of a lookup table, shape (256, 3), 0 to 255; it cannot be written to.

    Raises
    ------
    NotFound
        None has that name.
    """
    if name not in LUT_NAMES:
        raise unknown_lut(name, LUT_NAMES)
    return _made(name)


def unknown_lut(name: str, known: tuple[str, ...]) -> NotFound:
    """The error for a name that no lookup table has."""
    return NotFound(f"There is no lookup table {name[:80]!r}; there are {', '.join(known)}.")


@cache
def _made(name: str) -> Table:
    i = np.arange(256)
    if name in _RAMPS:
        table = i[:, None] * np.array(_RAMPS[name])
    elif name == "spectrum":
        hues = [colorsys.hsv_to_rgb(value / 255, 1.0, 1.0) for value in i]
        table = np.floor(np.array(hues) * 255 + 0.5)
    elif name == "3-3-2_rgb":
        table = np.stack([i & 0xE0, (i << 3) & 0xE0, (i << 6) & 0xC0], axis=1)
    elif name == "red-green":
        dark = np.where(i < 128, i * 2, 0), np.where(i < 128, 0, i * 2 & 0xFF)
        table = np.stack([*dark, np.zeros(256, int)], axis=1)
    elif name == "16_colors":
        steps = [[int(color[j : j + 2], 16) for j in (0, 2, 4)] for color in _SIXTEEN.split()]
        table = np.repeat(np.array(steps), 16, axis=0)
    else:
        table = _of_cmap(_FROM_CMAP[name])
    found = np.ascontiguousarray(table, np.uint8)
    found.flags.writeable = False
    return found


def _of_cmap(name: str) -> NDArray[np.float64]:
    from cmap import Colormap

    colors = Colormap(name).lut(256)
    if colors.shape[0] != 256:
        raise Invalid(f"The colour map {name} has {colors.shape[0]} colours instead of 256.")
    found: NDArray[np.float64] = np.floor(colors[:, :3] * 255 + 0.5)
    return found
