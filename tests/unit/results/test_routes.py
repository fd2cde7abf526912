"""CSV files, the SQLite database and the measurement file say the same, whatever their form."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from omero_jlab.errors import Invalid, OmeroError, Unreadable
from omero_jlab.results import recognise
from omero_jlab.results.cellprofiler import CellProfilerOutput

PIPELINE = (
    "CellProfiler Pipeline: http://www.cellprofiler.org\nVersion:5\nDateRevision:413\n\n"
    "IdentifyPrimaryObjects:[module_num:1|enabled:True]\n"
    "    Select the input image:DNA\n    Name the primary objects to be identified:Nuclei\n"
)
IMAGES = pd.DataFrame(
    {
        "ImageNumber": [1, 2],
        "FileName_DNA": ["a.tif", "b.tif"],
        "PathName_DNA": ["C:\\new\\data", "C:\\new\\data"],
        "Metadata_Well": ["A01", "A02"],
        "Count_Nuclei": [2.0, 1.0],
        "Count_Cells": [1.0, 1.0],
    }
)
NUCLEI = pd.DataFrame(
    {
        "ImageNumber": [1, 1, 2],
        "ObjectNumber": [1, 2, 1],
        "AreaShape_Area": [10.0, 11.0, 12.0],
        "Texture_Odd": [0.1, np.nan, 1 / 3],
        "Number_Object_Number": [1, 2, 1],
    }
)
CELLS = pd.DataFrame(
    {
        "ImageNumber": [1, 2],
        "ObjectNumber": [1, 1],
        "AreaShape_Area": [50.0, 60.0],
        "Parent_Nuclei": [2, 1],
        "Number_Object_Number": [1, 1],
    }
)


def output(path: Path) -> CellProfilerOutput:
    found = recognise(path)
    assert isinstance(found, CellProfilerOutput)
    return found


def holds_the_sample(found: CellProfilerOutput) -> None:
    assert [one.number for one in found.image_sets] == [1, 2]
    assert (found.image_sets[0].files[0].name, found.image_sets[1].well) == ("a.tif", "A02")
    assert found.image_sets[0].files[0].folder == "C:\\new\\data"
    assert set(found.object_names) == {"Nuclei", "Cells"}
    for name, expected in (("Nuclei", NUCLEI), ("Cells", CELLS)):
        table = found.object_table(name)
        assert str(table["ImageNumber"].dtype) == str(table["ObjectNumber"].dtype) == "int64"
        pd.testing.assert_frame_equal(
            table[expected.columns].astype("float64"), expected.astype("float64")
        )


def _prefixed(frame: pd.DataFrame, name: str, *keep: str) -> pd.DataFrame:
    kept = ("ImageNumber", "TableNumber", *keep)
    return frame.rename(columns=lambda c: c if c in kept else f"{name}_{c}")


@pytest.fixture
def database(tmp_path: Path) -> Callable[..., Path]:
    """Writes an SQLite file as ExportToDatabase does."""

    def write(prefix: str = "My_Per_", *, single: bool = False, name: str = "DefaultDB.db") -> Path:
        path = tmp_path / name
        with sqlite3.connect(path) as db:
            _prefixed(IMAGES, "Image").to_sql(f"{prefix}Image", db, index=False)
            pd.DataFrame(
                {
                    "Pipeline_Pipeline": [PIPELINE.encode()],
                    "CellProfiler_Version": ["4.1.3"],
                    "Run_Timestamp": ["2024-01-02T03:04:05"],
                }
            ).to_sql(f"{prefix}Experiment", db, index=False)
            if single:
                both = _prefixed(NUCLEI, "Nuclei", "ObjectNumber").merge(
                    _prefixed(CELLS, "Cells", "ObjectNumber"),
                    on=["ImageNumber", "ObjectNumber"],
                    how="outer",
                )
                both.to_sql(f"{prefix}Object", db, index=False)
            else:
                for kind, frame in (("Nuclei", NUCLEI), ("Cells", CELLS)):
                    own = _prefixed(frame.drop(columns="ObjectNumber"), kind)
                    own.to_sql(f"{prefix}{kind}", db, index=False)
        db.close()
        return path

    return write


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("prefix", ["My_Per_", "Per_", "Expt2_per_"])
def test_a_database(database: Callable[..., Path], prefix: str, single: bool) -> None:
    path = database(prefix, single=single)
    holds_the_sample(output(path))
    found = output(path.parent)
    holds_the_sample(found)
    assert (found.version, found.notes) == ("4.1.3", ())
    assert found.kept_texts == {"DefaultDB.cppipe": PIPELINE}
    assert found.parameters(1)["Run_Timestamp"] == "2024-01-02T03:04:05"
    assert found.parameters(1)["Nuclei"] == "IdentifyPrimaryObjects (DNA → Nuclei)"


def test_views_are_not_read_and_their_tables_are(database: Callable[..., Path]) -> None:
    path = database()
    with sqlite3.connect(path) as db:
        db.execute(
            "CREATE VIEW My_Per_Object AS SELECT * FROM My_Per_Nuclei, My_Per_Cells "
            "WHERE My_Per_Nuclei.ImageNumber = My_Per_Cells.ImageNumber"
        )
    db.close()
    found = output(path)
    holds_the_sample(found)
    assert "My_Per_Object" in found.notes[0]


def test_relationships_of_a_database(database: Callable[..., Path]) -> None:
    path = database()
    with sqlite3.connect(path) as db:
        db.execute(
            "CREATE TABLE My_Per_RelationshipTypes (relationship_type_id integer primary key, "
            "module_number integer, relationship varchar(255), object_name1 varchar(255), "
            "object_name2 varchar(255))"
        )
        db.execute(
            "CREATE TABLE My_Per_Relationships (relationship_type_id integer, image_number1 "
            "integer, object_number1 integer, image_number2 integer, object_number2 integer)"
        )
        db.execute(
            "INSERT INTO My_Per_RelationshipTypes VALUES (1, 9, 'Parent', 'Nuclei', 'Cells')"
        )
        db.execute("INSERT INTO My_Per_Relationships VALUES (1, 1, 2, 1, 1), (1, 2, 1, 2, 1)")
    db.close()
    pairs = dict(output(path).tables(1))["Relationships"]
    assert len(pairs) == 1
    assert pairs["Relationship"].tolist() == ["Parent"]
    assert pairs["First Object Number"].tolist() == [2]
    assert pairs["Second Object Name"].tolist() == ["Cells"]


def test_two_experiments_need_a_properties_file(database: Callable[..., Path]) -> None:
    path = database("One_Per_")
    database("Two_Per_")
    with pytest.raises(Invalid, match=r"One_Per_Image, Two_Per_Image.*properties"):
        recognise(path)
    told = path.with_name("two.properties")
    told.write_text(
        "# CellProfiler Analyst\ndb_type = sqlite\ndb_sqlite_file = D:\\out\\DefaultDB.db\n\n"
        "image_table = Two_Per_Image\nobject_table = Two_Per_Object\n"
        "image_path_cols = Image_PathName_DNA\nimage_file_cols = Image_FileName_DNA\n"
        "image_names = DNA,\n"
    )
    found = output(told)
    holds_the_sample(found)
    assert found.kept_files(1) == (told,)
    told.write_text(told.read_text().replace("Two_Per_Image", "Three_Per_Image"))
    with pytest.raises(Invalid, match="Three_Per_Image, which"):
        recognise(told)


def test_properties_name_columns_that_are_called_otherwise(tmp_path: Path) -> None:
    images = IMAGES.rename(
        columns={
            "FileName_DNA": "Filenames_Filename_dna",
            "PathName_DNA": "Pathnames_Path_dna",
            "Metadata_Well": "where",
        }
    )
    with sqlite3.connect(tmp_path / "some.db") as db:
        _prefixed(images, "Image").to_sql("Per_Image", db, index=False)
        _prefixed(NUCLEI, "Nuclei", "ObjectNumber").to_sql("Per_Nuclei", db, index=False)
    db.close()
    (tmp_path / "some.properties").write_text(
        "db_type=sqlite\ndb_sqlite_file=some.db\nimage_table=Per_Image\nwell_id=Image_where\n"
        "image_file_cols = Image_Filenames_Filename_dna,\n"
        "image_path_cols = Image_Pathnames_Path_dna,\nimage_names = DNA,\n"
    )
    for path in (tmp_path, tmp_path / "some.db", tmp_path / "some.properties"):
        (first, _) = output(path).image_sets
        assert (first.files[0].channel, first.files[0].name) == ("DNA", "a.tif")
        assert (first.files[0].folder, first.well) == ("C:\\new\\data", "A01")


def test_what_lies_in_mysql_is_refused_with_what_works(tmp_path: Path) -> None:
    (tmp_path / "cp.properties").write_text("db_type = mysql\ndb_host = imgdb01\ndb_name = cp\n")
    with pytest.raises(Invalid, match=r"imgdb01.*SQLite.*ExportToSpreadsheet"):
        recognise(tmp_path)
    (tmp_path / "cp.properties").unlink()
    (tmp_path / "SQL_SETUP.SQL").write_text(
        "CREATE TABLE Per_Image (ImageNumber INTEGER);\nLOAD DATA LOCAL INFILE 'SQL_image.CSV'"
    )
    (tmp_path / "SQL_image.CSV").write_text("1,a.tif\n")
    with pytest.raises(Invalid, match=r"MySQL.*SQLite"):
        recognise(tmp_path)
    with pytest.raises(Invalid, match=r"MySQL.*SQLite"):
        recognise(tmp_path / "SQL_SETUP.SQL")


def test_collected_runs_that_count_alike(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "collected.sqlite") as db:
        for run in ("x7", "y9"):
            one = IMAGES.head(1).assign(TableNumber=run, FileName_DNA=f"{run}.tif")
            _prefixed(one, "Image").to_sql("Image", db, index=False, if_exists="append")
            rows = NUCLEI.head(2).assign(TableNumber=run)
            _prefixed(rows, "Nuclei", "ObjectNumber").to_sql(
                "Nuclei", db, index=False, if_exists="append"
            )
    db.close()
    found = output(tmp_path)
    assert [(s.number, s.files[0].name) for s in found.image_sets] == [(1, "x7.tif"), (2, "y9.tif")]
    table = found.object_table("Nuclei")
    assert table["ImageNumber"].tolist() == [1, 1, 2, 2]
    assert table["ImageNumber_Original"].tolist() == [1, 1, 1, 1]
    assert "counted anew" in found.notes[0]


@pytest.fixture
def measurements(tmp_path: Path) -> Callable[..., Path]:
    """Writes a measurement file as CellProfiler does, in the layout of some version."""

    def write(version: str = "4.2.1", *, layout: str = "dated", name: str = "out.h5") -> Path:
        path = tmp_path / name
        with h5py.File(path, "w") as file:
            top = file.create_group("Measurements")
            if layout != "undated":
                top = top.create_group("2024-01-02-03-04-05")
            escaped = int(version.partition(".")[0]) < 4
            for kind, frame in (("Image", IMAGES), ("Nuclei", NUCLEI), ("Cells", CELLS)):
                group = top.create_group(kind)
                spans = _spans(frame)
                if layout == "shared":
                    group.create_dataset("index", data=spans)
                for column in frame.columns:
                    values = frame[column]
                    if values.dtype.kind not in "iuf":
                        texts = [v.encode("unicode_escape" if escaped else "utf-8") for v in values]
                        data = np.array(texts, dtype=object)
                        made = {"data": data, "dtype": h5py.string_dtype()}
                    else:
                        made = {"data": values.to_numpy()}
                    if layout == "shared":
                        group.create_dataset(str(column), **made)
                    else:
                        feature = group.create_group(str(column))
                        feature.create_dataset("data", **made)
                        feature.create_dataset("index", data=spans)
            experiment = top.create_group("Experiment")
            for key, text in (("CellProfiler_Version", version), ("Pipeline_Pipeline", PIPELINE)):
                raw = text.encode("unicode_escape" if escaped else "utf-8")
                feature = experiment.create_group(key)
                feature.create_dataset(
                    "data", data=np.array([raw], object), dtype=h5py.string_dtype()
                )
                feature.create_dataset("index", data=[[0, 0, 1]])
            if layout == "dated":
                pairs = top.create_group("Relationship/3/Parent/Nuclei/Cells")
                for name_, numbers in (
                    ("ImageNumber_First", [1, 2]), ("ObjectNumber_First", [2, 1]),
                    ("ImageNumber_Second", [1, 2]), ("ObjectNumber_Second", [1, 1]),
                ):  # fmt: skip
                    pairs.create_dataset(name_, data=np.array(numbers, "int32"))
        return path

    return write


def _spans(frame: pd.DataFrame) -> Sequence[tuple[int, int, int]]:
    numbers = frame["ImageNumber"].to_numpy()
    return [
        (int(n), int(np.flatnonzero(numbers == n)[0]), int(np.flatnonzero(numbers == n)[-1]) + 1)
        for n in np.unique(numbers)
    ]


@pytest.mark.parametrize(
    ("version", "layout"),
    [("4.2.1", "dated"), ("2.1.1", "dated"), ("3.1.9", "undated"), ("4.0.0", "shared")],
)
def test_a_measurement_file(measurements: Callable[..., Path], version: str, layout: str) -> None:
    path = measurements(version, layout=layout)
    found = output(path)
    holds_the_sample(found)
    holds_the_sample(output(path.parent))
    assert (found.version, found.kept_texts) == (version, {"out.cppipe": PIPELINE})
    if layout == "dated":
        pairs = dict(found.tables(2))["Relationships"]
        assert pairs["First Object Name"].tolist() == ["Nuclei"]
        assert pairs["First Image Number"].tolist() == [2]


def test_places_in_a_measurement_file_count_not_their_order(
    measurements: Callable[..., Path],
) -> None:
    path = measurements()
    with h5py.File(path, "r+") as file:
        feature = file["Measurements/2024-01-02-03-04-05/Nuclei/AreaShape_Area"]
        del feature["data"], feature["index"]
        # Image set 2 was measured before 1, which was measured twice and then lost an object's.
        feature.create_dataset("data", data=[12.0, -1.0, -1.0, 10.0])
        feature.create_dataset("index", data=[[2, 0, 1], [1, 1, 3], [1, 3, 4]])
    areas = output(path).object_table("Nuclei")["AreaShape_Area"].to_numpy()
    assert np.array_equal(areas, [10.0, np.nan, 12.0], equal_nan=True)


def test_the_newest_run_is_read(measurements: Callable[..., Path]) -> None:
    path = measurements()
    with h5py.File(path, "r+") as file:
        file.copy("Measurements/2024-01-02-03-04-05", "Measurements/2023-01-02-03-04-05")
        del file["Measurements/2023-01-02-03-04-05/Cells"]
    found = output(path)
    holds_the_sample(found)
    assert "2024-01-02-03-04-05 was read, not 2023" in found.notes[0]


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["ExampleFly.db", "ExampleFly_measurements.h5"])
def test_the_routes_agree_on_example_fly(real_data: Path, name: str) -> None:
    folder = real_data / "cellprofiler-out" / "ExampleFly"
    csv, other = output(folder), output(folder / name)
    assert csv.version == other.version == "4.2.8.1"
    assert csv.image_sets[1].files == other.image_sets[1].files
    assert other.pipeline == csv.pipeline
    compared = 0
    for kind in ("Image", "Nuclei", "Cells", "Cytoplasm"):
        one, two = (
            each.image_table() if kind == "Image" else each.object_table(kind)
            for each in (csv, other)
        )
        if kind != "Image":
            assert set(one.columns) == set(two.columns)
        for column in one.columns.intersection(two.columns):
            compared += 1
            if pd.api.types.is_numeric_dtype(one[column]):
                wanted, got = (f[column].to_numpy("float64", na_value=np.nan) for f in (one, two))
                # What is float32 was written into the CSV file with as many digits as it has.
                same = np.isclose(wanted, got, rtol=1e-15, atol=0, equal_nan=True)
                same |= wanted.astype("float32") == got.astype("float32")
                assert same.all(), column
            else:
                assert one[column].tolist() == two[column].tolist()
    assert compared > 600
    assert {f.path for f in csv.label_files(2)} == {f.path for f in other.label_files(2)}


@pytest.mark.real_data
def test_a_database_of_somebody_else(real_data: Path) -> None:
    path = real_data / "cellprofiler-out" / "all_cellprofiler.sqlite"
    found = output(path)
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as db:
        counts = dict(db.execute("SELECT ImageNumber, count(*) FROM Per_Nuclei GROUP BY 1"))
        (mean,) = db.execute("SELECT avg(Cells_AreaShape_Area) FROM Per_Cells").fetchone()
    db.close()
    assert len(found.image_sets) == 32
    assert (found.image_sets[0].plate, found.image_sets[0].well) == ("001", "C6")
    nuclei = found.object_table("Nuclei")
    assert nuclei.groupby("ImageNumber").size().to_dict() == counts
    assert found.object_table("Cells")["AreaShape_Area"].mean() == pytest.approx(mean)
    assert found.notes == ()
    assert list(found.kept_texts) == ["all_cellprofiler.cppipe"]


def test_parents_without_a_row_are_told(tmp_path: Path) -> None:
    IMAGES.to_csv(tmp_path / "Image.csv", index=False)
    NUCLEI.to_csv(tmp_path / "Nuclei.csv", index=False)
    CELLS.assign(Parent_Nuclei=[2, 7]).to_csv(tmp_path / "Cells.csv", index=False)
    found = output(tmp_path)
    cells = dict(found.tables(1))["Cells"]
    nuclei = dict(found.tables(1))["Nuclei"]
    # The children of nucleus 2 are the cells whose Parent_Nuclei is 2.
    assert cells.loc[cells["Parent_Nuclei"] == 2, "ObjectNumber"].tolist() == [1]
    assert nuclei["ObjectNumber"].tolist() == [1, 2]
    (note,) = found.notes
    assert "image set 2, parent 7" in note


def test_a_missing_table_and_missing_rows_are_told(tmp_path: Path) -> None:
    IMAGES.to_csv(tmp_path / "Image.csv", index=False)
    NUCLEI.drop(index=1).to_csv(tmp_path / "Nuclei.csv", index=False)
    found = output(tmp_path)
    assert found.notes == ("Counted, but without a table: Cells.",)
    list(found.tables(1))
    assert "1 rows of 2 in image set 1" in found.notes[1]


# -- files that mean harm, or were damaged


def test_what_is_stored_in_a_database_does_not_run(database: Callable[..., Path]) -> None:
    path = database()
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE My_Per_Nuclei ADD COLUMN Nuclei_Math_Evil AS (zeroblob(900000000))")
        db.execute("CREATE VIEW My_Per_Trap AS SELECT randomblob(900000000) AS ImageNumber")
        db.execute("CREATE VIRTUAL TABLE My_Per_Words USING fts5(ImageNumber, ObjectNumber)")
    db.close()
    found = output(path)
    holds_the_sample(found)
    assert "Math_Evil" not in found.object_table("Nuclei")


def test_a_table_that_is_a_view_in_disguise(database: Callable[..., Path]) -> None:
    path = database()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE My_Per_Spots (ImageNumber, Spots_Number_Object_Number)")
        db.execute("PRAGMA writable_schema = ON")
        db.execute(
            "UPDATE sqlite_master SET sql = 'CREATE VIEW My_Per_Spots AS SELECT "
            "randomblob(900000000) AS ImageNumber, 1 AS Spots_Number_Object_Number' "
            "WHERE name = 'My_Per_Spots'"
        )
    db.close()
    try:
        assert "Spots" not in output(path).object_names
    except Unreadable as error:
        assert "SQLite" in str(error)


@pytest.mark.parametrize("kind", ["db", "h5"])
@pytest.mark.parametrize("share", [0.001, 0.3, 0.97])
def test_files_that_were_cut_off(
    database: Callable[..., Path], measurements: Callable[..., Path], kind: str, share: float
) -> None:
    path = database() if kind == "db" else measurements()
    whole = path.read_bytes()
    path.write_bytes(whole[: max(100, int(share * len(whole)))])
    with pytest.raises(OmeroError, match=r"cut off|cannot be read"):
        recognise(path)


def test_a_database_that_is_still_written_is_told(database: Callable[..., Path]) -> None:
    path = database()
    path.with_name(path.name + "-wal").write_bytes(b"x" * 100)
    assert "DefaultDB.db-wal is not read" in output(path).notes[0]


@pytest.mark.parametrize("how", ["external", "soft", "virtual", "storage"])
def test_a_measurement_file_leads_nowhere_else(
    measurements: Callable[..., Path], tmp_path: Path, how: str
) -> None:
    path = measurements()
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["data"] = np.full(3, 77.0)
    (tmp_path / "secret.bin").write_bytes(np.full(3, 77.0).tobytes())
    with h5py.File(path, "r+") as file:
        feature = file["Measurements/2024-01-02-03-04-05/Nuclei/AreaShape_Area"]
        del feature["data"]
        if how == "external":
            feature["data"] = h5py.ExternalLink(str(secret), "data")
        elif how == "soft":
            feature["data"] = h5py.SoftLink("/Version")
        elif how == "virtual":
            layout = h5py.VirtualLayout((3,), "f8")
            layout[:] = h5py.VirtualSource(str(secret), "data", (3,))
            feature.create_virtual_dataset("data", layout)
        else:
            where = [(str(tmp_path / "secret.bin"), 0, 24)]
            feature.create_dataset("data", shape=(3,), dtype="f8", external=where)
    secret.unlink()
    table = output(path).object_table("Nuclei")
    assert "AreaShape_Area" not in table
    assert table["ObjectNumber"].tolist() == [1, 2, 1]


@pytest.mark.parametrize("index", [[[1, 0, 900]], [[1, -5, 1]], [[1, 2, 0]]])
def test_places_beyond_the_data_are_refused(
    measurements: Callable[..., Path], index: list[list[int]]
) -> None:
    path = measurements()
    with h5py.File(path, "r+") as file:
        feature = file["Measurements/2024-01-02-03-04-05/Nuclei/AreaShape_Area"]
        del feature["index"]
        feature.create_dataset("index", data=index)
    with pytest.raises(Unreadable, match=r"cannot be|past the end"):
        output(path).object_table("Nuclei")


def test_an_hdf5_file_of_another_program_is_not_taken(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["table"] = np.arange(3)
    shutil.copy(tmp_path / "other.h5", tmp_path / "copy.h5")
    with pytest.raises(Invalid, match="not recognised"):
        recognise(tmp_path / "other.h5")
