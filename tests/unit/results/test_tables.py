"""Values come out of the CSV exactly as they went in."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from omero_jlab.errors import Invalid, TooLarge, Unreadable
from omero_jlab.results import recognise


def _write(folder: Path, objects: str, images: str = "ImageNumber,Count_Nuclei\n1,1\n") -> Path:
    (folder / "Image.csv").write_text(images)
    (folder / "Nuclei.csv").write_text(objects)
    return folder


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["Nuclei", "Cells", "Cytoplasm"])
def test_every_value_of_example_fly(real_data: Path, name: str) -> None:
    folder = real_data / "cellprofiler-out" / "ExampleFly"
    with (folder / f"{name}.csv").open() as file:
        header, *rows = csv.reader(file)
    table = recognise(folder).object_table(name)
    assert table.columns.tolist() == header
    expected = np.array([[float(value) for value in row] for row in rows])
    assert np.array_equal(table.to_numpy("float64"), expected, equal_nan=True)


def test_types(tmp_path: Path) -> None:
    output = recognise(
        _write(
            tmp_path,
            "ImageNumber,ObjectNumber,Metadata_Plate,Metadata_Site,Metadata_Drug,Parent_Cells,"
            "AreaShape_Area,MD5Digest_DNA\n"
            "2,1,0012,1,NA,,7.25,11111111111111111111111111111111\n"
            "1,2,0012,2,DMSO,3,nan,22222222222222222222222222222222\n"
            "1,1,0012,2,,2,8,22222222222222222222222222222222\n",
        )
    )
    table = output.object_table("Nuclei")
    assert table["ImageNumber"].tolist() == [1, 1, 2]
    assert table["ObjectNumber"].tolist() == [1, 2, 1]
    assert table["Metadata_Plate"].tolist() == ["0012"] * 3
    assert table["Metadata_Site"].tolist() == [2, 2, 1]
    assert table["Metadata_Site"].dtype == "int64"
    assert table["Metadata_Drug"].isna().tolist() == [True, False, False]
    assert table["Metadata_Drug"].tolist()[1:] == ["DMSO", "NA"]
    assert table["AreaShape_Area"].dtype == "float64"
    assert table["MD5Digest_DNA"].tolist()[2] == "1" * 32


def test_a_repeated_header_is_kept_once_if_equal(tmp_path: Path) -> None:
    table = recognise(
        _write(
            tmp_path,
            "ImageNumber,ObjectNumber,Metadata_Well,Metadata_Well,AreaShape_Area,AreaShape_Area\n"
            "1,1,A01,A01,5,6\n",
        )
    ).object_table("Nuclei")
    assert table.columns.tolist() == [
        "ImageNumber",
        "ObjectNumber",
        "Metadata_Well",
        "AreaShape_Area",
        "AreaShape_Area_2",
    ]


def test_fewer_objects_of_one_kind_leave_no_empty_rows(tmp_path: Path) -> None:
    (tmp_path / "Combined.csv").write_text(
        "Image,Cells,Cells,Nuclei,Nuclei\n"
        "ImageNumber,ObjectNumber,AreaShape_Area,AreaShape_Area,Number_Object_Number\n"
        "1,1,50,5,1\n1,2,60,,\n2,1,70,nan,nan\n"
    )
    output = recognise(tmp_path)
    assert output.object_table("Cells")["AreaShape_Area"].tolist() == [50, 60, 70]
    nuclei = output.object_table("Nuclei")
    assert nuclei[["ImageNumber", "ObjectNumber", "AreaShape_Area"]].values.tolist() == [[1, 1, 5]]
    assert [s.number for s in output.image_sets] == [1, 2]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1,x,5", "ObjectNumber is no number"),
        ("1.5,1,5", "ImageNumber is no whole number"),
        ("1,1,5,6", "more values"),
        ("1,,5", "ObjectNumber is no number"),
    ],
)
def test_a_damaged_row_is_named(tmp_path: Path, row: str, said: str) -> None:
    output = recognise(_write(tmp_path, f"ImageNumber,ObjectNumber,AreaShape_Area\n{row}\n"))
    with pytest.raises(Unreadable, match=said):
        output.object_table("Nuclei")


def test_a_million_columns_are_refused(tmp_path: Path) -> None:
    header = "ImageNumber,ObjectNumber," + ",".join("a" * 2 for _ in range(1_000_000))
    with pytest.raises(TooLarge, match="more than 50,000 columns"):
        recognise(_write(tmp_path, header + "\n"))


def test_a_header_without_an_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="longer than 8 MiB"):
        recognise(_write(tmp_path, "x" * (9 * 2**20)))


def test_a_binary_csv_is_skipped_with_a_note(tmp_path: Path) -> None:
    folder = _write(tmp_path, "ImageNumber,ObjectNumber,AreaShape_Area\n1,1,5\n")
    (folder / "Junk.csv").write_bytes(b"\x00\x01\x02")
    notes = " ".join(recognise(folder).notes)
    assert "Junk.csv is not a text file" in notes


def test_the_image_table_is_a_copy(tmp_path: Path) -> None:
    output = recognise(_write(tmp_path, "ImageNumber,ObjectNumber,AreaShape_Area\n1,1,5\n"))
    table = output.image_table()
    table["Count_Nuclei"] = 99
    assert output.image_table()["Count_Nuclei"].tolist() == [1]


def test_the_same_image_set_in_two_object_tables_is_refused(tmp_path: Path) -> None:
    for group in ("a", "b"):
        (tmp_path / group).mkdir()
        (tmp_path / group / "Nuclei.csv").write_text(
            "ImageNumber,ObjectNumber,AreaShape_Area\n4,1,5\n"
        )
    output = recognise(tmp_path)
    with pytest.raises(Invalid, match="Image set 4 stands in both"):
        output.object_table("Nuclei")
    assert isinstance(output.image_table(), pd.DataFrame)
