"""The exported file is what PyTables itself would have written."""

from __future__ import annotations

from pathlib import Path

import numpy
import pandas
import pytest
import tables

from omero_jlab.errors import Invalid
from omero_jlab.tables import TableView, columns_of, export_pytables, write_segment


def view_of(folder: Path, frame: pandas.DataFrame, cuts: tuple[int, ...]) -> TableView:
    columns = columns_of(frame)
    segments = [
        write_segment(folder, f"{first}.h5", frame.iloc[first:last], columns, first)
        for first, last in zip((0, *cuts), (*cuts, len(frame)), strict=True)
    ]
    return TableView(folder, columns, tuple(segments))


def test_every_kind_is_exported(tmp_path: Path) -> None:
    frame = pandas.DataFrame(
        {
            "flag": [True, False, True],
            "small": numpy.array([1, 2, 3], "u1"),
            "area": [1.5, numpy.nan, 3],
            "Predicted Class": ["Zelle", None, "größer"],
            "when": pandas.to_datetime(["2024-01-01", None, "2024-01-02"], utc=True),
            "whole": pandas.array([1, 2, 3], dtype="Int64"),
            "count": pandas.array([1, None, 3], dtype="Int64"),
            "seen": pandas.array([True, None, False], dtype="boolean"),
            "centre": [numpy.array([1.0, 2.0]), numpy.array([3.0, 4.0]), numpy.array([5.0, 6.0])],
            "perhaps": [numpy.array([1, 2]), None, numpy.array([5, 6])],
        }
    )
    export_pytables(tmp_path / "x.h5", view_of(tmp_path, frame, (2,)))
    with tables.open_file(tmp_path / "x.h5") as file:
        table = file.root.table
        rows = table[:]
        assert [name.decode() for name in file.root.columns[:]] == list(frame.columns)
        assert table.get_where_list("(area > 2) & flag").tolist() == [2]
    assert rows.dtype["flag"] == "?" and rows["flag"].tolist() == [True, False, True]
    assert rows.dtype["small"] == "u1" and rows["small"].tolist() == [1, 2, 3]
    numpy.testing.assert_array_equal(rows["area"], frame["area"])
    assert [text.decode() for text in rows["c0003"]] == ["Zelle", "", "größer"]
    assert rows["when"].view("M8[us]").astype(str).tolist() == [
        "2024-01-01T00:00:00.000000", "NaT", "2024-01-02T00:00:00.000000",
    ]  # fmt: skip
    assert rows.dtype["whole"] == "i8"
    numpy.testing.assert_array_equal(rows["count"], [1, numpy.nan, 3])
    numpy.testing.assert_array_equal(rows["seen"], [1, numpy.nan, 0])
    numpy.testing.assert_array_equal(rows["centre"], [[1, 2], [3, 4], [5, 6]])
    numpy.testing.assert_array_equal(rows["perhaps"], [[1, 2], [numpy.nan] * 2, [5, 6]])


def test_many_columns_and_many_rows(tmp_path: Path) -> None:
    values = numpy.arange(600.0 * 700).reshape(700, 600)
    frame = pandas.DataFrame(values, columns=[f"Intensity_Feature_{n}" for n in range(600)])
    export_pytables(tmp_path / "x.h5", view_of(tmp_path, frame, (100, 300)))
    with tables.open_file(tmp_path / "x.h5", max_columns=600) as file:
        found = pandas.DataFrame.from_records(file.root.table[:])
    pandas.testing.assert_frame_equal(found, frame)


def test_what_would_lose_precision_is_refused(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"id": pandas.array([2**53 + 1, None], dtype="Int64")})
    with pytest.raises(Invalid, match="column 'id' has missing values and numbers beyond"):
        export_pytables(tmp_path / "x.h5", view_of(tmp_path, frame, ()))
    assert [path.name for path in tmp_path.iterdir()] == ["0.h5"]


def test_no_file_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "x.h5").write_text("mine")
    with pytest.raises(FileExistsError):
        export_pytables(tmp_path / "x.h5", view_of(tmp_path, pandas.DataFrame({"a": [1]}), ()))
    assert (tmp_path / "x.h5").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.h5", "x.h5"]


def test_a_table_without_rows_is_exported(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"a": pandas.Series(dtype="f8"), "s": pandas.Series(dtype="str")})
    export_pytables(tmp_path / "x.h5", view_of(tmp_path, frame, ()))
    with tables.open_file(tmp_path / "x.h5") as file:
        assert len(file.root.table) == 0
