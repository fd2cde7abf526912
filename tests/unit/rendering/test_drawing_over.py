"""Grids, projections, colour profiles, and what is drawn over a picture."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms

from omero_jlab.errors import Invalid
from omero_jlab.model import ChannelSettings
from omero_jlab.rendering import (
    ValueCounts,
    annotate,
    draw_labels,
    draw_legend,
    draw_scale_bar,
    fast,
    loops,
    project,
    resample,
    round_length,
    to_srgb,
    was_chosen,
)

RANDOM = np.random.default_rng(11)


def average(plane: np.ndarray, top: float, left: float, down: float, across: float) -> float:
    """The mean over a rectangle, by sampling it finely."""
    y = np.clip(np.floor(top + (np.arange(400) + 0.5) / 400 * down), 0, plane.shape[0] - 1)
    x = np.clip(np.floor(left + (np.arange(400) + 0.5) / 400 * across), 0, plane.shape[1] - 1)
    return float(plane[np.ix_(y.astype(int), x.astype(int))].mean())


@pytest.mark.parametrize("steps", [(2.5, 3.0), (0.4, 0.3), (1.0, 1.0), (7.3, 0.9)])
def test_a_grid_averages_what_each_pixel_covers(steps: tuple[float, float]) -> None:
    planes = RANDOM.uniform(0, 100, (2, 40, 50))
    corner = 3.2, 1.7
    rows, columns = min(5, int(36 / steps[0])), min(6, int(48 / steps[1]))
    found = resample(planes, rows, columns, corner, steps)
    for c in (0, 1):
        for i in range(rows):
            for j in range(columns):
                place = corner[0] + i * steps[0], corner[1] + j * steps[1]
                assert found[c, i, j] == pytest.approx(average(planes[c], *place, *steps), abs=0.4)
    other = np.empty((rows, columns))
    loops.shrink(planes[0], *corner, *steps, other)
    np.testing.assert_allclose(found[0], other)
    assert fast.inner_loops() is not loops or found.dtype == np.float64


def test_grids_that_make_no_sense() -> None:
    planes = np.zeros((1, 4, 4), np.uint8)
    for rows, columns, steps in ((0, 1, (1, 1)), (1, 1, (0, 1)), (1, -1, (1, 1))):
        with pytest.raises(Invalid):
            resample(planes, rows, columns, (0, 0), steps)
    with pytest.raises(Invalid):
        resample(planes[0], 1, 1, (0, 0), (1, 1))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "uint32", "f2", "f4", "f8"])
@pytest.mark.parametrize("method", ["max", "mean", "sum", "min"])
def test_projections_are_numpys(dtype: str, method: str) -> None:
    info = np.iinfo(dtype) if dtype[0] != "f" else None
    stack = (
        RANDOM.normal(0, 9, (5, 6, 7)).astype(dtype)
        if info is None
        else RANDOM.integers(info.min, info.max, (5, 6, 7), dtype=dtype, endpoint=True)
    )
    found = project(iter(stack), method)
    expected = getattr(stack, method)(axis=0)
    assert found.dtype == expected.dtype
    if dtype[0] == "f":
        # Added up in double precision, and so nearer to the truth than numpy.
        expected = getattr(stack.astype(float), method)(axis=0).astype(dtype)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_first_plane_of_a_projection_is_not_written_to() -> None:
    stack = RANDOM.integers(0, 9, (3, 4, 4), dtype=np.uint16)
    before = stack.copy()
    project(list(stack), "max")
    assert np.array_equal(stack, before)


def test_projections_of_nothing_nan_and_complex() -> None:
    with pytest.raises(Invalid):
        project([], "max")
    with pytest.raises(Invalid, match="median"):
        project([np.zeros((2, 2))], "median")
    holes = np.array([[[1.0, np.nan]], [[3.0, 2.0]]])
    assert np.array_equal(project(holes, "max"), [[3.0, np.nan]], equal_nan=True)
    rotated = np.array([[[3 + 4j]], [[1j]]], np.complex64)
    assert project(rotated, "max").tolist() == [[5.0]]
    assert project(rotated, "mean").dtype == np.float32


def test_counts_of_complex_and_boolean_values() -> None:
    counts = ValueCounts(np.dtype(np.complex64))
    counts.add(np.array([3 + 4j, np.nan, 1], np.complex64))
    assert (counts.minimum, counts.maximum, counts.count) == (1, 5, 2)
    flags = ValueCounts(np.dtype(bool))
    flags.add(np.array([True, False, True]))
    assert (flags.percentile(50), flags.mean) == (1.0, pytest.approx(2 / 3))


@pytest.mark.parametrize(("width", "length"), [(100, 20), (41, 10), (3.9, 0.5), (1e6, 2e5), (8, 2)])
def test_scale_bars_have_round_lengths(width: float, length: float) -> None:
    assert round_length(width) == pytest.approx(length)


def test_a_scale_bar_is_as_long_as_it_says() -> None:
    picture = np.full((120, 300, 3), 40, np.uint8)
    drawn = draw_scale_bar(picture, 0.5, 60)
    white = (drawn == 255).all(axis=2)
    rows = np.flatnonzero(white.sum(axis=1) >= 120)
    assert (white[rows].sum(axis=1) == 120).all() and len(rows) == 2
    assert rows[-1] < 120 - 2 and np.flatnonzero(white[rows[0]])[-1] < 300 - 2
    assert (drawn[: rows[0]] > 150).any(), "its length stands above it"
    assert (picture == 40).all(), "the picture that was given stays"


def test_letters_that_a_font_lacks_are_spelt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotate, "_FONTS", ())
    assert annotate._spelt("α-Tubulin µm Δx é 核\n", False) == "alpha-Tubulin um Deltax e ?"
    picture = np.zeros((60, 200, 3), np.uint8)
    channel = ChannelSettings(start=0, end=1, color="00FF00")
    drawn = draw_legend(picture, ["α 核 \x00"], [channel])
    assert drawn.any() and not drawn[..., 0].any()


def test_a_legend_shows_a_table_as_a_strip() -> None:
    picture = np.zeros((90, 200, 3), np.uint8)
    table = np.zeros((256, 3), np.uint8)
    table[:, 0] = 77
    channel = ChannelSettings(start=0, end=1, lut="ours")
    drawn = draw_legend(picture, ["DNA"], [channel], {"ours": table})
    assert (drawn == (77, 0, 0)).all(axis=2).sum() > 50


def test_labels_are_opaque_only_as_asked() -> None:
    picture = np.full((2, 2, 3), 100, np.uint8)
    labels = np.array([[0, 1], [0, 0]])
    assert np.array_equal(draw_labels(picture, labels, 0.0), picture)
    assert (draw_labels(picture, labels, 1.0) != picture).any(axis=2).tolist() == [[0, 1], [0, 0]]
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(Invalid):
            draw_labels(picture, labels, wrong)
    with pytest.raises(Invalid):
        draw_labels(picture, labels[:1])


def test_colours_of_a_profile_become_srgb() -> None:
    picture = RANDOM.integers(0, 256, (9, 10, 3), dtype=np.uint8)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    same = to_srgb(picture, srgb.tobytes())
    assert np.abs(same.astype(int) - picture).max() <= 1
    # The same profile with red and blue changed over.
    data = bytearray(srgb.tobytes())
    tags = {bytes(data[i : i + 4]): i for i in range(132, 132 + 12 * data[131], 12)}
    red, blue = tags[b"rXYZ"], tags[b"bXYZ"]
    data[red + 4 : red + 12], data[blue + 4 : blue + 12] = (
        data[blue + 4 : blue + 12],
        data[red + 4 : red + 12],
    )
    changed = to_srgb(picture, bytes(data))
    assert np.abs(changed.astype(int) - picture[..., ::-1]).max() <= 2
    grey = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    for wrong in (b"", b"no profile", grey.tobytes()):
        with pytest.raises(Invalid, match="profile"):
            to_srgb(picture, wrong)


@pytest.mark.parametrize(
    ("start", "end", "dtype", "chosen"),
    [
        (0, 700, "uint16", True),
        (0, 65535, "uint16", False),
        (-32768, 32767, "int16", False),
        (0, 255, "uint8", True),
        (0, 1, "float32", True),
        (5, 5, "uint16", False),
        (None, 7, "uint16", False),
        (float("nan"), 7, "uint16", False),
    ],
)
def test_whole_ranges_are_nobodys_choice(
    start: float | None, end: float, dtype: str, chosen: bool
) -> None:
    assert was_chosen(start, end, dtype) is chosen


def test_a_tiff_has_its_sizes() -> None:
    from omero_jlab.rendering import encode_tiff

    pixels = RANDOM.integers(0, 256, (5, 6, 3), dtype=np.uint8)
    with Pillow.open(io.BytesIO(encode_tiff(pixels))) as picture:
        assert np.array_equal(np.asarray(picture), pixels)
