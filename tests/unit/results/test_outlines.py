"""Outlines that CellProfiler saved, and pipelines of every form that say where they lie."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image as Picture

from omero_jlab.errors import Unreadable
from omero_jlab.model import Sizes
from omero_jlab.results import StoredImage, recognise
from omero_jlab.results.beside import files_with
from omero_jlab.results.cellprofiler.frames import origin
from omero_jlab.results.cellprofiler.pipeline import parse

PLANE = np.random.default_rng(0).random((40, 50))
LABELS = (np.arange(600).reshape(20, 30) % 7).astype(np.uint16)
HEAD = "CellProfiler Pipeline: http://www.cellprofiler.org\nVersion:5\nDateRevision:426\n\n"
SAVED = (
    "SaveImages:[module_num:{number}|enabled:True]\n"
    "    Select the image to save:{image}\n"
    "    Select method for constructing file names:From image filename\n"
    "    Select image name for file prefix:DNA\n"
    "    Append a suffix to the image file name?:Yes\n"
    "    Text to append to the image name:{suffix}\n\n"
)
PIPELINE = (
    HEAD + "Crop:[module_num:1|enabled:True]\n"
    "    Select the input image:DNA\n    Name the output image:Cut\n"
    "    Select the cropping shape:Rectangle\n    Select the cropping method:Coordinates\n"
    "    Left and right rectangle positions:15,45\n"
    "    Top and bottom rectangle positions:12,32\n    Remove empty rows and columns?:All\n\n"
    "IdentifyPrimaryObjects:[module_num:2|enabled:True]\n"
    "    Select the input image:Cut\n    Name the primary objects to be identified:Nuclei\n\n"
    "OverlayOutlines:[module_num:3|enabled:True]\n"
    "    Display outlines on a blank image?:No\n    Name the output image:Overlay\n"
    "    Select objects to display:Nuclei\n\n"
    "OverlayOutlines:[module_num:4|enabled:True]\n"
    "    Display outlines on a blank image?:Yes\n    Name the output image:Lines\n"
    "    Select objects to display:Nuclei\n\n"
    + SAVED.format(number=5, image="Overlay", suffix="_over")
    + SAVED.format(number=6, image="Lines", suffix="_lines")
)


def stored(height: int = 40, width: int = 50) -> StoredImage:
    sizes = Sizes(t=1, c=1, z=1, y=height, x=width)
    return StoredImage("field.tif", sizes, lambda channel: PLANE[:height, :width])


def write(place: Path, with_labels: bool = True) -> Path:
    (place / "Image.csv").write_text("ImageNumber,FileName_DNA,Count_Nuclei\n1,field.tif,6\n")
    part = PLANE[12:32, 15:45]
    rows = [f"1,{n},{float(part[n == LABELS].mean())!r}\n" for n in range(1, 7)]
    (place / "Nuclei.csv").write_text(
        "ImageNumber,ObjectNumber,Intensity_MeanIntensity_Cut\n" + "".join(rows)
    )
    if with_labels:
        tifffile.imwrite(place / "field_Nuclei_labels.tiff", LABELS)
    lines = np.zeros((20, 30, 3), np.uint8)
    lines[2, 3:9], lines[7, 8:12] = (255, 0, 0), (0, 255, 0)
    Picture.fromarray(lines).save(place / "field_lines.png")
    Picture.fromarray(lines + 9).save(place / "field_over.png")
    return place


def as_json(text: str) -> str:
    pipeline = parse(text)
    modules = [
        {
            "attributes": {"module_path": f"cellprofiler.modules.x.{m.name}", "enabled": True},
            "settings": [{"text": key, "value": value} for key, value in m.settings],
        }
        for m in pipeline.modules
    ]
    off = {"attributes": {"module_name": "Crop", "enabled": False}, "settings": []}
    return json.dumps(
        {
            "has_image_plane_details": False,
            "date_revision": 425,
            "modules": [*modules, off],
            "version": 6,
        }
    )


@pytest.mark.parametrize("form", ["cppipe", "json", "cpproj"])
@pytest.mark.parametrize("with_labels", [True, False])
def test_outlines_lie_where_their_objects_do(tmp_path: Path, form: str, with_labels: bool) -> None:
    write(tmp_path, with_labels)
    if form == "cpproj":
        with h5py.File(tmp_path / "p.cpproj", "w") as file:
            group = file.create_group("Measurements/2024-01-01/Experiment/Pipeline_Pipeline")
            group["data"] = np.array([PIPELINE.encode()], h5py.string_dtype())
            group["index"] = np.array([[0, 0, 1]])
    else:
        (tmp_path / f"p.{form}").write_text(PIPELINE if form == "cppipe" else as_json(PIPELINE))
    output = recognise(tmp_path)
    assert [path.suffix for path in output.kept_files(1)] == [f".{form}"]
    assert output.version == ("4.2.5" if form == "json" else "4.2.6")
    labels = {stack.name: stack for stack in output.labels(1, stored())}
    assert set(labels) == {"Lines"} | ({"Nuclei"} if with_labels else set())
    for stack in labels.values():
        assert (stack.placement.y, stack.placement.x) == (12, 15)
    assert np.unique(labels["Lines"].labels).tolist() == [0, 1, 2]
    (picture,) = output.pictures(1, stored())
    assert (picture.pixels.shape, picture.channels) == ((1, 3, 1, 20, 30), ("Red", "Green", "Blue"))
    assert picture.name == "field.tif Overlay"


def test_outlines_of_another_size_are_left_out_and_named(tmp_path: Path) -> None:
    write(tmp_path, with_labels=False)
    text = PIPELINE.replace("Name the output image:Cut", "Name the output image:Other")
    (tmp_path / "p.cppipe").write_text(text)
    output = recognise(tmp_path)
    assert list(output.labels(1, stored())) == []
    assert any("field_lines.png is not attached: it has 20 × 30" in n for n in output.notes)


def test_what_belongs_to_a_named_file(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "p.cppipe").write_text(PIPELINE)
    (tmp_path / "raw.tif").write_bytes(b"large")
    names = {path.name for path in files_with(tmp_path / "Nuclei.csv")}
    assert names == {
        "Nuclei.csv", "Image.csv", "p.cppipe", "field_Nuclei_labels.tiff", "field_lines.png",
        "field_over.png",
    }  # fmt: skip
    assert files_with(tmp_path / "raw.tif") == (tmp_path / "raw.tif",)
    notes = recognise(tmp_path / "Nuclei.csv").notes
    assert any("1 label image, p.cppipe" in note for note in notes)


@pytest.mark.parametrize(
    ("settings", "size", "offset"),
    [
        ("Coordinates of ellipse center:40,30\n    Ellipse radius, X direction:10\n"
         "    Ellipse radius, Y direction:5", (11, 21), (25, 30)),
        ("Coordinates of ellipse center:5,3\n    Ellipse radius, X direction:10\n"
         "    Ellipse radius, Y direction:5", (9, 16), (0, 0)),
        ("Coordinates of ellipse center:500,3\n    Ellipse radius, X direction:10\n"
         "    Ellipse radius, Y direction:5", None, None),
        ("Coordinates of ellipse center:none", None, None),
    ],
)  # fmt: skip
def test_an_ellipse_is_cut_to_its_box(
    settings: str, size: tuple[int, int] | None, offset: tuple[int, int] | None
) -> None:
    pipeline = parse(
        HEAD + "Crop:[module_num:1|enabled:True]\n    Select the input image:DNA\n"
        "    Name the output image:Cut\n    Select the cropping shape:Ellipse\n"
        f"    Select the cropping method:Coordinates\n    {settings}\n"
        "    Remove empty rows and columns?:Edges\n"
    )
    frame = origin(pipeline, "Cut", (80, 90)).frame
    assert (frame.size if frame else None) == size
    assert (frame.offset if frame else None) == offset


def test_resized_as_another_image_is() -> None:
    text = (
        HEAD + "Resize:[module_num:1|enabled:True]\n    Select the input image:DNA\n"
        "    Name the output image:Small\n    Resizing factor:0.5\n\n"
        "Resize:[module_num:2|enabled:True]\n    Select the input image:DNA\n"
        "    Name the output image:Same\n"
        "    Resizing method:Resize by specifying desired final dimensions\n"
        "    Method to specify the dimensions:Image\n"
        "    Select the image with the desired dimensions:Small\n"
    )
    frame = origin(parse(text), "Same", (80, 90)).frame
    assert frame is not None and frame.size == (40, 45)
    circle = text.replace("dimensions:Small", "dimensions:Same")
    assert origin(parse(circle), "Same", (80, 90)).frame is None
    assert not origin(parse(text), "Same", (80, 90)).is_exact


@pytest.mark.parametrize("text", ['{"modules": 3}', '{"modules": [{}]}', "{", '{"modules": [1]}'])
def test_json_that_is_no_pipeline_is_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="no pipeline"):
        parse(text)
