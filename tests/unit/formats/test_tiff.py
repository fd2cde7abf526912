"""TIFF in the flavours that microscopes, ImageJ and scanners write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from reader_contract import ReaderContract, contents_of, pixels_of

from omero_jlab.errors import OmeroError, TooLarge
from omero_jlab.formats import plan, read


class TestImageJ(ReaderContract):
    format, suffix = "TIFF", ".tif"

    def write(self, path: Path, array: NDArray[Any]) -> None:
        # ImageJ's order of axes is TZCYX.
        tifffile.imwrite(path, array.transpose(0, 2, 1, 3, 4), imagej=True)


class TestImageJWithoutPagePerPlane(TestImageJ):
    """ImageJ writes one page for all planes where a file passes 4 GiB; so do some tools always."""

    def write(self, path: Path, array: NDArray[Any]) -> None:
        super().write(path, array)
        with tifffile.TiffFile(path) as tiff:
            first = tiff.pages.first
            after = first.offset + 2 + 12 * len(first.tags)
        data = bytearray(path.read_bytes())
        assert any(data[after : after + 4])
        data[after : after + 4] = bytes(4)
        path.write_bytes(data)


class TestStack(ReaderContract):
    """A stack without a word about its axes is a time series, as in Bio-Formats."""

    format, suffix = "TIFF", ".tif"
    shape = (5, 1, 1, 40, 30)

    def write(self, path: Path, array: NDArray[Any]) -> None:
        tifffile.imwrite(path, array[:, 0, 0], metadata=None)


class TestBigEndianBigTiff(TestStack):
    dtype = "float32"

    def write(self, path: Path, array: NDArray[Any]) -> None:
        tifffile.imwrite(
            path, array[:, 0, 0], metadata=None, byteorder=">", bigtiff=True, tile=(16, 32)
        )


class TestAxesGiven(ReaderContract):
    format, suffix = "TIFF", ".tif"

    def write(self, path: Path, array: NDArray[Any]) -> None:
        stored = array.transpose(1, 0, 2, 3, 4)
        tifffile.imwrite(path, stored, metadata={"axes": "CTZYX"}, compression="zlib")


def _plane(shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    values = np.random.default_rng(2).integers(0, 120, shape)
    smooth = np.sort(values, axis=1)
    return smooth.astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "float32"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("layout", [{"rowsperstrip": 7}, {"tile": (32, 16)}, {}])
@pytest.mark.parametrize(
    ("compression", "predictor"),
    [
        (None, False), ("lzw", False), ("lzw", True), ("packbits", False), ("zlib", True),
        ("zstd", False), ("zstd", True),
    ],
)  # fmt: skip
def test_every_encoding_decodes_to_what_was_written(
    tmp_path: Path,
    dtype: str,
    byteorder: Any,
    layout: dict[str, Any],
    compression: Any,
    predictor: bool,
) -> None:
    array = _plane((61, 53), dtype)
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, array, compression=compression, predictor=predictor, byteorder=byteorder, **layout
    )
    made, contents = contents_of(path, tmp_path)
    assert contents.transcode == ("",)
    assert np.array_equal(pixels_of(contents.indexes[0], made.root, tmp_path)[0, 0, 0], array)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("tile", [None, (32, 32)])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_colours_are_channels_of_one_picture(
    tmp_path: Path, planar: Any, tile: Any, compression: Any
) -> None:
    array = _plane((61, 53, 3), "uint8")
    path = tmp_path / "a.tif"
    stored = array if planar == "contig" else np.moveaxis(array, -1, 0)
    tifffile.imwrite(
        path, stored, photometric="rgb", planarconfig=planar, tile=tile, compression=compression
    )
    made, contents = contents_of(path, tmp_path)
    (image,) = contents.images
    assert image.is_rgb and image.sizes.c == 3
    found = pixels_of(contents.indexes[0], made.root, tmp_path)
    assert np.array_equal(np.moveaxis(found[0, :, 0], 0, -1), array)


def test_deep_colours_are_three_channels_with_windows(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, _plane((20, 30, 3), "uint16"), photometric="rgb")
    _, contents = contents_of(path, tmp_path)
    assert not contents.images[0].is_rgb
    assert [c.color for c in contents.images[0].channels] == ["FF0000", "00FF00", "0000FF"]


def test_transparency_is_no_channel(tmp_path: Path) -> None:
    array = _plane((20, 30, 4), "uint8")
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, array, photometric="rgb", extrasamples=["unassalpha"])
    _, contents = contents_of(path, tmp_path)
    assert contents.images[0].is_rgb and contents.images[0].sizes.c == 3
    index = contents.indexes[0]
    assert index is not None and index.header.levels[0].shape[5] == 4


@pytest.mark.parametrize("photometric", ["rgb", "ycbcr"])
def test_jpeg_tiles_are_left_as_they_are(tmp_path: Path, photometric: str) -> None:
    array = np.repeat(_plane((64, 96, 1), "uint8"), 3, axis=2)
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path,
        array,
        photometric="rgb",
        tile=(32, 32),
        compression="jpeg",
        compressionargs={"level": 90, "outcolorspace": photometric},
    )
    made, contents = contents_of(path, tmp_path)
    assert contents.transcode == ("",)
    index = contents.indexes[0]
    assert index is not None and index.header.levels[0].codecs[0].name == "jpeg"
    found = np.moveaxis(pixels_of(index, made.root, tmp_path)[0, :, 0], 0, -1)
    assert np.array_equal(found, tifffile.imread(path))


@pytest.mark.parametrize("compression", ["jpeg2000", "lerc", "png", "lzma"])
def test_other_codecs_are_transcoded(tmp_path: Path, compression: Any) -> None:
    array = _plane((700, 530), "uint16")
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, array, compression=compression, tile=(256, 128),
        compressionargs={"level": 0} if compression == "jpeg2000" else None,
    )  # fmt: skip
    made, contents = contents_of(path, tmp_path)
    assert contents.transcode[0]
    index = contents.indexes[0]
    assert index is not None and {f.root for f in index.header.files} == {"pixels"}
    assert np.array_equal(pixels_of(index, made.root, tmp_path)[0, 0, 0], tifffile.imread(path))
    assert read(made).indexes == (None,)


@pytest.mark.parametrize("bits", [1, 4, 12])
def test_packed_samples(tmp_path: Path, bits: int) -> None:
    array = _plane((33, 21), "uint16") % (1 << bits)
    path = tmp_path / "a.tif"
    stored = array.astype(bool) if bits == 1 else array.astype("uint8" if bits < 9 else "uint16")
    tifffile.imwrite(path, stored, bitspersample=bits, photometric="minisblack")
    made, contents = contents_of(path, tmp_path)
    assert np.array_equal(pixels_of(contents.indexes[0], made.root, tmp_path)[0, 0, 0], array)


@pytest.mark.parametrize("subifds", [True, False])
def test_the_levels_of_a_pyramid(tmp_path: Path, subifds: bool) -> None:
    array = _plane((256, 320), "uint16")
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        options: dict[str, Any] = {"tile": (64, 64), "compression": "zlib"}
        writer.write(array, subifds=2 if subifds else None, **options)
        for step in (2, 4):
            writer.write(array[::step, ::step], subfiletype=1, **options)
    made, contents = contents_of(path, tmp_path)
    assert len(contents.images) == 1
    for level, step in enumerate((1, 2, 4)):
        found = pixels_of(contents.indexes[0], made.root, tmp_path, level)[0, 0, 0]
        assert np.array_equal(found, array[::step, ::step])


def test_uncompressed_planes_are_cut_into_short_chunks(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, _plane((2000, 1500), "uint16"), rowsperstrip=2000)
    _, contents = contents_of(path, tmp_path)
    index = contents.indexes[0]
    assert index is not None and index.length[0].max() <= 1 << 18


def test_several_images_are_named_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(_plane((20, 30), "uint8"), metadata=None)
        writer.write(_plane((40, 35), "uint16"), metadata=None)
    _, contents = contents_of(path, tmp_path)
    assert len({image.name for image in contents.images}) == 2
    assert [image.sizes.x for image in contents.images] == [30, 35]


def test_pixel_sizes_and_names_of_imagej(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path,
        np.zeros((2, 3, 2, 8, 9), "uint16"),
        imagej=True,
        resolution=(1 / 0.25, 1 / 0.5),
        metadata={"axes": "TZCYX", "unit": "um", "spacing": 1.5, "finterval": 20},
    )
    _, contents = contents_of(path, tmp_path)
    (image,) = contents.images
    assert image.pixel_size_x_um == pytest.approx(0.25)
    assert image.pixel_size_y_um == pytest.approx(0.5)
    assert (image.pixel_size_z_um, image.time_step_s) == (1.5, 20)


@pytest.mark.parametrize(("resolution", "unit"), [((72, 72), 2), ((300, 300), 2), ((1, 1), 1)])
def test_a_printers_resolution_is_no_pixel_size(tmp_path: Path, resolution: Any, unit: int) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((8, 9), "uint8"), resolution=resolution, resolutionunit=unit)
    _, contents = contents_of(path, tmp_path)
    assert contents.images[0].pixel_size_x_um is None


def test_a_resolution_in_centimetres_is_one(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((8, 9), "uint8"), resolution=(20_000, 20_000), resolutionunit=3)
    _, contents = contents_of(path, tmp_path)
    assert contents.images[0].pixel_size_x_um == pytest.approx(0.5)


def _claim(path: Path, width: int, height: int) -> None:
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tags = tiff.pages.first.tags
        tags["ImageWidth"].overwrite(width)
        tags["ImageLength"].overwrite(height)
        tags["RowsPerStrip"].overwrite(height)


def test_a_claim_of_a_huge_chunk_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tif"
    tifffile.imwrite(path, np.zeros((100, 100), "uint8"), compression="zlib")
    _claim(path, 200_000, 200_000)
    with pytest.raises(TooLarge, match="GiB"):
        contents_of(path, tmp_path)


def test_a_claim_that_the_file_cannot_hold_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "short.tif"
    tifffile.imwrite(path, np.zeros((100, 100), "uint8"))
    _claim(path, 1000, 1000)
    with pytest.raises(OmeroError):
        contents_of(path, tmp_path)


def test_an_empty_or_foreign_tif_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty.tif").write_bytes(b"")
    (tmp_path / "text.tif").write_bytes(b"this is no image")
    reasons = [failure.reason for failure in plan([tmp_path]).failed]
    assert "empty" in reasons[0] and "no image by its content" in reasons[1]


def test_complex_numbers_are_read(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "fourier.tif", np.ones((20, 30), "complex64"))
    (made,) = plan([tmp_path]).plans
    (image,) = read(made).images
    assert image.dtype == "complex64"
