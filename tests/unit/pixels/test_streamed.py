"""A plane in one compressed strip is read row by row, and gives the same levels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from omero_jlab.errors import Unreadable
from omero_jlab.formats import plan, read
from omero_jlab.pixels import PixelReader, build_pyramid, halve
from omero_jlab.pixels.streamed import StreamedSource, is_streamed


def reader_of(path: Path) -> PixelReader:
    fileset = plan([path]).plans[0]
    index = read(fileset).indexes[0]
    assert index is not None
    return PixelReader(index, {"fileset": fileset.root})


def pixels(shape: tuple[int, ...], dtype: str) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(7)
    return (rng.integers(0, 50, shape).cumsum(axis=-1) % 60_000).astype(dtype)


def written(path: Path, array: np.ndarray[Any, Any], **options: Any) -> PixelReader:
    options = {"compression": "zlib", "photometric": "minisblack"} | options
    tifffile.imwrite(path, array, rowsperstrip=array.shape[-2], metadata=None, **options)
    return reader_of(path)


@pytest.mark.parametrize(
    "options",
    [{}, {"predictor": True}, {"byteorder": ">"}, {"predictor": True, "byteorder": ">"}],
    ids=str,
)
def test_levels_of_planes_in_one_strip(tmp_path: Path, options: dict[str, Any]) -> None:
    array = pixels((2, 1100, 3300), "uint16")
    reader = written(tmp_path / "a.tif", array, **options)
    assert is_streamed(reader, 0)
    index = build_pyramid(reader, tmp_path / "levels")
    made = PixelReader(index, {"fileset": tmp_path, "pixels": tmp_path / "levels"})
    assert made.levels > 2
    t, c, z = made.sizes()[:3]
    assert sorted((t, c, z)) == [1, 1, 2]
    for i in range(2):
        at = tuple(i if n == 2 else 0 for n in (t, c, z))
        expected = array[i]
        for level in range(made.levels):
            height, width = expected.shape
            assert made.sizes(level)[3:] == (height, width)
            found = made.region(level, at[0], at[1], at[2], 0, 0, height, width)
            assert np.array_equal(found, expected), level
            expected = halve.mean(expected)


def test_levels_of_a_picture_in_one_strip(tmp_path: Path) -> None:
    array = np.moveaxis(pixels((3, 600, 3300), "uint8"), 0, 2)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, array, rowsperstrip=600, compression="zlib", photometric="rgb")
    reader = reader_of(path)
    assert is_streamed(reader, 0)
    index = build_pyramid(reader, tmp_path / "levels")
    made = PixelReader(index, {"fileset": tmp_path, "pixels": tmp_path / "levels"})
    for c in range(3):
        assert np.array_equal(made.region(0, 0, c, 0, 0, 0, 600, 3300), array[..., c])
        small = halve.mean(np.ascontiguousarray(array[..., c]))
        assert np.array_equal(made.region(1, 0, c, 0, 0, 0, 300, 1650), small)


def test_others_are_read_as_before(tmp_path: Path) -> None:
    array = pixels((1100, 3300), "uint16")
    for name, options in {
        "plain": {"compression": None},
        "lzw": {"compression": "lzw"},
        "strips": {"rowsperstrip": 64},
        "tiles": {"tile": (256, 256), "rowsperstrip": None},
    }.items():
        path = tmp_path / f"{name}.tif"
        settings = {"compression": "zlib", "rowsperstrip": 1100} | options
        tifffile.imwrite(path, array, photometric="minisblack", metadata=None, **settings)
        assert not is_streamed(reader_of(path), 0), name


@pytest.mark.parametrize("harm", ["cut", "noise", "longer"])
def test_a_damaged_strip_says_so(tmp_path: Path, harm: str) -> None:
    array = pixels((1100, 3300), "uint16")
    path = tmp_path / "a.tif"
    written(path, array)
    with tifffile.TiffFile(path) as file:
        offset, length = file.pages[0].dataoffsets[0], file.pages[0].databytecounts[0]
    reader = written(path, array)
    stat = path.stat()
    with path.open("r+b") as file:
        if harm == "longer":
            import zlib

            file.seek(offset)
            file.write(zlib.compress(bytes(array.nbytes + 1)).ljust(length, b"\0"))
        else:
            file.seek(offset + length // 2)
            rest = length - length // 2
            file.write(bytes(rest) if harm == "cut" else np.random.default_rng(1).bytes(rest))
    import os

    os.utime(path, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    with pytest.raises(Unreadable, match="byte"):
        list(StreamedSource(reader, 0).blocks(0, interleaved=False))
    with pytest.raises(Unreadable):
        build_pyramid(reader, tmp_path / "levels")
    assert not list(tmp_path.glob(".*"))
