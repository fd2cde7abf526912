"""Pipelines of several versions say where their images came from."""

from __future__ import annotations

from pathlib import Path

import pytest

from omero_jlab.errors import Unreadable
from omero_jlab.results.cellprofiler.frames import origin
from omero_jlab.results.cellprofiler.pipeline import parse, read_pipeline

_HEAD = "CellProfiler Pipeline: http://www.cellprofiler.org\nVersion:3\nDateRevision:300\n\n"


@pytest.mark.real_data
def test_example_fly(real_data: Path) -> None:
    path = real_data / "cellprofiler-out" / "ExampleFly" / "ExampleFly_db.cppipe"
    pipeline = read_pipeline(path)
    assert pipeline.version == "4.2.8.1"
    assert len(pipeline.modules) == 27
    for name, channel in [
        ("Nuclei", "OrigBlue"),
        ("Cytoplasm", "OrigBlue"),
        ("CropRed", "OrigRed"),
    ]:
        found = origin(pipeline, name, (1006, 1000))
        assert found.channel == channel
        assert found.frame is not None
        assert found.frame.size == (199, 199)
        assert found.frame.offset == (251, 501)
    assert origin(pipeline, "CropGreen", (1006, 1000)).is_exact
    assert pipeline.converted() == {"NucleiLabels": "Nuclei", "CellsLabels": "Cells"}
    suffixes = {saved.image: saved.suffix for saved in pipeline.saved()}
    assert suffixes["CellsLabels"] == "_Cells_labels"


@pytest.mark.real_data
def test_every_real_pipeline_is_read(real_data: Path) -> None:
    paths = sorted(real_data.rglob("*.cppipe"))
    assert paths
    for path in paths:
        assert read_pipeline(path).modules


def test_escapes_and_disabled_modules() -> None:
    pipeline = parse(
        _HEAD + "Crop:[module_num:1|notes:\\x5B\\x5D|enabled:False]\n"
        "    Select the input image:DNA\n    Name the output image:Cut\n\n"
        "Smooth:[module_num:2|enabled:True]\n"
        "    Select the input image:D\\x3AN\n    Name the output image:Soft\n"
    )
    assert pipeline.version == "3.0.0"
    assert [module.name for module in pipeline.modules] == ["Smooth"]
    assert pipeline.maker("Cut") is None
    assert origin(pipeline, "Soft", (5, 5)).channel == "D:N"
    assert not origin(pipeline, "Soft", (5, 5)).is_exact


def test_a_circle_ends() -> None:
    pipeline = parse(
        _HEAD + "Smooth:[module_num:1|enabled:True]\n    Select the input image:B\n"
        "    Name the output image:A\n\nSmooth:[module_num:2|enabled:True]\n"
        "    Select the input image:A\n    Name the output image:B\n"
    )
    assert origin(pipeline, "A", (5, 5)).channel in "AB"


@pytest.mark.parametrize(
    ("settings", "size", "offset"),
    [
        ("Left and right rectangle positions:begin,end", (80, 90), (0, 0)),
        ("Left and right rectangle positions:10,-20", (80, 60), (0, 10)),
        ("Left and right rectangle positions:10,500", (80, 80), (0, 10)),
        ("Top and bottom rectangle positions:7,-end", (73, 90), (7, 0)),
        ("Top and bottom rectangle positions:60,20", None, None),
        ("Select the cropping method:Mouse", None, None),
        ("Select the cropping shape:Ellipse", None, None),
        ("Remove empty rows and columns?:No", (80, 90), (0, 0)),
    ],
)
def test_cropping(
    settings: str, size: tuple[int, int] | None, offset: tuple[int, int] | None
) -> None:
    pipeline = parse(
        _HEAD + "Crop:[module_num:1|enabled:True]\n"
        f"    {settings}\n"
        "    Select the input image:DNA\n    Name the output image:Cut\n"
        "    Select the cropping shape:Rectangle\n    Select the cropping method:Coordinates\n"
        "    Left and right rectangle positions:0,end\n"
        "    Top and bottom rectangle positions:0,end\n"
        "    Remove empty rows and columns?:Edges\n"
    )
    frame = origin(pipeline, "Cut", (80, 90)).frame
    assert (frame.size if frame else None) == size
    assert (frame.offset if frame else None) == offset


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ("    Resizing factor:0.25\n", (20, 30)),
        ("    X Resizing factor:2\n    Y Resizing factor:1\n", (80, 240)),
        (
            "    Resizing method:Resize by specifying desired final dimensions\n"
            "    Width (x) of the final image:60\n    Height (y) of the final image:40\n"
            "    Method to specify the dimensions:Manual\n",
            (40, 60),
        ),
        ("    Resizing factor:none\n", None),
        ("    Resizing factor:0\n", None),
    ],
)
def test_resizing(settings: str, size: tuple[int, int] | None) -> None:
    pipeline = parse(
        _HEAD + "Resize:[module_num:1|enabled:True]\n    Select the input image:DNA\n"
        "    Name the output image:Small\n" + settings
    )
    frame = origin(pipeline, "Small", (80, 120)).frame
    assert (frame.size if frame else None) == size


def test_what_is_no_pipeline_is_refused() -> None:
    with pytest.raises(Unreadable, match="does not begin as"):
        parse("hello")
