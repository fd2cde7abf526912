"""Colours that lie side by side in memory have the pixels that planes have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from omero_jlab.formats import plan, read
from omero_jlab.pixels import PixelReader, halve, write_image
from omero_jlab.pixels.encode import jpeg_codec
from omero_jlab.pixels.interleaved import as_picture, empty_planes, is_interleaved

FILES: dict[str, dict[str, Any]] = {
    "strips": {"rowsperstrip": 7},
    "tiles": {"tile": (64, 64)},
    "planar": {"tile": (64, 64), "planarconfig": "separate"},
    "deflate": {"tile": (64, 64), "compression": "zlib"},
    "predictor": {"tile": (64, 64), "compression": "zlib", "predictor": True},
}


def reader_of(path: Path) -> PixelReader:
    fileset = plan([path]).plans[0]
    index = read(fileset).indexes[0]
    assert index is not None
    return PixelReader(index, {"fileset": fileset.root})


def written(reader: PixelReader, folder: Path) -> list[NDArray[Any]]:
    """Every level of what is written of an image, as JPEG."""
    found = PixelReader(
        write_image(folder, reader, codec=jpeg_codec(90, "444")), {"pixels": folder}
    )
    sizes = [found.sizes(level) for level in range(found.levels)]
    return [
        found.planes(level, 0, (0, 1, 2), 0, 0, 0, *size[3:]) for level, size in enumerate(sizes)
    ]


@pytest.mark.parametrize("dtype", ["uint8", ">u2"])
@pytest.mark.parametrize("kind", FILES)
def test_a_region_is_the_same_in_either_form(kind: str, dtype: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (201, 333, 3)).astype(dtype)
    order: dict[str, Any] = {"byteorder": ">"} if dtype.startswith(">") else {}
    stored = np.moveaxis(pixels, -1, 0) if kind == "planar" else pixels
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", **order, **FILES[kind])
    reader = reader_of(tmp_path / "a.tif")
    for y, x, height, width in ((0, 0, 201, 333), (64, 128, 64, 64), (3, 5, 190, 300)):
        expected = np.moveaxis(pixels[y : y + height, x : x + width], -1, 0)
        for channels in ((0, 1, 2), (2, 0, 1), (1,), (0, 2)):
            found = reader.planes(0, 0, channels, 0, y, x, height, width, interleaved=True)
            np.testing.assert_array_equal(found, expected[list(channels)])
            assert is_interleaved(found) == (len(channels) > 1)


@pytest.mark.parametrize("shape", [(64, 64), (63, 65), (1, 5), (2, 1), (1, 1)])
def test_halving_keeps_the_form_and_gives_the_same_means(shape: tuple[int, int]) -> None:
    planes = np.random.default_rng(1).integers(0, 256, (3, *shape)).astype(np.uint8)
    beside = empty_planes(3, *shape, planes.dtype, interleaved=True)
    beside[...] = planes
    found = halve.halved(beside, halve.mean)
    np.testing.assert_array_equal(found, halve.halved(planes, halve.mean))
    assert is_interleaved(found)
    np.testing.assert_array_equal(as_picture(beside), as_picture(planes))


def test_levels_of_colours_are_those_that_are_made_plane_by_plane(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (1301, 2047, 3)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", tile=(256, 256))
    reader = reader_of(tmp_path / "a.tif")
    beside = written(reader, tmp_path / "beside")
    monkeypatch.setenv("OMERO_JLAB_NO_NUMBA", "1")
    halve._compiled.cache_clear()
    halve._kernel.cache_clear()
    try:
        apart = written(reader, tmp_path / "apart")
    finally:
        halve._compiled.cache_clear()
        halve._kernel.cache_clear()
    assert len(beside) == len(apart) == 2
    for one, other in zip(beside, apart, strict=True):
        np.testing.assert_array_equal(one, other)
