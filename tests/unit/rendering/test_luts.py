"""Lookup tables, where they come from and how they are drawn."""

from __future__ import annotations

import colorsys
import struct

import numpy as np
import pytest

from omero_jlab.errors import Invalid, NotFound
from omero_jlab.model import ChannelSettings, Settings
from omero_jlab.rendering import (
    LUT_NAMES,
    brightness,
    fast,
    loops,
    lut_bytes,
    lut_of,
    parse_lut,
    render,
)

TABLE = np.random.default_rng(5).integers(0, 256, (256, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", LUT_NAMES)
def test_every_table_has_256_colours_and_cannot_be_spoiled(name: str) -> None:
    table = lut_of(name)
    assert (table.shape, table.dtype) == ((256, 3), np.uint8)
    assert len(np.unique(table, axis=0)) >= 8
    with pytest.raises(ValueError, match="read-only"):
        table[0] = 1


def test_tables_are_those_that_users_know() -> None:
    assert lut_of("green")[200].tolist() == [0, 200, 0]
    assert lut_of("grays")[7].tolist() == [7, 7, 7]
    assert lut_of("fire")[0].tolist() == [0, 0, 0] and lut_of("fire")[255].tolist() == [255] * 3
    assert lut_of("viridis")[[0, 255]].tolist() == [[68, 1, 84], [253, 231, 37]]
    assert lut_of("hilo")[[0, 128, 255]].tolist() == [[0, 0, 255], [128] * 3, [255, 0, 0]]
    assert lut_of("spectrum")[85].tolist() == [
        round(255 * part) for part in colorsys.hsv_to_rgb(85 / 255, 1, 1)
    ]
    assert len(np.unique(lut_of("16_colors"), axis=0)) == 16
    assert lut_of("3-3-2_rgb")[255].tolist() == [224, 224, 192]
    with pytest.raises(NotFound, match="viridis"):
        lut_of("nothing")


def test_files_of_three_kinds_are_read() -> None:
    assert np.array_equal(parse_lut(lut_bytes(TABLE)), TABLE)
    assert lut_bytes(TABLE)[:256] == TABLE[:, 0].tobytes(), "all reds come first"
    header = b"ICOL" + struct.pack(">HH", 1, 256) + bytes(24)
    assert np.array_equal(parse_lut(header + lut_bytes(TABLE)), TABLE)
    rows = "\n".join(f"{i}\t{r}\t{g}\t{b}" for i, (r, g, b) in enumerate(TABLE.tolist()))
    assert np.array_equal(parse_lut(f"Index\tRed\tGreen\tBlue\n{rows}\n".encode()), TABLE)
    three = "\r\n".join(f"{r} {g} {b}" for r, g, b in TABLE.tolist())
    assert np.array_equal(parse_lut(three.encode()), TABLE)


def test_few_colours_of_nih_image_are_interpolated() -> None:
    header = b"ICOL" + struct.pack(">HH", 1, 2) + bytes(24)
    table = parse_lut(header + bytes([0, 200, 10, 10, 100, 0]))
    assert table[0].tolist() == [0, 10, 100]
    assert table[64].tolist() == [100, 10, 50]
    assert table[255].tolist() == [200, 10, 0]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(767),
        bytes(100_000),
        b"ICOL",
        b"ICOL" + struct.pack(">HH", 1, 1000) + bytes(24 + 3000),
        b"ICOL" + struct.pack(">HH", 1, 0) + bytes(24),
        b"\n".join([b"1 2 3"] * 255),
        b"\n".join([b"1 2 300"] * 256),
        b"\n".join([b"1 2"] * 256),
        b"\n".join([b"nan nan nan"] * 257),
        b"\xff\xfe" * 50,
    ],
)
def test_what_is_no_table_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid, match="lookup table"):
        parse_lut(data)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_channel_with_a_table_adds_its_colours(dtype: str) -> None:
    values = np.random.default_rng(2).integers(0, 250, (2, 30, 40)).astype(dtype)
    tabled = ChannelSettings(start=20, end=200, lut="ours", gamma=1.7, reverse=True)
    plain = ChannelSettings(start=0, end=255, color="204060")
    drawn = render(values, Settings(channels=(tabled, plain)), {"ours": TABLE})
    bright = [
        np.floor(brightness(plane.astype(float), each) * 65535 + 0.5)
        for plane, each in zip(values, (tabled, plain), strict=True)
    ]
    places = np.floor(bright[0] * 255 / 65535 + 0.5).astype(int)
    total = TABLE[places] * 1.0 + bright[1][..., None] / 65535 * [0x20, 0x40, 0x60]
    assert np.array_equal(drawn, np.minimum(np.floor(total + 0.5), 255))


def test_greyscale_and_other_names() -> None:
    planes = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    channel = ChannelSettings(start=0, end=255, lut="fire")
    settings = Settings(channels=(channel,), greyscale=True)
    assert np.array_equal(render(planes, settings), np.repeat(planes[0][..., None], 3, axis=2))
    unknown = settings.model_copy(
        update={"greyscale": False, "channels": (channel.model_copy(update={"lut": "no"}),)}
    )
    with pytest.raises(NotFound):
        render(planes, unknown)


def test_numpy_and_the_compiled_loops_agree() -> None:
    random = np.random.default_rng(3)
    bright = random.integers(0, 65536, (3, 20, 30), dtype=np.uint16)
    tables = random.integers(0, 256, (3, 256, 3), dtype=np.uint8)
    colors = random.integers(0, 256, (3, 3)).astype(np.uint32)
    found = []
    for each in (loops, fast.inner_loops()):
        out = np.zeros((20, 30, 3), np.uint8)
        each.mix_tables(bright, tables, colors, np.array([True, False, True]), out)
        found.append(out)
    assert np.array_equal(*found)
    values = random.normal(size=1000)
    values[:3] = [np.nan, np.inf, -np.inf]
    counted = []
    for each in (loops, fast.inner_loops()):
        counts = np.zeros(10, np.int64)
        outside = each.count(values, -1.0, 1.0, counts)
        counted.append((tuple(map(int, outside)), counts.tolist()))
    assert counted[0] == counted[1]
    assert counted[0][1] == np.histogram(values[3:], 10, (-1, 1))[0].tolist()
