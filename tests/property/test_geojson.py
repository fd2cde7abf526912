"""Regions written as GeoJSON come back with the same names, planes and pixels."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from omero_jlab.model import (
    Ellipse,
    Label,
    Line,
    Mask,
    NewRoi,
    Point,
    Polygon,
    Polyline,
    Rectangle,
    Shape,
)
from omero_jlab.results.confined import unpack
from omero_jlab.results.qupath.reading import read_geojson
from omero_jlab.results.regions import rois_from_array
from omero_jlab.shapes import features_of, mask_of, outlines, rasterised

SIZE = (16, 16)
PLACE = st.integers(-24, 120).map(lambda n: n / 8)
LENGTH = st.integers(1, 60).map(lambda n: n / 8)
# One pixel, several parts, holes, parts that touch at a corner, at the border of the image.
PLANES = arrays(
    np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 1)
)


def polygons(plane: Any) -> tuple[Shape, ...]:
    return tuple(
        Polygon(
            points=tuple(map(tuple, part.points.astype(float).tolist())),
            holes=tuple(tuple(map(tuple, hole.astype(float).tolist())) for hole in part.holes),
        )
        for _, parts in outlines(plane)
        for part in parts
    )


AREAS = st.one_of(
    st.builds(Rectangle, x=PLACE, y=PLACE, width=LENGTH, height=LENGTH).map(lambda s: (s,)),
    PLANES.filter(np.any).map(polygons),
    st.tuples(PLANES.filter(np.any), st.integers(-3, 12), st.integers(-3, 12)).map(
        lambda told: (mask_of(*told),)
    ),
)
EXACT = st.one_of(
    st.builds(Point, x=PLACE, y=PLACE),
    st.builds(Line, x1=PLACE, y1=PLACE, x2=PLACE, y2=PLACE),
    st.builds(
        Polyline, points=st.lists(st.tuples(PLACE, PLACE), min_size=3, max_size=6).map(tuple)
    ),
)
NAMES = st.one_of(st.just("two\nlines"), st.just('"quoted", größer'), st.text(max_size=9))


def again(rois: list[NewRoi]) -> list[NewRoi]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.geojson"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": [*features_of(rois)]}))
        told, read = unpack(read_geojson(str(path), (3, 4)))
    assert not told["notes"]
    return [roi for i in range(len(told["kinds"])) for roi in rois_from_array(read[f"rois{i}"])]


def pixels(shapes: tuple[Shape, ...]) -> Any:
    plane = np.zeros(SIZE, np.uint8)
    rasterised(shapes, [1] * len(shapes), SIZE).paint(plane)
    return plane


@given(AREAS, NAMES)
@settings(deadline=None, max_examples=60)
def test_areas_hold_the_same_pixels(shapes: tuple[Shape, ...], name: str) -> None:
    (roi,) = again([NewRoi(name=name, shapes=shapes)])
    assert roi.name == name
    assert np.array_equal(pixels(roi.shapes), pixels(shapes))


@given(st.lists(EXACT, min_size=1, max_size=3).map(tuple))
@settings(deadline=None, max_examples=40)
def test_points_and_lines_are_the_same(shapes: tuple[Shape, ...]) -> None:
    (roi,) = again([NewRoi(shapes=shapes)])
    # QuPath has no objects on all planes: they come back on the first.
    assert [shape.model_copy(update={"t": None, "z": None}) for shape in roi.shapes] == [*shapes]


@given(PLACE, PLACE, LENGTH, LENGTH)
@settings(deadline=None, max_examples=40)
def test_ellipses_stay_ellipses(x: float, y: float, across: float, down: float) -> None:
    (roi,) = again([NewRoi(shapes=(Ellipse(x=x, y=y, radius_x=across, radius_y=down),))])
    (found,) = roi.shapes
    assert isinstance(found, Ellipse)
    told = (found.x, found.y, found.radius_x, found.radius_y)
    assert np.allclose(told, (x, y, across, down), atol=1e-9)


def test_planes_colours_and_texts() -> None:
    roi = NewRoi(
        name="",
        shapes=(
            Label(x=1, y=2, z=1, z_last=2, t=2, text="a note", stroke="FF8000FF"),
            Point(x=3, y=4),
        ),
    )
    first, second, third = again([roi])
    assert [shape.z for each in (first, second) for shape in each.shapes] == [1, 2]
    assert {(each.name, each.shapes[0].t, each.shapes[0].stroke) for each in (first, second)} == {
        ("a note", 2, "FF8000FF")
    }
    assert third.shapes[0] == Point(x=3, y=4, t=0, z=0)
    empty = Mask(x=0, y=0, width=2, height=2, bits="AA==")
    assert list(features_of([NewRoi(shapes=(empty,))])) == []
