"""Labels, regions, folders and statistics as a notebook uses them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import zarr

from omero_jlab.errors import Conflict, Denied, Invalid, NotFound
from omero_jlab.model import (
    Ellipse,
    GroupType,
    Line,
    NewRoi,
    Placement,
    Point,
    Polygon,
    Provenance,
    Rectangle,
    Spacing,
)
from omero_jlab.objects import Image
from omero_jlab.shapes import rasterised

PRIVATE, RA, RW = GroupType.PRIVATE, GroupType.READ_ANNOTATE, GroupType.READ_WRITE
SIZE = (2, 3, 2, 300, 400)
PIXELS = np.random.default_rng(0).integers(0, 60_000, SIZE, np.uint16)


@pytest.fixture
def image(world: Any, session_of: Callable[..., Any]) -> Image:
    here = world.here("owner", RA)
    spacing = Spacing(y_um=0.5, x_um=0.25)
    record = here.add_image(PIXELS, world.word(), spacing=spacing, channels=("a", "b", "c"))
    session = session_of("owner", RA)
    return Image(session, session.images.get(record.id))


def objects(height: int = 300, width: int = 400) -> np.ndarray:
    labels = np.zeros((height, width), np.int64)
    y, x = np.mgrid[:height, :width]
    number = 0
    for top in range(20, height - 20, 40):
        for left in range(20, width - 20, 40):
            number += 1
            ring = (y - top) ** 2 + (x - left) ** 2
            labels[(ring < 200) & (ring > 30 * (number % 3))] = number
    return labels


def test_labels_come_back_through_regions_pixel_for_pixel(image: Image) -> None:
    labels = objects()
    attached = image.attach_labels(labels, name="nuclei")
    ids = attached.to_rois(names=lambda label: f"cell {label}")
    assert len(ids) == labels.max() == len(image.rois)
    assert [roi.name for roi in image.rois][:2] == ["cell 1", "cell 2"]
    assert [folder.path for folder in image.rois.folders] == ["nuclei"]
    drawn = image.rois.to_labels(chunks=256)
    assert (drawn.shape, drawn.dtype) == ((2, 2, 300, 400), np.uint8)
    for t, z in np.ndindex(2, 2):
        assert np.array_equal(drawn[t, z].compute(), labels)
    by_id = image.rois.to_labels("id")[0, 0].compute()
    assert np.array_equal(by_id, np.concatenate([[0], ids])[labels])
    again = image.attach_labels(drawn, name="again")
    assert np.array_equal(again.read(), np.broadcast_to(labels, (2, 2, 300, 400)))
    assert np.array_equal(again.read(t=1, z=0), labels)


def test_objects_on_many_planes_are_one_region_each(image: Image) -> None:
    labels = np.zeros((2, 2, 300, 400), np.uint32)
    labels[0, 0, :10, :10] = 70_000
    labels[1, 1, 290:, 5:9] = 70_000
    labels[0, 1, 50:60, 50:60] = 3
    attached = image.attach_labels(da.from_array(labels, chunks=(1, 1, 64, 400)))
    attached.to_rois(folder="a/b", kind="mask")
    regions = {roi.name: roi for roi in image.rois}
    assert {(s.t, s.z, s.kind) for s in regions["70000"].shapes} == {(0, 0, "mask"), (1, 1, "mask")}
    assert len(regions["3"].shapes) == 1
    drawn = image.rois.to_labels("order").compute()
    assert np.array_equal(drawn != 0, labels != 0)
    assert [folder.path for folder in image.rois.folders] == ["a/b"]


def test_a_placement_is_kept_in_the_outlines(image: Image) -> None:
    labels = np.zeros((10, 20), np.uint8)
    labels[2:4, 3:8] = 1
    at = Placement(y=7, x=-2.5, scale_y=2, scale_x=3)
    attached = image.attach_labels(labels, placement=at)
    attached.to_rois()
    (roi,) = image.rois
    assert roi.shapes[0].points == ((6.5, 11.0), (21.5, 11.0), (21.5, 15.0), (6.5, 15.0))
    with pytest.raises(Invalid, match="polygons"):
        attached.to_rois(kind="mask")


def test_labels_are_a_pyramid_that_dask_and_zarr_read(image: Image, world: Any) -> None:
    labels = np.zeros((1, 1, 300, 400), np.uint32)
    labels[0, 0, 100:200, 100:250] = 9
    made = Provenance(program="cellpose", version="3.1", parameters={"diameter": 30})
    attached = image.attach_labels(labels, name="a b", provenance=made)
    assert attached.shape == (1, 1, 300, 400)
    assert attached.provenance.program == "cellpose"
    assert attached.provenance.made_by == "owner"
    assert attached.provenance.made_at is not None
    assert image.labels[0].provenance == attached.provenance
    lazy = attached.dask(chunks=(150, 400))
    assert (lazy.shape, lazy.dtype) == ((1, 1, 300, 400), np.uint8)
    assert np.array_equal(lazy.compute(), labels)
    assert attached.levels == [(300, 400)]
    assert np.array_equal(attached.zarr()["0"][0, 0, 0], labels[0, 0])
    with pytest.raises(Invalid, match="level"):
        attached.dask(level=5)
    with pytest.raises(Invalid, match="t from 0 to 0"):
        attached.read(t=1)


def test_labels_come_from_files_of_every_kind(image: Image, tmp_path: Path) -> None:
    import tifffile

    labels = objects().astype(np.uint16)
    tifffile.imwrite(tmp_path / "labels.tif", labels)
    np.save(tmp_path / "labels.npy", labels)
    group = zarr.open_group(tmp_path / "labels.zarr", mode="w")
    stored = group.create_array(
        "0", shape=(1, 1, 1, 300, 400), chunks=(1, 1, 1, 64, 64), dtype="u2"
    )
    stored[:] = labels[None, None, None]
    multiscale = {"datasets": [{"path": "0"}]}
    group.attrs["ome"] = {"version": "0.5", "multiscales": [multiscale]}
    for source in (
        tmp_path / "labels.tif", str(tmp_path / "labels.npy"), tmp_path / "labels.zarr", group,
        stored, labels.tolist(), labels.astype(float), labels.astype(np.int64),
    ):  # fmt: skip
        attached = image.attach_labels(source)
        assert np.array_equal(attached.array(), labels)
        attached.delete()
    (tmp_path / "labels.txt").write_text("1 2")
    for path, error in (("labels.txt", Invalid), ("missing.tif", NotFound)):
        with pytest.raises(error):
            image.attach_labels(tmp_path / path)
    with pytest.raises(Invalid, match=r"int64 has values from 0 to 4294967296"):
        image.attach_labels(np.full((300, 400), 2**32) * (np.arange(400) > 3))


SHAPES = (
    Rectangle(x=10.5, y=20, width=30, height=5.2, t=0, z=0),
    Polygon(points=((50, 50), (90, 60), (55, 120)), holes=(((55, 60), (60, 62), (58, 70)),), z=1),
    Ellipse(x=200, y=100, radius_x=40, radius_y=20.5),
    Line(x1=300, y1=10, x2=390, y2=250, t=0, t_last=1, z=0),
    Point(x=399.5, y=299.5, t=1, z=1),
    Rectangle(x=-50, y=-50, width=60, height=60, c=2, t=0, z=0),
)


def test_statistics_are_those_of_the_pixels(image: Image) -> None:
    ids = image.rois.add_many(NewRoi(name=s.kind, shapes=(s,)) for s in SHAPES)
    frame = image.rois.statistics()
    assert len(frame) == len(SHAPES) * 3
    for number, shape in enumerate(SHAPES):
        mask = np.zeros((300, 400), bool)
        rasterised([shape], [1], mask.shape).paint(mask)
        for c in range(3):
            planes = [
                PIXELS[t, c, z][mask]
                for t in range(2)
                for z in range(2)
                if (shape.t is None or shape.t <= t <= (shape.t_last or shape.t))
                and (shape.z is None or shape.z <= z <= (shape.z_last or shape.z))
                and shape.c in (None, c)
            ]
            values = np.concatenate([*planes, []]).astype(float)
            row = frame[(frame["roi"] == ids[number]) & (frame["channel"] == "abc"[c])].iloc[0]
            assert row["area_px"] == row["points"] == len(values)
            assert row["area_um2"] == pytest.approx(len(values) * 0.125)
            assert row["sum"] == values.sum()
            if len(values):
                told = [values.mean(), values.min(), values.max()]
                assert row[["mean", "minimum", "maximum"]].tolist() == pytest.approx(told)
                spread = values.std(ddof=1) if len(values) > 1 else 0
                assert row["deviation"] == pytest.approx(spread)
            else:
                assert row[["mean", "minimum", "maximum", "deviation"]].isna().all()
    one = image.rois.statistics(["b"], [ids[0]])
    assert (one["channel"].tolist(), one["roi"].tolist()) == (["b"], [ids[0]])


def test_statistics_of_some_planes(image: Image) -> None:
    image.rois.add(Rectangle(x=3, y=4, width=5, height=6))
    frame = image.rois.statistics([1], t=(1, 1), z=(0, 1))
    values = PIXELS[1, 1, 0:2, 4:10, 3:8].astype(float)
    assert frame["points"].tolist() == frame["area_px"].tolist() == [60]
    assert frame["mean"].tolist() == pytest.approx([values.mean()])
    assert image.rois.statistics([1], t=(0, 1), z=(1, 1))["points"].tolist() == [60]
    image.rois.delete()
    image.rois.add(Rectangle(x=3, y=4, width=5, height=6, z=0))
    assert image.rois.statistics([1], z=(1, 1))["points"].tolist() == [0]
    for wrong in ((1, 0), (0, 2), (-1, 0)):
        with pytest.raises(Invalid, match="of z from 0 to 1"):
            image.rois.statistics([1], z=wrong)


def test_regions_go_to_a_file_of_geojson(image: Image, tmp_path: Path) -> None:
    import json

    image.rois.add_many([NewRoi(name=f"cell {i}", shapes=(s,)) for i, s in enumerate(SHAPES)])
    path = image.rois.to_geojson(tmp_path / "rois.geojson")
    found = json.loads(path.read_text())["features"]
    assert {each["id"] for each in found} <= {str(roi.id) for roi in image.rois}
    with pytest.raises(Invalid, match="is there already"):
        image.rois.to_geojson(path)


def test_a_pixel_counts_once_for_a_region_and_once_for_each_shape(image: Image) -> None:
    shapes = (
        Rectangle(x=0, y=0, width=4, height=4, t=0, z=0),
        Rectangle(x=2, y=2, width=4, height=4, t=0, z=0),
    )
    image.add_roi(*shapes)
    assert image.rois.statistics([0])["area_px"].tolist() == [28]
    each = image.rois.statistics([0], by_shape=True)
    assert each[["shape", "area_px"]].to_numpy().tolist() == [[0, 16], [1, 16]]


def test_statistics_that_cannot_be(image: Image) -> None:
    shapes = image._session.shapes
    roi = image.add_roi(Point(x=1, y=1))
    with pytest.raises(Invalid, match="channels 0 to 2"):
        shapes.measure(image.id, (3,))
    with pytest.raises(NotFound, match="region"):
        shapes.measure(image.id, rois=(roi.id + 1000,))
    with pytest.raises(Invalid, match="at once"):
        shapes.measure(image.id, limit=0)
    assert image.rois.statistics(rois=[]).empty


def test_regions_are_a_sequence_that_is_asked(image: Image) -> None:
    assert (len(image.rois), list(image.rois)) == (0, [])
    with pytest.raises(Invalid, match="no regions"):
        image.rois.to_labels()
    roi = image.rois.add(Point(x=1, y=1, z=1), name="spot")
    assert image.rois[0] == roi
    assert image.rois.count(z=0) == 0
    assert list(image.rois.find((0, 0, 5, 5), z=1)) == [roi]
    assert repr(image.rois) == f"<Rois: 1 on image {image.id}>"


def test_folders_nest_and_a_region_lies_in_several(image: Image, world: Any) -> None:
    session, word = image._session, world.word()
    one, two = (image.add_roi(Point(x=i, y=1)).id for i in range(2))
    top = session.folders.add(word)
    low = session.folders.add("low", parent_id=top.id)
    assert low.path == f"{word}/low"
    assert session.folders.put(top.id, (one, two)) == 2
    assert session.folders.put(low.id, (one, one)) == 1
    assert session.folders.put(top.id, (one,)) == 0
    assert session.shapes.get(one).folders == (top.id, low.id)
    assert [f.rois for f in image.rois.folders] == [2, 1]
    assert [roi.id for roi in image.rois.find(folder=low.id)] == [one]
    assert session.folders.take(top.id, (two,)) == 1
    assert session.folders.take(top.id, (two,)) == 0
    with pytest.raises(Conflict, match="lies in it"):
        session.folders.update(top.id, top.version, parent_id=low.id)
    with pytest.raises(Conflict, match="version"):
        session.folders.update(top.id, 99, name="x")
    for wrong in ("", "a/b"):
        with pytest.raises(Invalid):
            session.folders.add(wrong)
    renamed = session.folders.update(low.id, low.version, name="lower", parent_id=None)
    assert (renamed.path, renamed.parent_id, renamed.rois) == ("lower", None, 1)
    session.folders.remove(low.id)
    session.folders.remove(top.id)
    assert [roi.folders for roi in image.rois] == [(), ()]
    session.graph.undelete(session.graph.deletions()[0].id)
    assert session.shapes.get(one).folders == (top.id,)


def test_a_region_that_goes_and_comes_back_lies_where_it_lay(image: Image) -> None:
    session = image._session
    (roi,) = image.rois.add_many([NewRoi(shapes=(Point(x=1, y=1),))], "kept")
    (folder,) = image.rois.folders
    session.shapes.remove(roi)
    assert image.rois.folders == ()
    session.graph.undelete(session.graph.deletions()[0].id)
    assert session.shapes.get(roi).folders == (folder.id,)
    session.graph.delete("image", image.id, now=True)
    assert [f.rois for f in session.folders.list() if f.id == folder.id] == [0]


def test_folders_are_changed_by_who_may(image: Image, session_of: Callable[..., Any]) -> None:
    folder = image._session.folders.add("mine")
    roi = image.add_roi(Point(x=1, y=1))
    member, leader = session_of("member", RA), session_of("leader", RA)
    for refused in (
        lambda: member.folders.update(folder.id, folder.version, name="x"),
        lambda: member.folders.remove(folder.id),
        lambda: member.folders.put(folder.id, (roi.id,)),
        lambda: member.folders.add("x", parent_id=folder.id),
    ):
        with pytest.raises(Denied):
            refused()
    theirs = member.folders.add("theirs")
    assert member.folders.put(theirs.id, (roi.id,)) == 1, "a region that one sees"
    assert leader.folders.put(folder.id, (roi.id,)) == 1
