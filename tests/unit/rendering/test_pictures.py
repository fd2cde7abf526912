"""Encoding, thumbnails, colours of labels, and how an image is drawn at first."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from omero_jlab.errors import Invalid, TooLarge
from omero_jlab.model import Channel, ChannelSettings, Settings
from omero_jlab.rendering import (
    colorize_labels,
    default_colors,
    default_settings,
    encode,
    render,
    shrink,
    thumbnail,
)


def _smooth(height: int = 60, width: int = 90) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([y * 4, x * 2, (x + y)], axis=-1).astype(np.uint8)


@pytest.mark.parametrize(("format", "tolerance"), [("jpeg", 8), ("webp", 8), ("png", 0)])
def test_a_picture_can_be_read_back(format: str, tolerance: int) -> None:
    pixels = _smooth()
    data = encode(pixels, format, quality=95)  # type: ignore[arg-type]
    with Pillow.open(io.BytesIO(data)) as picture:
        assert picture.format == format.upper() and picture.mode == "RGB"
        found = np.asarray(picture)
    assert found.shape == pixels.shape
    assert np.abs(found.astype(int) - pixels).mean() <= tolerance


def test_jpeg_keeps_chroma_at_half_resolution_and_quality_counts() -> None:
    with Pillow.open(io.BytesIO(encode(_smooth(), "jpeg"))) as picture:
        assert [layer[1:3] for layer in picture.layer] == [(2, 2), (1, 1), (1, 1)]
    assert len(encode(_smooth(), "jpeg", 20)) < len(encode(_smooth(), "jpeg", 95))


def test_transparency_survives_where_the_format_has_it() -> None:
    pixels = colorize_labels(np.array([[0, 1], [2, 3]], np.uint8))
    with Pillow.open(io.BytesIO(encode(pixels, "png"))) as picture:
        assert (np.asarray(picture) == pixels).all()
    with Pillow.open(io.BytesIO(encode(pixels, "webp"))) as picture:
        assert (np.asarray(picture)[..., 3] == pixels[..., 3]).all()
    with pytest.raises(Invalid):
        encode(pixels, "jpeg")


def test_strided_pixels_are_encoded() -> None:
    pixels = _smooth()[::-2, ::3]
    for format in ("jpeg", "png", "webp"):
        assert encode(pixels, format) == encode(pixels.copy(), format)  # type: ignore[arg-type]


def test_what_cannot_be_encoded_is_refused() -> None:
    for wrong in (np.zeros((2, 2), np.uint8), np.zeros((2, 2, 3)), np.zeros((0, 2, 3), np.uint8)):
        with pytest.raises(Invalid):
            encode(wrong, "png")
    for quality in (0, 101):
        with pytest.raises(Invalid):
            encode(_smooth(), "jpeg", quality)
    with pytest.raises(Invalid, match="gif"):
        encode(_smooth(), "gif")  # type: ignore[arg-type]
    with pytest.raises(TooLarge, match="coarser"):
        encode(np.zeros((1, 20_000, 3), np.uint8), "webp")


def test_shrinking_is_the_average_of_the_area() -> None:
    planes = np.array([[[0, 4, 10], [8, 4, 30]]], np.uint16)
    assert shrink(planes, 1, 1).tolist() == [[[9]]]
    assert shrink(planes, 2, 1).tolist() == [[[5], [14]]]
    assert shrink(planes, 1, 2).tolist() == [[[4, 15]]]
    assert shrink(planes.astype(np.float64), 1, 2).tolist() == [[[4.0, 44 / 3]]]
    assert shrink(planes, 2, 3).tolist() == planes.tolist()
    assert shrink(np.array([[[True, False, True]]]), 1, 1).tolist() == [[[True]]]
    extreme = np.full((1, 2, 2), np.iinfo(np.uint64).max)
    assert shrink(extreme, 1, 1)[0, 0, 0] > 2**63
    half = shrink(np.full((1, 4, 4), 3, ">f2"), 2, 2)
    assert half.dtype == np.float16 and (half == 3).all()


@pytest.mark.parametrize(("height", "width"), [(0, 1), (1, 0), (3, 1), (1, 4)])
def test_shrinking_does_not_enlarge(height: int, width: int) -> None:
    with pytest.raises(Invalid):
        shrink(np.zeros((1, 2, 3), np.uint8), height, width)


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((200, 100), 96, (48, 96)),
        ((100, 200), 96, (96, 48)),
        ((20, 10), 96, (10, 20)),
        ((5000, 3), 96, (1, 96)),
    ],
)
def test_a_thumbnail_keeps_the_proportions(
    shape: tuple[int, int], size: int, expected: tuple[int, int]
) -> None:
    settings = Settings(channels=(ChannelSettings(start=0.0, end=255.0),))
    data = thumbnail(np.full((1, *shape), 200, np.uint8), settings, size)
    with Pillow.open(io.BytesIO(data)) as picture:
        assert picture.format == "JPEG" and picture.size == expected
        assert abs(int(np.asarray(picture).mean()) - 200) <= 2


def test_a_thumbnail_of_nothing_is_refused() -> None:
    settings = Settings(channels=(ChannelSettings(start=0.0, end=255.0),))
    with pytest.raises(Invalid):
        thumbnail(np.zeros((1, 0, 5), np.uint8), settings)
    with pytest.raises(Invalid):
        thumbnail(np.zeros((1, 5, 5), np.uint8), settings, 0)


def test_the_demo_plate_is_drawn_with_its_nuclei_in_blue(demo_plate: Path) -> None:
    planes = np.stack(
        [tifffile.imread(demo_plate / "images" / f"A01_s1_{c}.tif") for c in ("DNA", "ER")]
    )
    colors = default_colors(("DNA", "ER"))
    assert colors == ("0000FF", "00FF00")
    channels = tuple(
        Channel(name="", color=c, window_start=float(p.min()), window_end=float(p.max()))
        for c, p in zip(colors, planes, strict=True)
    )
    picture = render(planes, default_settings(channels, is_rgb=False))
    assert not picture[..., 0].any()
    brightest = np.unravel_index(planes[0].argmax(), planes[0].shape)
    assert picture[brightest][2] == 255 == picture[..., 2].max()


def _label_color(label: int) -> list[int]:
    """The documented formula, one label at a time."""
    h = label * 2654435769 % 2**32
    hue = ((h >> 16) * 1536) >> 16
    found = []
    for primary in (0, 512, 1024):
        k = (hue + 1536 - primary) % 1536
        full = min(max(511 - min(k, 1536 - k), 0), 255)
        found.append(64 + (full * 3 >> 2))
    return [*found, 255]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "uint32", "int64", ">u4"])
def test_labels_have_the_documented_colours(dtype: str) -> None:
    top = min(int(np.iinfo(dtype).max), 2**32 - 1)
    labels = np.array([[0, 1, 2, 3], [50, 100, top - 1, top]], dtype)
    found = colorize_labels(labels)
    assert found.shape == (2, 4, 4) and found.dtype == np.uint8
    assert found[0, 0].tolist() == [0, 0, 0, 0]
    wanted = [_label_color(int(each)) for each in labels.flat[1:]]
    assert found.reshape(-1, 4)[1:].tolist() == wanted


def test_neighbouring_labels_differ_clearly() -> None:
    colors = colorize_labels(np.arange(1, 2001, dtype=np.uint32)[None])[0, :, :3].astype(int)
    for apart in (1, 2):
        assert np.abs(colors[apart:] - colors[:-apart]).max(axis=1).min() > 60


def test_labels_are_integers_in_a_plane() -> None:
    for wrong in (np.zeros((2, 2)), np.zeros(3, np.uint8)):
        with pytest.raises(Invalid):
            colorize_labels(wrong)


@pytest.mark.parametrize(
    ("names", "waves", "colors"),
    [
        (("anything",), (461.0,), ("FFFFFF",)),
        (("a", "b", "c"), (461.0, 520.0, 590.0), ("0000FF", "00FF00", "FF0000")),
        (("a", "b"), (590.0, 670.0), ("FF0000", "FF00FF")),
        (("DAPI", "GFP", "mCherry"), None, ("0000FF", "00FF00", "FF0000")),
        (("Hoechst 33342", "Alexa Fluor 488", "Cy5"), None, ("0000FF", "00FF00", "FF00FF")),
        (("GFP", "x", "y"), (math.nan, None, -1.0), ("00FF00", "0000FF", "FF0000")),
        (("x", "y", "DNA"), None, ("00FF00", "FF0000", "0000FF")),
        (("GFP", "FITC"), None, ("00FF00", "0000FF")),
        (("Brightfield", "Phase", "DAPI"), None, ("FFFFFF", "FFFFFF", "0000FF")),
        (("orienter", "sirius"), None, ("0000FF", "00FF00")),
        ((), None, ()),
    ],
)
def test_colours_by_wavelength_then_name_then_turn(
    names: tuple[str, ...], waves: tuple[float | None, ...] | None, colors: tuple[str, ...]
) -> None:
    assert default_colors(names, waves) == colors


def test_many_unknown_channels_all_get_a_colour() -> None:
    found = default_colors(tuple(f"c{i}" for i in range(20)))
    assert len(found) == 20 and len(set(found[:8])) == 8


def test_first_settings_show_three_channels_and_never_an_empty_window() -> None:
    windows = [(0.0, 10.0), (5.0, 5.0), (math.nan, math.nan), (9.0, 3.0), (1e17, 1e17)]
    channels = tuple(
        Channel(name="", color="00FF00", window_start=a, window_end=b) for a, b in windows
    )
    found = default_settings(channels, is_rgb=False)
    assert [each.active for each in found.channels] == [True, True, True, False, False]
    assert (found.channels[0].start, found.channels[0].end) == (0.0, 10.0)
    assert (found.channels[1].start, found.channels[1].end) == (5.0, 6.0)
    shown = found.model_copy(
        update={"channels": tuple(c.model_copy(update={"active": True}) for c in found.channels)}
    )
    render(np.zeros((5, 1, 1), np.float32), shown)


def test_an_rgb_picture_is_drawn_whole() -> None:
    channels = (Channel(name="", color="FF0000", window_start=0.0, window_end=255.0),) * 3
    assert default_settings(channels, is_rgb=True).is_rgb
