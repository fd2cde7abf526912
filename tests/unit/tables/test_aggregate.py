"""Aggregates are those of pandas on its nullable types, however the rows are cut."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy
import pandas
import pytest
from pandas.testing import assert_series_equal

from omero_jlab.errors import Invalid, TooLarge
from omero_jlab.tables import TableView, columns_of, write_segment
from omero_jlab.tables.reading import accumulate, aggregate
from omero_jlab.tables.reading.aggregate import Summary

ROWS = 500
NUMBERS = ["count", "sum", "mean", "std", "min", "max", "median", "quantile(0.9)"]
ASKED = {
    "area": NUMBERS,
    "far": NUMBERS,
    "small": NUMBERS,
    "count": NUMBERS,
    "big": ["sum", "min", "max", "count"],
    "flag": ["count", "sum", "mean", "std", "min", "max"],
    "kind": ["count", "min", "max"],
    "when": ["count", "min", "max"],
}
CONDITIONS = [None, "area > 1 & small < 0.75", "kind == 'none'", "row_id in [3, 91, 400]"]


def sample() -> pandas.DataFrame:
    """Missing values of every kind, a group without a value, a large mean with a small spread."""
    random = numpy.random.default_rng(11)
    well = numpy.array(["A01", "B02", "", "Ü1", None], object)[random.integers(0, 5, ROWS)]
    area = random.normal(2, 2, ROWS)
    area[random.random(ROWS) < 0.2] = numpy.nan
    area[well == "B02"] = numpy.nan
    count = pandas.array(random.integers(-9, 10, ROWS), dtype="Int64")
    count[random.random(ROWS) < 0.3] = pandas.NA
    flag = pandas.array(random.random(ROWS) < 0.5, dtype="boolean")
    flag[random.random(ROWS) < 0.3] = pandas.NA
    when = pandas.to_datetime("2024-03-01") + pandas.to_timedelta(
        random.integers(0, 9999, ROWS), "s"
    ).astype("timedelta64[us]")
    return pandas.DataFrame(
        {
            "well": pandas.array(well, dtype="string"),
            "site": random.integers(0, 3, ROWS).astype("u1"),
            "dose": random.choice([0.1, 3.0, -7.5e9, numpy.nan], ROWS),
            "treated": random.random(ROWS) < 0.5,
            "image": pandas.array(random.choice([3, 10**12], ROWS), dtype="Int64"),
            "day": pandas.Series(when).dt.floor("h").astype("datetime64[us]"),
            "area": area,
            "far": 1e9 + random.normal(0, 1e-3, ROWS),
            "small": (random.integers(0, 4, ROWS) / 4).astype("f4"),
            "count": count,
            "big": random.integers(2**53, 2**54, ROWS).astype("u8"),
            "flag": flag,
            "kind": pandas.array(random.choice(["cell", "nucleus", None], ROWS), dtype="string"),
            "when": pandas.Series(when).where(random.random(ROWS) < 0.7),
        }
    )


FRAME = sample()


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> TableView:
    folder = tmp_path_factory.mktemp("aggregate")
    columns = columns_of(FRAME)
    cuts = (0, 90, 91, 300, ROWS)
    segments = tuple(
        write_segment(folder, f"{first}.h5", FRAME.iloc[first:last], columns, first)
        for first, last in pairwise(cuts)
    )
    return TableView(folder, columns, segments)


def selected(condition: str | None) -> pandas.DataFrame:
    frame = FRAME.rename_axis("row_id")
    return frame if condition is None else frame.query(condition, engine="python")


def theirs(function: str, values):
    if function.startswith("quantile"):
        return values.quantile(0.9)
    return getattr(values, function)()


def as_series(values, kind: str) -> pandas.Series:
    plain = values.values.view("M8[us]") if kind == "timestamp" else values.values
    found = pandas.Series(plain).astype(object)
    return found if values.valid is None else found.where(values.valid, None)


def assert_same(ours: pandas.Series, wanted: pandas.Series, what: str) -> None:
    there = wanted.notna().to_numpy()
    assert (ours.notna().to_numpy() == there).all(), what
    left, right = ours[there], wanted.reset_index(drop=True)[there]
    if isinstance(right.iloc[0] if len(right) else "", str):
        assert left.tolist() == right.tolist(), what
        return
    if right.dtype.kind == "M":
        assert [pandas.Timestamp(t) for t in left] == right.tolist(), what
        return
    if right.dtype.kind in "iu":
        assert left.tolist() == right.tolist(), what
        return
    rtol = 1e-9 if "std" in what else 1e-12
    assert_series_equal(left.astype(float), right.astype(float), rtol=rtol, check_names=False)


WIDER = {"small": "wide", "far": "near"}
"""Where pandas stays in float32, or loses the digits of a small spread: what it should see."""


def wider(rows: pandas.DataFrame) -> pandas.DataFrame:
    return rows.assign(wide=rows["small"].astype(float), near=rows["far"] - 1e9)


def compare(found: Summary, grouped, what: str) -> None:
    for measure, column, values in found.measures:
        name, function = measure.column.name, measure.function
        wanted = theirs(function, grouped[name])
        wanted = wanted if isinstance(wanted, pandas.Series) else pandas.Series([wanted])
        better = WIDER.get(name) if name == "small" or function == "std" else None
        if better is not None:
            wanted = theirs(function, grouped[better])
            wanted = wanted if isinstance(wanted, pandas.Series) else pandas.Series([wanted])
        assert_same(as_series(values, column.kind), wanted, f"{function} of {name} {what}")


@pytest.mark.parametrize("block", [7, 1 << 17])
@pytest.mark.parametrize("condition", CONDITIONS)
def test_over_all_rows(
    view: TableView, monkeypatch: pytest.MonkeyPatch, condition: str | None, block: int
) -> None:
    monkeypatch.setattr(aggregate, "_BLOCK", block)
    rows = selected(condition)
    compare(view.aggregate(ASKED, condition=condition), wider(rows), f"where {condition}")


@pytest.mark.parametrize("block", [7, 1 << 17])
@pytest.mark.parametrize("condition", CONDITIONS[:3])
@pytest.mark.parametrize(
    "by", [["well"], ["site"], ["dose"], ["treated"], ["image"], ["day"], ["well", "site", "dose"]]
)
def test_by_groups(
    view: TableView,
    monkeypatch: pytest.MonkeyPatch,
    by: list[str],
    condition: str | None,
    block: int,
) -> None:
    monkeypatch.setattr(aggregate, "_BLOCK", block)
    rows = selected(condition)
    grouped = wider(rows).groupby(by, dropna=True)
    found = view.aggregate(ASKED, by, condition)
    keys = grouped.size().index.to_frame(index=False)
    for column, values in found.keys:
        given = as_series(values, column.kind).tolist()
        assert given == keys[column.name].tolist()
    compare(found, grouped, f"by {by} where {condition}")


def test_rows_are_counted_without_a_measure(view: TableView) -> None:
    assert view.aggregate({}).measures[0][2].values.tolist() == [ROWS]
    found = view.aggregate({}, ["well"]).measures[0][2].values.tolist()
    assert found == FRAME.groupby("well").size().tolist()


def test_infinities_are_numbers(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"x": [1.0, numpy.inf, 2.0, -numpy.inf], "g": [1, 1, 2, 2]})
    columns = columns_of(frame)
    view = TableView(tmp_path, columns, (write_segment(tmp_path, "0.h5", frame, columns, 0),))
    found = view.aggregate({"x": ["mean", "min", "max", "median", "count"]}, ["g"]).measures
    wanted = frame.groupby("g")["x"].agg(["mean", "min", "max", "median", "count"])
    for (measure, _, values), name in zip(found, wanted, strict=True):
        assert values.values.tolist() == wanted[name].tolist(), measure.function


@pytest.mark.parametrize(
    ("measures", "by", "says"),
    [
        ({"aera": ["mean"]}, [], "no column 'aera': did you mean 'area'?"),
        ({"area": ["mean"]}, ["wel"], "no column 'wel': did you mean 'well'?"),
        ({"area": ["maen"]}, [], "there is no function 'maen'; did you mean 'mean'?"),
        ({"kind": ["mean"]}, [], "column 'kind' (string) has no mean; it has count, min, max"),
        ({"flag": ["median"]}, [], "column 'flag' (bool) has no median"),
        ({"area": ["quantile(2)"]}, [], "between 0 and 1, not at 2"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    view: TableView, measures: dict[str, list[str]], by: list[str], says: str
) -> None:
    with pytest.raises(Invalid) as caught:
        view.aggregate(measures, by)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_memory_is_bounded(view: TableView, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TooLarge, match="more than 10 groups by 'far'"):
        view.aggregate({}, ["far"], most_groups=10)
    monkeypatch.setattr(accumulate, "MOST_KEPT", 100)
    with pytest.raises(TooLarge, match="at most 100 values"):
        view.aggregate({"far": ["median"]})
    assert view.aggregate({"far": ["median"]}, condition="row_id < 90").measures
