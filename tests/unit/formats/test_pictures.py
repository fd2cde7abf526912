"""PNG, JPEG and BMP: decoded exactly, kept as tiles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import zarr
from numpy.typing import NDArray
from PIL import Image
from reader_contract import ReaderContract, contents_of, pixels_of

from omero_jlab.formats import read


class TestPng(ReaderContract):
    format, suffix = "PNG", ".png"
    shape, dtype = (1, 3, 1, 50, 70), "uint8"

    def write(self, path: Path, array: NDArray[Any]) -> None:
        Image.fromarray(np.moveaxis(array[0, :, 0], 0, -1)).save(path, format="PNG")


class TestBmp(TestPng):
    format, suffix = "BMP", ".bmp"

    def write(self, path: Path, array: NDArray[Any]) -> None:
        Image.fromarray(np.moveaxis(array[0, :, 0], 0, -1)).save(path, format="BMP")


class TestDeepPng(ReaderContract):
    format, suffix = "PNG", ".png"
    shape, dtype = (1, 3, 1, 50, 70), "uint16"

    def sample(self) -> NDArray[Any]:
        return super().sample() * 251

    def write(self, path: Path, array: NDArray[Any]) -> None:
        pixels = np.ascontiguousarray(np.moveaxis(array[0, :, 0], 0, -1))
        path.write_bytes(imagecodecs.png_encode(pixels))


class TestGreyJpeg(ReaderContract):
    format, suffix = "JPEG", ".jpg"
    shape, dtype = (1, 1, 1, 48, 64), "uint8"

    def sample(self) -> NDArray[Any]:
        return np.full(self.shape, 77, "uint8")

    def write(self, path: Path, array: NDArray[Any]) -> None:
        Image.fromarray(array[0, 0, 0]).save(path, format="JPEG")

    # Decoders fill in what a cut JPEG lacks; the picture stays recognisable.
    test_a_truncated_file_is_refused = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("mode", "channels"), [("1", 1), ("L", 1), ("LA", 1), ("P", 3), ("RGBA", 3), ("I;16", 1)]
)
def test_kinds_of_png(tmp_path: Path, mode: str, channels: int) -> None:
    values = np.random.default_rng(1).integers(0, 255, (30, 40)).astype("uint8")
    source = Image.fromarray(values.astype("uint16") * 200 if mode == "I;16" else values)
    picture = source if mode == "I;16" else source.convert(mode)
    path = tmp_path / "a.png"
    picture.save(path)
    made, contents = contents_of(path, tmp_path)
    (image,) = contents.images
    assert image.sizes.c == channels and image.is_rgb == (channels == 3)
    found = pixels_of(contents.indexes[0], made.root, tmp_path)[0, :, 0]
    expected = picture.convert("RGB" if channels == 3 else "L") if mode != "I;16" else picture
    array = np.asarray(expected).reshape(30, 40, channels)
    assert np.array_equal(np.moveaxis(found, 0, -1), array)


def test_what_is_transcoded_opens_as_zarr(tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(0, 255, (700, 1100, 3)).astype("uint8")
    path = tmp_path / "a.png"
    Image.fromarray(values).save(path)
    out = tmp_path / "out"
    made, contents = contents_of(path, out)
    opened: Any = zarr.open_array(str(out / "image-0"), mode="r")
    assert np.array_equal(opened[0, 0, 0], values)
    found = pixels_of(contents.indexes[0], made.root, out)[0, :, 0]
    assert np.array_equal(np.moveaxis(found, 0, -1), values)


def test_without_a_folder_to_write_the_reason_is_given(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((5, 6), "uint8")).save(path)
    made, _ = contents_of(path, tmp_path)
    contents = read(made)
    assert not contents.complete and "PNG" in contents.transcode[0]
