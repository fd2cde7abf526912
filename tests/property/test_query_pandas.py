"""Conditions select the rows that `DataFrame.query` selects."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy
import pandas
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from omero_jlab.tables import TableView, columns_of, write_segment

ROWS = 240


def sample() -> pandas.DataFrame:
    """Rows with ties, missing values, NaN and infinities, values growing so that pruning acts."""
    random = numpy.random.default_rng(5)
    area = random.normal(numpy.arange(ROWS) / 20, 2)
    area[random.random(ROWS) < 0.1] = numpy.nan
    area[7], area[8] = numpy.inf, -numpy.inf
    words = numpy.array(["nucleus", "cell", "cytoplasm", "", "Zelle grün", None], object)
    count = pandas.array(random.integers(-5, 6, ROWS), dtype="Int64")
    count[random.random(ROWS) < 0.2] = pandas.NA
    checked = pandas.array(random.random(ROWS) < 0.5, dtype="boolean")
    checked[random.random(ROWS) < 0.2] = pandas.NA
    return pandas.DataFrame(
        {
            "area": area,
            "Area Shape": random.integers(0, 4, ROWS) / 2,
            "small": random.integers(0, 4, ROWS).astype("f4") / 4,
            "label": numpy.arange(ROWS) - 100,
            "byte": random.integers(0, 120, ROWS).astype("u1"),
            "count": count,
            "flag": random.random(ROWS) < 0.5,
            "checked": checked,
            "kind": pandas.array(random.choice(words, ROWS), dtype="string"),
            "Predicted Class": pandas.array(random.choice(words[:3], ROWS), dtype="string"),
        }
    )


FRAME = sample()


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> TableView:
    return stored(tmp_path_factory.mktemp("query"), FRAME)


def stored(folder: Path, frame: pandas.DataFrame, cuts: tuple[int, ...] = (0, 90, 91, ROWS)):
    columns = columns_of(frame)
    segments = tuple(
        write_segment(folder, f"{first}.h5", frame.iloc[first:last], columns, first)
        for first, last in pairwise(cuts)
    )
    return TableView(folder, columns, segments)


def assert_same(view: TableView, condition: str) -> None:
    expected = FRAME.query(condition, engine="python").index.tolist()
    assert view.read(["label"], condition).index.tolist() == expected, condition
    assert view.count(condition) == len(expected)


CONDITIONS = """
area > 3 & label < 50
area > 3 & label < 50 | byte == 7
area > 3 and label < 50 or byte == 7
not area > 3 & label < 50
not (area > 3 | label < 50)
~(area > 3)
~flag
~flag & ~checked
~~flag
flag
checked
not checked
flag == True
checked != True
checked == flag
flag | checked & area < 2
1 < area <= 5
-50 <= label < 0 < byte
1 < area < `Area Shape` + 5
5 > area
area != area
area == area
area == inf_is_no_name
`Area Shape` == 1.5
`Area Shape` >= 0.5 & `Predicted Class` == "cell"
`Predicted Class` != 'cell'
kind == "nucleus"
kind != "nucleus"
"nucleus" == kind
kind == ""
kind == `Predicted Class`
kind != `Predicted Class`
kind < `Predicted Class`
kind < "d"
kind >= "cell"
not kind < "d"
kind in ["cell", "nucleus"]
kind not in ["cell", "nucleus"]
kind == ["cell", "nucleus"]
kind != ["cell", "nucleus"]
kind in []
kind.isin(["cell", "Zelle grün"])
label in [1, 2, 3, -4]
label not in [1, 2, 3, -4]
label in (1, 2)
byte in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 300, -1]
area in [1.5]
count in [0, 1]
count not in [0, 1]
~(count in [0, 1])
count > 2
not count > 2
count != 1
~(count == 1)
count == label
count + label > 3
count * 2 - 1 <= label / 10
-count > 2
-(count + 1) < -2
- -label > 5
+label > 5
label * label > 4000
byte / 2 > 30.5
2 * (label - 3) / 4 > 5 - 1
label - 3 - 2 == 5
label / 2 / 5 == 4
label > 99999999999
byte < 300
byte > -1
byte == -1
label > 1e3
label > -1.5e1
small > 0.25
small <= 0.5
label >= .5
kind.str.contains("e")
~kind.str.contains("e")
not kind.str.contains("e")
kind.str.contains("")
kind.str.startswith("c")
kind.str.endswith("s")
kind.str.contains("grün")
kind.isnull()
kind.notnull()
not kind.isna()
area.isnull()
area.notna() & area < 0
count.isna()
checked.isnull()
flag.isnull()
area.between(1, 3)
count.between(-1, 1)
not count.between(-1, 1)
kind.between("c", "d")
row_id > 100 & row_id <= 110
row_id in [5, 90, 91, 500]
(area > 3) & (label < 50)
((((area > 3))))
(flag | checked) == True
(area > 3) == (label > 0)
flag & True
""".strip().splitlines()
CONDITIONS.remove("area == inf_is_no_name")


@pytest.mark.parametrize("condition", CONDITIONS)
def test_selects_what_pandas_selects(view: TableView, condition: str) -> None:
    if "row_id" in condition:
        expected = FRAME.rename_axis("row_id").query(condition, engine="python").index.tolist()
        assert view.read(["label"], condition).index.tolist() == expected
        return
    assert_same(view, condition)


@pytest.mark.parametrize(
    ("words", "pandas_way"),
    [
        ("area between 1 and 3", "area.between(1, 3)"),
        ("area not between 1 and 3", "not area.between(1, 3)"),
        ("label between -5 and 5 and flag", "label.between(-5, 5) and flag"),
        ("kind contains 'e'", "kind.str.contains('e')"),
        ("kind not contains 'e'", "not kind.str.contains('e')"),
        ("kind startswith 'c' | flag", "kind.str.startswith('c') | flag"),
        ("kind endswith 's'", "kind.str.endswith('s')"),
        ("isnull(kind)", "kind.isnull()"),
        ("notnull(kind) & ~isna(area)", "kind.notnull() & ~area.isna()"),
        ("kind contains 'us' and flag or isnull(count)",
         "kind.str.contains('us') and flag or count.isnull()"),
    ],
)  # fmt: skip
def test_words_mean_what_the_methods_mean(view: TableView, words: str, pandas_way: str) -> None:
    expected = FRAME.query(pandas_way, engine="python").index.tolist()
    assert view.read([], words).index.tolist() == expected


PLAIN = [each for each in CONDITIONS if "row_id" not in each]
COMBINED = [
    form.format(a, b, c)
    for form in ("{0} & {1} | ~({2})", "not {0} | {1} and {2}", "{0} | not ({1} & {2})")
    for a, b, c in zip(PLAIN, PLAIN[31:], PLAIN[17:], strict=False)
]


def test_any_of_them_combine_without_parentheses(view: TableView) -> None:
    compared = 0
    for condition in COMBINED:
        try:
            FRAME.query(condition, engine="python")
        except TypeError as error:
            assert "NA is ambiguous" in str(error)
            continue
        assert_same(view, condition)
        compared += 1
    assert compared > 120


NUMBERS = st.integers(-6, 6).map(str) | st.sampled_from(["0.5", "1.25", "-2.5", "100"])
ORDER = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])


def expressions(columns: list[str]) -> st.SearchStrategy[str]:
    return st.recursive(
        st.sampled_from(columns),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from("+-*"), NUMBERS | inner).map(" ".join),
            st.tuples(inner, st.sampled_from(["2", "4", "-8", "0.5"])).map(" / ".join),
            inner.map("-({})".format),
            inner.map("({})".format),
        ),
        max_leaves=3,
    )


def comparisons(columns: list[str]) -> st.SearchStrategy[str]:
    sides = expressions(columns)
    return st.one_of(
        st.tuples(sides, ORDER, NUMBERS | sides).map(" ".join),
        st.tuples(NUMBERS, ORDER, sides).map(" ".join),
        st.tuples(NUMBERS, ORDER, sides, ORDER, NUMBERS).map(" ".join),
        st.tuples(st.sampled_from(columns), st.lists(NUMBERS, max_size=12)).map(
            lambda pair: f"{pair[0]} in [{', '.join(pair[1])}]"
        ),
    )


ATOMS = st.one_of(
    comparisons(["area", "`Area Shape`", "label"]),
    comparisons(["count", "label"]),
    st.sampled_from(
        [
            "flag", "checked", "~flag", "~checked", "kind == 'cell'", "kind != 'cell'",
            "kind < 'd'", "`Predicted Class` in ['cell', 'nucleus']", "kind not in ['cell']",
            "kind.str.contains('c')", "kind.isnull()", "area.isnull()", "count.notnull()",
            "kind == `Predicted Class`", "checked == flag", "~(count > 1)",
        ]
    ),
)  # fmt: skip
GENERATED = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["&", "|", "and", "or"]), inner).map(" ".join),
        inner.map("not {}".format),
        inner.map("({})".format),
        inner.map("~({})".format),
    ),
    max_leaves=6,
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(condition=GENERATED)
def test_any_condition_selects_what_pandas_selects(view: TableView, condition: str) -> None:
    try:
        FRAME.query(condition, engine="python")
    except TypeError as error:
        # pandas cannot combine its two kinds of nullable truth values in this order.
        assert "NA is ambiguous" in str(error)
        reject()
    assert_same(view, condition)


def test_narrow_whole_numbers_do_not_wrap(view: TableView) -> None:
    wide = FRAME.astype({"byte": "int64"})
    for condition in ("byte + 200 > 300", "byte - 10 < 0", "-byte < 0", "byte * byte > 300"):
        expected = wide.query(condition, engine="python").index.tolist()
        assert expected
        assert view.read([], condition).index.tolist() == expected
