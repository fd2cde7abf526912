"""Text files become what their cells say: types, encodings, delimiters, and lines at fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest

from omero_jlab.errors import Invalid, OmeroError, Unreadable
from omero_jlab.tables.foreign.delimited import DelimitedTable
from omero_jlab.tables.foreign.roles import roles_of, types_of

from .test_omero_reading import read


def table(path: Path, text: str | bytes, **how: Any) -> tuple[DelimitedTable, dict[str, list[Any]]]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    made = DelimitedTable(path, **how)
    cells: dict[str, list[Any]] = {column.name: [] for column in made.columns}
    for arrays in made.batches():
        for name, values in zip(cells, arrays, strict=True):
            cells[name] += values.to_pylist()
    return made, cells


def types(made: DelimitedTable) -> list[str]:
    return [f"{c.dtype}{'?' if c.nullable else ''}" for c in made.columns]


@pytest.mark.parametrize(
    ("cells", "dtype", "values"),
    [
        (["1", "-2", "+3"], "int64", [1, -2, 3]),
        (["1", "", "NA"], "int64?", [1, None, None]),
        (["9007199254740993", "1"], "int64", [9007199254740993, 1]),
        (["18446744073709551615", "1"], "uint64", [2**64 - 1, 1]),
        (["18446744073709551615", "-1"], "string?", ["18446744073709551615", "-1"]),
        (["18446744073709551616", "1"], "string?", ["18446744073709551616", "1"]),
        (["9007199254740993", "0.5"], "string?", ["9007199254740993", "0.5"]),
        (["007", "12"], "string?", ["007", "12"]),
        (["1", "2.5", ".5", "1e-3", "-inf"], "float64", [1, 2.5, 0.5, 0.001, -numpy.inf]),
        (["1.5", "", "nan", "NULL"], "float64", [1.5, numpy.nan, numpy.nan, numpy.nan]),
        (["true", "FALSE"], "bool", [True, False]),
        (["true", ""], "bool?", [True, None]),
        (["TP53", "NA", ""], "string?", ["TP53", "NA", None]),
        (["2024-02-29", ""], "datetime64[us]?", [pandas.Timestamp("2024-02-29"), None]),
        (["2024-02-30"], "string?", ["2024-02-30"]),
        (
            ["2024-05-01T12:00:00+02:00", "2024-05-01 10:00:00.000001Z"],
            "datetime64[us, UTC]?",
            list(map(pandas.Timestamp, ["2024-05-01T10:00Z", "2024-05-01T10:00:00.000001Z"])),
        ),
        (["2024-05-01 12:00", "2024-05-01T12:00Z"], "string?",
         ["2024-05-01 12:00", "2024-05-01T12:00Z"]),
        (["", ""], "string?", [None, None]),
    ],
)  # fmt: skip
def test_each_column_gets_the_type_that_holds_all_its_cells(
    tmp_path: Path, cells: list[str], dtype: str, values: list[Any]
) -> None:
    text = "a,b\n" + "".join(f"{cell},x\n" for cell in cells)
    made, found = table(tmp_path / "x.csv", text)
    assert types(made)[0] == dtype
    if dtype == "float64":
        numpy.testing.assert_array_equal(found["a"], values)
    else:
        assert found["a"] == values


def test_types_are_looked_for_in_the_whole_file(tmp_path: Path) -> None:
    lines = "".join(f"{n},{n},{n}\n" for n in range(300_000))
    made, found = table(tmp_path / "x.csv", f"a,b,c\n{lines}1.5,x,\n")
    assert types(made) == ["float64", "string?", "int64?"]
    assert found["a"][-2:] == [299_999, 1.5] and found["b"][-2:] == ["299999", "x"]
    assert found["c"][-2:] == [299_999, None]


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", ""), ("utf-8-sig", ""), ("utf-16", ""), ("utf-16-le", ""), ("utf-16-be", ""),
        ("latin-1", "Latin-1"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_and_delimiters(tmp_path: Path, encoding: str, note: str, delimiter: str) -> None:
    text = "Größe,n\nä,1\nü,2\n".replace(",", delimiter).encode(encoding)
    made, found = table(tmp_path / "x.csv", text)
    assert found == {"Größe": ["ä", "ü"], "n": [1, 2]}
    assert note in " ".join(made.notes) and bool(made.notes) == bool(note)


def test_numbers_with_a_comma(tmp_path: Path) -> None:
    made, found = table(tmp_path / "x.csv", "a;b;c\n1,5;1;x\n-2;2;y\n")
    assert found == {"a": [1.5, -2], "b": [1, 2], "c": ["x", "y"]}
    assert made.notes == ("numbers with a comma were read as with a point",)


def test_quotes_hold_delimiters_and_lines(tmp_path: Path) -> None:
    made, found = table(tmp_path / "x.csv", 'a,b\n"x,\n""y""",1\n\nz,2\r\n')
    assert found == {"a": ['x,\n"y"', "z"], "b": [1, 2]}
    assert list(made.lines()) == [2, 5]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('a,b\n1,2\n"x\ny",2\n3\n', "line 5 of x.csv has 1 cells, and the header 2"),
        ("a,b\n1,2,3\n", "line 2 of x.csv has 3 cells"),
        ('a,b\n1,"open\n2,3\n', "line 3 of x.csv: unexpected end of data"),
        ("", "x.csv is empty"),
    ],
)
def test_the_line_at_fault_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        table(tmp_path / "x.csv", text)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="no text"):
        table(tmp_path / "x.csv", bytes(range(256)) * 20)


def test_columns_get_names_of_their_own(tmp_path: Path) -> None:
    made, found = table(tmp_path / "x.csv", "a,a,,row_id\n1,2,3,4\n")
    assert list(found) == ["a", "a (2)", "column 3", "row_id of the file"]
    assert len(made.notes) == 3


def test_a_header_says_types(tmp_path: Path) -> None:
    roles = roles_of(["Well", "n", "x", "ok", "s"], ["well", "l", "d", "b", "s"])
    assert (roles[0].object, roles[1].object) == ("well", None)
    told = types_of(roles)
    text = "Well,n,x,ok,s\nA1,1,2,yes,3\nB2,2,3,0,4\n"
    made, found = table(tmp_path / "x.csv", text, types=told)
    assert types(made) == ["string?", "int64", "float64", "bool", "string?"]
    assert found["ok"] == [True, False] and found["s"] == ["3", "4"]
    with pytest.raises(Invalid, match="'n' is said to be integer, but holds float"):
        table(tmp_path / "x.csv", text.replace("1,2,yes", "1.5,2,yes"), types=told)
    with pytest.raises(Invalid, match=r"'ok'.*'perhaps' is no truth value"):
        table(tmp_path / "x.csv", text.replace("yes", "perhaps"), types=told)
    with pytest.raises(Invalid, match="may have d, l, s, b, image"):
        roles_of(["a"], ["q"])
    with pytest.raises(Invalid, match="2 types, and the next line 1 columns"):
        roles_of(["a"], ["d", "l"])


@pytest.mark.parametrize(
    ("name", "kind", "by", "named"),
    [
        ("Image", "image", "either", False), ("image_id", "image", "id", False),
        ("ImageID", "image", "id", False), ("Image Name", "image", "name", True),
        ("plate", "plate", "either", False), ("Plate Name", "plate", "name", True),
        ("WELL", "well", "either", False), ("well_name", "well", "name", True),
        ("Dataset Name", "dataset", "name", True), ("roi", "roi", "either", False),
        ("Well Number", None, "either", False), ("Comment", None, "either", False),
    ],
)  # fmt: skip
def test_columns_are_known_by_their_names(
    name: str, kind: str | None, by: str, named: bool
) -> None:
    (role,) = roles_of([name], None)
    assert (role.object, role.by, role.named) == (kind, by, named)


@pytest.mark.real_data
def test_annotations_as_they_are_published(real_data: Path, tmp_path: Path) -> None:
    for source in sorted((real_data / "omero-annotations").glob("*.csv")):
        path = tmp_path / source.name
        path.write_bytes(source.read_bytes())
        made, frame = read(path)
        expected = pandas.read_csv(source, dtype=str, keep_default_na=False)
        assert len(frame) == len(expected) and made.rows == len(expected)
        for name in expected.columns:
            found = frame[name].astype("string").fillna("")
            if frame[name].dtype.kind in "biuf":
                numbers = pandas.to_numeric(expected[name])
                numpy.testing.assert_array_equal(frame[name].astype(float), numbers)
            else:
                assert found.tolist() == expected[name].tolist()


def test_a_row_longer_than_any_block_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omero_jlab.tables.foreign.delimited._BLOCK", 1024)
    monkeypatch.setattr("omero_jlab.tables.foreign.delimited._LARGEST_BLOCK", 8192)
    _, found = table(tmp_path / "x.csv", f"a,b\n{'y' * 3000},1\n")
    assert len(found["a"][0]) == 3000
    with pytest.raises(OmeroError, match="has a row of more than"):
        table(tmp_path / "x.csv", f"a,b\n{'y' * 30_000},1\n")
