"""Levels as Zarr arrays: which chunks go out as they are stored, and what comes out of them."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from omero_jlab.errors import NotFound, Unreadable
from omero_jlab.model.chunks import ChunkIndex, Codec, LevelLayout
from omero_jlab.pixels import PixelReader, write_image
from omero_jlab.pixels.group import ImageGroup, ZarrImage, check_version
from omero_jlab.pixels.store import ImageStore
from omero_jlab.pixels.zarr_view import ZarrLevel, layout_of

VERSIONS = ["0.4", "0.5"]
DTYPES = [
    "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
    "float16", "float32", "float64", "complex64", "complex128",
]  # fmt: skip
Index = Callable[..., ChunkIndex]


class Local:
    """The files of an image that is open here."""

    def __init__(self, reader: PixelReader, version: Any = "0.5", channels: int = 99) -> None:
        self.reader, self.version, self.channels = reader, version, channels

    def get(self, key: str) -> bytes | None:
        return self.image.read(key)

    @property
    def image(self) -> ZarrImage:
        group = ImageGroup(self.reader, self.channels, {"multiscales": []})
        return ZarrImage(self.version, {"": group})


def shown(reader: PixelReader, version: Any, level: int = 0, channels: int = 99) -> np.ndarray:
    """A level as zarr-python reads it."""
    store = ImageStore(Local(reader, version, channels))
    zarr_format: Any = 2 if version == "0.4" else 3
    array = zarr.open_array(store, path=str(level), mode="r", zarr_format=zarr_format)
    return np.asarray(array[:])


def whole(reader: PixelReader, level: int = 0) -> np.ndarray:
    t, c, z, y, x = reader.sizes(level)
    out = np.empty((t, c, z, y, x), reader.dtype)
    for i, k in np.ndindex(t, z):
        out[i, :, k] = reader.planes(level, i, range(c), k, 0, 0, y, x)
    return out


def reader_of(path: Path, tiff_index: Index) -> PixelReader:
    return PixelReader(tiff_index(path), {"fileset": path.parent})


@pytest.mark.parametrize("version", VERSIONS)
def test_our_own_levels_go_out_as_they_are_stored(
    version: str, tmp_path: Path, picture: Any
) -> None:
    array = picture((2, 2, 2, 700, 1300), "uint16")
    reader = PixelReader(write_image(tmp_path / "new", array), {"pixels": tmp_path / "new"})
    level = ZarrLevel(reader, 0, 2 if version == "0.4" else 3)
    assert level.passed and level.chunk == (1, 1, 1, 512, 512)
    assert np.array_equal(shown(reader, version), array)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type_in_both_byte_orders(
    version: str, byteorder: str, dtype: str, new_index: Index, tmp_path: Path
) -> None:
    """Raw chunks with edges, as a tiled file has them."""
    random = np.random.default_rng(3)
    pixels = np.zeros((2, 256, 384), np.dtype(dtype).newbyteorder(byteorder))
    pixels.reshape(-1).view(np.uint8)[:] = random.integers(0, 2, pixels.nbytes)
    if pixels.dtype.kind in "fc":
        pixels[...] = random.normal(size=pixels.shape)
    path = tmp_path / "raw.bin"
    tiles = [
        pixels[z, y : y + 256, x : x + 128].tobytes() for z in range(2) for y in (0,)
        for x in range(0, 384, 128)
    ]  # fmt: skip
    path.write_bytes(b"".join(tiles))
    layout = LevelLayout(
        shape=(1, 1, 2, 200, 333, 1),
        chunk=(1, 1, 1, 256, 128, 1),
        dtype=pixels.dtype.name,
        codecs=(Codec(name="bytes", configuration={"endian": _endian(byteorder)}),),
    )
    offsets = [i * len(tiles[0]) for i in range(6)]
    index = new_index(path, layout, offsets, [len(tiles[0])] * 6)
    reader = PixelReader(index, {"fileset": tmp_path})
    found = shown(reader, version)
    assert ZarrLevel(reader, 0, 3).passed
    assert found.dtype.newbyteorder("=") == np.dtype(dtype)
    assert np.array_equal(found[0, 0], pixels[:, :200, :333])


def _endian(byteorder: str) -> str:
    return "little" if byteorder == "<" else "big"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("options", "passed"),
    [
        ({"tile": (128, 256)}, {"0.4": True, "0.5": True}),
        ({"tile": (128, 256), "compression": "zlib"}, {"0.4": True, "0.5": False}),
        ({"tile": (128, 256), "compression": "zstd"}, {"0.4": True, "0.5": True}),
        ({"tile": (16, 16), "compression": "zstd"}, {"0.4": False, "0.5": False}),
        ({"tile": (128, 256), "compression": "lzw"}, {"0.4": False, "0.5": False}),
        (
            {"tile": (128, 256), "compression": "zlib", "predictor": True},
            {"0.4": False, "0.5": False},
        ),
        ({"rowsperstrip": 7, "compression": "zlib"}, {"0.4": False, "0.5": False}),
        ({"rowsperstrip": 7}, {"0.4": False, "0.5": False}),
    ],
)
def test_tiffs_of_several_codecs(
    version: str,
    options: dict[str, Any],
    passed: dict[str, bool],
    tmp_path: Path,
    tiff_index: Index,
    picture: Any,
) -> None:
    for byteorder in "<>":
        array = picture((3, 300, 700), "uint16")
        path = tmp_path / f"{ord(byteorder)}.tif"
        tifffile.imwrite(path, array, photometric="minisblack", byteorder=byteorder, **options)
        reader = reader_of(path, tiff_index)
        level = ZarrLevel(reader, 0, 2 if version == "0.4" else 3)
        assert level.passed == passed[version]
        assert np.array_equal(shown(reader, version)[0, 0], array)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_colours_are_channels(
    version: str, planar: Any, tmp_path: Path, tiff_index: Index, picture: Any
) -> None:
    array = picture((300, 500, 3), "uint8") if planar == "contig" else picture((3, 300, 500), "u1")
    path = tmp_path / "rgb.tif"
    tifffile.imwrite(path, array, photometric="rgb", planarconfig=planar, tile=(128, 128))
    found = shown(reader_of(path, tiff_index), version)
    assert found.shape == (1, 3, 1, 300, 500)
    expected = array.transpose(2, 0, 1) if planar == "contig" else array
    assert np.array_equal(found[0, :, 0], expected)


def test_transparency_is_no_channel(tmp_path: Path, tiff_index: Index, picture: Any) -> None:
    array = picture((200, 300, 4), "uint8")
    path = tmp_path / "rgba.tif"
    tifffile.imwrite(path, array, photometric="rgb", extrasamples=["unassalpha"], tile=(128, 128))
    found = shown(reader_of(path, tiff_index), "0.5", channels=3)
    assert np.array_equal(found[0, :, 0], array[..., :3].transpose(2, 0, 1))


def test_twelve_bits_become_sixteen(tmp_path: Path, tiff_index: Index) -> None:
    array = np.random.default_rng(0).integers(0, 4096, (300, 400), dtype=np.uint16)
    path = tmp_path / "12.tif"
    tifffile.imwrite(path, array, bitspersample=12, compression="none")
    found = shown(reader_of(path, tiff_index), "0.5")
    assert np.array_equal(found[0, 0, 0], array)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_not_stored_is_no_file_but_its_fill_value(
    version: str, new_index: Index, tmp_path: Path
) -> None:
    for side in (128, 256):
        layout = LevelLayout(
            shape=(1, 1, 1, 2 * side, 3 * side, 1),
            chunk=(1, 1, 1, side, side, 1),
            dtype="float32",
            fill=float("nan"),
            codecs=(Codec(name="bytes", configuration={"endian": "little"}),),
        )
        stored = np.ones((side, side), "<f4")
        path = tmp_path / f"{side}.bin"
        path.write_bytes(stored.tobytes())
        reader = PixelReader(
            new_index(path, layout, [0] * 6, [stored.nbytes, 0, 0, 0, 0, 0]),
            {"fileset": tmp_path},
        )
        files = Local(reader, version)
        key = "0/0/0/0/1/2" if version == "0.4" else "0/c/0/0/0/1/2"
        assert files.get(key) is None
        found = shown(reader, version)[0, 0, 0]
        assert np.array_equal(found, whole(reader)[0, 0, 0], equal_nan=True)
        assert np.isnan(found).sum() == 5 * side * side


def test_frames_that_do_not_say_their_size_are_made_to(new_index: Index, tmp_path: Path) -> None:
    pixels = np.arange(256 * 256, dtype="<u2").reshape(256, 256)
    # Magic, no size, a window of 128 KiB, then one last block, stored as it is.
    block = (pixels.nbytes << 3 | 1).to_bytes(3, "little")
    frame = bytes.fromhex("28b52ffd0038") + block + pixels.tobytes()
    path = tmp_path / "frames.bin"
    path.write_bytes(frame)
    layout = LevelLayout(
        shape=(1, 1, 1, 256, 256, 1),
        chunk=(1, 1, 1, 256, 256, 1),
        dtype="uint16",
        codecs=(
            Codec(name="bytes", configuration={"endian": "little"}), Codec(name="zstd"),
        ),
    )  # fmt: skip
    reader = PixelReader(new_index(path, layout, [0], [len(frame)]), {"fileset": tmp_path})
    chunk = Local(reader).get("0/c/0/0/0/0/0")
    assert chunk is not None and chunk != frame and chunk[4] & 0b1110_0000
    assert np.array_equal(shown(reader, "0.5")[0, 0, 0], pixels)


@pytest.mark.parametrize(
    "key",
    ["", "0", "0/", "1/zarr.json", "0/c", "0/c/0/0/0/0", "0/c/0/0/0/0/1", "0/c/0/0/0/0/-1",
     "0/c/0/0/0/0/00", "0/c/0/0/0/0/٠", "0/c/0/0/0/0/0/0", "0/0/0/0/0/0", "c/0/0/0/0/0",
     "../index", "0/../0/zarr.json", "9/c/0/0/0/0/0", ".zgroup", "labels/zarr.json",
     f"0/c/0/0/0/0/{'9' * 5000}"],
)  # fmt: skip
def test_what_has_no_such_name_is_no_file(key: str, tmp_path: Path, picture: Any) -> None:
    index = write_image(tmp_path / "new", picture((1, 1, 1, 60, 70), "uint8"))
    assert Local(PixelReader(index, {"pixels": tmp_path / "new"})).get(key) is None


def test_a_damaged_chunk_is_said_to_be_one(new_index: Index, tmp_path: Path) -> None:
    layout = LevelLayout(
        shape=(1, 1, 1, 256, 256, 1),
        chunk=(1, 1, 1, 256, 256, 1),
        dtype="uint16",
        codecs=(Codec(name="bytes", configuration={"endian": "little"}),),
    )
    path = tmp_path / "short.bin"
    path.write_bytes(bytes(100))
    reader = PixelReader(new_index(path, layout, [0], [100]), {"fileset": tmp_path})
    with pytest.raises(Unreadable, match="131,072 bytes"):
        Local(reader).get("0/c/0/0/0/0/0")


def test_only_known_versions() -> None:
    with pytest.raises(NotFound, match=r"0\.6"):
        check_version("0.6")


def test_the_layout_comes_back_from_the_metadata(tmp_path: Path, picture: Any) -> None:
    index = write_image(tmp_path / "new", picture((1, 1, 1, 600, 70), "float32"))
    level = ZarrLevel(PixelReader(index, {"pixels": tmp_path / "new"}), 0, 3)
    assert layout_of(json.loads(json.dumps(level.metadata))) == level.layout


def test_a_store_lists_what_it_has_and_refuses_to_be_written(tmp_path: Path, picture: Any) -> None:
    index = write_image(tmp_path / "new", picture((1, 1, 1, 600, 700), "uint8"))
    store = ImageStore(Local(PixelReader(index, {"pixels": tmp_path / "new"})))
    group = zarr.open_group(store, mode="r")
    assert sorted(group.array_keys()) == ["0"]
    assert group["0"].nchunks_initialized == 4
    with pytest.raises((PermissionError, ValueError)):
        group["0"][0, 0, 0, 0, 0] = 1
    again = pickle.loads(pickle.dumps(group))
    assert np.array_equal(again["0"][:], group["0"][:])
