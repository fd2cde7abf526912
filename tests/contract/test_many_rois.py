"""Many regions at once: written as one, found by place, counted, drawn as far as they can be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select

from omero_jlab.database import RoiRow
from omero_jlab.errors import Conflict, Denied, Invalid, NotFound
from omero_jlab.model import Ellipse, GroupType, NewRoi, Point, Polygon, Rectangle

PRIVATE, RA, RW = GroupType.PRIVATE, GroupType.READ_ANNOTATE, GroupType.READ_WRITE


def spread(count: int, side: float, seed: int = 0) -> tuple[NewRoi, ...]:
    """Rectangles of every size, everywhere."""
    chance = np.random.default_rng(seed)
    y, x = chance.uniform(-20, side, (2, count)).round(2)
    height, width = (2 ** chance.uniform(0, 11, (2, count))).round(2)
    return tuple(
        NewRoi(
            name=f"cell {i}",
            shapes=(Rectangle(y=y[i], x=x[i], height=height[i], width=width[i], z=i % 3),),
        )
        for i in range(count)
    )


def reaches(roi: NewRoi, region: tuple[float, float, float, float]) -> bool:
    (r,) = roi.shapes
    assert isinstance(r, Rectangle)
    y, x, height, width = region
    return r.y < y + height and r.y + r.height >= y and r.x < x + width and r.x + r.width >= x


def test_many_come_in_one_transaction_and_in_order(world: Any, session_of: Any) -> None:
    session, image = session_of("owner", RA), world.image("owner", RA)
    many = spread(2500, 500)
    ids = session.shapes.add_many(image, many, folder="results/nuclei")
    assert len(ids) == len(set(ids)) == 2500
    found = session.shapes.list(image)
    assert [roi.id for roi in found] == list(ids)
    assert [(roi.name, roi.shapes) for roi in found] == [(roi.name, roi.shapes) for roi in many]
    assert {roi.owner_id for roi in found} == {world.users["owner"]}
    (folder,) = session.folders.list(image)
    assert (folder.path, folder.rois) == ("results/nuclei", 2500)
    assert {roi.folders for roi in found} == {(folder.id,)}
    more = session.shapes.add_many(image, many[:3], folder="results/nuclei")
    assert session.folders.list(image)[0].rois == 2503, "the same folder"
    assert session.shapes.get(more[2]).name == "cell 2"
    assert session.shapes.add_many(image, ()) == ()


def test_one_that_is_wrong_lets_none_in(world: Any, session_of: Any) -> None:
    session, image = session_of("owner", RA), world.image("owner", RA)
    many = (*spread(10, 50), NewRoi(shapes=(Point(x=1, y=2, z=3),)))
    with pytest.raises(Invalid, match=r"Region 11: .* z from 0 to 2"):
        session.shapes.add_many(image, many)
    with pytest.raises(Invalid, match="255 characters"):
        session.shapes.add_many(image, many[:10], folder="a//b")
    assert session.shapes.list(image) == ()
    assert not any(folder.name == "a" for folder in session.folders.list())


def test_who_may_not_annotate_adds_none(world: Any, session_of: Any) -> None:
    many = spread(2, 50)
    with pytest.raises(Denied):
        session_of("member", GroupType.READ_ONLY).shapes.add_many(
            world.image("owner", GroupType.READ_ONLY), many
        )
    hidden = world.image("owner", PRIVATE)
    for number in (hidden, 10**6):
        with pytest.raises(NotFound):
            session_of("member", PRIVATE).shapes.add_many(number, many)
    with world.here("owner", PRIVATE).reading() as (db, _):
        where = RoiRow.image_id == hidden
        assert db.scalar(select(func.count(RoiRow.id)).where(where)) == 0


def test_they_are_found_by_place_and_plane_page_by_page(world: Any, session_of: Any) -> None:
    session, image = session_of("owner", RA), world.image("owner", RA)
    many = spread(600, 5000)
    ids = session.shapes.add_many(image, many)
    for region in (
        (0, 0, 64, 64), (1000, 2000, 500, 300), (-50, -50, 10, 10), (4000, 0, 3000, 9000),
        (0, 0, 100_000, 100_000), (2500.5, 100.25, 0.5, 4000), (-1e12, -1e12, 2e12, 2e12),
    ):  # fmt: skip
        expected = [i for i, roi in zip(ids, many, strict=True) if reaches(roi, region)]
        assert [roi.id for roi in session.shapes.list(image, region)] == expected
        assert session.shapes.count(image, region) == len(expected)
        on_plane = [i for i in expected if (i - ids[0]) % 3 == 1]
        assert [roi.id for roi in session.shapes.list(image, region, z=1)] == on_plane
        paged: list[int] = []
        while page := session.shapes.list(
            image, region, limit=100, after=paged[-1] if paged else 0
        ):
            paged += [roi.id for roi in page]
        assert paged == expected
    assert session.shapes.count(image) == 600
    for wrong in ((0, 0, 0, 5), (0, 0, 5, -1), (0, 0, float("nan"), 1)):
        with pytest.raises(Invalid, match="extent"):
            session.shapes.list(image, wrong)
    with pytest.raises(Invalid, match="1 to 100,000"):
        session.shapes.list(image, limit=0)


def test_a_changed_region_is_found_where_it_is_now(world: Any, session_of: Any) -> None:
    session, image = session_of("owner", RA), world.image("owner", RA)
    roi = session.shapes.add(image, (Ellipse(x=5, y=5, radius_x=2, radius_y=2),))
    session.shapes.update(roi.id, roi.version, shapes=(Point(x=900, y=900, z=2),))
    assert session.shapes.list(image, (0, 0, 10, 10)) == ()
    assert len(session.shapes.list(image, (900, 900, 1, 1), z=2)) == 1
    assert session.shapes.list(image, (900, 900, 1, 1), z=1) == ()


def test_a_range_of_planes_ends_with_its_last(world: Any, session_of: Any) -> None:
    session, image = session_of("owner", RA), world.image("owner", RA)
    roi = session.shapes.add(image, (Point(x=1, y=1, z=0, z_last=1),))
    assert [session.shapes.count(image, z=z) for z in range(3)] == [1, 1, 0]
    assert session.shapes.list(image)[0].shapes == roi.shapes
    for wrong in (
        Point(x=1, y=1, z=1, z_last=0), Point(x=1, y=1, z_last=1), Point(x=1, y=1, z=0, z_last=3),
    ):  # fmt: skip
        with pytest.raises(Invalid, match="z="):
            session.shapes.add(image, (wrong,))


def test_a_view_has_what_is_large_and_counts_the_rest(world: Any, session_of: Any) -> None:
    session, image = session_of("owner", RA), world.image("owner", RA)
    many = spread(400, 2000)
    ids = session.shapes.add_many(image, many)
    region = (500.0, 250.0, 1000.0, 1200.0)
    here = [
        (i, roi.shapes[0])
        for i, roi in zip(ids, many, strict=True)
        if i % 3 == ids[0] % 3 and reaches(roi, region)
    ]
    view = session.shapes.view(image, region, z=0, smallest=100, cell=50)
    large = [i for i, r in here if r.height >= 100 or r.width >= 100]
    assert (view.total, [roi.id for roi in view.rois]) == (len(here), large)
    expected = np.zeros((20, 24), int)
    for i, r in here:
        row, column = (r.y + r.height / 2 - 500) / 50, (r.x + r.width / 2 - 250) / 50
        if i not in large and 0 <= row < 20 and 0 <= column < 24:
            expected[int(row), int(column)] += 1
    assert (view.density.rows, view.density.columns) == (20, 24)
    assert np.array_equal(np.reshape(view.density.counts, (20, 24)), expected)
    crowded = session.shapes.view(image, region, z=0, smallest=100, cell=50, limit=3)
    assert crowded.rois == ()
    assert sum(crowded.density.counts) > expected.sum()
    every = session.shapes.view(image, region, z=0)
    assert (len(every.rois), every.density) == (len(here), None)
    for wrong in ({"cell": 0.1}, {"cell": 0}, {"limit": 0}, {"limit": 10**6}, {"smallest": -1}):
        with pytest.raises(Invalid):
            session.shapes.view(
                image, region, smallest=1e9, **wrong
            ) if "smallest" not in wrong else session.shapes.view(image, region, **wrong)


def test_only_what_one_may_see_is_found_and_counted(world: Any, session_of: Any) -> None:
    image = world.image("owner", RA)
    session_of("owner", RA).shapes.add_many(image, spread(5, 10))
    outsider = session_of("outsider", "elsewhere")
    for call in (outsider.shapes.list, outsider.shapes.count):
        with pytest.raises(NotFound):
            call(image, (0, 0, 10, 10))


def test_a_polygon_keeps_its_holes_and_a_mask_its_bits(world: Any, session_of: Any) -> None:
    import base64

    from omero_jlab.model import Mask

    session, image = session_of("owner", RA), world.image("owner", RA)
    ring = ((0.0, 0.0), (4.0, 0.0), (4.0, 4.0))
    shapes = (
        Polygon(points=ring, holes=(((1.0, 1.0), (2.0, 1.0), (2.0, 2.0)),)),
        Mask(x=1, y=2, width=3, height=3, bits=base64.b64encode(b"\xaa\x80").decode()),
    )
    assert session.shapes.add(image, shapes).shapes == shapes
    assert session.shapes.list(image)[0].shapes == shapes
    for wrong in (
        Polygon(points=ring, holes=(ring[:2],)),
        Mask(x=0, y=0, width=3, height=3, bits="qg=="),
        Mask(x=0, y=0, width=3, height=3, bits="!"),
        Mask(x=0, y=0, width=0, height=3, bits=""),
    ):
        with pytest.raises(Invalid):
            session.shapes.add(image, (wrong,))


def test_all_or_some_are_deleted_as_one_and_come_back_as_one(world: Any, session_of: Any) -> None:
    session, image = session_of("owner", RA), world.image("owner", RA)
    some = session.shapes.add_many(image, spread(300, 500), folder="first")
    others = session.shapes.add_many(image, spread(20, 500, 1), folder="second")
    (folder,) = [each for each in session.folders.list(image) if each.path == "second"]
    assert session.shapes.remove_many(image, folder_id=folder.id) == 20
    assert session.shapes.remove_many(image, some[:2]) == 2
    left = [roi.id for roi in session.shapes.list(image)]
    assert left == list(some[2:])
    assert session.shapes.remove_many(image) == len(left)
    assert session.shapes.count(image) == 0
    assert session.shapes.remove_many(image) == 0
    whole, two, twenty = session.graph.deletions()[:3]
    assert [each.rows for each in (whole, two, twenty)] == [2 * 298, 4, 40]
    back = session.graph.undelete(whole.id)
    assert (back.rows, back.left) == (2 * 298, ())
    assert [roi.id for roi in session.shapes.list(image)] == left
    assert {roi.folders for roi in session.shapes.list(image)} == {
        session.shapes.get(some[2]).folders
    }
    session.graph.undelete(twenty.id)
    assert session.shapes.get(others[0]).folders == (folder.id,)
    assert session.shapes.get(others[0]).version > 1


def test_only_regions_that_one_may_delete_go(world: Any, session_of: Any) -> None:
    owner, image = session_of("owner", RA), world.image("owner", RA)
    mine = owner.shapes.add_many(image, spread(3, 50))
    member = session_of("member", RA)
    theirs = member.shapes.add_many(image, spread(2, 50))
    with pytest.raises(Denied):
        member.shapes.remove_many(image)
    with pytest.raises(NotFound, match=f"no region {mine[-1] + 99}"):
        member.shapes.remove_many(image, (*theirs, mine[-1] + 99))
    with pytest.raises(Invalid, match="not by both"):
        member.shapes.remove_many(image, theirs, folder_id=1)
    assert owner.shapes.count(image) == 5
    assert member.shapes.remove_many(image, theirs) == 2
    assert [roi.id for roi in owner.shapes.list(image)] == list(mine)


def test_regions_come_back_with_their_image_and_with_nothing_else(world: Any) -> None:
    session, image = world.here("owner", RW), world.image("owner", RW)
    gone, *kept = session.shapes.add_many(image, spread(40, 500), folder="cells")
    session.shapes.remove(gone)
    (folder,) = session.folders.list(image)
    session.folders.remove(folder.id)
    session.graph.delete("image", image)
    of_image, of_folder, of_one = session.graph.deletions()[:3]
    with pytest.raises(Conflict, match="which is deleted"):
        session.graph.undelete(of_one.id)
    assert session.graph.undelete(of_image.id).left == ()
    assert [roi.id for roi in session.shapes.list(image)] == kept
    assert {roi.folders for roi in session.shapes.list(image)} == {()}
    # The link of the region that is still deleted waits for it.
    back = session.graph.undelete(of_one.id)
    assert len(back.left) == 1 and "is deleted" in back.left[0]
    session.graph.undelete(of_folder.id)
    assert session.folders.list(image)[0].rois == 40


def test_regions_that_were_deleted_go_for_good_with_their_links(world: Any) -> None:
    from datetime import timedelta

    from omero_jlab.database import FolderRoiRow
    from omero_jlab.repository.upkeep.purge import purge

    session, image = world.here("owner", RW), world.image("owner", RW)
    session.shapes.add_many(image, spread(30, 500), folder="cells")
    stays = session.shapes.add_many(image, spread(2, 500), folder="cells")
    ids = [roi.id for roi in session.shapes.list(image)]

    def rows(row_class: Any) -> int:
        with world.store.books() as db:
            statement = select(func.count(row_class.id))
            return int(db.scalar(statement, execution_options={"unguarded": "jobs"}))

    purge(world.store, timedelta(0))
    before = rows(RoiRow), rows(FolderRoiRow)
    session.shapes.remove_many(image, ids[:30])
    report = purge(world.store, timedelta(0))
    assert report.rows >= 60
    assert (rows(RoiRow), rows(FolderRoiRow)) == (before[0] - 30, before[1] - 30)
    assert [roi.id for roi in session.shapes.list(image)] == list(stays)
    session.graph.delete("image", image, now=True)
    assert (rows(RoiRow), rows(FolderRoiRow)) == (before[0] - 32, before[1] - 32)


@pytest.mark.long
def test_a_million_are_stored_found_and_drawn(world: Any) -> None:
    session, image = world.here("owner", RA), world.image("owner", RA)
    side, lot = 100_000.0, 100_000
    for seed in range(10):
        session.shapes.add_many(image, spread(lot, side, seed), folder="million")
    assert session.shapes.count(image) == 1_000_000
    near = session.shapes.list(image, (50_000, 50_000, 300, 300), limit=1000)
    assert 0 < len(near) < 1000
    whole = session.shapes.view(
        image, (0, 0, side, side), z=1, smallest=side / 250, cell=side / 125
    )
    assert whole.rois == ()
    assert whole.density is not None
    assert sum(whole.density.counts) > 300_000
    part = session.shapes.view(image, (1000, 1000, 500, 800), z=1, smallest=2, cell=4)
    assert {roi.id for roi in part.rois} <= {
        roi.id for roi in session.shapes.list(image, (1000, 1000, 500, 800), z=1)
    }
    assert session.shapes.remove_many(image) == 1_000_000
    assert session.shapes.count(image) == 0
    (deletion,) = session.graph.deletions()[:1]
    assert session.graph.undelete(deletion.id).rows == 2_000_000
    assert session.shapes.count(image) == 1_000_000
    session.graph.delete("image", image, now=True)
    assert session.graph.deletions() == ()
