"""Baseline JPEG chunks: what their header claims is checked before anything is decoded."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from ..errors import Unreadable
from ..model.chunks import Codec

__all__ = ["Jpeg"]

_BASELINE = {0xC0, 0xC1}
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = {0x01, *range(0xD0, 0xD9)}
_COLORS = {"rgb", "ycbcr", "gray"}
# APP14 but for its last byte, the transform: 0 for RGB, 1 for YCbCr.
_ADOBE = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00"


class Jpeg:
    """Decodes JPEG chunks; `color` is how colours are stored: RGB, YCbCr, gray, or told by it."""

    def __init__(self, codec: Codec) -> None:
        self._tables = _tables(codec)
        color = codec.configuration.get("color")
        self._color = None if color is None else str(color).lower()
        if self._color not in {None, *_COLORS}:
            raise Unreadable(
                f"JPEG chunks with the colour space {color!r} cannot be read here, only with "
                f"RGB, YCbCr or gray."
            )

    def decode(self, data: bytes, heights: set[int], width: int, samples: int) -> NDArray[Any]:
        """Pixels of a chunk, shape (height, width, samples), 8 bits, one of `heights`."""
        height = _check_header(data, heights, width, samples)
        shape = (height, width) if samples == 1 else (height, width, samples)
        out = np.empty(shape, np.uint8)
        if samples == 1:
            stored, wanted = ("gray", "gray") if self._color == "gray" else (None, None)
        else:
            stored, wanted = self._color, "rgb"
        imagecodecs.jpeg8_decode(
            data, tables=self._tables, colorspace=stored, outcolorspace=wanted, out=out
        )
        return out.reshape(height, width, samples)

    def alone(self, data: bytes, height: int, width: int) -> bytes | None:
        """A colour chunk as a picture that browsers show as `decode` does, or None.

        Tables that a TIFF keeps once for all chunks come before those of the chunk.  Colours that
        are stored as RGB are said to be so in a segment of Adobe's; a chunk with segments of its
        own about colours that say something else cannot be shown alone.

        Raises
        ------
        ValueError
            It is no baseline picture of this size with three samples.
        """
        _check_header(data, {height}, width, 3)
        head = b""
        if self._color is not None:
            said = _said(data if self._tables is None else self._tables[:-2] + data[2:])
            if said is None:
                head = _ADOBE + bytes([1 if self._color == "ycbcr" else 0])
            elif said != self._color:
                return None
        tables = b"" if self._tables is None else self._tables[2:-2]
        return b"\xff\xd8" + head + tables + data[2:]


def _said(data: bytes) -> str | None:
    """The colours that a picture's own segments name, as libjpeg understands them."""
    position, found = 2, None
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xDA:
            break
        if marker == 0xFF or marker in _ALONE:
            position += 1 if marker == 0xFF else 2
            continue
        size = int.from_bytes(data[position + 2 : position + 4], "big")
        segment = data[position + 4 : position + 2 + size]
        if marker == 0xE0 and segment[:5] == b"JFIF\0":
            return "ycbcr"
        if marker == 0xEE and segment[:5] == b"Adobe" and len(segment) >= 12:
            found = "ycbcr" if segment[11] == 1 else "rgb"
        position += 2 + size
    return found


def _tables(codec: Codec) -> bytes | None:
    text = codec.configuration.get("tables")
    if text is None:
        return None
    try:
        return base64.b64decode(str(text), validate=True)
    except binascii.Error as error:
        raise Unreadable(f"The JPEG tables of an image are damaged: {error}.") from error


def _check_header(data: bytes, heights: set[int], width: int, samples: int) -> int:
    position = 2
    if data[:2] != b"\xff\xd8":
        raise ValueError("it does not begin as a JPEG picture")
    while position + 10 <= len(data):
        if data[position] != 0xFF:
            raise ValueError(f"no JPEG marker at byte {position}")
        marker = data[position + 1]
        if marker == 0xFF or marker in _ALONE:
            position += 1 if marker == 0xFF else 2
            continue
        if marker in _FRAMES:
            return _check_frame(data, position, heights, width, samples)
        if marker in (0xD9, 0xDA):
            break
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    raise ValueError("it has no JPEG frame")


def _check_frame(data: bytes, position: int, heights: set[int], width: int, samples: int) -> int:
    if data[position + 1] not in _BASELINE or data[position + 4] != 8:
        raise ValueError("it is no baseline JPEG picture of 8 bits")
    height = int.from_bytes(data[position + 5 : position + 7], "big")
    found = int.from_bytes(data[position + 7 : position + 9], "big")
    if height not in heights or found != width or data[position + 9] != samples:
        raise ValueError(
            f"it claims {height} × {found} pixels of {data[position + 9]} samples, where "
            f"{max(heights)} × {width} of {samples} should lie"
        )
    return height
