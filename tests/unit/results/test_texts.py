"""Tables as spreadsheets of several countries and computers save them."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import pandas as pd
import pytest

from omero_jlab.errors import OmeroError, Unreadable
from omero_jlab.results import call_here
from omero_jlab.results.text_tables import header_of, numbers_with_commas, text_table
from omero_jlab.results.texts import encoding_of

TEXT = "Name;Centroid X µm\nzell;1,5\nbüro;-2\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("packed", [False, True])
def test_encodings_and_decimal_commas(tmp_path: Path, encoding: str, packed: bool) -> None:
    data = TEXT.encode(encoding)
    data = b"\xff\xfe" + data if encoding == "utf-16-le" else data
    path = tmp_path / ("a.csv.gz" if packed else "a.csv")
    path.write_bytes(gzip.compress(data) if packed else data)
    delimiter, columns = header_of(path)
    assert (delimiter, columns) == (";", ["Name", "Centroid X µm"])
    table = text_table(path, delimiter, call_here)
    assert table["Name"].tolist() == ["zell", "büro"]
    assert table["Centroid X µm"].tolist() == [1.5, -2.0]


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a;b\0\1\2x")
    with pytest.raises(Unreadable, match=r"a\.csv is not a text"):
        encoding_of(tmp_path / "a.csv")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(TEXT.encode())[:-9])
    with pytest.raises(OmeroError, match=r"b\.csv\.gz cannot be unpacked"):
        text_table(tmp_path / "b.csv.gz", ";", call_here)


def test_only_columns_of_numbers_become_numbers() -> None:
    found = numbers_with_commas(pd.Series(["1,5", None, "∞", "NaN", "2"]))
    assert found[[0, 2, 4]].tolist() == [1.5, math.inf, 2.0]
    assert found.isna().tolist() == [False, True, False, True, False]
    for kept in (["1,5", "a"], ["1.234,5"], ["a", "b"]):
        assert numbers_with_commas(pd.Series(kept)).tolist() == kept
