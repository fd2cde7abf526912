"""Which columns a frame would be stored as, and what is refused with which reason."""

from __future__ import annotations

import datetime
import decimal

import numpy
import pandas
import pyarrow
import pytest

from omero_jlab.errors import Invalid
from omero_jlab.tables import columns_of

AWARE = datetime.datetime(2024, 3, 1, tzinfo=datetime.UTC)


def described(values: object) -> tuple[str, str, bool]:
    (column,) = columns_of(pandas.DataFrame({"x": values}))
    return column.kind, column.dtype, column.nullable


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2], ("integer", "int64", False)),
        ([1.0, None], ("float", "float64", False)),
        (pandas.Series([1, None], dtype=object), ("integer", "int64", True)),
        (pandas.Series([1, 2], dtype=object), ("integer", "int64", False)),
        (pandas.Series([2**64 - 1, 0], dtype=object), ("integer", "uint64", False)),
        (pandas.Series([True, None], dtype=object), ("bool", "bool", True)),
        (pandas.Series([1, 2.5], dtype=object), ("float", "float64", False)),
        (pandas.Series(["a", None], dtype=object), ("string", "string", True)),
        (pandas.Series([None, None], dtype=object), ("string", "string", True)),
        (pandas.Series([AWARE, None], dtype=object), ("timestamp", "datetime64[us, UTC]", True)),
        (pandas.Categorical(["a", "b", None]), ("string", "string", True)),
        (pandas.Categorical([3, 4]), ("integer", "int64", False)),
        (pandas.Categorical([3, None]), ("integer", "int64", True)),
        (pandas.Categorical([3.5, None]), ("float", "float64", False)),
        (pandas.Categorical([True, None]), ("bool", "bool", True)),
        (pandas.array(["a"], dtype="string"), ("string", "string", True)),
        (pandas.array(["a"], dtype="string[python]"), ("string", "string", True)),
        (pandas.array([1], dtype="UInt8"), ("integer", "uint8", True)),
        (pandas.array([1], dtype=pandas.ArrowDtype(pyarrow.int16())), ("integer", "int16", True)),
        (pandas.array(["a"], dtype=pandas.ArrowDtype(pyarrow.string())),
         ("string", "string", True)),
        (pandas.array([1.5], dtype=pandas.ArrowDtype(pyarrow.float64())),
         ("float", "float64", True)),
        (pandas.array([AWARE], dtype=pandas.ArrowDtype(pyarrow.timestamp("us", "UTC"))),
         ("timestamp", "datetime64[us, UTC]", True)),
        (pandas.arrays.SparseArray([0, 0, 1]), ("integer", "int64", False)),
        (numpy.array([1, 2], ">i4"), ("integer", "int32", False)),
        (numpy.array([1, 2], ">f8"), ("float", "float64", False)),
        (pandas.to_datetime(["2024-01-01"]), ("timestamp", "datetime64[us]", True)),
        (pandas.to_datetime(["2024-01-01"]).tz_localize("Asia/Tokyo"),
         ("timestamp", "datetime64[us, UTC]", True)),
    ],
)  # fmt: skip
def test_kinds(values: object, expected: tuple[str, str, bool]) -> None:
    assert described(values) == expected


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([1, "a"], "holds values of several types (int, str); make it one"),
        ([1, None, b"x"], "several types (bytes, int)"),
        ([b"x", b"y"], "holds bytes"),
        ([{"a": 1}], "type dict"),
        ([datetime.date(2024, 1, 1)], "holds dates without a time"),
        ([datetime.timedelta(1)], "holds durations"),
        (pandas.Series([datetime.timedelta(1)], dtype=object), "holds durations"),
        ([1j], "holds complex numbers"),
        ([decimal.Decimal("1.5")], "holds decimal numbers"),
        (pandas.period_range("2024", periods=2, freq="D"), "is of type period"),
        (pandas.interval_range(0, 2), "is of type interval"),
        (numpy.zeros(2, "longdouble"), "wider than 64 bits"),
        (pandas.Series([2**70], dtype=object), "do not fit into 64 bits"),
        (pandas.Series(["a\ud800"], dtype=object), "not valid Unicode"),
        ([[1, 2], [1, 2, 3]], "arrays of different shapes ((2,), (3,))"),
        ([[1, [2, 3]]], "ragged"),
        ([["a", "b"]], "lists of something other than numbers"),
        ([[], []], "without a value"),
        (pandas.Series([AWARE, datetime.datetime(2024, 1, 1)], dtype=object),
         "with and without a time zone"),
    ],
)  # fmt: skip
def test_what_cannot_be_stored_is_named_with_the_reason(values: object, reason: str) -> None:
    with pytest.raises(Invalid) as caught:
        columns_of(pandas.DataFrame({"fine": [0] * len(values), "Bad Name": values}))
    assert str(caught.value).startswith("column 'Bad Name' ")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["a", "a"], "column 'a' is there twice"),
        ([0, 1], r"the column name 0 is not text; use frame.columns = frame.columns.map\(str\)"),
        ([("a", "b"), ("a", "c")], r"name \('a', 'b'\) is not text"),
        (["", "b"], "cannot be stored"),
        (["a\0b", "b"], "cannot be stored"),
        (["a" * 1001, "b"], "cannot be stored"),
        (["a\ud800", "b"], "not valid Unicode"),
        (["row_id", "b"], "taken by the permanent number of each row"),
    ],
)
def test_what_cannot_be_a_name(names: list[object], reason: str) -> None:
    frame = pandas.DataFrame([[1, 2]])
    frame.columns = pandas.Index(names, dtype=object)
    with pytest.raises(Invalid, match=reason):
        columns_of(frame)


def test_units_and_descriptions() -> None:
    frame = pandas.DataFrame({"area": [1.0], "label": [1]})
    area, label = columns_of(frame, {"area": "µm²"}, {"label": "number in the label image"})
    assert (area.unit, label.unit) == ("µm²", "")
    assert label.description == "number in the label image"
    with pytest.raises(Invalid, match=r"a unit was given for 'aera': did you mean 'area'\?"):
        columns_of(frame, {"aera": "µm²"})


def test_a_frame_without_columns_is_refused() -> None:
    with pytest.raises(Invalid, match="no columns"):
        columns_of(pandas.DataFrame(index=[1, 2]))
