"""How pyramids are stored: the fastest codec that is worth it, and JPEG where the image is JPEG."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
import zarr

from omero_jlab.errors import Invalid
from omero_jlab.model.chunks import Codec
from omero_jlab.pixels import PixelReader, build_pyramid, write_image
from omero_jlab.pixels.blocks import Cancelled, Elsewhere
from omero_jlab.pixels.encode import codec_name, fastest_codec, jpeg_codec
from omero_jlab.pixels.halve import mean
from omero_jlab.pixels.jpeg_quality import quality_of
from omero_jlab.pixels.rebuild import found_levels
from omero_jlab.pixels.zarr_view import ZarrLevel


def made(kind: str) -> np.ndarray:
    random = np.random.default_rng(4)
    if kind == "counts":
        return random.poisson(300, (600, 520)).astype("uint16")
    if kind == "signed":
        return random.poisson(30, (600, 520)).astype("int32") - 20
    if kind == "grain":
        return random.normal(128, 10, (600, 520)).astype("uint8")
    if kind == "floats":
        return random.normal(300, 17, (600, 520)).astype("float32")
    if kind == "mask":
        return (random.random((600, 520)) < 0.01).astype("uint8")
    return random.integers(0, 1 << 16, (600, 520), "uint16")


CHOSEN = {
    "counts": "blosc lz4, shuffle",
    "signed": "blosc lz4, shuffle",
    "floats": "blosc lz4, shuffle",
    "mask": "blosc lz4, bitshuffle",
    "grain": "blosc zstd, noshuffle",
    "noise": "uncompressed",
}


@pytest.mark.parametrize("kind", CHOSEN)
def test_the_fastest_codec_that_is_worth_it_is_chosen_and_said(kind: str, tmp_path: Path) -> None:
    plane = made(kind)
    index = write_image(tmp_path / "a", plane[None, None, None])
    assert codec_name(index.header.levels[0]) == CHOSEN[kind]
    told = json.loads((tmp_path / "a" / "zarr.json").read_text())["attributes"]["omero-jlab"]
    (level,) = told["levels"].values()
    assert level["codec"] == CHOSEN[kind]
    assert level["stored"] == 1.0 if kind == "noise" else level["stored"] <= 0.8
    reader = PixelReader(index, {"pixels": tmp_path / "a"})
    np.testing.assert_array_equal(reader.region(0, 0, 0, 0, 0, 0, 600, 520), plane)
    stored = zarr.open_array(tmp_path / "a" / "0", mode="r")
    np.testing.assert_array_equal(stored[0, 0, 0], plane)


def test_nothing_is_chosen_for_nothing() -> None:
    assert fastest_codec([]) is None


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_levels_have_the_mean_magnitude(dtype: str, tmp_path: Path, new_index: Any) -> None:
    from omero_jlab.model.chunks import LevelLayout

    random = np.random.default_rng(5)
    shape = (1, 1, 1, 3201, 300, 1)
    array = (random.normal(0, 1, shape) + 1j * random.normal(0, 1, shape)).astype(dtype)
    array.tofile(tmp_path / "a.bin")
    layout = LevelLayout(
        shape=shape, chunk=shape, dtype=dtype,
        codecs=(Codec(name="bytes", configuration={"endian": "little"}),),
    )  # fmt: skip
    index = new_index(tmp_path / "a.bin", layout, [0], [array.nbytes])
    made = build_pyramid(PixelReader(index, {"fileset": tmp_path}), tmp_path / "levels")
    reader = PixelReader(made, {"fileset": tmp_path, "pixels": tmp_path / "levels"})
    assert reader.levels == 3
    found = reader.region(1, 0, 0, 0, 0, 0, 1601, 150)
    assert found.dtype == dtype
    plane = array[0, 0, 0, :, :, 0]
    blocks = plane[:3200].reshape(1600, 2, 150, 2)
    np.testing.assert_allclose(np.abs(found[:1600]), np.abs(blocks).mean(axis=(1, 3)), rtol=1e-5)
    phase = np.angle(blocks.mean(axis=(1, 3)))
    turned = np.angle(found[:1600] * np.exp(-1j * phase))
    assert np.abs(turned).max() < 1e-3
    stored = zarr.open_array(tmp_path / "levels" / "1", mode="r")
    np.testing.assert_array_equal(stored[0, 0, 0], found)


@pytest.mark.parametrize("quality", [50, 76, 85, 92, 100])
@pytest.mark.parametrize("subsampling", ["444", "422", "420"])
def test_the_quality_of_a_jpeg_is_found(quality: int, subsampling: str) -> None:
    pixels = np.zeros((16, 16, 3), np.uint8)
    data = bytes(imagecodecs.jpeg8_encode(pixels, quality, subsampling=subsampling))
    assert quality_of(data, Codec(name="jpeg")) == (quality, subsampling)
    assert quality_of(b"\xff\xd8\xff\xd9", Codec(name="jpeg")) == (85, "420")


def slide(height: int, width: int) -> np.ndarray:
    """Smooth colours, as stained tissue has."""
    y, x = np.mgrid[:height, :width]
    planes = [160 + 30 * np.sin(y / 90), 130 + 14 * np.cos(x / 70), 126 + 12 * np.sin((x + y) / 99)]
    return np.stack(planes, axis=-1).astype("uint8")


@pytest.fixture(scope="module")
def jpeg_slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slide") / "slide.tif"
    tifffile.imwrite(
        path, slide(1301, 3301), photometric="ycbcr", compression="jpeg", subsampling=(2, 2),
        compressionargs={"level": 80}, tile=(256, 256),
    )  # fmt: skip
    return path


def test_a_jpeg_slide_gets_jpeg_levels_that_leave_as_they_are_stored(
    jpeg_slide: Path, tiff_index: Any, tmp_path: Path
) -> None:
    index = tiff_index(jpeg_slide)
    reader = PixelReader(index, {"fileset": jpeg_slide.parent, "pixels": tmp_path})
    made = build_pyramid(reader, tmp_path / "levels")
    assert made.header.levels[0] == index.header.levels[0], "the original serves its own tiles"
    names = [codec_name(level) for level in made.header.levels[1:]]
    assert names == ["jpeg, quality 80, 420"] * 2
    full = PixelReader(made, reader.roots)
    expected = reader.planes(0, 0, (0, 1, 2), 0, 0, 0, 1301, 3301)
    for level in (1, 2):
        expected = np.stack([mean(plane) for plane in expected])
        height, width = full.sizes(level)[3:]
        found = full.planes(level, 0, (0, 1, 2), 0, 0, 0, height, width)
        # Behind the edge the original's tiles are black, and that shines through.
        lost = np.abs(found.astype(int) - expected)[:, :-16, :-16]
        assert lost.mean() < 2 and lost.max() < 24
        picture = full.picture(level, 0, 0, 0, 256, 256, 256)
        assert picture is not None and picture[:2] == b"\xff\xd8"
        shown = np.moveaxis(imagecodecs.jpeg8_decode(picture), -1, 0)
        np.testing.assert_array_equal(shown, found[:, :256, 256:512])
        # Readers that know no JPEG get the same, packed with zstd.
        for zarr_format in (2, 3):
            view = ZarrLevel(full, level, zarr_format)  # type: ignore[arg-type]
            assert not view.passed and view.shape == (1, 3, 1, height, width)
            data = view.read("c/0/2/0/0/0" if zarr_format == 3 else "0/2/0/0/0")
            assert data is not None
            chunk = np.frombuffer(imagecodecs.zstd_decode(data), "u1").reshape(view.chunk[3:])
            part = found[2, : chunk.shape[0], : chunk.shape[1]]
            np.testing.assert_array_equal(chunk[: part.shape[0], : part.shape[1]], part)
    again = found_levels(tmp_path, "levels")
    assert again.header.levels == made.header.levels[1:]
    for level in (1, 2):
        np.testing.assert_array_equal(again.offset[level - 1], made.offset[level])
        np.testing.assert_array_equal(again.length[level - 1], made.length[level])


def test_a_lossless_picture_stays_so_and_a_copied_level_is_exact(
    tmp_path: Path, tiff_index: Any
) -> None:
    pixels = slide(3201, 1300)
    path = tmp_path / "one.tif"
    tifffile.imwrite(
        path, pixels, photometric="ycbcr", compression="jpeg", rowsperstrip=3201,
        compressionargs={"level": 90}, subsampling=(1, 1),
    )  # fmt: skip
    reader = PixelReader(tiff_index(path), {"fileset": tmp_path, "pixels": tmp_path / "p"})
    assert reader.level(0).heavy
    made = build_pyramid(reader, tmp_path / "p" / "levels")
    names = [codec_name(level) for level in made.header.levels]
    assert names[0].startswith("blosc") and names[1:] == ["jpeg, quality 90, 444"] * 2
    full = PixelReader(made, reader.roots)
    np.testing.assert_array_equal(
        full.planes(0, 0, (0, 1, 2), 0, 0, 0, 3201, 1300),
        reader.planes(0, 0, (0, 1, 2), 0, 0, 0, 3201, 1300),
    )
    zipped = tmp_path / "zipped.tif"
    tifffile.imwrite(zipped, pixels, photometric="rgb", compression="zlib", tile=(256, 256))
    reader = PixelReader(tiff_index(zipped), {"fileset": tmp_path})
    lossless = build_pyramid(reader, tmp_path / "levels")
    assert all(not codec_name(level).startswith("jpeg") for level in lossless.header.levels)


def test_pictures_are_written_as_jpeg_only_when_asked_for(tmp_path: Path) -> None:
    pixels = np.moveaxis(slide(700, 1100), -1, 0)[None, :, None]
    index = write_image(tmp_path / "a", pixels, codec=jpeg_codec(90, "444"))
    assert [codec_name(level) for level in index.header.levels] == ["jpeg, quality 90, 444"] * 2
    reader = PixelReader(index, {"pixels": tmp_path / "a"})
    found = reader.planes(0, 0, (0, 1, 2), 0, 0, 0, 700, 1100)
    assert np.abs(found.astype(int) - pixels[0, :, 0]).mean() < 1
    copied = write_image(tmp_path / "b", reader)
    assert codec_name(copied.header.levels[0]) != "jpeg, quality 90, 444"
    exact = PixelReader(copied, {"pixels": tmp_path / "b"})
    np.testing.assert_array_equal(exact.planes(0, 0, (0, 1, 2), 0, 0, 0, 700, 1100), found)
    for wrong in (pixels.astype("uint16"), pixels[:, :2]):
        with pytest.raises(Invalid, match="three channels of 8 bits"):
            write_image(tmp_path / "c", wrong, codec=jpeg_codec(90, "444"))


# -- blocks that others make


def lossy_read(reader: PixelReader, fail: bool, *where: int) -> np.ndarray:
    if fail and where[4] > 0:
        raise OSError("the worker is gone")
    return reader.region(0, *where)


@pytest.mark.parametrize("fail", [False, True])
def test_blocks_made_elsewhere_are_the_same(
    fail: bool, tmp_path: Path, tiff_index: Any, picture: Any
) -> None:
    array = picture((3, 300, 4100), "uint16")
    data = np.moveaxis(array, 0, -1).copy()
    tifffile.imwrite(
        tmp_path / "a.tif", data, photometric="rgb", compression="zlib", tile=(256, 256)
    )
    reader = PixelReader(tiff_index(tmp_path / "a.tif"), {"fileset": tmp_path})
    with ThreadPoolExecutor(2) as pool:

        def elsewhere(level: int) -> Elsewhere:
            assert level == 0
            read = partial(lossy_read, reader, fail)
            return Elsewhere(lambda function, *args: pool.submit(function, read, *args), 3)

        helped = build_pyramid(reader, tmp_path / "helped", elsewhere=elsewhere)
    alone = build_pyramid(reader, tmp_path / "alone")
    first, second = (
        PixelReader(index, {"fileset": tmp_path, "pixels": tmp_path / name})
        for index, name in ((helped, "helped"), (alone, "alone"))
    )
    assert first.levels == second.levels == 4
    for level in range(1, 4):
        height, width = first.sizes(level)[3:]
        where = (level, 0, (0, 1, 2), 0, 0, 0, height, width)
        np.testing.assert_array_equal(first.planes(*where), second.planes(*where))


def test_waiting_for_others_ends_with_a_cancel(tmp_path: Path, tiff_index: Any) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4000, 300), np.uint8), tile=(256, 256))
    reader = PixelReader(tiff_index(tmp_path / "a.tif"), {"fileset": tmp_path})

    class Never:
        cancelled = False

        def done(self) -> bool:
            return False

        def result(self, timeout: float) -> None:
            raise TimeoutError

        def cancel(self) -> None:
            self.cancelled = True

    futures: list[Never] = []

    def submit(*_: Any) -> Never:
        futures.append(Never())
        return futures[-1]

    with pytest.raises(Cancelled):
        build_pyramid(
            reader, tmp_path / "levels", cancelled=lambda: len(futures) > 1,
            elsewhere=lambda level: Elsewhere(submit, 1),
        )  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]
    assert futures[-1].cancelled
