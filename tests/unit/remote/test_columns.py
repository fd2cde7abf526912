"""A frame's columns as a page reads them."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omero_jlab.errors import Invalid
from omero_jlab.remote.columns import MOST_WORDS, column_pieces


def decoded(frame: pd.DataFrame) -> dict[str, tuple[Any, Any]]:
    """Values and words of each column, as JavaScript finds them."""
    body = b"".join(column_pieces(frame))
    (length,) = struct.unpack_from("<I", body)
    header = json.loads(body[4 : 4 + length])
    found = {}
    for column in header["columns"]:
        start = 4 + length + column["offset"]
        assert start % 8 == 0
        values = np.frombuffer(body, column["dtype"], header["rows"], start)
        found[column["name"]] = (values, column.get("words"))
    return found


def test_every_kind_of_column_comes_as_numbers() -> None:
    frame = pd.DataFrame(
        {
            "area": [1.5, np.nan, 3.0],
            "label": [1, 2, 2**31 - 1],
            "large": [1, 2, 2**40],
            "holes": pd.array([1, None, 3], dtype="Int64"),
            "round": [True, False, True],
            "maybe": pd.array([True, None, False], dtype="boolean"),
            "class": pd.array(["b", None, "a"], dtype="string"),
            "at": pd.to_datetime(["2024-03-01T00:00:00Z", None, "1970-01-01T00:00:01Z"]),
        },
        index=pd.Index([4, 7, 9], name="row_id"),
    )
    found = decoded(frame)
    assert {name: values.dtype.name for name, (values, _) in found.items()} == {
        "row_id": "int32", "area": "float32", "label": "int32", "large": "float64",
        "holes": "float32", "round": "int32", "maybe": "int32", "class": "int32", "at": "float64",
    }  # fmt: skip
    assert found["row_id"][0].tolist() == [4, 7, 9]
    np.testing.assert_array_equal(found["area"][0], [1.5, np.nan, 3.0])
    np.testing.assert_array_equal(found["holes"][0], [1, np.nan, 3])
    assert found["round"][0].tolist() == [1, 0, 1]
    assert found["maybe"][0].tolist() == [1, -1, 0]
    assert (found["class"][0].tolist(), found["class"][1]) == ([0, -1, 1], ["b", "a"])
    np.testing.assert_array_equal(found["at"][0], [1709251200000, np.nan, 1000])


def test_numbers_keep_what_tells_them_apart() -> None:
    seconds = np.array([1.7e9, 1.7e9 + 0.5, 1.7e9 + 1])
    found = decoded(pd.DataFrame({"near": seconds, "huge": [1e300, 0, 1], "same": [7e8] * 3}))
    assert found["near"][0].tolist() == seconds.tolist()
    assert found["huge"][0].tolist() == [1e300, 0, 1]
    assert found["same"][0].dtype == np.float32


def test_words_are_sorted_by_how_often_they_come_and_the_rare_ones_share_a_code() -> None:
    words = [f"w{i}" for i in range(MOST_WORDS + 50)]
    codes, named = decoded(pd.DataFrame({"class": [*words, "often", "often"]}))["class"]
    assert named[0] == "often"
    assert len(named) == MOST_WORDS
    assert codes.max() == MOST_WORDS
    assert (codes == MOST_WORDS).sum() == 51


def test_no_rows_are_no_error() -> None:
    found = decoded(pd.DataFrame({"area": np.zeros(0), "class": pd.array([], dtype="string")}))
    assert [len(values) for values, _ in found.values()] == [0, 0, 0]


def test_what_cannot_be_plotted_is_named() -> None:
    with pytest.raises(Invalid, match="'outline'"):
        list(column_pieces(pd.DataFrame({"outline": [1j, 2j]})))
