"""The language of conditions: what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path

import numpy
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omero_jlab.errors import Invalid
from omero_jlab.model import Column
from omero_jlab.tables import TableView, columns_of, parse, write_segment

COLUMNS = (
    Column(name="area", kind="float", dtype="float64"),
    Column(name="label", kind="integer", dtype="int64"),
    Column(name="flag", kind="bool", dtype="bool"),
    Column(name="name", kind="string", dtype="string", nullable=True),
    Column(name="Predicted Class", kind="string", dtype="string", nullable=True),
    Column(name="Area.Shape", kind="float", dtype="float64"),
    Column(name="when", kind="timestamp", dtype="datetime64[us, UTC]", nullable=True),
    Column(name="local", kind="timestamp", dtype="datetime64[us]", nullable=True),
    Column(name="centre", kind="array", dtype="float64", shape=(2,)),
)
MANY = tuple(
    Column(name=f"Intensity_MeanIntensity_Corrected_{n:04d}", kind="float", dtype="float64")
    for n in range(2000)
)

HOSTILE = [
    # running code
    "__import__('os').system('id')",
    "area.__class__",
    "area.__class__.__mro__",
    "().__class__.__bases__[0].__subclasses__()",
    "`area`.__init__.__globals__",
    "(lambda: 1)()",
    "lambda: area",
    "[x for x in area]",
    "{area}",
    "{'a': area}",
    "f'{area}'",
    "eval('area > 1')",
    "exec('1')",
    "open('/etc/passwd')",
    "getattr(area, 'values')",
    "area.values.tofile('/tmp/x')",
    "area.to_csv('/tmp/x')",
    "area.str.cat('x')",
    "area.str.__class__",
    "name.str.contains.__self__",
    "name.apply(print)",
    "area.pipe(exec)",
    "@pd.read_pickle('x')",
    "@area > 1",
    "area := 3",
    "(area := 3) > 1",
    "area = 3",
    "area > 1; import os",
    "area > 1\nimport os",
    "import os",
    "area if flag else label",
    "area > 1 if flag else False",
    "yield area",
    "await area",
    "not",
    "area[0] > 1",
    "area[::-1] > 1",
    "area > label[0]",
    "*area",
    "**area",
    "print(area)",
    "abs(area) > 1",
    "sqrt(area) > 1",
    "area.sum() > 1",
    "area.isnull().sum() > 1",
    "isnull",
    "isnull()",
    "isnull(area, label)",
    "isnull(1)",
    # too much work
    "9**9**9**9 > area",
    "area > 9**9**7",
    "2**2**2**2**2**2 > area",
    "area << 1000000 > 1",
    "area % 2 == 0",
    "area // 2 == 0",
    "area ^ label",
    "area > 1" + "0" * 5000,
    "area > " + "9" * 63,
    "area > 1e999",
    "area > 1e308 * 1e308",
    "area > 1 / 0",
    "area > 18446744073709551616",
    "(" * 33 + "area > 1" + ")" * 33,
    "(" * 19000,
    "(" * 100_000 + "area > 1" + ")" * 100_000,
    "-" * 33 + "area > 1",
    "-" * 19_999,
    "~" * 33 + "flag",
    "~" * 19_000 + "flag",
    "not " * 33 + "flag",
    "not " * 4_000 + "flag",
    "isnull(" * 40 + "area" + ")" * 40,
    " + ".join(["area"] * 257) + " > 1",
    " & ".join(["flag"] * 257),
    " | ".join(["area > 1"] * 2000),
    " < ".join(["area"] * 3000),
    "area" + ".isnull()" * 300,
    "label in [" + ", ".join(["1"] * 2001) + "]",
    "label in [" + ",".join(["1"] * 9900) + "]",
    "name == '" + "x" * 1001 + "'",
    "name contains '" + "a" * 15_000 + "'",
    "name.str.contains('(a+)+$')",
    "name.str.contains('.*')",
    "flag & " * 2800 + "flag",
    "x" * 20_000,
    "x" * 20_001,
    "`" + "x" * 15_000 + "` > 1",
    "`" * 19_999,
    "'" * 19_999,
    "\\" * 1000,
    "'" + "\\" * 19_000,
    # nonsense
    "",
    "   ",
    "area >",
    "> 1",
    "area > > 1",
    "area 1",
    "area > 1)",
    "(area > 1",
    "area > 1 area < 2",
    "area",
    "area + 1",
    "1 < 2",
    "True",
    "'text'",
    "[1, 2]",
    "name in name",
    "label in [1, [2]]",
    "label in [area]",
    "label in [1 2]",
    "label in 1",
    "1 in label",
    "'a' in name",
    "label not 3",
    "area && flag",
    "area || flag",
    "area <> 1",
    "area === 1",
    "area > 1,",
    "area > 0x10",
    "area > 1_000",
    "area > 1j",
    "area > 1a",
    "area > 1.2.3",
    "area > NaN",
    "area > None",
    "area == nan",
    "name == 'open",
    'name == "open',
    "name == 'bad \\x41 escape'",
    "name == b'x'",
    "`open > 1",
    "area > ١",
    "area > ²",
    "area\0> 1",
    "\ud800 > 1",
    "name == '\ud800'",
    "area … 1",
    "'; DROP TABLE rows; --",
    "name == 'a' UNION SELECT 1",
    "area > 1 -- comment",
    "area > 1 # comment",
    "${area}",
    "%s",
    # wrong types
    "area > 'big'",
    "area == 'big'",
    "name > 3",
    "name == 3",
    "name == area",
    "name + 'x' == 'y'",
    "name + name == name",
    "-name == 'x'",
    "flag + 1 > 1",
    "-flag",
    "flag > True",
    "flag == 'yes'",
    "~area",
    "~area > 3",
    "not area",
    "area & label",
    "area | flag",
    "area & label > 3",
    "centre > 1",
    "centre == centre",
    "centre in [1]",
    "area contains 'x'",
    "name contains 3",
    "name contains name",
    "name startswith area",
    "'x' contains 'x'",
    "name in [1, 2]",
    "label in ['1']",
    "when > 3",
    "when > 'yesterday'",
    "when > '2024-13-01'",
    "when > 'now'",
    "local > '2024-01-01T00:00:00+01:00'",
    "when > local",
    "when in ['x']",
    "area between 'a' and 'b'",
    "area between 1",
    "area between 1 or 2",
    "area.between(1)",
    "area.between(1, 2, 3)",
    "name.contains('x')",
    "Area.Shape > 1",
]


@pytest.mark.parametrize("condition", HOSTILE, ids=range(len(HOSTILE)))
def test_the_hostile_and_the_meaningless_are_refused_in_one_line(condition: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(condition, COLUMNS)
    message = str(caught.value)
    assert message.startswith("condition ")
    assert len(message) < 700 and message.isprintable(), message


@pytest.mark.timeout(20)
def test_refusing_takes_no_time_with_many_columns() -> None:
    for condition in HOSTILE:
        with pytest.raises(Invalid):
            parse(condition, MANY)
    for length in (3, 30, 190, 1000):
        with pytest.raises(Invalid):
            parse("Intensity_MeanIntensity_Korrected_"[:length] * (length // 34 + 1), MANY)


@settings(max_examples=300)
@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from(
            ["area", "name", "flag", "when", "`Predicted Class`", "centre", "row_id", "(", ")", "[",
             "]", ",", ".", "&", "|", "~", "and", "or", "not", "in", "between", "contains",
             "isnull", "str", "isin", "<", "<=", "==", "!=", "+", "-", "*", "/", "1", "2.5",
             "'a'", "True"]
        ),
        max_size=14,
    ).map(" ".join)
)  # fmt: skip
def test_anything_is_understood_or_refused_in_one_line(condition: str) -> None:
    try:
        found = parse(condition, COLUMNS)
    except Invalid as error:
        assert str(error).isprintable()
    else:
        assert found.columns


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("aera > 120", "there is no column 'aera'; did you mean 'area'?"),
        ("Area > 120", "there is no column 'Area'; did you mean 'area'?"),
        ("`predicted class` == 'a'", "did you mean 'Predicted Class'?"),
        ("~area > 3", "write ~(...) around the whole comparison"),
        ("area > 'big'", "column 'area' (a number) cannot be compared with the text 'big'"),
        ("area = 3", "write == to compare"),
        ("area > @limit", "put the value itself in"),
        ("area ** 2 > 3", "powers are not offered"),
        ("Area.Shape > 1", "goes in back-ticks"),
        ("name.str.contains('a.b')", "name contains '...'"),
        ("when > 'May'", "write it as '2024-03-01'"),
        ("(area > 1", "expected ')', but found the end"),
        ("abs(area) > 1", "there is no function 'abs'; there are isnull"),
        ("area & flag", "put the comparison in parentheses"),
        ("centre > 1", "column 'centre' (an array) cannot be compared"),
    ],
)
def test_what_an_error_says(condition: str, says: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(condition, COLUMNS)
    assert says in str(caught.value)
    assert repr(condition) in str(caught.value)


def test_which_columns_are_read() -> None:
    found = parse("`Predicted Class` == 'a' & area > area / 2 & row_id > 5", COLUMNS)
    assert found.columns == ("Predicted Class", "area", "row_id")


def test_the_largest_allowed() -> None:
    assert parse("(" * 32 + "area > 1" + ")" * 32, COLUMNS)
    assert parse(" & ".join(["flag"] * 256), COLUMNS)
    assert parse("label in [" + ", ".join(map(str, range(2000))) + "]", COLUMNS)


def view_of(folder: Path, frame: pandas.DataFrame) -> TableView:
    columns = columns_of(frame)
    return TableView(folder, columns, (write_segment(folder, "0.h5", frame, columns, 0),))


def test_a_sum_of_256_is_evaluated(tmp_path: Path) -> None:
    view = view_of(tmp_path, pandas.DataFrame({"area": [1.0, 2.0]}))
    assert view.read([], " + ".join(["area"] * 255) + " > 300").index.tolist() == [1]


LOCAL = pandas.to_datetime(["2024-01-01 00:00", "2024-03-01 10:00", None])
TIMES = pandas.DataFrame({"when": LOCAL.tz_localize("UTC"), "local": LOCAL})


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("when > '2024-02-01'", [1]),
        ("when >= '2024-03-01T11:00:00+01:00'", [1]),
        ("when > '2024-03-01T10:00:00Z'", []),
        ("when == '2024-01-01'", [0]),
        ("when != '2024-01-01'", [1, 2]),
        ("'2024-02-01' > when", [0]),
        ("when between '2023-12-01' and '2024-02-01'", [0]),
        ("when in ['2024-01-01', '2024-03-01 10:00']", [0, 1]),
        ("isnull(when)", [2]),
        ("not when > '2024-02-01'", [0, 2]),
        ("local < '2024-02-01 00:00:00.000001'", [0]),
        ("local == '1969-12-31T23:59:59.999999'", []),
    ],
)
def test_times_compare_with_iso_text(tmp_path: Path, condition: str, expected: list[int]) -> None:
    assert view_of(tmp_path, TIMES).read([], condition).index.tolist() == expected


def test_large_whole_numbers_stay_exact(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"id": numpy.array([2**64 - 1, 2**64 - 2, 5], "u8")})
    view = view_of(tmp_path, frame)
    assert view.count("id == 18446744073709551615") == 1
    assert view.count("id in [18446744073709551615, 18446744073709551614]") == 2
    assert view.count("id + 18446744073709551615 >= 0") == 3
    assert view.count("id - 6 < 0") == 1


def test_texts_are_searched_within_words_only(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"name": ["ab", "ba", "ca", "bab", "", "äb"]})
    view = view_of(tmp_path, frame)
    for wanted in ("a", "b", "ab", "ba", "aba", "ä", "", "c", "bb"):
        for test in ("contains", "startswith", "endswith"):
            named = getattr(frame["name"].str, test)
            keywords = {"regex": False} if test == "contains" else {}
            expected = frame.index[named(wanted, **keywords)].tolist()
            assert view.read([], f"name {test} '{wanted}'").index.tolist() == expected


@pytest.mark.real_data
def test_each_of_ilastiks_columns_can_be_asked_for(tmp_path: Path, real_data: Path) -> None:
    folder = real_data / "ilastik" / "object-classification-export"
    frame = pandas.read_csv(next(folder.glob("*table*.csv")))
    assert len(frame.columns) == 218
    view = view_of(tmp_path, frame)
    for name in frame.columns:
        value = frame[name].dropna().iloc[0]
        shown = repr(value) if isinstance(value, str) else repr(value.item())
        expected = frame.index[frame[name] == value].tolist()
        assert expected
        assert view.read([], f"`{name}` == {shown}").index.tolist() == expected
        if name.isidentifier():
            assert view.read([], f"{name} == {shown} & row_id >= 0").index.tolist() == expected
    pandas.testing.assert_frame_equal(view.read(), frame, check_index_type=False, check_names=False)
