"""QuPath's objects and measurements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from omero_jlab.results import Regions, recognise

from .test_axes import image

RING = [[10, 20], [30, 20], [30, 45], [10, 45], [10, 20]]
HOLE = [[15, 25], [20, 25], [20, 30], [15, 25]]


def feature(geometry: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "id": "x-1", "geometry": geometry, "properties": properties}


def regions(path: Path, **sizes: int) -> list[Regions]:
    output = recognise(path)
    assert output.program == "QuPath"
    stored = image(**({"y": 300, "x": 300} | sizes))
    return [g for one in output.image_sets for g in output.regions(one.number, stored)]


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("brush", "polygon"), ("ellipse", "polygon"), ("line", "line"), ("multipoint", "point"),
        ("point", "point"), ("polygon", "polygon"), ("polyline", "polyline"),
        ("rectangle", "polygon"), ("wand", "polygon"),
    ],
)  # fmt: skip
def test_real_annotations(real_data: Path, name: str, kinds: str) -> None:
    path = real_data / "qupath-geojson/qupath_geojson" / f"qupath-{name}.json"
    (group,) = regions(path)
    (roi,) = group.rois
    assert roi.name == name
    assert {shape.kind for shape in roi.shapes} == {kinds}
    said = json.loads(path.read_text())["geometry"]["coordinates"]
    found = [(s.x, s.y) for s in roi.shapes] if kinds == "point" else None
    if name == "multipoint":
        assert found == [tuple(point) for point in said]
    elif kinds == "polygon":
        assert [list(p) for p in roi.shapes[0].points] == said[0][:-1]
    elif kinds == "polyline":
        assert [list(p) for p in roi.shapes[0].points] == said


def test_a_collection_with_everything(tmp_path: Path) -> None:
    cell = feature(
        {"type": "Polygon", "coordinates": [RING, HOLE], "plane": {"c": -1, "z": 2, "t": 0}},
        objectType="cell",
        classification={"name": "Tumor", "color": [200, 0, 10]},
        measurements={"Area µm^2": 12.5, "Mean": "NaN", "odd": None},
    )
    cell["nucleusGeometry"] = {"type": "Polygon", "coordinates": [HOLE]}
    other = feature(
        {"type": "MultiPolygon", "coordinates": [[RING], [HOLE]]},
        objectType="cell",
        classification={"names": ["Tumor", "Positive"], "colorRGB": -16711936},
        measurements=[{"name": "Area µm^2", "value": 3.0}],
    )
    ring = feature(
        {"type": "Polygon", "isEllipse": True, "coordinates": [RING]}, objectType="annotation"
    )
    flat = feature({"type": "Polygon", "coordinates": [[[1, 1], [2, 2], [1, 1]]]})
    broken = feature({"type": "Polygon", "coordinates": [[["a", 1], [2, 2], [1, 1]]]})
    path = tmp_path / "slide.svs.geojson"
    listed = [cell, other, ring, flat, broken]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": listed}))
    output = recognise(path)
    assert output.image_sets[0].names == ("slide.svs",)
    cells, rings = output.regions(1, image(z=4, y=300, x=300))
    first, second = cells.rois
    polygon, nucleus = first.shapes
    assert (len(polygon.points), len(polygon.holes), polygon.z, polygon.t) == (4, 1, 2, None)
    assert (polygon.stroke, nucleus.text, first.name) == ("C8000AFF", "nucleus", "Tumor")
    assert len(second.shapes) == 2
    assert (second.description, second.shapes[0].stroke) == ("Tumor: Positive", "00FF00FF")
    assert cells.measured is not None
    assert list(cells.measured["Area µm^2"]) == [12.5, 3.0]
    assert cells.measured["Mean"].isna().all()
    (ellipse,) = rings.rois[0].shapes
    assert (ellipse.x, ellipse.y, ellipse.radius_x, ellipse.radius_y) == (20, 32.5, 10, 12.5)
    assert rings.measured is None
    assert any("2 objects" in note or "1 objects" in note for note in output.notes)


def test_a_plain_list_of_features(tmp_path: Path) -> None:
    path = tmp_path / "a_detections.json"
    path.write_text(json.dumps([feature({"type": "Polygon", "coordinates": [RING]})]))
    assert recognise(path).image_sets[0].names == ("a_detections", "a")
    assert len(regions(path)[0].rois) == 1


def test_measurements_are_parted_by_image(tmp_path: Path) -> None:
    (tmp_path / "measurements.tsv").write_text(
        "Image\tObject ID\tName\tCentroid X µm\na.svs\t1\tx\t1.5\nb.svs\t2\ty\t2.5\n"
    )
    output = recognise(tmp_path)
    assert [one.names for one in output.image_sets] == [("a.svs",), ("b.svs",)]
    ((name, frame),) = output.tables(2)
    assert (name, list(frame["Centroid X µm"])) == ("measurements", [2.5])


def test_json_of_something_else_is_not_qupaths(tmp_path: Path) -> None:
    from omero_jlab.errors import Invalid

    (tmp_path / "a.json").write_text('{"type": "Topology"}')
    with pytest.raises(Invalid, match="not recognised"):
        recognise(tmp_path)
