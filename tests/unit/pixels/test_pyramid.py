"""Pyramids equal plain numpy, are readable by zarr, and are there as a whole or not at all."""

from __future__ import annotations

import errno
import os
from concurrent.futures import Future
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from omero_jlab.errors import Full, Invalid, Unreadable
from omero_jlab.model.chunks import ChunkIndex, Codec, LevelLayout
from omero_jlab.pixels import (
    Cancelled,
    PixelReader,
    build_pyramid,
    cascade,
    halve,
    needs_pyramid,
    shards,
)
from omero_jlab.pixels import files as open_files
from omero_jlab.pixels.blocks import Elsewhere


def halved(plane: np.ndarray) -> np.ndarray:
    """The definition: exact means, halves to even, edges of what is there."""
    height, width = plane.shape
    padded = np.pad(plane, ((0, height % 2), (0, width % 2)), mode="edge")
    blocks = padded.reshape(padded.shape[0] // 2, 2, padded.shape[1] // 2, 2)
    if plane.dtype.kind == "f":
        return blocks.astype(np.float64).mean(axis=(1, 3)).astype(plane.dtype)
    if plane.dtype.itemsize == 8:
        totals = blocks.astype(object).sum(axis=(1, 3))
        exact = [[round(Fraction(int(total), 4)) for total in row] for row in totals]
        return np.array(exact, plane.dtype)
    return np.rint(blocks.astype(np.float64).sum(axis=(1, 3)) / 4).astype(plane.dtype)


def check_levels(reader: PixelReader, array: np.ndarray, first: int = 0) -> None:
    """Every level of `reader` against `array` (CYX), halved again and again."""
    expected = array
    for level in range(reader.levels):
        if level > 0:
            expected = np.stack([halved(plane) for plane in expected])
        assert reader.sizes(level) == (1, len(array), 1, *expected.shape[1:])
        if level >= first:
            channels = range(len(array))
            found = reader.planes(level, 0, channels, 0, 0, 0, *expected.shape[1:])
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("numba", ["", "1"])
@pytest.mark.parametrize(
    "dtype",
    ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16",
     "float32", "float64"],
)  # fmt: skip
def test_the_mean_is_exact(dtype: str, numba: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMERO_JLAB_NO_NUMBA", numba)
    halve._kernel.cache_clear()
    random = np.random.default_rng(3)
    kind = np.dtype(dtype)
    for shape in [(1, 1), (1, 2), (2, 1), (5, 7), (6, 8), (33, 20)]:
        if kind.kind == "f":
            plane = random.normal(0, 100, shape).astype(kind)
        elif kind.kind == "b":
            plane = random.random(shape) < 0.5
        else:
            low, high = np.iinfo(kind).min, np.iinfo(kind).max
            plane = random.integers(low, high, shape, dtype=kind, endpoint=True)
            plane.flat[: plane.size // 2] = high
        found = halve.mean(plane)
        assert found.dtype == kind
        if kind.kind == "f":
            assert found.shape == halved(plane).shape
            np.testing.assert_allclose(found, halved(plane), rtol=1e-3 if kind.itemsize == 2 else
                                       1e-6)  # fmt: skip
        else:
            np.testing.assert_array_equal(found, halved(plane))
    halve._kernel.cache_clear()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
def test_compiled_and_plain_means_are_equal(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plane = (np.random.default_rng(1).normal(0, 1, (301, 203)) * 50).astype(dtype)
    if plane.dtype.kind == "f":
        plane[3, 5], plane[10, 11] = np.nan, np.inf
    results = []
    for value in ["1", ""]:
        monkeypatch.setenv("OMERO_JLAB_NO_NUMBA", value)
        halve._kernel.cache_clear()
        results.append(halve.mean(plane))
    np.testing.assert_array_equal(*results)
    assert "numba" in halve._kernel(np.dtype(dtype).char).__module__


def test_halves_go_to_the_even_number() -> None:
    plane = np.array([[1, 1, 2, 2, 3, 3], [0, 0, 3, 3, 4, 4]], np.uint8)
    np.testing.assert_array_equal(halve.mean(plane), [[0, 2, 4]])


CASES = {
    "plain-strips": ((1, 3300, 1201), "uint16", dict()),
    "zlib-tiles": ((1, 1111, 3500), "uint16", dict(compression="zlib", tile=(256, 256))),
    "zstd-strips": ((1, 3211, 700), "uint8", dict(compression="zstd", rowsperstrip=37)),
    "big-endian": ((1, 3200, 800), "float32", dict(byteorder=">", rowsperstrip=100)),
    "rgb": ((3, 1500, 3300), "uint8", dict(compression="zlib", tile=(512, 512))),
    "rgb-16": ((3, 3300, 520), "uint16", dict()),
}


@pytest.mark.parametrize("name", CASES)
def test_the_missing_levels_are_made(
    name: str, tmp_path: Path, tiff_index: Any, picture: Any
) -> None:
    shape, dtype, options = CASES[name]
    array = picture(shape, dtype)
    data = np.moveaxis(array, 0, -1).copy() if len(array) == 3 else array
    photometric = "rgb" if len(array) == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "a.tif", data, photometric=photometric, **options)
    index = tiff_index(tmp_path / "a.tif")
    assert needs_pyramid(index)
    pixels = tmp_path / "pixels"
    reader = PixelReader(index, {"fileset": tmp_path, "pixels": pixels})
    told: list[tuple[int, int]] = []
    made = build_pyramid(reader, pixels / "levels", lambda done, all: told.append((done, all)))
    assert not needs_pyramid(made)
    assert max(made.header.levels[-1].shape[3:5]) <= 1024 < max(made.header.levels[-2].shape[3:5])
    assert made.header.files[0] == index.header.files[0]
    assert told[-1][0] == told[-1][1] == len(told)
    stored = ChunkIndex.from_bytes(made.to_bytes())
    check_levels(PixelReader(stored, reader.roots), array)
    assert sorted(p.name for p in pixels.iterdir()) == ["levels"]
    group = zarr.open_group(pixels / "levels", mode="r")
    datasets = group.attrs["ome"]["multiscales"][0]["datasets"]
    assert [entry["path"] for entry in datasets] == [str(n) for n in range(1, reader.levels + len(
        datasets))]  # fmt: skip
    expected = array
    for entry in datasets:
        expected = np.stack([halved(plane) for plane in expected])
        level = group[entry["path"]]
        assert level.dtype == array.dtype
        np.testing.assert_array_equal(level[0, :, 0], expected)


def test_a_level_with_heavy_chunks_is_copied(tmp_path: Path, tiff_index: Any, picture: Any) -> None:
    array = picture((1, 3300, 1000), "uint16")
    tifffile.imwrite(tmp_path / "a.tif", array, compression="zlib", rowsperstrip=3300)
    reader = PixelReader(tiff_index(tmp_path / "a.tif"), {"fileset": tmp_path})
    made = build_pyramid(reader, tmp_path / "levels")
    found = PixelReader(made, {"fileset": tmp_path, "pixels": tmp_path / "levels"})
    assert made.header.levels[0].chunk[3:5] == (512, 512)
    check_levels(found, array)
    assert zarr.open_array(tmp_path / "levels" / "0", mode="r").shape == (1, 1, 1, 3300, 1000)


def test_many_planes_share_chunks_and_shards(
    tmp_path: Path, new_index: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks of two channels and three planes; shards smaller than the level."""
    import imagecodecs

    monkeypatch.setattr(shards, "_SHARD", 3 << 20)
    random = np.random.default_rng(5)
    shape = (2, 2, 5, 1400, 600, 1)
    array = random.integers(0, 900, shape).astype("uint16")
    array[0, :, 1] = 0
    layout = LevelLayout(
        shape=shape, chunk=(1, 2, 3, 256, 256, 1), dtype="uint16",
        codecs=(Codec(name="bytes", configuration={"endian": "little"}), Codec(name="zstd")),
    )  # fmt: skip
    offsets, lengths, data = [], [], b""
    for at in np.ndindex(layout.grid):
        here = tuple(slice(i * k, (i + 1) * k) for i, k in zip(at, layout.chunk, strict=True))
        chunk = np.zeros(layout.chunk, "uint16")
        part = array[here]
        chunk[tuple(slice(0, n) for n in part.shape)] = part
        offsets.append(len(data))
        data += bytes(imagecodecs.zstd_encode(chunk.tobytes(), 1))
        lengths.append(len(data) - offsets[-1])
    (tmp_path / "a.bin").write_bytes(data)
    index = new_index(tmp_path / "a.bin", layout, offsets, lengths)
    reader = PixelReader(index, {"fileset": tmp_path})
    made = build_pyramid(reader, tmp_path / "levels")
    found = PixelReader(made, {"fileset": tmp_path, "pixels": tmp_path / "levels"})
    assert len(made.header.files) > 3
    level = zarr.open_array(tmp_path / "levels" / "1", mode="r")
    for t, c, z in np.ndindex(2, 2, 5):
        expected = halved(array[t, c, z, :, :, 0])
        np.testing.assert_array_equal(found.region(1, t, c, z, 0, 0, *expected.shape), expected)
        np.testing.assert_array_equal(level[t, c, z], expected)
    assert (made.length[1] == 0).any(), "empty chunks are not stored"


def test_wide_strips_are_read_in_parts(
    tmp_path: Path, tiff_index: Any, picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omero_jlab.pixels.sources._AT_ONCE", 1 << 20)
    array = picture((1, 2100, 4000), "uint16")
    tifffile.imwrite(tmp_path / "a.tif", array, compression="zlib", rowsperstrip=15)
    reader = PixelReader(tiff_index(tmp_path / "a.tif"), {"fileset": tmp_path})
    made = build_pyramid(reader, tmp_path / "levels")
    check_levels(PixelReader(made, {"fileset": tmp_path, "pixels": tmp_path / "levels"}), array)


@pytest.fixture
def large(tmp_path: Path, tiff_index: Any, picture: Any) -> PixelReader:
    array = picture((1, 5000, 3000), "uint8")
    tifffile.imwrite(tmp_path / "a.tif", array, compression="zlib", tile=(256, 256))
    return PixelReader(tiff_index(tmp_path / "a.tif"), {"fileset": tmp_path})


def test_a_cancelled_pyramid_leaves_nothing(large: PixelReader, tmp_path: Path) -> None:
    answers = iter([False, False, True])
    with pytest.raises(Cancelled):
        build_pyramid(large, tmp_path / "levels", cancelled=lambda: next(answers))
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_a_half_made_pyramid_is_begun_anew(large: PixelReader, tmp_path: Path) -> None:
    left = tmp_path / ".levels.part" / "1"
    left.mkdir(parents=True)
    (left / "zarr.json").write_text("{}")
    (tmp_path / "levels").mkdir()
    made = build_pyramid(large, tmp_path / "levels")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "levels"]
    assert not needs_pyramid(made)


def test_a_full_disk_is_said_and_leaves_nothing(
    large: PixelReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(Full):
        build_pyramid(large, tmp_path / "levels")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_a_damaged_original_is_said_and_leaves_nothing(large: PixelReader, tmp_path: Path) -> None:
    with (tmp_path / "a.tif").open("r+b") as file:
        file.truncate(100_000)
    with pytest.raises(Unreadable):
        build_pyramid(large, tmp_path / "levels")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_levels_never_replace_those_in_use(large: PixelReader, tmp_path: Path) -> None:
    reader = PixelReader(large.index, {"fileset": tmp_path, "pixels": tmp_path / "p"})
    with pytest.raises(Invalid, match="below"):
        build_pyramid(reader, tmp_path / "elsewhere")
    with pytest.raises(Invalid, match="below"):
        build_pyramid(reader, tmp_path / "p")
    made = build_pyramid(reader, tmp_path / "p" / "levels")
    again = PixelReader(made, reader.roots)
    assert build_pyramid(again, tmp_path / "p" / "levels") is made


def test_files_are_open_only_for_a_while(
    large: PixelReader, tmp_path: Path, tiff_index: Any, picture: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    few = open_files.OpenFiles(4)
    monkeypatch.setattr("omero_jlab.pixels.reader.FILES", few)
    readers = []
    for i in range(12):
        path = tmp_path / f"{i}.tif"
        tifffile.imwrite(path, picture((1, 20, 30), "uint8", seed=i))
        readers.append(PixelReader(tiff_index(path), {"fileset": tmp_path}))
    for _ in range(2):
        for reader in readers:
            reader.region(0, 0, 0, 0, 0, 0, 20, 30)
            assert len(few) <= 4
    for reader in readers:
        reader.close()
    assert len(few) == 0
    assert cascade.SMALLEST == 1024


class Leaving:
    """A cluster whose workers take two blocks with them, and are gone for ever."""

    def __init__(self) -> None:
        self.asked = 0

    def submit(self, function: Any, *arguments: Any) -> Future[Any]:
        self.asked += 1
        return Future()

    def is_there(self) -> bool:
        return self.asked < 2


def test_blocks_that_nobody_answers_are_made_here(tmp_path: Path, large: PixelReader) -> None:
    gone = Leaving()
    made = build_pyramid(
        large, tmp_path / "levels", elsewhere=lambda _: Elsewhere(gone.submit, 8, gone.is_there)
    )
    assert gone.asked == 2
    array = tifffile.imread(tmp_path / "a.tif").reshape(1, 5000, 3000)
    roots = {"fileset": tmp_path, "pixels": tmp_path / "levels"}
    with closing(PixelReader(made, roots)) as reader:
        check_levels(reader, array)
