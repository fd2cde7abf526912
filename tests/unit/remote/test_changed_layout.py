"""Levels that are stored anew while somebody reads them: the right pixels, or a word about it."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from omero_jlab.errors import OmeroError, Unavailable
from omero_jlab.model.chunks import ChunkIndex, Codec, FileEntry, IndexHeader, LevelLayout
from omero_jlab.pixels import PixelReader
from omero_jlab.pixels.group import ImageGroup, ZarrImage
from omero_jlab.pixels.store import ImageStore
from omero_jlab.pixels.zarr_view import layout_of
from omero_jlab.remote.pixels import ImageFiles, LevelPixels

PIXELS = np.random.default_rng(4).integers(0, 4000, (512, 768), dtype=np.uint16)


def stored(folder: Path, height: int, width: int) -> ZarrImage:
    """PIXELS in chunks of a size, as OME-Zarr."""
    path = folder / f"{height}.raw"
    rows, columns = PIXELS.shape[0] // height, PIXELS.shape[1] // width
    blocks = PIXELS.reshape(rows, height, columns, width).transpose(0, 2, 1, 3)
    path.write_bytes(blocks.astype("<u2").tobytes())
    state = path.stat()
    entry = FileEntry(
        root="fileset", path=path.name, size=state.st_size, mtime_ns=state.st_mtime_ns
    )
    layout = LevelLayout(
        shape=(1, 1, 1, *PIXELS.shape, 1),
        chunk=(1, 1, 1, height, width, 1),
        dtype="<u2",
        codecs=(Codec(name="bytes", configuration={"endian": "little"}),),
    )
    count, size = rows * columns, height * width * 2
    index = ChunkIndex(
        IndexHeader(files=(entry,), levels=(layout,)),
        (np.zeros(layout.grid, np.int32),),
        ((np.arange(count, dtype=np.int64) * size).reshape(layout.grid),),
        (np.full(layout.grid, size, np.int64),),
    )
    reader = PixelReader(index, {"fileset": folder})
    return ZarrImage("0.5", {"": ImageGroup(reader, 1, {})})


class Replaced:
    """The files of an image that are others from the `after`-th on."""

    def __init__(self, old: ZarrImage, new: ZarrImage, after: int) -> None:
        self.old, self.new, self.left = old, new, after

    def get(self, key: str) -> bytes | None:
        self.left -= 1
        return (self.new if self.left < 0 else self.old).read(key)


# Chunks of as many bytes, in which only the layout tells which pixels they are.
@pytest.fixture(params=[(256, 128), (512, 384)])
def images(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[ZarrImage, ZarrImage]]:
    yield stored(tmp_path, 128, 256), stored(tmp_path, *request.param)


@pytest.mark.parametrize("after", [0, 1, 2, 5, 11, 12, 13, 50])
def test_a_plane_is_of_one_layout(images: tuple[ZarrImage, ZarrImage], after: int) -> None:
    files = Replaced(*images, after)
    layout = layout_of(json.loads(images[0].read("0/zarr.json") or b""))
    pixels = LevelPixels(files, 0, layout, None)
    for _ in range(2):
        assert np.array_equal(pixels(0, 0, 0, 0, 0, *PIXELS.shape), PIXELS)
        assert np.array_equal(pixels(0, 0, 0, 100, 200, 300, 400), PIXELS[100:400, 200:600])


def test_what_cannot_be_read_is_told_once(images: tuple[ZarrImage, ZarrImage]) -> None:
    class Gone(Replaced):
        def get(self, key: str) -> bytes | None:
            return None if key.endswith("zarr.json") else super().get(key)

    layout = layout_of(json.loads(images[0].read("0/zarr.json") or b""))
    with pytest.raises(Unavailable, match="being made again"):
        LevelPixels(Gone(*images, 99), 0, layout, None)(0, 0, 0, 0, 0, 64, 64)


@pytest.mark.parametrize("after", [3, 6, 10])
def test_a_group_gives_no_chunk_of_another_layout(
    images: tuple[ZarrImage, ZarrImage], after: int
) -> None:
    group: Any = zarr.open_group(
        ImageStore(ImageFiles(Replaced(*images, after))), mode="r", zarr_format=3
    )
    level: Any = group["0"]
    try:
        found = level[0, 0, 0]
    except OmeroError as error:
        assert "stored anew" in str(error)
    else:
        assert np.array_equal(found, PIXELS)
    again = pickle.loads(pickle.dumps(ImageFiles(Replaced(*images, 99))))
    assert again.get("0/zarr.json") is not None and again.get("0/c/0/0/0/0/0") is not None
    moved = ImageFiles(Replaced(*images, 1))
    assert moved.get("0/zarr.json")
    with pytest.raises(Unavailable, match="stored anew"):
        moved.get("0/c/0/0/0/0/0")
