"""CSV files as other settings, computers and accidents make them."""

from __future__ import annotations

from pathlib import Path

import pytest

from omero_jlab.errors import Unreadable
from omero_jlab.results import recognise
from omero_jlab.results.cellprofiler import CellProfilerOutput

IMAGES = "ImageNumber,FileName_DNA,Metadata_Drug,Count_Nuclei\n1,a.tif,caffè,2\n2,b.tif,DMSO,0\n"
NUCLEI = "ImageNumber,ObjectNumber,AreaShape_Area,Location_Center_X\n1,1,7.5,2\n1,2,8.25,nan\n"


def output(path: Path) -> CellProfilerOutput:
    found = recognise(path)
    assert isinstance(found, CellProfilerOutput)
    return found


def write(folder: Path, images: bytes | str = IMAGES, nuclei: bytes | str = NUCLEI) -> Path:
    for name, content in (("Image.csv", images), ("Nuclei.csv", nuclei)):
        raw = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(raw)
    return folder


def check(found: CellProfilerOutput) -> None:
    assert found.object_names == ("Nuclei",)
    table = found.object_table("Nuclei")
    assert table["AreaShape_Area"].tolist() == [7.5, 8.25]
    assert table["Location_Center_X"].isna().tolist() == [False, True]
    assert found.image_table()["Metadata_Drug"].tolist() == ["caffè", "DMSO"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings(tmp_path: Path, encoding: str, end: str) -> None:
    images, nuclei = (text.replace("\n", end).encode(encoding) for text in (IMAGES, NUCLEI))
    found = output(write(tmp_path, images, nuclei))
    check(found)
    assert ("Windows-1252" in " ".join(found.notes)) == (encoding == "cp1252")


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_delimiters(tmp_path: Path, delimiter: str) -> None:
    for name, content in (("Image", IMAGES), ("Nuclei", NUCLEI)):
        # ExportToSpreadsheet calls tab-separated files .txt.
        suffix = "txt" if delimiter == "\t" else "csv"
        (tmp_path / f"{name}.{suffix}").write_text(content.replace(",", delimiter))
    check(output(tmp_path))
    assert output(tmp_path).notes == ()


def test_decimal_commas(tmp_path: Path) -> None:
    nuclei = NUCLEI.replace(",", ";").replace("7.5", "7,5").replace("8.25", "8,25")
    check(output(write(tmp_path, IMAGES.replace(",", ";"), nuclei)))


def test_quoted_values_with_delimiters_and_line_ends(tmp_path: Path) -> None:
    images = IMAGES.replace("caffè", '"a, ""b""\nc"')
    found = output(write(tmp_path, images))
    assert found.image_table()["Metadata_Drug"].tolist() == ['a, "b"\nc', "DMSO"]
    assert found.notes == ()


@pytest.mark.parametrize(("missing", "said"), [(10, "2 of 4 values"), (6, "3 of 4 values")])
def test_a_table_that_was_cut_off(tmp_path: Path, missing: int, said: str) -> None:
    found = output(write(tmp_path, nuclei=NUCLEI[:-missing]))
    assert said in found.notes[0]
    with pytest.raises(Unreadable, match=said):
        list(found.tables(1))
    (tmp_path / "out.db").write_bytes(b"")
    with pytest.raises(Unreadable, match=r"Copy it again\. Or name out\.db"):
        list(output(tmp_path).tables(1))


def test_a_last_value_that_may_be_cut_off_is_told(tmp_path: Path) -> None:
    found = output(write(tmp_path, nuclei=NUCLEI[:-1]))
    assert found.notes == ("Nuclei.csv ends without a line end: its last value may be cut off.",)
    check(found)


def test_zeros_at_the_end_are_a_torn_copy(tmp_path: Path) -> None:
    found = output(write(tmp_path, nuclei=NUCLEI.encode() + bytes(4096)))
    with pytest.raises(Unreadable, match="zeros"):
        found.object_table("Nuclei")


def test_an_image_table_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"Image\.csv was cut off.*1 of 4"):
        recognise(write(tmp_path, images=IMAGES + "3"))


def test_a_header_alone_and_an_empty_file(tmp_path: Path) -> None:
    write(tmp_path, nuclei=NUCLEI.partition("\n")[0] + "\n")
    (tmp_path / "Cells.csv").write_text("")
    found = output(tmp_path)
    assert len(found.object_table("Nuclei")) == 0
    assert [name for name, _ in found.tables(1)] == ["Image"]
    assert any("Cells.csv is empty" in note for note in found.notes)
    assert any("2 in image set 1" in note for note in found.notes)


def test_copies_that_were_joined_are_refused(tmp_path: Path) -> None:
    found = output(write(tmp_path, nuclei=NUCLEI + NUCLEI))
    with pytest.raises(Unreadable, match="ImageNumber is no number"):
        found.object_table("Nuclei")


def test_a_file_for_each_image_set_in_one_folder(tmp_path: Path) -> None:
    for number, well in enumerate(("A01", "B01_s2"), start=1):
        (tmp_path / f"{well}_Image.csv").write_text(
            f"ImageNumber,FileName_DNA,Count_Nuclei\n{number},{well}.tif,1\n"
        )
        (tmp_path / f"{well}_Nuclei.csv").write_text(
            f"ImageNumber,ObjectNumber,AreaShape_Area\n{number},1,{number}5\n"
        )
    found = output(tmp_path)
    assert found.object_names == ("Nuclei",)
    assert found.object_table("Nuclei")["AreaShape_Area"].tolist() == [15, 25]


def test_objects_of_one_folder_and_images_of_another(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "Image").mkdir()
    (tmp_path / "Image" / "run7_Image.csv").write_text(IMAGES)
    (tmp_path / "tables" / "run7_Nuclei.csv").write_text(NUCLEI)
    check(output(tmp_path))


def test_relationships(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "Object relationships.csv").write_text(
        "Module,Module Number,Relationship,First Object Name,First Image Number,"
        "First Object Number,Second Object Name,Second Image Number,Second Object Number\n"
        "TrackObjects,7,Parent,Nuclei,1,2,Nuclei,2,1\n"
    )
    found = output(tmp_path)
    for number in (1, 2):
        # A pair between two frames belongs to both.
        assert dict(found.tables(number))["Relationships"]["Module"].tolist() == ["TrackObjects"]
