"""Labels, their outlines and their pixels are the same thing, whatever the labels are."""

from __future__ import annotations

from math import floor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from omero_jlab.model import Ellipse, Line, Polygon, Polyline, Rectangle, Shape
from omero_jlab.shapes import (
    Outline,
    Outlines,
    bits_of,
    extent_of,
    joined,
    mask_of,
    outlines,
    rasterised,
    spans_of_labels,
)

Labels = NDArray[np.int64]
PLANES = arrays(
    np.int64, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 3)
)
COORDINATE = st.one_of(
    st.integers(-3, 14).map(float), st.floats(-5, 16), st.sampled_from([-1e90, 1e90])
)
POINTS = st.lists(st.tuples(COORDINATE, COORDINATE), min_size=3, max_size=8).map(tuple)


def polygon(part: Outline) -> Polygon:
    holes = tuple(tuple((float(x), float(y)) for x, y in ring) for ring in part.holes)
    return Polygon(points=tuple((float(x), float(y)) for x, y in part.points), holes=holes)


def painted(shapes: list[tuple[int, Shape]], labels: Labels) -> Labels:
    plane = np.zeros_like(labels)
    rasterised([s for _, s in shapes], [n for n, _ in shapes], plane.shape).paint(plane)
    return plane


@given(PLANES)
@settings(deadline=None, max_examples=60)
def test_outlines_drawn_again_are_the_labels(labels: Labels) -> None:
    found = list(outlines(labels))
    assert [label for label, _ in found] == sorted(set(labels.ravel().tolist()) - {0})
    shapes = [(label, polygon(part)) for label, parts in found for part in parts]
    assert np.array_equal(painted(shapes, labels), labels)
    for _, parts in found:
        for part in parts:
            steps = np.diff(np.concatenate([part.points, part.points[:1]]), axis=0)
            assert (np.count_nonzero(steps, axis=1) == 1).all(), "along the borders of pixels"


@given(PLANES, st.integers(1, 5))
@settings(deadline=None, max_examples=60)
def test_bands_of_rows_give_the_same_outlines(labels: Labels, rows: int) -> None:
    def told(found: Any) -> Any:
        return [
            (n, [(p.points.tolist(), [h.tolist() for h in p.holes]) for p in parts])
            for n, parts in found
        ]

    banded = Outlines(labels.shape[1])
    early = []
    for top in range(0, len(labels), rows):
        banded.add(labels[top : top + rows])
        # An object is whole when the row after its last has come.
        gone = set(labels[:top].ravel()) - set(labels[max(0, top + rows - 1) :].ravel()) - {0}
        if top + rows < len(labels):
            early += told(banded.take(np.array(sorted(gone), np.int64)))
    banded.end()
    assert sorted(early + told(banded.take())) == told(outlines(labels))


@given(PLANES)
@settings(deadline=None, max_examples=60)
def test_spans_and_masks_are_the_labels(labels: Labels) -> None:
    again = np.zeros_like(labels)
    spans_of_labels(labels).paint(again)
    assert np.array_equal(again, labels)
    for label in set(labels.ravel().tolist()) - {0}:
        mask = mask_of(labels == label, y=5, x=7, z=1)
        there = np.zeros((20, 20), bool)
        there[int(mask.y) :, int(mask.x) :][: mask.height, : mask.width] = bits_of(mask)
        assert np.array_equal(there[5:, 7:][: labels.shape[0], : labels.shape[1]], labels == label)
        assert np.array_equal(painted([(1, mask)], there.astype(np.int64)), there)


SQUARE = 0.001


def crossed(x0: float, y0: float, x1: float, y1: float, x: float, y: float) -> bool:
    """Whether an edge goes through the square from (x, y) on, as AWT's `rectCrossings` asks."""
    right, low = x + SQUARE, y + SQUARE
    if min(y0, y1) >= low or max(y0, y1) <= y or min(x0, x1) >= right or max(x0, x1) <= x:
        return False
    if (x < x0 < right and y < y0 < low) or (x < x1 < right and y < y1 < low):
        return True
    at = [x0, x1]
    for which, here in enumerate((y0, y1)):
        if here < y:
            at[which] += (y - here) * (x1 - x0) / (y1 - y0)
        elif here > low:
            at[which] += (low - here) * (x1 - x0) / (y1 - y0)
    return not (max(at) <= x or min(at) >= right)


def meets(shape: Shape, x: float, y: float, k: int, j: int) -> bool:
    """Whether a shape reaches into the square at (x, y), j steps down and k right of its box."""
    match shape:
        case Rectangle():
            return k < shape.width and j < shape.height
        case Ellipse():
            near = []
            for steps, length in ((k, 2 * shape.radius_x), (j, 2 * shape.radius_y)):
                begin = steps / length - 0.5
                end = begin + SQUARE / length
                near.append(begin if begin > 0 else end if end < 0 else 0.0)
            return near[0] ** 2 + near[1] ** 2 < 0.25
        case Polygon():
            inside = False
            for ring in (shape.points, *shape.holes):
                for (x0, y0), (x1, y1) in zip(ring, (*ring[1:], ring[0]), strict=True):
                    if crossed(x0, y0, x1, y1, x, y):
                        return True
                    if y0 > y1:
                        x0, y0, x1, y1 = x1, y1, x0, y0
                    if y0 <= y < y1 and x0 + (y - y0) / (y1 - y0) * (x1 - x0) <= x:
                        inside = not inside
            return inside
    raise AssertionError(shape)


def omeros(shape: Shape) -> Labels:
    """The pixels of a shape, place by place as `SmartShape.pointsByBoundingBox` goes over them."""
    box = extent_of([shape])
    plane = np.zeros((12, 13), np.int64)
    for row in range(12):
        for column in range(13):
            j, k = row - floor(box.top), column - floor(box.left)
            y, x = box.top + j, box.left + k
            within = j >= 0 and k >= 0 and y < box.bottom and x < box.right
            # OMERO has no holes, nor any that reach out of their polygon.
            if within or getattr(shape, "holes", ()):
                plane[row, column] = meets(shape, x, y, k, j)
    return plane


SIZES = st.one_of(st.integers(0, 9).map(float), st.floats(0, 20))
AREAS = st.one_of(
    st.builds(Rectangle, x=COORDINATE, y=COORDINATE, width=SIZES, height=SIZES),
    st.builds(
        Ellipse,
        x=st.integers(-3, 14).map(float),
        y=st.integers(-3, 14).map(float),
        radius_x=st.integers(0, 9).map(lambda n: n + 0.25),
        radius_y=st.integers(0, 9).map(lambda n: n + 0.25),
    ),
    st.builds(Polygon, points=POINTS, holes=st.lists(POINTS, max_size=1).map(tuple)),
)


# Eighths: their sums and differences are exact, so that both ways meet the same borders.
EIGHTHS = st.integers(-40, 120).map(lambda n: n / 8)
CORNERS = st.lists(st.tuples(EIGHTHS, EIGHTHS), min_size=3, max_size=8).map(tuple)
EXACT = st.one_of(
    st.builds(
        Rectangle,
        x=EIGHTHS,
        y=EIGHTHS,
        width=EIGHTHS.filter(lambda n: n >= 0),
        height=EIGHTHS.filter(lambda n: n >= 0),
    ),
    st.builds(
        Ellipse,
        x=EIGHTHS,
        y=EIGHTHS,
        radius_x=EIGHTHS.filter(lambda n: n > 0),
        radius_y=EIGHTHS.filter(lambda n: n > 0),
    ),
    st.builds(Polygon, points=CORNERS, holes=st.lists(CORNERS, max_size=1).map(tuple)),
)


@given(EXACT)
@settings(deadline=None, max_examples=150)
def test_a_shape_holds_the_pixels_that_omeros_server_takes(shape: Shape) -> None:
    assert np.array_equal(painted([(1, shape)], np.zeros((12, 13), np.int64)), omeros(shape))


LINES = st.one_of(
    st.builds(Line, x1=COORDINATE, y1=COORDINATE, x2=COORDINATE, y2=COORDINATE),
    st.builds(Polyline, points=POINTS),
)


@given(st.lists(st.one_of(AREAS, LINES), min_size=1, max_size=4), st.integers(3, 7))
@settings(deadline=None, max_examples=60)
def test_parts_of_a_plane_have_the_same_pixels(shapes: list[Shape], side: int) -> None:
    owners = [1 + number // 2 for number in range(len(shapes))]
    whole = rasterised(shapes, owners, (12, 13))
    parts = []
    for top in range(0, 12, side):
        for left in range(0, 13, side):
            size = (min(side, 12 - top), min(side, 13 - left))
            part = rasterised(shapes, owners, size, (top, left))
            inside = whole.within(top, left, *size)
            assert all(map(np.array_equal, part, inside))
            parts.append(part.moved(top, left))
    assert joined(parts).pixels == whole.pixels


@pytest.mark.parametrize(
    ("shape", "rows"),
    [
        (Rectangle(x=1, y=0, width=2, height=1), [[0, 1, 1, 0]]),
        (Rectangle(x=0.5, y=-1, width=1, height=9), [[1, 0, 0, 0], [1, 0, 0, 0]]),
        (Rectangle(x=0.5, y=0, width=1.2, height=1), [[1, 1, 0, 0]]),
        (Ellipse(x=1, y=1, radius_x=1, radius_y=1), [[0, 1, 0], [1, 1, 0], [0, 0, 0]]),
        (Ellipse(x=1.5, y=1.5, radius_x=1, radius_y=1), [[0, 1, 0], [1, 1, 0], [0, 0, 0]]),
        (Line(x1=0, y1=0, x2=2.9, y2=1.5), [[1, 1, 0], [0, 1, 1]]),
        (Line(x1=0, y1=0, x2=1.95, y2=0), [[1, 1, 1, 0]]),
        (Polygon(points=((0, 0), (2, 0), (2, 2), (0, 2))), [[1, 1, 0], [1, 1, 0], [0, 0, 0]]),
        (Polygon(points=((0, 0), (3, 3), (0, 3))), [[1, 0, 0], [1, 1, 0], [1, 1, 1]]),
        (Polygon(points=((0, 0), (3, 3), (3, 0))), [[1, 1, 1], [0, 1, 1], [0, 0, 1]]),
    ],
)
def test_by_hand(shape: Shape, rows: list[list[int]]) -> None:
    plane = np.array(rows)
    assert np.array_equal(painted([(1, shape)], plane), plane)


def test_parts_holes_and_islands_belong_together() -> None:
    labels = np.ones((9, 9), np.int64)
    labels[1:8, 1:8] = 0
    labels[3:6, 3:6] = 1
    labels[4, 4] = 2
    (one, parts), (two, (core,)) = outlines(labels)
    assert (one, two) == (1, 2)
    assert [len(part.holes) for part in parts] == [1, 1]
    assert parts[0].holes[0].min() == 1
    assert parts[1].points.tolist() == [[3, 3], [6, 3], [6, 6], [3, 6]]
    assert core.points.tolist() == [[4, 4], [5, 4], [5, 5], [4, 5]]
