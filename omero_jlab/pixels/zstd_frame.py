"""Whether a Zstandard frame may be decoded by somebody who believes it.

RFC 8878, sections 3.1.1.1 and 3.1.1.2.
"""

from __future__ import annotations

__all__ = ["is_one_frame"]

_MAGIC = b"\x28\xb5\x2f\xfd"
# RFC 9659: no decoder of HTTP needs to take a larger window.
_LARGEST_WINDOW = 8 << 20
_LARGEST_BLOCK = 1 << 17
# What may come out of a frame that lies, at most.
_LARGEST_RESULT = 64 << 20
_RAW, _RLE, _COMPRESSED = range(3)


def is_one_frame(data: bytes, size: int) -> bool:
    """Whether `data` is one frame that says that it holds `size` bytes.

    Its blocks are walked through, not decoded: nothing may follow them, and they cannot give a
    decoder without limit more than the frame says.
    """
    if data[:4] != _MAGIC or len(data) < 6:
        return False
    told = data[4]
    single, checked = told & 0x20, 4 if told & 0x04 else 0
    if told & 0x0B:
        # A dictionary that nobody has, or a reserved bit.
        return False
    at, window = 5, size
    if not single:
        exponent, mantissa = divmod(data[5], 8)
        window = (1 << (10 + exponent)) // 8 * (8 + mantissa)
        at = 6
    width = (1 if single else 0, 2, 4, 8)[told >> 6]
    held = int.from_bytes(data[at : at + width], "little") + (256 if width == 2 else 0)
    if width == 0 or held != size or window > _LARGEST_WINDOW:
        return False
    return _end(data, at + width) == len(data) - checked


def _end(data: bytes, at: int) -> int:
    """Where the last block ends; -1 where there is none, or too much may come out of them."""
    most, last = 0, 0
    while not last:
        if at + 3 > len(data):
            return -1
        head = int.from_bytes(data[at : at + 3], "little")
        last, kind, length = head & 1, head >> 1 & 3, head >> 3
        if kind > _COMPRESSED or length > _LARGEST_BLOCK:
            return -1
        at += 3 + (1 if kind == _RLE else length)
        most += _LARGEST_BLOCK if kind == _COMPRESSED else length
        if most > _LARGEST_RESULT:
            return -1
    return at
