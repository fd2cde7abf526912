"""A placing puts a derived picture back where its pixels came from."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from omero_jlab.results.geometry import ORIENTATIONS, Frame, Placing
from omero_jlab.results.intensities import Evidence, agrees, locate

_STEP = st.tuples(st.sampled_from(["crop", "mirror", "turn"]), st.integers(0, 2**16))


@settings(deadline=None)
@given(st.integers(4, 20), st.integers(4, 20), st.lists(_STEP, max_size=6))
def test_any_chain_of_cuts_mirrors_and_turns_is_undone(
    height: int, width: int, steps: list[tuple[str, int]]
) -> None:
    image = np.arange(height * width).reshape(height, width)
    picture, frame = image, Frame((height, width))
    for kind, seed in steps:
        random = np.random.default_rng(seed)
        if kind == "crop":
            top, left = (int(random.integers(0, n)) for n in picture.shape)
            bottom = int(random.integers(top + 1, picture.shape[0] + 1))
            right = int(random.integers(left + 1, picture.shape[1] + 1))
            picture = picture[top:bottom, left:right]
            frame = frame.crop(top, left, bottom, right)
        elif kind == "mirror":
            vertically, horizontally = seed % 2 == 1, seed % 3 == 1
            picture = picture[::-1] if vertically else picture
            picture = picture[:, ::-1] if horizontally else picture
            frame = frame.mirror(vertically=vertically, horizontally=horizontally)
        else:
            picture = np.rot90(picture, seed % 4)
            frame = frame.turn(seed % 4)
    placing = frame.placing()
    assert frame.size == picture.shape
    assert not placing.is_resized
    upright = placing.orientation.apply(picture)
    y, x = int(placing.placement.y), int(placing.placement.x)
    assert np.array_equal(upright, image[y : y + upright.shape[0], x : x + upright.shape[1]])


def test_a_resized_cut_covers_the_same_part() -> None:
    placing = Frame((100, 200)).crop(10, 20, 90, 180).resize((40, 40)).placing()
    place = placing.placement
    assert (place.y, place.x, place.scale_y, place.scale_x) == (10, 20, 2, 4)
    mirrored = Frame((100, 200)).resize((50, 50)).mirror(vertically=False, horizontally=True)
    assert mirrored.crop(0, 0, 50, 10).placing().placement.x == 160


@settings(deadline=None)
@given(
    st.integers(0, 2**16),
    st.sampled_from(ORIENTATIONS),
    st.integers(0, 15),
    st.integers(0, 15),
    st.integers(1, 12),
)
def test_labels_are_found_where_they_were_cut_out(
    seed: int, orientation_index: object, y: int, x: int, count: int
) -> None:
    orientation = next(o for o in ORIENTATIONS if o == orientation_index)
    random = np.random.default_rng(seed)
    plane = random.integers(0, 65536, (40, 45)) / 65535
    upright = random.integers(0, count + 1, (20, 25))
    part = plane[y : y + 20, x : x + 25]
    numbers = np.arange(1, count + 1)
    means, deviations = (
        np.array([f(part[upright == n]) if (upright == n).any() else np.nan for n in numbers])
        for f in (np.mean, np.std)
    )
    evidence = Evidence("DNA", True, plane, numbers, means, deviations=deviations)
    labels = _turned_away(upright, orientation)
    expected = Placing.at(y, x, orientation)
    assert agrees(labels, expected, evidence)
    assert agrees(labels, Placing.at(y + 1, x, orientation), evidence) is False
    found = locate(labels, [evidence])
    # What was measured of one or two objects may be so elsewhere, too; then no place is proved.
    assert found == [expected] if count > 2 else expected in found


def _turned_away(upright: np.ndarray, orientation: object) -> np.ndarray:
    """The picture that `orientation` sets upright again."""
    picture = upright[:, ::-1] if orientation.flip_x else upright
    picture = picture[::-1] if orientation.flip_y else picture
    return picture.T if orientation.transpose else picture
