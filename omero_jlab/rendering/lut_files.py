"""Lookup tables in files: ImageJ's 768 bytes, NIH Image's with a header, and text."""

from __future__ import annotations

import re
import struct

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid

__all__ = ["lut_bytes", "parse_lut"]

_PLAIN = 3 * 256
_HEADER = 32
_NIH = b"ICOL"
_LONGEST = 1 << 16


def lut_bytes(table: NDArray[np.uint8]) -> bytes:
    """A lookup table, shape (256, 3), as ImageJ's binary file: 256 reds, greens and blues."""
    return np.ascontiguousarray(table.T).tobytes()


def parse_lut(data: bytes) -> NDArray[np.uint8]:
    """The colours in a `.lut` file, shape (256, 3), 0 to 255.

    768 bytes are 256 reds, greens and blues.  NIH Image's begin with a header of 32 bytes (ICOL,
    then as big-endian shorts a version and the number of colours); with fewer than 256 colours
    those between are interpolated, as ImageJ's LutLoader does.  Text has a line for each of 256
    colours: red, green and blue, or a number before them; a line of headings may come first.

    Raises
    ------
    Invalid
        It is none of these.
    """
    if len(data) > _LONGEST:
        raise Invalid(f"A lookup table has at most {_LONGEST} bytes, not {len(data)}.")
    if data[:4] == _NIH:
        return _nih(data)
    if len(data) == _PLAIN:
        return _colors(data)
    return _text(data)


def _colors(data: bytes) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(3, -1).T)


def _nih(data: bytes) -> NDArray[np.uint8]:
    count = struct.unpack_from(">H", data, 6)[0] if len(data) >= _HEADER else 0
    body = data[_HEADER : _HEADER + 3 * count]
    if not 2 <= count <= 256 or len(body) < 3 * count:
        raise Invalid(
            f"This lookup table of NIH Image tells of {count} colours and has {len(data)} bytes: "
            f"2 to 256 colours of three bytes follow a header of {_HEADER}."
        )
    stops = _colors(body).astype(np.float64)
    if count == 256:
        return stops.astype(np.uint8)
    # As ImageJ: 256 / count steps from each colour towards the next, the last one repeated.
    places = np.minimum(np.arange(256) * (count / 256), count - 1)
    each = [np.interp(places, np.arange(count), stops[:, sample]) for sample in range(3)]
    return np.stack(each, axis=1).astype(np.uint8)


def _text(data: bytes) -> NDArray[np.uint8]:
    try:
        lines = [line for line in data.decode("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise _no_table(f"{len(data)} bytes that are no text") from None
    rows = [re.split(r"[\s,;]+", line.strip()) for line in lines]
    if rows and not _is_number(rows[0][-1]):
        rows = rows[1:]
    if len(rows) != 256:
        raise _no_table(f"{len(rows)} lines of colours")
    colors = []
    for row in rows:
        if len(row) not in (3, 4) or not all(map(_is_number, row)):
            raise _no_table(f"the line {' '.join(row)[:60]!r}")
        colors.append([float(value) for value in row[-3:]])
    table = np.array(colors)
    if not ((table >= 0) & (table <= 255)).all():
        raise _no_table("values outside of 0 to 255")
    return np.floor(table + 0.5).astype(np.uint8)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\d{1,9}(\.\d{0,9})?", text) is not None


def _no_table(found: str) -> Invalid:
    return Invalid(
        f"This is no lookup table: it has {found}. ImageJ's are 768 bytes (256 reds, 256 greens, "
        f"256 blues), NIH Image's begin with ICOL, and text has 256 lines of three numbers from "
        f"0 to 255."
    )
