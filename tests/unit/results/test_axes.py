"""Arrays of any order of axes are brought into the image's, or refused with the way out."""

from __future__ import annotations

import json

import numpy as np
import pytest

from omero_jlab.errors import Invalid, NotFound
from omero_jlab.model import Placement, Sizes
from omero_jlab.results import StoredImage, checked_axes
from omero_jlab.results.axes import fit, from_axistags, ordered


def image(axes: str = "", placement: Placement | None = None, **sizes: int) -> StoredImage:
    full = {axis: sizes.get(axis, 1) for axis in "tczyx"}

    def no_plane(channel: str) -> np.ndarray:
        raise NotFound(channel)

    return StoredImage("cells.tif", Sizes(**full), no_plane, placement, axes)


def test_axistags_are_read_as_vigra_writes_them() -> None:
    def tags(*keys: str) -> str:
        return json.dumps({"axes": [{"key": k, "typeFlags": 2, "resolution": 0} for k in keys]})

    assert from_axistags(tags("t", "z", "y", "x", "c")) == "tzyxc"
    assert from_axistags(tags("x", "fx", "y")) == "x?y"
    for nonsense in ("", "[]", "{}", '{"axes": 3}', '{"axes": [3]}'):
        assert from_axistags(nonsense) == ""


@pytest.mark.parametrize(
    ("shape", "tags", "expected"),
    [
        ((40, 60), "", "yx"),
        ((40, 60, 1), "yxc", "yxc"),
        ((3, 40, 60), "", "tyx"),
        ((5, 40, 60), "", "zyx"),
        ((60, 40), "xy", "xy"),
        ((3, 60, 40, 5, 1), "txyzc", "txyzc"),
        ((1, 5, 40, 60), "", "tzyx"),
        ((1, 40, 60), "?yx", "?yx"),
    ],
)
def test_what_fits_is_taken(shape: tuple[int, ...], tags: str, expected: str) -> None:
    assert fit(shape, tags, image(t=3, z=5, y=40, x=60), "labels").axes == expected


@pytest.mark.parametrize(
    ("shape", "tags", "message"),
    [
        ((60, 40), "yx", r"y=60, x=40, but .* y=40, x=60.*z=5, t=3: .*axes='xy'"),
        ((60, 40), "", r"60 × 40 .* x and y exchanged.*axes='xy'"),
        ((5, 40, 60), "tyx", r"t=5.* it would fit with axes='zyx'"),
        ((41, 60), "", "placement"),
        ((40, 60, 2), "yxc", "placement"),
        ((2, 2, 2, 2, 2, 2), "", "too many axes"),
    ],
)
def test_what_does_not_fit_names_both_sizes(
    shape: tuple[int, ...], tags: str, message: str
) -> None:
    with pytest.raises(Invalid, match=message):
        fit(shape, tags, image(t=3, z=5, y=40, x=60), "labels")


def test_an_array_that_fits_in_two_ways_is_not_guessed() -> None:
    with pytest.raises(Invalid, match=r"several ways.*axes='zyx' or axes='tyx'"):
        fit((5, 40, 60), "", image(t=5, z=5, y=40, x=60), "labels")


def test_the_caller_decides() -> None:
    square = image("xy", y=40, x=40)
    assert fit((40, 40), "yx", square, "labels").axes == "xy"
    assert fit((40, 40, 1), "yxc", square, "labels").axes == "xy?"
    with pytest.raises(Invalid, match="names 2 axes"):
        fit((2, 2, 40), "", square, "labels")
    placed = image(placement=Placement(y=3, x=4), y=40, x=60)
    assert fit((7, 9), "", placed, "labels").axes == "yx"


def test_the_order_becomes_tczyx() -> None:
    array = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    assert np.array_equal(ordered(array, "xyzt")[:, 0], array.transpose(3, 2, 1, 0))
    assert ordered(array[:1], "?yxc").shape == (1, 5, 1, 3, 4)


def test_axes_are_checked() -> None:
    assert checked_axes("TZYX") == "tzyx"
    assert checked_axes("") == ""
    for wrong in ("y", "yy", "yxq", "zz"):
        with pytest.raises(Invalid, match="order of axes"):
            checked_axes(wrong)
