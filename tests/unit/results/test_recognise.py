"""Folders of real and made outputs are recognised, and nothing else is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from omero_jlab.errors import Invalid, NotFound
from omero_jlab.results import read_labels, recognise


def test_the_demo_plate_is_what_its_facts_say(demo_plate: Path) -> None:
    facts = json.loads((demo_plate / "facts.json").read_text())
    output = recognise(demo_plate / "cellprofiler")
    assert (output.program, output.version) == ("CellProfiler", facts["cellprofiler_version"])
    assert output.pipeline is not None and output.pipeline.name == "plate-1.cppipe"
    assert set(output.object_names) == set(facts["totals"])
    table = output.image_table()
    assert table.shape == (facts["csv"]["Image"]["rows"], facts["csv"]["Image"]["columns"])
    for expected, image_set in zip(facts["images"], output.image_sets, strict=True):
        row = table.set_index("ImageNumber").loc[image_set.number]
        assert image_set.number == expected["ImageNumber"]
        assert (image_set.plate, image_set.well) == ("plate-1", expected["Metadata_Well"])
        assert image_set.site == int(expected["Metadata_Site"])
        assert [file.channel for file in image_set.files] == facts["channels"]
        assert image_set.files[0].name == expected["FileName_DNA"]
        assert image_set.files[0].md5 == expected["MD5Digest_DNA"]
        assert row["Intensity_MeanIntensity_DNA"] == expected["Intensity_MeanIntensity_DNA"]
        assert row["Count_Nuclei"] == expected["Count_Nuclei"]


def test_object_tables_of_the_demo_plate_hold_every_value(demo_plate: Path) -> None:
    facts = json.loads((demo_plate / "facts.json").read_text())
    output = recognise(demo_plate / "cellprofiler")
    tables = {name: output.object_table(name) for name in output.object_names}
    for name, table in tables.items():
        assert table.shape == (
            facts["csv"][name]["rows"],
            facts["csv"][name]["distinct_columns"],
        )
        assert str(table["ImageNumber"].dtype) == str(table["ObjectNumber"].dtype) == "int64"
        assert str(table["Metadata_Well"].dtype) == "string"
        assert table["AreaShape_Area"].sum() == facts["sums"][name]["AreaShape_Area"]
    for expected in facts["objects"]:
        table = tables[expected.pop("object")]
        rows = table[
            (table["ImageNumber"] == expected["ImageNumber"])
            & (table["ObjectNumber"] == expected["ObjectNumber"])
        ]
        assert {key: rows[key].item() for key in expected} == expected


def test_label_images_of_the_demo_plate_have_a_label_for_every_row(demo_plate: Path) -> None:
    output = recognise(demo_plate / "cellprofiler")
    for image_set in output.image_sets:
        files = {file.object_name: file.path for file in output.label_files(image_set.number)}
        assert set(files) == {"Nuclei", "Cells"}
        for name, path in files.items():
            table = output.object_table(name)
            rows = table[table["ImageNumber"] == image_set.number]
            labels = read_labels(path)
            assert labels.dtype == np.int32
            assert int(labels.max()) == len(rows)


@pytest.mark.real_data
def test_example_fly(real_data: Path) -> None:
    output = recognise(real_data / "cellprofiler-out" / "ExampleFly")
    assert output.version == "4.2.8.1"
    assert output.pipeline is not None and output.pipeline.name == "ExampleFly_db.cppipe"
    nuclei = output.object_table("Nuclei")
    assert nuclei.groupby("ImageNumber").size().tolist() == [20, 24, 19]
    assert [f.channel for f in output.image_sets[0].files] == ["OrigBlue", "OrigGreen", "OrigRed"]
    assert {f.object_name for f in output.label_files(2)} == {"Nuclei", "Cells"}
    assert any("ExampleFly.db" in note for note in output.notes)


@pytest.mark.real_data
@pytest.mark.parametrize(("folder", "sets"), [("1", 4), ("2", 4), ("", 8)])
def test_two_header_rows(real_data: Path, folder: str, sets: int) -> None:
    output = recognise(real_data / "cellprofiler-out" / "data_a" / folder)
    assert sorted(output.object_names) == ["Cells", "Cytoplasm", "Nuclei"]
    assert len(output.image_sets) == sets
    assert (output.image_sets[0].plate, output.image_sets[0].site) == ("110000106828", 1)
    cells, nuclei = output.object_table("Cells"), output.object_table("Nuclei")
    assert len(cells) == len(nuclei) == 5 * sets
    assert cells.columns[:3].tolist() == ["ImageNumber", "ObjectNumber", "AreaShape_Area"]
    assert not cells["AreaShape_Area"].equals(nuclei["AreaShape_Area"])
    if folder == "1":
        assert cells["AreaShape_Area"].tolist()[:4] == [739, 993, 869, 1016]


@pytest.mark.real_data
def test_a_folder_for_each_image_set_with_empty_files(real_data: Path) -> None:
    output = recognise(real_data / "cellprofiler-out" / "data_b")
    assert [s.number for s in output.image_sets] == [1, 2, 217, 218, 1012, 2126, 3011]
    assert [(s.well, s.site) for s in output.image_sets][:3] == [("A01", 1), ("A01", 2), ("B01", 1)]
    assert output.image_sets[0].plate == "SQ00015116"
    assert output.image_sets[-1].well is None
    assert len(output.object_table("Nuclei")) == 51
    assert len(output.object_table("Cytoplasm")) == 61
    assert sum("empty" in note for note in output.notes) == 2
    assert any("no row in an image table" in note for note in output.notes)


@pytest.mark.real_data
@pytest.mark.parametrize(
    "folder", ["plates/ExampleSBS", "cellprofiler/ExampleFly", "omero-annotations"]
)
def test_other_tables_are_not_taken_for_cellprofilers(real_data: Path, folder: str) -> None:
    with pytest.raises(Invalid, match="not recognised"):
        recognise(real_data / folder)


def test_what_is_not_there_or_empty_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no file or folder"):
        recognise(tmp_path / "nowhere")
    with pytest.raises(Invalid, match="folder is empty"):
        recognise(tmp_path)
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    with pytest.raises(Invalid, match=r"1 × \.csv.*ExportToSpreadsheet"):
        recognise(tmp_path)


def test_a_table_inside_stands_for_its_folder(demo_plate: Path) -> None:
    assert recognise(demo_plate / "cellprofiler" / "Nuclei.csv").image_sets
    with pytest.raises(Invalid, match=r"one file of kind \.cppipe"):
        recognise(demo_plate / "cellprofiler" / "plate-1.cppipe")


def test_a_prefix_of_the_file_names_is_no_part_of_the_objects(tmp_path: Path) -> None:
    (tmp_path / "MyExpt_Image.csv").write_text("ImageNumber,Count_Nuclei\n1,1\n")
    (tmp_path / "MyExpt_Nuclei.csv").write_text("ImageNumber,ObjectNumber,AreaShape_Area\n1,1,7\n")
    (tmp_path / "MyExpt_Experiment.csv").write_text("Key,Value\nCellProfiler_Version,3.1.9\n")
    output = recognise(tmp_path)
    assert output.object_names == ("Nuclei",)
    assert output.version == "3.1.9"
    with pytest.raises(NotFound, match="there are Nuclei"):
        output.object_table("Cells")


def test_two_outputs_in_one_folder_are_not_mixed(tmp_path: Path) -> None:
    for plate in ("one", "two"):
        (tmp_path / plate).mkdir()
        (tmp_path / plate / "Image.csv").write_text("ImageNumber,Metadata_Well\n1,A01\n")
    with pytest.raises(Invalid, match=r"Image set 1 .* both one/Image\.csv and two/Image\.csv"):
        recognise(tmp_path)


def test_the_pipeline_in_the_experiment_table_serves_where_no_file_lies(
    demo_plate: Path, tmp_path: Path
) -> None:
    for path in (demo_plate / "cellprofiler").iterdir():
        if path.suffix in (".csv", ".tiff"):
            shutil.copy(path, tmp_path)
    table = pd.read_csv(tmp_path / "Image.csv")
    saved = [c for c in table.columns if c.endswith("Labels")]
    table.drop(columns=saved).to_csv(tmp_path / "Image.csv", index=False)
    output = recognise(tmp_path)
    assert (output.pipeline, output.version) == (None, "4.2.8.1")
    # Without columns that name them, files are found by what SaveImages was told to write.
    assert [f.path.name for f in output.label_files(3)] == [
        "A02_s1_DNA_Cells_labels.tiff",
        "A02_s1_DNA_Nuclei_labels.tiff",
    ]
