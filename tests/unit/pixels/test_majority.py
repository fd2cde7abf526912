"""Labels at half the size: no new ones, and small objects stay as far as there is room."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from omero_jlab.pixels.halve import majority

PLANES = arrays(
    np.uint16, st.tuples(st.integers(1, 16), st.integers(1, 16)), elements=st.integers(0, 4)
)


@given(PLANES)
@settings(deadline=None, max_examples=80)
def test_each_pixel_is_one_of_its_four(plane: NDArray[np.uint16]) -> None:
    half = majority(plane)
    assert half.shape == tuple(-(-n // 2) for n in plane.shape)
    assert half.dtype == plane.dtype
    for row, column in np.ndindex(half.shape):
        four = plane[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        assert half[row, column] in four


def test_the_commonest_wins_and_an_object_before_the_background() -> None:
    plane = np.array([[1, 1, 0, 0], [2, 1, 0, 1], [0, 2, 2, 2], [2, 1, 0, 0]])
    assert majority(plane).tolist() == [[1, 0], [2, 2]]
    assert majority(np.array([[1, 1], [0, 0]])).tolist() == [[1]]
    assert majority(np.array([[0, 0], [0, 0]])).tolist() == [[0]]


def test_an_object_of_one_pixel_outlives_every_level() -> None:
    plane = np.zeros((512, 512), np.uint32)
    plane[::32, ::32] = np.arange(1, 257).reshape(16, 16)
    for _ in range(4):
        plane = majority(plane)
        assert len(np.unique(plane)) == 257
    crowded = np.ones((8, 8), np.uint8)
    crowded[3, 3] = 2
    assert 2 in majority(crowded)
    assert 1 in majority(crowded)


def test_labels_far_apart_are_kept_too() -> None:
    plane = np.zeros((64, 64), np.uint32)
    plane[5, 5], plane[40:60, 40:60] = 2**32 - 1, 7
    assert np.unique(majority(plane)).tolist() == [0, 7, 2**32 - 1]
