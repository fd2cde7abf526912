"""Regions of interest over an image."""

from __future__ import annotations

from typing import Any

import pytest

from omero_jlab.errors import Conflict, Denied, Invalid, NotFound
from omero_jlab.model import (
    Ellipse,
    GroupType,
    Label,
    Line,
    Point,
    Polygon,
    Polyline,
    Rectangle,
)

RA, RW = GroupType.READ_ANNOTATE, GroupType.READ_WRITE
CORNERS = ((0.0, 0.0), (4.0, 0.5), (3.0, 4.0))
EVERY = (
    Rectangle(x=1, y=2, width=3, height=4, t=0, c=0, z=2, text="nucleus"),
    Ellipse(x=1.5, y=2.5, radius_x=1, radius_y=0.5, stroke="FF0000FF", fill="FF000033"),
    Polygon(points=CORNERS),
    Polyline(points=CORNERS[:2]),
    Line(x1=0, y1=0, x2=-1, y2=9),
    Point(x=1, y=1),
    Label(x=1, y=1, text="here"),
)


def test_every_shape_comes_back_as_it_was_drawn(world: Any, session_of: Any) -> None:
    session, image = session_of("owner", RA), world.image("owner", RA)
    roi = session.shapes.add(image, EVERY, name="cell 1", description="by hand")
    assert (roi.name, roi.description, roi.image_id) == ("cell 1", "by hand", image)
    assert roi.shapes == EVERY
    second = session.shapes.add(image, EVERY[:1])
    assert session.shapes.list(image) == (roi, second)


@pytest.mark.parametrize(
    "shape",
    [
        Point(x=float("nan"), y=0),
        Line(x1=0, y1=0, x2=float("inf"), y2=0),
        Polygon(points=CORNERS[:2]),
        Polyline(points=CORNERS[:1]),
        Polygon(points=(*CORNERS, (float("nan"), 0.0))),
        Rectangle(x=0, y=0, width=-1, height=1),
        Ellipse(x=0, y=0, radius_x=1, radius_y=-1),
        Point(x=0, y=0, z=3),
        Point(x=0, y=0, t=-1),
        Point(x=0, y=0, stroke="red"),
    ],
    ids=repr,
)
def test_shapes_that_cannot_be_drawn_are_refused(world: Any, session_of: Any, shape: Any) -> None:
    session, image = session_of("owner", RA), world.image("owner", RA)
    with pytest.raises(Invalid, match="Shape 2"):
        session.shapes.add(image, (Point(x=0, y=0), shape))
    assert session.shapes.list(image) == ()


def test_a_region_without_shapes_is_refused(world: Any, session_of: Any) -> None:
    with pytest.raises(Invalid):
        session_of("owner", RA).shapes.add(world.image("owner", RA), ())


def test_changes_carry_versions(world: Any, session_of: Any) -> None:
    session = session_of("owner", RA)
    roi = session.shapes.add(world.image("owner", RA), EVERY[:1], name="old")
    moved = session.shapes.update(roi.id, roi.version, shapes=(Point(x=7, y=7),))
    assert (moved.name, moved.shapes) == ("old", (Point(x=7, y=7),))
    assert moved.version == roi.version + 1
    with pytest.raises(Conflict):
        session.shapes.update(roi.id, roi.version, name="late")


def test_names_are_edited_by_members_but_shapes_by_the_owner_only(
    world: Any, session_of: Any
) -> None:
    roi = session_of("owner", RW).shapes.add(world.image("owner", RW), EVERY)
    renamed = session_of("member", RW).shapes.update(roi.id, roi.version, name="nucleus 5")
    for user in ("member", "leader", "admin"):
        with pytest.raises(Denied, match="owner only"):
            session_of(user, RW).shapes.update(roi.id, renamed.version, shapes=EVERY[:1])
    assert session_of("owner", RW).shapes.list(roi.image_id)[0].shapes == EVERY


def test_removing(world: Any, session_of: Any) -> None:
    image = world.image("owner", RA)
    own = session_of("member", RA).shapes.add(image, EVERY[:1])
    other = session_of("owner", RA).shapes.add(image, EVERY[:1])
    with pytest.raises(Denied):
        session_of("member", RA).shapes.remove(other.id)
    session_of("member", RA).shapes.remove(own.id)
    assert session_of("owner", RA).shapes.list(image) == (other,)
    with pytest.raises(NotFound):
        session_of("member", RA).shapes.remove(own.id)


def test_the_image_must_be_there(session_of: Any) -> None:
    session = session_of("owner", RA)
    for image in (0, 10**6, 2**62):
        with pytest.raises(NotFound):
            session.shapes.list(image)
        with pytest.raises(NotFound):
            session.shapes.add(image, EVERY)
