"""Reading a part of a chunk that lies in its file as it is in memory."""

from __future__ import annotations

import math
import struct
import threading
from typing import Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from ..errors import Unreadable
from .files import read_into
from .interleaved import put_samples
from .level import Chunk, Part

__all__ = ["check_length", "copy_plain", "read_checked"]

# One read fits into the processor's cache, from where it is copied to its place.
_BLOCK = 1 << 19
_scratch = threading.local()


def read_checked(
    descriptor: int, path: str, chunk: Chunk, stored: np.dtype[Any]
) -> NDArray[Any] | None:
    """The pixels of a whole uncompressed chunk, or None where its checksum is another.

    They are valid until this thread reads the next chunk.
    """
    size = check_length(path, chunk, stored, checked=True)
    data = _buffer(chunk.length)[: chunk.length]
    read_into(descriptor, chunk.offset, data, path)
    data.flags.writeable = False
    body: Any = data[:size]
    if google_crc32c.value(body) != struct.unpack("<I", data[size:].tobytes())[0]:
        return None
    return data[:size].view(stored).reshape(chunk.shape)


def copy_plain(
    descriptor: int,
    path: str,
    chunk: Chunk,
    stored: np.dtype[Any],
    out: NDArray[Any],
    checked: bool = False,
) -> None:
    """Copy the asked part of an uncompressed chunk to `out`, shape (C, height, width).

    With `checked`, the chunk ends with a checksum, which is not looked at.

    Raises
    ------
    Unreadable
        The chunk has another number of bytes than its pixels, or the file ends before.
    """
    check_length(path, chunk, stored, checked)
    planes: dict[tuple[int, int, int], list[Part]] = {}
    for part in chunk.parts:
        planes.setdefault((part.t, part.c, part.z), []).append(part)
    for place, parts in planes.items():
        _copy_plane(descriptor, path, chunk, place, parts, stored, out)


def check_length(path: str, chunk: Chunk, stored: np.dtype[Any], checked: bool) -> int:
    size = math.prod(chunk.shape) * stored.itemsize
    if chunk.length != size + 4 * checked:
        raise Unreadable(
            f"{path} holds {chunk.length:,} bytes for a chunk of {chunk.shape} pixels, which "
            f"needs {size + 4 * checked:,}: the file is damaged."
        )
    return size


def _copy_plane(
    descriptor: int,
    path: str,
    chunk: Chunk,
    place: tuple[int, int, int],
    parts: list[Part],
    stored: np.dtype[Any],
    out: NDArray[Any],
) -> None:
    _, kc, kz, ky, kx, samples = chunk.shape
    pixel = samples * stored.itemsize
    row = kx * pixel
    number = (place[0] * kc + place[1]) * kz + place[2]
    start = chunk.offset + number * ky * row
    height, width = chunk.y1 - chunk.y0, chunk.x1 - chunk.x0
    whole = width * 2 >= kx or row <= 4096
    first, columns = (0, kx) if whole else (chunk.x0, width)
    if samples == 1 and stored.isnative and len(parts) == 1:
        target = out[
            parts[0].target, chunk.top : chunk.top + height, chunk.left : chunk.left + width
        ]
        if whole and width == kx and target.flags.c_contiguous:
            read_into(descriptor, start + chunk.y0 * row, _bytes(target), path)
            return
        if not whole:
            for i in range(height):
                at = start + (chunk.y0 + i) * row + chunk.x0 * pixel
                read_into(descriptor, at, _bytes(target[i]), path)
            return
    rows = max(1, _BLOCK // (columns * pixel)) if whole else 1
    buffer = _buffer(rows * columns * pixel)
    for top in range(0, height, rows):
        count = min(rows, height - top)
        block = buffer[: count * columns * pixel]
        at = start + (chunk.y0 + top) * row + first * pixel
        read_into(descriptor, at, block, path)
        pixels = block.view(stored).reshape(count, columns, samples)
        pixels = pixels[:, chunk.x0 - first : chunk.x1 - first]
        y = chunk.top + top
        put_samples(pixels, parts, out[:, y : y + count, chunk.left : chunk.left + width])


def _bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    return array.reshape(-1).view(np.uint8)


def _buffer(size: int) -> NDArray[np.uint8]:
    held: NDArray[np.uint8] | None = getattr(_scratch, "bytes", None)
    if held is None or held.nbytes < size:
        held = np.empty(size, np.uint8)
        if size <= 4 * _BLOCK:
            _scratch.bytes = held
    return held
