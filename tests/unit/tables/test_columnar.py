"""Parquet, Feather and Arrow files, and what they keep of a table that was exported."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path
from typing import Any

import numpy
import pandas
import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest

from omero_jlab.errors import Invalid, Unreadable

from .test_export import EVERYTHING, columns, export
from .test_omero_reading import read


def parquet(path: Path, **arrays: Any) -> Path:
    pyarrow.parquet.write_table(pyarrow.table(arrays), path)
    return path


def test_types_that_are_said(tmp_path: Path) -> None:
    made, frame = read(
        parquet(
            tmp_path / "x.parquet",
            word=pyarrow.array(["a", "b", None]).dictionary_encode(),
            berlin=pyarrow.array([0, 10**6, None], pyarrow.timestamp("us", "Europe/Berlin")),
            naive=pyarrow.array([0, 1500, None], pyarrow.timestamp("ns")),
            day=pyarrow.array([datetime.date(2024, 5, 1)] * 3),
            price=pyarrow.array([decimal.Decimal("1.5")] * 3),
            large=pyarrow.array([2**64 - 1, None, 1], pyarrow.uint64()),
            half=pyarrow.array([1.5, None, 2], pyarrow.float16()),
            nothing=pyarrow.nulls(3),
            truth=[True, None, False],
            small=pyarrow.array([1, 2, 3], pyarrow.int8()),
            centre=pyarrow.array([[1, 2], None, [3, 4]], pyarrow.list_(pyarrow.int32(), 2)),
        )
    )
    assert [f"{c.dtype}{'?' if c.nullable else ''}" for c in made.columns] == [
        "string?", "datetime64[us, UTC]?", "datetime64[us]?", "datetime64[us]?", "float64",
        "uint64?", "float16", "string?", "bool?", "int8", "int32?",
    ]  # fmt: skip
    assert frame["word"].tolist()[:2] == ["a", "b"] and frame["nothing"].isna().all()
    assert frame["berlin"].tolist()[1] == pandas.Timestamp("1970-01-01T00:00:01Z")
    assert frame["naive"].tolist()[1] == pandas.Timestamp("1970-01-01T00:00:00.000001")
    assert frame["day"].tolist()[0] == pandas.Timestamp("2024-05-01")
    assert frame["large"].tolist() == [2**64 - 1, pandas.NA, 1]
    numpy.testing.assert_array_equal(frame["half"], [1.5, numpy.nan, 2])
    assert frame["truth"].tolist() == [True, pandas.NA, False]
    assert [None if c is None else c.tolist() for c in frame["centre"]] == [[1, 2], None, [3, 4]]
    assert len(made.notes) == 3 and "finer than a microsecond" in made.notes[-1]


@pytest.mark.parametrize(
    "values",
    [
        [[1, 2], [3]],
        [{"a": 1}, {"a": 2}],
        pyarrow.array([b"a", b"b"]),
        pyarrow.array([1, 2], pyarrow.duration("s")),
        pyarrow.array([[["x"]], None], pyarrow.list_(pyarrow.list_(pyarrow.string()), 1)),
    ],
)
def test_nested_and_other_types_are_refused_by_name(tmp_path: Path, values: Any) -> None:
    with pytest.raises(Invalid, match=r"column 'odd' is of type .* cannot hold"):
        read(parquet(tmp_path / "x.parquet", fine=[1, 2], odd=values))


@pytest.mark.parametrize("suffix", ["feather", "arrow"])
def test_an_exported_table_comes_back_the_same(tmp_path: Path, suffix: str) -> None:
    export(tmp_path / f"x.{suffix}", EVERYTHING)
    made, frame = read(tmp_path / f"x.{suffix}")
    told = [(c.name, c.kind, c.dtype, c.shape, c.target, c.description) for c in made.columns]
    assert told == [
        (c.name, c.kind, c.dtype, c.shape, c.target, c.description) for c in columns(EVERYTHING)
    ]
    for name in EVERYTHING:
        expected = EVERYTHING[name]
        if expected.dtype == object:
            for one, other in zip(frame[name], expected, strict=True):
                numpy.testing.assert_array_equal(one, other)
        else:
            pandas.testing.assert_series_equal(frame[name], expected, check_dtype=False)
    assert made.notes == ()


def test_pandas_index_without_a_name_is_left_out(tmp_path: Path) -> None:
    pandas.DataFrame({"a": [1, 2]}, index=["x", "y"]).to_parquet(tmp_path / "x.parquet")
    made, frame = read(tmp_path / "x.parquet")
    assert frame.to_dict("list") == {"a": [1, 2]} and "index" in made.notes[0]


def test_compressed_feather(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"a": numpy.arange(100_000), "s": ["x"] * 100_000})
    pyarrow.feather.write_feather(frame, tmp_path / "x.feather", "zstd")
    assert read(tmp_path / "x.feather")[1]["a"].sum() == frame["a"].sum()


@pytest.mark.parametrize("name", ["x.parquet", "x.feather"])
@pytest.mark.parametrize("data", [b"", b"PAR1", b"ARROW1\0\0", b"FEA1", b"nonsense" * 10])
def test_damaged_files_are_refused(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(Unreadable):
        read(tmp_path / name)


def test_a_format_that_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "x.xlsx").write_bytes(b"PK")
    with pytest.raises(Invalid, match=r"it may end with \.h5, \.hdf5"):
        read(tmp_path / "x.xlsx")
