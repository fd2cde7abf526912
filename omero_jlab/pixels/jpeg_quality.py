"""How much a JPEG lost: its quality, and how its colours are subsampled."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from ..model.chunks import Codec

__all__ = ["quality_of"]

_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN, _TABLES = 0xDA, 0xDB
# Table K.1 of ITU-T T.81, which libjpeg scales by the quality; the order plays no part here.
_LUMINANCE = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
_SUBSAMPLINGS = {(1, 1): "444", (2, 1): "422", (2, 2): "420"}
_DEFAULT = 85


def quality_of(data: bytes, codec: Codec) -> tuple[int, str]:
    """Quality (1 to 100) and subsampling (444, 422 or 420) of a chunk with `codec`.

    The quality is that whose tables, as libjpeg makes them, are nearest; 85 where a chunk has
    none.  Other subsamplings become 420, and colours stored as RGB 444.
    """
    tables: dict[int, int] = {}
    frame = b""
    kept = codec.configuration.get("tables")
    streams = [base64.b64decode(str(kept))] if kept is not None else []
    for stream in [*streams, data]:
        for marker, body in _segments(stream):
            if marker == _TABLES:
                tables.update(_sums(body))
            elif marker in _FRAMES:
                frame = body
    if len(frame) < 15:
        return _DEFAULT, "420"
    # Behind precision, height, width and count: three bytes a component.
    luma, chroma = frame[7], frame[10]
    ratio = (luma >> 4) // max(1, chroma >> 4), (luma & 15) // max(1, chroma & 15)
    total = tables.get(frame[8])
    quality = _DEFAULT if total is None else _nearest(total)
    return quality, _SUBSAMPLINGS.get(ratio, "420")


def _segments(stream: bytes) -> Iterator[tuple[int, bytes]]:
    position = 2
    while position + 4 <= len(stream) and stream[position] == 0xFF:
        marker = stream[position + 1]
        if marker in (_SCAN, 0xD9):
            return
        if marker == 0xFF:
            position += 1
            continue
        size = int.from_bytes(stream[position + 2 : position + 4], "big")
        yield marker, stream[position + 4 : position + 2 + size]
        position += 2 + max(2, size)


def _sums(body: bytes) -> Iterator[tuple[int, int]]:
    """The sum of each quantization table, by its number."""
    while body:
        wide = body[0] >> 4
        table = body[1 : 65 + 64 * bool(wide)]
        yield body[0] & 15, sum(table[1::2]) + 256 * sum(table[::2]) if wide else sum(table)
        body = body[1 + len(table) :]


def _nearest(total: int) -> int:
    def made(quality: int) -> int:
        scale = 5000 // quality if quality < 50 else 200 - 2 * quality
        return sum(min(255, max(1, (each * scale + 50) // 100)) for each in _LUMINANCE)

    return min(range(1, 101), key=lambda quality: abs(made(quality) - total))
