"""A frame is passed on only where no decoder can be made to write more than it says."""

from __future__ import annotations

import random
import struct

import imagecodecs
import numpy as np
import pytest

from omero_jlab.pixels.zstd_frame import is_one_frame

MAGIC = b"\x28\xb5\x2f\xfd"


def pixels(size: int, kind: str) -> bytes:
    rng = np.random.default_rng(size)
    if kind == "noise":
        return rng.bytes(size)
    if kind == "flat":
        return bytes(size)
    return (rng.integers(0, 9, size).cumsum() % 251).astype(np.uint8).tobytes()


@pytest.mark.parametrize("kind", ["noise", "flat", "cells"])
@pytest.mark.parametrize("size", [1, 255, 256, 70_000, 131_072, 1_000_003])
@pytest.mark.parametrize("level", [1, 9, 19])
def test_what_encoders_write_is_one_frame(kind: str, size: int, level: int) -> None:
    data = imagecodecs.zstd_encode(pixels(size, kind), level=level)
    assert is_one_frame(data, size)
    assert not is_one_frame(data, size + 1)
    assert not is_one_frame(data + b"\0", size), "something follows"
    assert not is_one_frame(data + data, size), "two frames"
    assert not is_one_frame(data[:-1], size), "it was cut"


def test_a_checksum_belongs_to_the_frame() -> None:
    body = frame([(0, b"abcd")], size=4, flags=0x24)
    assert is_one_frame(body + b"\1\2\3\4", 4)
    assert not is_one_frame(body, 4)


def frame(blocks: list[tuple[int, bytes]], size: int, flags: int = 0x20) -> bytes:
    data = MAGIC + bytes([flags | 0x80]) + struct.pack("<I", size)
    for i, (kind, body) in enumerate(blocks):
        length = size if kind == 1 else len(body)
        head = (i == len(blocks) - 1) | kind << 1 | length << 3
        data += head.to_bytes(4, "little")[:3] + body
    return data


def test_a_frame_that_grows_without_end_is_none() -> None:
    small = [(1, b"a")] * 1000
    assert is_one_frame(frame(small[:2], 65_536), 65_536), "a lie, and a small one"
    assert not is_one_frame(frame(small, 131_072), 131_072)
    assert not is_one_frame(frame([(2, b"x")] * 1000, 65_536), 65_536)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        MAGIC,
        frame([(3, b"abcd")], 4),
        frame([(0, b"abcd")], 4, flags=0x21) + b"\0",
        frame([(0, b"abcd")], 4, flags=0x28),
        frame([(0, b"abcd")], 4, flags=0x00),
        frame([(0, b"abcd")], 4)[:-5],
        b"\x50\x2a\x4d\x18\0\0\0\0",
    ],
    ids=["empty", "magic", "reserved", "dictionary", "bit", "window", "cut", "skippable"],
)
def test_what_is_no_plain_frame(data: bytes) -> None:
    assert not is_one_frame(data, 4)


def test_any_bytes_are_judged_without_an_error() -> None:
    chance = random.Random(4)
    whole = bytearray(imagecodecs.zstd_encode(pixels(70_000, "cells")))
    for _ in range(2000):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(min(len(data), 64))] = chance.randrange(256)
        is_one_frame(bytes(data[: chance.randrange(len(data))]), 70_000)
