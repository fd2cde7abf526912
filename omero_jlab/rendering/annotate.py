"""What is drawn over a picture on request: a scale bar, names of channels, label images."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid
from ..model import ChannelSettings
from .curves import rgb_of
from .labels import colorize_labels
from .luts import lut_of

__all__ = ["draw_labels", "draw_legend", "draw_scale_bar", "round_length"]

Rgb = NDArray[np.uint8]

_UNITS = ((1e-3, "nm"), (1.0, "µm"), (1e3, "mm"), (1e4, "cm"), (1e6, "m"))
# The shares of a picture's shorter side that letters and the margin have.
_LETTERS, _MARGIN = 1 / 28, 1 / 40
_SMALLEST, _LARGEST = 9, 96
_MOST_LETTERS = 80
_FONTS = ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "NotoSans-Regular.ttf", "Arial.ttf")


def round_length(width_um: float) -> float:
    """1, 2 or 5 times a power of ten, in micrometres: at most a quarter of `width_um`."""
    power = 10.0 ** math.floor(math.log10(width_um / 4))
    return float(next(step * power for step in (5, 2, 1) if step * power <= width_um / 4 * 1.0001))


def draw_scale_bar(picture: Rgb, pixel_um: float, length_um: float = 0.0) -> Rgb:
    """A copy of `picture` with a white bar and its length in the lower right corner.

    Parameters
    ----------
    picture : shape (Y, X, 3)
    pixel_um
        How wide a pixel of the picture is, in micrometres.
    length_um
        0 for a round length of at most a quarter of the width.

    Raises
    ------
    Invalid
        The length is no number above 0, or the bar is longer than the picture is wide.
    """
    height, width = picture.shape[:2]
    if not (math.isfinite(length_um) and length_um >= 0):
        raise Invalid(f"A scale bar is more than 0 µm long, not {length_um}.")
    length = length_um or round_length(width * pixel_um)
    bar = round(length / pixel_um)
    margin = max(2, round(min(height, width) * _MARGIN))
    if bar < 1 or (bar + 2 * margin > width and length_um > 0):
        raise Invalid(
            f"A scale bar of {length:g} µm is {bar} pixels long and does not fit a picture that "
            f"is {width} pixels or {width * pixel_um:.3g} µm wide."
        )
    canvas, pen = _canvas(picture)
    font, knows_all = _font(picture)
    thick = max(2, round(min(height, width) / 100))
    right, bottom = width - margin, height - margin
    pen.rectangle((right - bar, bottom - thick + 1, right - 1, bottom), fill="white", outline=None)
    words = _spelt(_said(length), knows_all)
    left, _, end, base = pen.textbbox((0, 0), words, font=font)
    x = min(right - bar / 2 - (end - left) / 2, width - (end - left) - 1)
    place = (max(0.0, x), bottom - thick - 2 - base)
    pen.text(place, words, fill="white", font=font, stroke_width=1, stroke_fill="black")
    return np.asarray(canvas)


def draw_legend(
    picture: Rgb,
    names: Sequence[str],
    channels: Sequence[ChannelSettings],
    luts: Mapping[str, Rgb] | None = None,
) -> Rgb:
    """A copy of `picture` with the channels' names in the upper left corner.

    Each is written in its colour; a channel with a lookup table has the table as a strip before
    a white name.
    """
    canvas, pen = _canvas(picture)
    font, knows_all = _font(picture)
    height, width = picture.shape[:2]
    x, y = (max(2, round(min(height, width) * _MARGIN)),) * 2
    line = round(font.size * 1.3)
    for name, channel in zip(names, channels, strict=True):
        if y + line > height:
            break
        left, color = x, rgb_of(channel.color)
        if channel.lut:
            given = (luts or {}).get(channel.lut)
            table = lut_of(channel.lut) if given is None else given
            size = (min(3 * line, width // 3), round(font.size * 0.7))
            canvas.paste(_strip(table, *size), (x, y + (line - size[1]) // 2))
            left, color = x + size[0] + line // 3, (255, 255, 255)
        text = _spelt(name, knows_all)
        pen.text((left, y), text, fill=color, font=font, stroke_width=1, stroke_fill=_around(color))
        y += line
    return np.asarray(canvas)


def draw_labels(picture: Rgb, labels: NDArray[Any], opacity: float = 0.5) -> Rgb:
    """A copy of `picture` (Y, X, 3) with objects over it in the colours of `colorize_labels`.

    Parameters
    ----------
    labels : shape (Y, X), integers; 0 shows the picture
    opacity : 0 to 1

    Raises
    ------
    Invalid
        The shapes differ, or the opacity is out of range.
    """
    if labels.shape != picture.shape[:2]:
        raise Invalid(f"Labels of shape {labels.shape} do not lie over {picture.shape[:2]}.")
    if not 0 <= opacity <= 1:
        raise Invalid(f"An opacity is a number from 0 to 1, not {opacity}.")
    colors = colorize_labels(labels)
    found = picture.copy()
    inside = colors[..., 3] > 0
    mixed = picture[inside] * (1.0 - opacity) + colors[inside, :3] * opacity
    found[inside] = np.floor(mixed + 0.5).astype(np.uint8)
    return found


def _canvas(picture: Rgb) -> tuple[Any, Any]:
    from PIL import Image, ImageDraw

    canvas = Image.fromarray(np.ascontiguousarray(picture))
    return canvas, ImageDraw.Draw(canvas)


def _font(picture: Rgb) -> tuple[Any, bool]:
    """A font for the picture, and whether it knows more than ASCII.

    Pillow's own lacks µ and Greek: it is for machines without any other.
    """
    from PIL import ImageFont

    size = min(max(round(min(picture.shape[:2]) * _LETTERS), _SMALLEST), _LARGEST)
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size), True
        except OSError:
            continue
    return ImageFont.load_default(size), False


def _spelt(text: str, knows_all: bool) -> str:
    """`text` in one line, and in ASCII for a font that has no more: alpha for α, u for µ."""
    text = " ".join(text.split())[:_MOST_LETTERS]
    return text if knows_all else "".join(map(_ascii, text))


def _ascii(letter: str) -> str:
    if letter.isascii():
        return letter
    if letter in "\u00b5\u03bc":
        return "u"
    name = unicodedata.name(letter, "")
    if name.startswith("GREEK"):
        spelt = name.rpartition(" ")[2]
        return spelt.title() if " CAPITAL " in name else spelt.lower()
    plain = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return plain or "?"


def _strip(table: Rgb, width: int, height: int) -> Any:
    from PIL import Image

    places = np.linspace(0, 255, max(1, width)).round().astype(int)
    return Image.fromarray(np.repeat(table[places][None], max(1, height), axis=0))


def _around(color: tuple[int, int, int]) -> str:
    """Dark letters need a bright edge to be read on black."""
    red, green, blue = color
    return "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 24 else "white"


def _said(length_um: float) -> str:
    unit, name = [each for each in _UNITS if each[0] <= length_um * 1.0001 or each[1] == "nm"][-1]
    return f"{length_um / unit:.4g} {name}"
