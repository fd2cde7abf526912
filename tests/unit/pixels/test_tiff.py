"""Every flavour of TIFF gives the pixels that tifffile reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile

from omero_jlab.errors import Unreadable
from omero_jlab.pixels import PixelReader

SHAPE = (3, 150, 203)
PARTS = [(0, 0, 150, 203), (0, 0, 1, 1), (149, 202, 1, 1), (15, 31, 70, 97), (140, 7, 10, 196)]
GREY = {
    "strips": ("uint16", dict(rowsperstrip=16)),
    "one-strip": ("uint8", dict(rowsperstrip=150)),
    "tiles": ("uint16", dict(tile=(64, 48))),
    "big-endian": ("uint16", dict(byteorder=">", rowsperstrip=7)),
    "big-endian-tiles": ("int32", dict(byteorder=">", tile=(32, 32))),
    "bigtiff": ("float32", dict(bigtiff=True, tile=(64, 64))),
    "int8": ("int8", dict(rowsperstrip=10)),
    "float64": ("float64", dict(rowsperstrip=10)),
    "lzw": ("uint8", dict(compression="lzw", rowsperstrip=16)),
    "lzw-horizontal": ("uint16", dict(compression="lzw", predictor=2, rowsperstrip=16)),
    "lzw-horizontal-big": (
        "uint16",
        dict(compression="lzw", predictor=2, byteorder=">", tile=(64, 64)),
    ),
    "packbits": ("uint8", dict(compression="packbits", rowsperstrip=9)),
    "deflate": ("int16", dict(compression="zlib", tile=(64, 64))),
    "deflate-horizontal-32": ("uint32", dict(compression="zlib", predictor=2, tile=(64, 64))),
    "deflate-float": ("float32", dict(compression="zlib", predictor=3, tile=(64, 64))),
    "deflate-float-big": (
        "float32",
        dict(compression="zlib", predictor=3, byteorder=">", rowsperstrip=20),
    ),
    "deflate-float64": ("float64", dict(compression="zlib", predictor=3, rowsperstrip=20)),
    "zstd": ("uint16", dict(compression="zstd", tile=(128, 128))),
    "zstd-horizontal": ("uint8", dict(compression="zstd", predictor=2, rowsperstrip=33)),
    "zstd-half": ("float16", dict(compression="zstd", tile=(64, 64))),
    "jpeg": ("uint8", dict(compression="jpeg", tile=(64, 64))),
}
RGB = {
    "strips": ("uint8", dict(rowsperstrip=16)),
    "tiles-16": ("uint16", dict(tile=(64, 64))),
    "big-endian": ("uint16", dict(byteorder=">", tile=(64, 64))),
    "lzw-horizontal": ("uint8", dict(compression="lzw", predictor=2, tile=(64, 64))),
    "deflate-horizontal-16": ("uint16", dict(compression="zlib", predictor=2, rowsperstrip=11)),
    "deflate-float": ("float32", dict(compression="zlib", predictor=3, tile=(64, 64))),
    "planar": ("uint16", dict(planarconfig="separate", tile=(64, 64))),
    "planar-zstd": (
        "uint8",
        dict(planarconfig="separate", compression="zstd", predictor=2, rowsperstrip=13),
    ),
    "jpeg": ("uint8", dict(compression="jpeg", tile=(64, 64))),
    "jpeg-strips": ("uint8", dict(compression="jpeg", rowsperstrip=16)),
    "jpeg-rgb": ("uint8", dict(compression="jpeg", tile=(64, 64), compressionargs=dict(
        outcolorspace="rgb"))),
}  # fmt: skip


@pytest.mark.parametrize("name", GREY)
def test_greyscale_planes_are_read_as_tifffile_reads_them(
    name: str, tmp_path: Path, tiff_index: Any, picture: Any
) -> None:
    dtype, options = GREY[name]
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(SHAPE, dtype), photometric="minisblack", **options)
    expected = tifffile.imread(path)
    reader = PixelReader(tiff_index(path), {"fileset": tmp_path})
    assert reader.dtype == np.dtype(dtype)
    assert reader.dtype.isnative
    assert reader.sizes(0) == (1, 1, *SHAPE)
    for z in range(SHAPE[0]):
        for y, x, height, width in PARTS:
            found = reader.region(0, 0, 0, z, y, x, height, width)
            assert found.dtype == np.dtype(dtype)
            np.testing.assert_array_equal(found, expected[z, y : y + height, x : x + width])
    reader.close()


@pytest.mark.parametrize("name", RGB)
def test_samples_become_channels(name: str, tmp_path: Path, tiff_index: Any, picture: Any) -> None:
    dtype, options = RGB[name]
    path = tmp_path / "a.tif"
    planes = picture(SHAPE, dtype)
    separate = options.get("planarconfig") == "separate"
    data = planes if separate else np.moveaxis(planes, 0, -1).copy()
    tifffile.imwrite(path, data, photometric="rgb", **options)
    expected = tifffile.imread(path)
    expected = expected if separate else np.moveaxis(expected, -1, 0)
    reader = PixelReader(tiff_index(path), {"fileset": tmp_path})
    assert reader.sizes(0) == (1, 3, 1, *SHAPE[1:])
    for y, x, height, width in PARTS:
        rows, columns = slice(y, y + height), slice(x, x + width)
        found = reader.planes(0, 0, (2, 0, 0), 0, y, x, height, width)
        np.testing.assert_array_equal(found, expected[(2, 0, 0), rows, columns])
        for c in range(3):
            np.testing.assert_array_equal(
                reader.region(0, 0, c, 0, y, x, height, width), expected[c, rows, columns]
            )


@pytest.mark.parametrize("stored", ["rgb", "ycbcr"])
@pytest.mark.parametrize("says", [True, False], ids=["says-so", "bare"])
def test_a_jpeg_tile_can_be_shown_alone(
    stored: str, says: bool, tmp_path: Path, new_index: Any, picture: Any
) -> None:
    """Tables and colours that only the TIFF knows are put into it."""
    import base64

    from omero_jlab.model.chunks import Codec, LevelLayout

    pixels = picture((64, 48, 3), "uint8") // 8 + np.arange(48, dtype=np.uint8)[:, None]
    whole = bytes(imagecodecs.jpeg8_encode(pixels, 95, outcolorspace=stored, subsampling="444"))
    tables, rest, position = b"\xff\xd8", b"\xff\xd8", 2
    while whole[position + 1] != 0xDA:
        size = int.from_bytes(whole[position + 2 : position + 4], "big") + 2
        segment = whole[position : position + size]
        if segment[1] in (0xDB, 0xC4):
            tables += segment
        elif says or segment[1] not in (0xE0, 0xEE):
            rest += segment
        position += size
    rest += whole[position:]
    path = tmp_path / "a.bin"
    path.write_bytes(rest)
    known = {"tables": base64.b64encode(tables + b"\xff\xd9").decode(), "color": stored}
    layout = LevelLayout(
        shape=(1, 1, 1, 64, 48, 3),
        chunk=(1, 1, 1, 64, 48, 3),
        dtype="uint8",
        codecs=(Codec(name="jpeg", configuration=known),),
    )
    reader = PixelReader(new_index(path, layout, [0], [len(rest)]), {"fileset": tmp_path})
    expected = np.moveaxis(reader.planes(0, 0, (0, 1, 2), 0, 0, 0, 64, 48), 0, -1)
    shown = reader.picture(0, 0, 0, 0, 0, 64, 48)
    assert shown is not None
    np.testing.assert_array_equal(imagecodecs.jpeg8_decode(shown), expected)
    assert np.abs(expected.astype(int) - pixels).mean() < 4
    assert reader.picture(0, 0, 0, 0, 0, 64, 47) is None, "a part of a tile is no picture"
    other = known | {"color": "rgb" if stored == "ycbcr" else "ycbcr"}
    codecs = (Codec(name="jpeg", configuration=other),)
    index = new_index(path, layout.model_copy(update={"codecs": codecs}), [0], [len(rest)])
    lying = PixelReader(index, {"fileset": tmp_path}).picture(0, 0, 0, 0, 0, 64, 48)
    assert (lying is None) == says, "what says that its colours are others is not sent"


def test_jpeg_tables_are_used(tmp_path: Path, new_index: Any, picture: Any) -> None:
    """A chunk without tables of its own, as slide scanners write it."""
    import base64

    from omero_jlab.model.chunks import Codec, LevelLayout

    pixels = picture((64, 64), "uint8")
    whole = bytes(imagecodecs.jpeg8_encode(pixels, 90))
    tables, rest, position = b"\xff\xd8", b"\xff\xd8", 2
    while whole[position + 1] != 0xDA:
        size = int.from_bytes(whole[position + 2 : position + 4], "big") + 2
        segment = whole[position : position + size]
        if segment[1] in (0xDB, 0xC4):
            tables += segment
        else:
            rest += segment
        position += size
    rest += whole[position:]
    path = tmp_path / "a.bin"
    path.write_bytes(rest)
    configuration = {"tables": base64.b64encode(tables + b"\xff\xd9").decode(), "color": "gray"}
    layout = LevelLayout(
        shape=(1, 1, 1, 64, 64, 1),
        chunk=(1, 1, 1, 64, 64, 1),
        dtype="uint8",
        codecs=(Codec(name="jpeg", configuration=configuration),),
    )
    reader = PixelReader(new_index(path, layout, [0], [len(rest)]), {"fileset": tmp_path})
    expected = imagecodecs.jpeg8_decode(whole)
    np.testing.assert_array_equal(reader.region(0, 0, 0, 0, 0, 0, 64, 64), expected)


@pytest.mark.parametrize("depth", [1, 4, 10, 12, 14])
def test_packed_bits_are_unpacked(depth: int, tmp_path: Path, new_index: Any) -> None:
    from omero_jlab.model.chunks import Codec, LevelLayout

    dtype = "uint8" if depth <= 8 else "uint16"
    pixels = np.random.default_rng(depth).integers(0, 1 << depth, (21, 37)).astype(dtype)
    bits = (pixels[..., None] >> np.arange(depth)[::-1]) & 1
    data = np.packbits(bits.reshape(21, -1).astype(np.uint8), axis=1).tobytes()
    path = tmp_path / "a.bin"
    path.write_bytes(data)
    layout = LevelLayout(
        shape=(1, 1, 1, 21, 37, 1),
        chunk=(1, 1, 1, 21, 37, 1),
        dtype=dtype,
        codecs=(Codec(name="bits", configuration={"depth": depth}),),
    )
    reader = PixelReader(new_index(path, layout, [0], [len(data)]), {"fileset": tmp_path})
    np.testing.assert_array_equal(reader.region(0, 0, 0, 0, 3, 5, 11, 31), pixels[3:14, 5:36])


@pytest.mark.parametrize("options", [dict(), dict(compression="lzw"), dict(compression="zlib")])
def test_a_file_that_became_shorter_says_so(
    options: dict[str, Any], tmp_path: Path, tiff_index: Any, picture: Any
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, picture(SHAPE, "uint16"), photometric="minisblack", tile=(64, 64), **options
    )
    index = tiff_index(path)
    path.write_bytes(path.read_bytes()[:-5000])
    reader = PixelReader(index, {"fileset": tmp_path})
    with pytest.raises(Unreadable, match=r"a\.tif was changed"):
        reader.region(0, 0, 0, 0, 0, 0, 10, 10)


def test_a_file_that_changes_while_it_is_open_says_so(
    tmp_path: Path, tiff_index: Any, picture: Any
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(SHAPE, "uint16"), photometric="minisblack")
    reader = PixelReader(tiff_index(path), {"fileset": tmp_path})
    reader.region(0, 0, 0, 0, 0, 0, 10, 10)
    with path.open("r+b") as file:
        file.seek(-10, 2)
        file.write(b"otherbytes")
    with pytest.raises(Unreadable, match="was changed"):
        reader.region(0, 0, 0, 0, 0, 0, 10, 10)
    path.unlink()
    reader.close()
    with pytest.raises(Unreadable, match="cannot be opened"):
        reader.region(0, 0, 0, 0, 0, 0, 10, 10)


@pytest.mark.real_data
def test_pages_of_real_slides_and_stacks(real_data: Path, tiff_index: Any, tmp_path: Path) -> None:
    """The first page of every TIFF whose codec is decoded here, slide scanners' JPEG included."""
    checked = set()
    for path in sorted(real_data.rglob("*")):
        if path.suffix.lower() not in {".tif", ".tiff", ".svs", ".stk", ".lsm", ".qptiff"}:
            continue
        try:
            index, expected, kind = _first_page(path, tiff_index)
        except _NotHere:
            continue
        reader = PixelReader(index, {"fileset": path.parent})
        _, c, _, height, width = reader.sizes(0)
        y, x = max(0, height // 2 - 300), max(0, width // 2 - 300)
        size = min(600, height - y), min(600, width - x)
        found = reader.planes(0, 0, range(c), 0, y, x, *size)
        rows, columns = slice(y, y + size[0]), slice(x, x + size[1])
        np.testing.assert_array_equal(found, expected[:, rows, columns], err_msg=str(path))
        checked.add(kind)
    assert {"JPEG", "LZW", "NONE"} <= checked


class _NotHere(Exception):
    pass


def _first_page(path: Path, tiff_index: Any) -> tuple[Any, np.ndarray, str]:
    try:
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages[0].aspage()
            if page.size > 100_000_000 or page.dtype is None or page.imagedepth > 1:
                raise _NotHere
            if page.fillorder != 1 or page.extrasamples:
                raise _NotHere
            expected = page.asarray()
            kind = page.compression.name
            shape = page.shaped
        index = tiff_index(path, 1)
    except (tifffile.TiffFileError, KeyError, ValueError, AttributeError):
        raise _NotHere from None
    # Separate samples, 1, height, width, samples.
    return index, np.moveaxis(expected.reshape(shape), -1, 1).reshape(-1, *shape[2:4]), kind
