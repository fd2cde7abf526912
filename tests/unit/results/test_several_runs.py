"""CellProfiler's tables of several runs, each of which counts its image sets from 1."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import tifffile

from omero_jlab.errors import Invalid
from omero_jlab.results import recognise
from omero_jlab.results.cellprofiler import CellProfilerOutput

from .test_axes import image

LABELS = (np.arange(600).reshape(20, 30) % 3).astype(np.uint16)
RELATED = (
    "Module,Module Number,Relationship,First Object Name,First Image Number,First Object Number,"
    "Second Object Name,Second Image Number,Second Object Number\nTrack,7,Parent,N,1,1,N,1,2\n"
)


def write_run(place: Path, file: str, prefix: str = "", area: int = 5) -> Path:
    place.mkdir(exist_ok=True)
    (place / f"{prefix}Image.csv").write_text(
        f"ImageNumber,FileName_DNA,PathName_DNA,Count_Nuclei\n1,{file},C:\\data\\plate,2\n"
    )
    (place / f"{prefix}Nuclei.csv").write_text(
        f"ImageNumber,ObjectNumber,AreaShape_Area\n1,1,{area}\n1,2,{area + 1}\n"
    )
    return place


def output(path: Path) -> CellProfilerOutput:
    found = recognise(path)
    assert isinstance(found, CellProfilerOutput)
    return found


def holds_two_runs(found: CellProfilerOutput) -> None:
    assert [(s.number, s.files[0].name) for s in found.image_sets] == [(1, "a.tif"), (2, "b.tif")]
    for number, area in ((1, 5), (2, 8)):
        nuclei = dict(found.tables(number))["Nuclei"]
        assert nuclei["AreaShape_Area"].tolist() == [area, area + 1]
        assert nuclei["ImageNumber_Original"].tolist() == [1, 1]
    assert any("2 runs" in note and "counted anew" in note for note in found.notes)


def test_a_folder_for_each_run_with_its_own_labels(tmp_path: Path) -> None:
    for name, area in (("a", 5), ("b", 8)):
        place = write_run(tmp_path / name, f"{name}.tif", area=area)
        (place / "Object relationships.csv").write_text(RELATED)
        tifffile.imwrite(place / "field_Nuclei_labels.tiff", LABELS + (name == "b"))
        table = (place / "Image.csv").read_text().replace("Count_", "ObjectsFileName_Nuclei,Count_")
        (place / "Image.csv").write_text(table.replace(",2\n", ",field_Nuclei_labels.tiff,2\n"))
    found = output(tmp_path)
    holds_two_runs(found)
    for number, lowest in ((1, 0), (2, 1)):
        (stack,) = found.labels(number, image(y=20, x=30))
        assert stack.labels.min() == lowest
        pairs = dict(found.tables(number))["Relationships"]
        assert pairs["First Image Number"].tolist() == [number]


def test_prefixes_tell_runs_of_one_folder_apart(tmp_path: Path) -> None:
    write_run(tmp_path, "a.tif", "Run1_")
    write_run(tmp_path, "b.tif", "Run2_", area=8)
    holds_two_runs(output(tmp_path))


def test_two_runs_of_the_same_images_are_refused(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_run(tmp_path / name, "a.tif")
    with pytest.raises(Invalid, match=r"both first/Image\.csv and second/Image\.csv.*by itself"):
        recognise(tmp_path)


def test_tables_of_objects_say_their_images_where_no_image_table_does(tmp_path: Path) -> None:
    for well in ("A01", "A02"):
        (tmp_path / well).mkdir()
        for name in ("Nuclei", "Cells"):
            (tmp_path / well / f"{name}.csv").write_text(
                "ImageNumber,ObjectNumber,FileName_DNA,Metadata_Well,AreaShape_Area\n"
                f"1,1,{well}.tif,{well},5\n"
            )
    found = output(tmp_path)
    assert [(s.well, s.files[0].name) for s in found.image_sets] == [
        ("A01", "A01.tif"), ("A02", "A02.tif"),
    ]  # fmt: skip
    assert set(dict(found.tables(2))) == {"Image", "Nuclei", "Cells"}


@pytest.mark.parametrize(
    ("columns", "values", "file", "folder"),
    [
        ("URL_DNA", "file:///C:/data/My%20Plate/a%20b.tif", "a b.tif", "C:/data/My Plate"),
        ("URL_DNA", "file:/home/me/a.tif", "a.tif", "/home/me"),
        ("URL_DNA", "file:////server/share/a.tif", "a.tif", "/server/share"),
        ("URL_DNA", "https://host/x/a.tif?token=1", "a.tif", "//host/x"),
        ("FileName_DNA,PathName_DNA", "a.tif,file:/C:/My%20Plate", "a.tif", "C:/My Plate"),
        ("FileName_DNA,PathName_DNA", "a.tif,\\\\server\\x", "a.tif", "\\\\server\\x"),
    ],
)
def test_paths_of_other_computers(
    tmp_path: Path, columns: str, values: str, file: str, folder: str
) -> None:
    (tmp_path / "Image.csv").write_text(f"ImageNumber,{columns},Count_N\n3,{values},0\n")
    (one,) = output(tmp_path).image_sets
    assert (one.number, one.files[0].name, one.files[0].folder) == (3, file, folder)


def test_packed_tables(tmp_path: Path) -> None:
    write_run(tmp_path, "a.tif")
    for path in list(tmp_path.iterdir()):
        with gzip.open(f"{path}.gz", "wb") as packed:
            packed.write(path.read_bytes())
        path.unlink()
    for path in (tmp_path, tmp_path / "Nuclei.csv.gz"):
        assert len(output(path).object_table("Nuclei")) == 2
    damaged = (tmp_path / "Image.csv.gz").read_bytes()[:-12]
    (tmp_path / "Image.csv.gz").write_bytes(damaged)
    assert any("Image.csv.gz was skipped" in note for note in output(tmp_path).notes)


def test_words_among_numbers_are_named_and_break_nothing(tmp_path: Path) -> None:
    write_run(tmp_path, "a.tif")
    (tmp_path / "Nuclei.csv").write_text(
        "ImageNumber,ObjectNumber,Intensity_MeanIntensity_DNA\n1,1,0.5\n1,2,oops\n"
    )
    tifffile.imwrite(tmp_path / "a_Nuclei_labels.tif", LABELS)
    found = output(tmp_path)
    (stack,) = found.labels(1, image(y=20, x=30))
    assert stack.labels.max() == 2
    assert any("Intensity_MeanIntensity_DNA held more than numbers" in n for n in found.notes)
