"""Gates of tables: drawn, kept, put together, and asked for exactly what they hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from omero_jlab.errors import Conflict, Denied, Invalid, NotFound
from omero_jlab.model import (
    ConditionGate,
    GroupType,
    PolygonGate,
    RangeGate,
    RectangleGate,
    Selection,
    gate_condition,
)
from omero_jlab.objects import Repository

from .conftest import World

RA = GroupType.READ_ANNOTATE
CORNERS = ((10.0, 0.1), (40.0, 0.1), (40.0, 0.9), (25.0, 0.4), (10.0, 0.9))
POLYGON = PolygonGate(x="area", y="Predicted `round`", points=CORNERS)


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    area = rng.uniform(0, 50, 400)
    area[::17] = np.nan
    return pd.DataFrame({"area": area, "Predicted `round`": rng.uniform(0, 1, 400)})


def slowly_inside(points: Any, corners: Any) -> Any:
    """A point at a time, by the crossings of a ray to the right."""
    found = []
    for x, y in points:
        odd = False
        for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
            if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
                odd = not odd
        found.append(odd)
    return np.array(found)


@pytest.fixture
def table_id(world: World) -> int:
    image = Repository(world.here("owner", RA)).image(world.image("owner", RA))
    return image.attach_table(frame(), name="nuclei").id


def test_a_polygon_holds_what_lies_inside(session_of: Any, table_id: int) -> None:
    session = session_of("owner", RA)
    gate = session.gates.put(table_id, 'big "round"', POLYGON, "ff8800")
    assert (gate.table_id, gate.name, gate.color) == (table_id, 'big "round"', "FF8800")
    assert gate.shape == POLYGON
    assert session.gates.list(table_id) == (gate,)
    expected = np.flatnonzero(slowly_inside(frame().to_numpy(), CORNERS))
    assert 20 < len(expected) < 300
    condition = gate_condition(gate.name)
    assert list(session.read_rows(table_id, Selection(condition=condition)).index) == list(expected)
    assert session.tables.count(table_id, condition) == len(expected)
    more = session.tables.count(table_id, f"{condition} & area > 30")
    assert more == (frame()["area"][expected] > 30).sum()


def test_gates_are_put_together(session_of: Any, table_id: int) -> None:
    session = session_of("owner", RA)
    big = RangeGate(x="area", low=20)
    box = RectangleGate(
        x="area", y="Predicted `round`", x_low=5, x_high=30, y_low=0.25, y_high=0.75
    )
    both = ConditionGate(condition='gate("big") & ~gate("box")')
    for name, shape in (("big", big), ("box", box), ("big, not in the box", both)):
        session.gates.put(table_id, name, shape)
    area, round_ = frame()["area"], frame()["Predicted `round`"]
    in_box = area.between(5, 30) & round_.between(0.25, 0.75)
    found = session.read_rows(table_id, Selection(condition=gate_condition("big, not in the box")))
    assert list(found.index) == list(np.flatnonzero((area >= 20) & ~in_box))
    with pytest.raises(Conflict, match="part of 'big, not in the box'"):
        session.gates.remove(session.gates.list(table_id)[0].id)
    with pytest.raises(Invalid, match="made of itself"):
        shape = ConditionGate(condition='gate("big, not in the box")')
        session.gates.put(table_id, "big", shape, version=1)


def test_neighbours_share_no_row_and_lose_none(session_of: Any, world: World) -> None:
    image = Repository(world.here("owner", RA)).image(world.image("owner", RA))
    numbers = np.arange(-2.0, 3.0)
    x, y = np.meshgrid(numbers, numbers)
    table = image.attach_table(pd.DataFrame({"x": x.ravel(), "y": y.ravel()}), "grid")
    session = session_of("owner", RA)
    for name, corners in {
        "left": ((-2.0, -2.0), (0.0, -2.0), (0.0, 2.0), (-2.0, 2.0)),
        "right": ((0.0, -2.0), (2.0, -2.0), (2.0, 2.0), (0.0, 2.0)),
    }.items():
        session.gates.put(table.id, name, PolygonGate(x="x", y="y", points=corners))
    left = session.read_rows(table.id, Selection(condition='gate("left")'))
    right = session.read_rows(table.id, Selection(condition='gate("right")'))
    assert set(left["x"]) == {-2, -1} and set(right["x"]) == {0, 1}
    assert set(left["y"]) == set(right["y"]) == {-2, -1, 0, 1}


def test_a_polygon_on_a_logarithmic_axis_has_straight_edges_there(
    session_of: Any, world: World
) -> None:
    image = Repository(world.here("owner", RA)).image(world.image("owner", RA))
    x = np.array([-1.0, 0.0, 1.5, 9.0, 20.0, 60.0, 90.0])
    table = image.attach_table(pd.DataFrame({"x": x, "y": np.full(7, 0.5)}), "t")
    session = session_of("owner", RA)
    corners = ((1.0, 0.0), (100.0, 1.0), (1.0, 1.0))
    session.gates.put(table.id, "linear", PolygonGate(x="x", y="y", points=corners))
    session.gates.put(table.id, "log", PolygonGate(x="x", y="y", points=corners, log_x=True))
    assert list(session.read_rows(table.id, Selection(condition='gate("linear")'))["x"]) == [
        1.5,
        9,
        20,
    ]
    assert list(session.read_rows(table.id, Selection(condition='gate("log")'))["x"]) == [1.5, 9]


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        (PolygonGate(x="aera", y="area", points=CORNERS), "did you mean 'area'"),
        (RangeGate(x="label", low=1), "no column"),
        (ConditionGate(condition='gate("nucelus")'), "no gate 'nucelus'"),
        (ConditionGate(condition='gate("new")'), "made of itself"),
        (ConditionGate(condition="area"), "no condition"),
        (ConditionGate(condition="inside(area, area, [1, 2, 3, 4])"), "three or more"),
        (ConditionGate(condition='inside(area, area, [1, 2, 3, 4, 5, 6], "log z")'), "log xy"),
        (ConditionGate(condition='inside(area, 3, [1, 2, 3, 4, 5, 6])'), "two columns"),
        (ConditionGate(condition="gate(area)"), "in quotes"),
    ],
)  # fmt: skip
def test_a_gate_that_means_nothing_is_refused(
    session_of: Any, table_id: int, shape: Any, told: str
) -> None:
    with pytest.raises(Invalid, match=told):
        session_of("owner", RA).gates.put(table_id, "new", shape)
    assert session_of("owner", RA).gates.list(table_id) == ()


def test_a_table_without_gates_says_so(session_of: Any, table_id: int) -> None:
    with pytest.raises(Invalid, match="the table has no gates"):
        session_of("owner", RA).tables.count(table_id, 'gate("big")')


def test_changes_are_based_on_what_was_read(session_of: Any, table_id: int) -> None:
    session = session_of("owner", RA)
    first = session.gates.put(table_id, "big", RangeGate(x="area", low=20))
    with pytest.raises(Conflict, match="another name"):
        session.gates.put(table_id, "big", POLYGON)
    second = session.gates.put(table_id, "big", POLYGON, version=first.version)
    assert (second.id, second.shape) == (first.id, POLYGON)
    with pytest.raises(Conflict):
        session.gates.put(table_id, "big", POLYGON, version=first.version)
    session.gates.remove(first.id)
    assert session.gates.list(table_id) == ()


def test_members_may_gate_what_they_may_annotate(
    session_of: Any, world: World, table_id: int
) -> None:
    owner, member = session_of("owner", RA), session_of("member", RA)
    theirs = owner.gates.put(table_id, "big", RangeGate(x="area", low=20))
    mine = member.gates.put(table_id, "small", RangeGate(x="area", high=5))
    assert [gate.name for gate in owner.gates.list(table_id)] == ["big", "small"]
    with pytest.raises(Denied):
        member.gates.put(table_id, "big", POLYGON, version=theirs.version)
    with pytest.raises(Denied):
        member.gates.remove(theirs.id)
    member.gates.remove(mine.id)
    for attempt in (
        lambda: session_of("outsider").gates.list(table_id),
        lambda: session_of("outsider").gates.remove(theirs.id),
    ):
        with pytest.raises(NotFound):
            attempt()
    read_only = GroupType.READ_ONLY
    image = Repository(world.here("owner", read_only)).image(world.image("owner", read_only))
    table = image.attach_table(frame(), "t")
    with pytest.raises(Denied):
        session_of("member", read_only).gates.put(table.id, "big", RangeGate(x="area", low=1))


def test_gates_go_and_come_back_with_their_table(session_of: Any, world: World) -> None:
    owner = session_of("owner", RA)
    image = world.image("owner", RA)
    table = Repository(owner).image(image).attach_table(frame(), "t")
    owner.gates.put(table.id, "big", RangeGate(x="area", low=20))
    owner.annotations.remove(table.id)
    with pytest.raises(NotFound):
        owner.gates.list(table.id)
    owner.graph.undelete(owner.graph.deletions()[0].id)
    assert [gate.name for gate in owner.gates.list(table.id)] == ["big"]
    owner.graph.delete("image", image, now=True)
    with pytest.raises(NotFound):
        owner.gates.list(table.id)


def test_the_cells_of_a_table_are_not_guessed(world: World, session_of: Any) -> None:
    image = Repository(world.here("owner", RA)).image(world.image("owner", RA))
    height, width = image.levels[0]
    table = image.attach_table(pd.DataFrame({"labelimage_oid": [1, 2, 3]}), name="objects")
    session = session_of("owner", RA)
    assert session.gates.cells(table.id).labels_id is None
    classes = np.zeros((height, width), np.uint8)
    classes[0, :2] = 1, 2
    image.attach_labels(classes, name="Predictions")
    told = session.gates.cells(table.id)
    assert (told.labels_id, told.label_column) == (None, "labelimage_oid")
    for labels in image.labels:
        labels.delete()
    classes[0, 2] = 3
    numbered = image.attach_labels(classes, name="segmentation")
    assert session.gates.cells(table.id).labels_id == numbered.id
    image.attach_labels(classes, name="others")
    assert session.gates.cells(table.id).labels_id is None
    same = image.attach_labels(classes, name="Objects")
    assert session.gates.cells(table.id).labels_id == same.id
