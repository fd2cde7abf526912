"""ImageJ's regions and results."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from roifile import ROI_TYPE, ImagejRoi

from omero_jlab.errors import Invalid, OmeroError, TooLarge
from omero_jlab.model import NewRoi
from omero_jlab.results import recognise
from omero_jlab.results.rings import polygons

from .test_axes import image


def regions(path: Path, **sizes: int) -> list[NewRoi]:
    output = recognise(path)
    stored = image(**({"y": 300, "x": 300} | sizes))
    return [
        roi
        for one in output.image_sets
        for group in output.regions(one.number, stored)
        for roi in group.rois
    ]


@pytest.mark.real_data
class TestRealRegions:
    @pytest.fixture
    def found(self, real_data: Path) -> dict[str, NewRoi]:
        return {roi.name: roi for roi in regions(real_data / "imagej-roi")}

    @pytest.mark.parametrize("name", ["polygon", "freehand", "multipoint"])
    def test_points(self, real_data: Path, found: dict[str, NewRoi], name: str) -> None:
        said = json.loads((real_data / "imagej-roi" / f"{name}.json").read_text())[name]
        shapes = found[name].shapes
        points = [(s.x, s.y) for s in shapes] if name == "multipoint" else shapes[0].points
        assert list(points) == list(zip(said["x"], said["y"], strict=True))

    def test_a_rectangle_and_a_line(self, found: dict[str, NewRoi]) -> None:
        (box,) = found["rectangle"].shapes
        assert (box.x, box.y, box.width, box.height) == (43, 19, 43, 36)
        (line,) = found["line"].shapes
        assert (line.x1, line.y1, line.x2, line.y2) == (260, 52, 89, 103)

    def test_a_donut_has_a_hole(self, found: dict[str, NewRoi]) -> None:
        (donut,) = found["composite-brush-donut"].shapes
        assert len(donut.holes) == 1
        assert set(donut.holes[0]) == {(10, 6), (10, 7), (6, 7), (6, 6)}

    def test_the_color_is_kept(self, found: dict[str, NewRoi]) -> None:
        assert found["freehand"].shapes[0].stroke == "FFFF00FF"


def zipped(path: Path, *rois: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in rois:
            archive.writestr(name, data)
    return path


def square(name: str = "", **more: object) -> bytes:
    roi = ImagejRoi.frompoints(np.array([[10, 20], [30, 20], [30, 45], [10, 45]]), name=name)
    for key, value in more.items():
        setattr(roi, key, value)
    return roi.tobytes()


def test_an_archive_with_planes_and_colors(tmp_path: Path) -> None:
    oval = ImagejRoi(roitype=ROI_TYPE.OVAL, left=10, top=20, right=30, bottom=50, version=228)
    path = zipped(
        tmp_path / "cells_RoiSet.zip",
        ("one.roi", square("first", c_position=2, z_position=3, t_position=1)),
        ("two.roi", square(position=4, stroke_color=b"\x80\x01\x02\x03")),
        ("three.roi", oval.tobytes()),
        ("__MACOSX/._one.roi", b"junk"),
        ("read.me", b"junk"),
    )
    (one,) = recognise(path).image_sets
    assert one.names == ("cells", "cells_RoiSet")
    first, second, third = regions(path, c=2, z=3, t=2)
    (polygon,) = first.shapes
    assert (first.name, polygon.c, polygon.z, polygon.t) == ("first", 1, 2, 0)
    (polygon,) = second.shapes
    # Place 4 of a stack of 2 channels and 3 planes: the second channel of the second plane.
    assert (second.name, polygon.c, polygon.z, polygon.t) == ("two", 1, 1, 0)
    assert polygon.stroke == "01020380"
    (ellipse,) = third.shapes
    assert (ellipse.x, ellipse.y, ellipse.radius_x, ellipse.radius_y) == (20, 35, 10, 15)


def test_subpixel_coordinates(tmp_path: Path) -> None:
    points = np.array([[1.25, 2.5], [9.75, 2.5], [5.5, 8.125]], np.float32)
    (tmp_path / "a.roi").write_bytes(ImagejRoi.frompoints(points).tobytes())
    (roi,) = regions(tmp_path / "a.roi")
    assert np.allclose(roi.shapes[0].points, points)


def test_curves_of_a_composite_are_followed(tmp_path: Path) -> None:
    roi = ImagejRoi(roitype=ROI_TYPE.RECT, left=0, top=0, right=9, bottom=9, version=228)
    path = [0, 0, 0, 1, 9, 0, 2, 9, 9, 0, 9, 3, 0, 6, 0, 3, 0, 0, 4]
    data = bytearray(roi.tobytes())
    data[36:40] = struct.pack(">i", len(path))
    (tmp_path / "a.roi").write_bytes(bytes(data[:64]) + struct.pack(f">{len(path)}f", *path))
    (roi_found,) = regions(tmp_path / "a.roi")
    points = roi_found.shapes[0].points
    assert points[:2] == ((0, 0), (9, 0))
    assert (0, 9) in points
    assert len(points) > 15


def test_an_island_in_a_hole_is_a_polygon_of_its_own() -> None:
    def box(low: float, high: float) -> list[tuple[float, float]]:
        return [(low, low), (high, low), (high, high), (low, high)]

    found = polygons([box(0, 9), box(4, 5), box(2, 7), box(20, 30), [(1, 1), (2, 2)]])
    assert [(len(holes), outline[0]) for outline, holes in found] == [
        (1, (0, 0)), (0, (4, 4)), (0, (20, 20)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["../x.roi", "/etc/x.roi", "C:\\x.roi", "a/../../x.roi", "a\nb.roi"]
)
def test_bad_names_are_refused(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "RoiSet.zip", ("good.roi", square()), (name, square()))
    with pytest.raises(Invalid, match="no name of a region"):
        regions(path)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = zipped(tmp_path / "RoiSet.zip", ("good.roi", square()), ("a.roi", bytes(40 << 20)))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(TooLarge, match="would unpack to"):
        regions(path)


def test_damaged_regions_are_named(tmp_path: Path) -> None:
    whole = square("whole")
    path = zipped(tmp_path / "RoiSet.zip", ("a.roi", whole), ("b.roi", whole[:70]))
    output = recognise(path)
    (group,) = output.regions(1, image(y=300, x=300))
    assert [roi.name for roi in group.rois] == ["whole"]
    assert any("1 regions of RoiSet.zip cannot be read" in note for note in output.notes)
    (tmp_path / "x.zip").write_bytes(path.read_bytes()[:-30])
    with pytest.raises(OmeroError):
        recognise(tmp_path / "x.zip")


def test_results_are_parted_by_their_images(tmp_path: Path) -> None:
    (tmp_path / "Results.csv").write_text(
        " ,Label,Area,Mean,Min,Max\n"
        "1,a.tif:0001-0077-0068,10,1.5,0,2\n"
        "2,a.tif:nucleus 2,20,2.5,0,3\n"
        "3,b.tif,30,3.5,0,4\n"
    )
    output = recognise(tmp_path)
    assert output.program == "ImageJ"
    assert [one.names for one in output.image_sets] == [("a.tif",), ("b.tif",)]
    ((name, frame),) = output.tables(1)
    assert (name, list(frame.columns)) == ("Results", ["Label", "Area", "Mean", "Min", "Max"])
    assert list(frame["Area"]) == [10, 20]


def test_results_without_labels_are_called_after_their_file(tmp_path: Path) -> None:
    (tmp_path / "cells_Results.tsv").write_text(" \tArea\tMean\n1\t10\t1.5\n")
    output = recognise(tmp_path / "cells_Results.tsv")
    assert output.image_sets[0].names == ("cells", "cells_Results")
    ((_, frame),) = output.tables(1)
    assert list(frame.columns) == ["Area", "Mean"]
