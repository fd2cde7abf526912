"""A table's rows for other tools, alike in the process and over HTTP."""

from __future__ import annotations

import csv
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pandas.testing import assert_frame_equal

from omero_jlab.errors import Invalid, NotFound, TooLarge
from omero_jlab.model import GroupType
from omero_jlab.objects import Repository, Table

from .conftest import World

HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "a=1", "", None, 'quo"te,\n', "Zelle"]


def frame(count: int = 110) -> pd.DataFrame:
    numbers = np.arange(count)
    random = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "label": numbers - 5,
            "area": np.where(numbers % 7 == 0, np.nan, random.normal(0, 1e9, count)),
            "=well": pd.array([HOSTILE[n % len(HOSTILE)] for n in numbers], dtype="str"),
            "count": pd.array(np.where(numbers % 3, numbers, 0), dtype="Int64"),
            "flag": numbers % 2 == 0,
            "when": pd.to_datetime("2024-03-01", utc=True)
            + pd.to_timedelta(numbers * 123_457, "us").astype("timedelta64[us]"),
            "centre": [np.array([n, n / 3]) for n in numbers],
        }
    ).assign(count=lambda f: f["count"].where(f["label"] % 4 != 0))


FRAME = frame()
PLAIN = [name for name in FRAME if name != "centre"]


@pytest.fixture(scope="module")
def table(world: World) -> Table:
    repo = Repository(world.session("owner", GroupType.READ_ANNOTATE))
    image = repo.image(world.image("owner", GroupType.READ_ANNOTATE))
    made = image.attach_table(FRAME[:60], name="nuclei")
    made.append(FRAME[60:])
    return made


def test_aggregates_come_in_the_form_of_pandas(table: Table) -> None:
    plain = FRAME.rename(columns={"=well": "well"})
    wanted = {"area": ["mean", "std"], "count": ["sum", "count"], "label": ["max"]}
    ours = table.aggregate(wanted, by="=well", condition="label > 3")
    theirs = plain.query("label > 3").groupby("well").agg(wanted)
    assert list(ours.columns) == list(theirs.columns)
    assert ours.index.name == "=well"
    assert_frame_equal(
        ours.reset_index(drop=True), theirs.reset_index(drop=True), check_dtype=False
    )
    flat = table.aggregate({"area": "min", "when": "max"}, by=["flag", "=well"])
    theirs = plain.groupby(["flag", "well"]).agg({"area": "min", "when": "max"})
    assert list(flat.columns) == ["area", "when"]
    assert [tuple(key) for key in flat.index] == [tuple(key) for key in theirs.index]
    assert_frame_equal(
        flat.reset_index(drop=True), theirs.reset_index(drop=True), check_dtype=False
    )
    whole = table.aggregate({"area": ["mean", "quantile(0.9)"], "label": ["mean"]})
    assert whole.loc["mean", "area"] == pytest.approx(FRAME["area"].mean(), rel=1e-12)
    assert whole.loc["quantile(0.9)", "area"] == pytest.approx(FRAME["area"].quantile(0.9))
    assert np.isnan(whole.loc["quantile(0.9)", "label"])
    counted = table.aggregate(by="flag")
    assert counted["count"].to_dict() == {False: 55, True: 55}


def test_aggregates_of_no_rows_are_of_their_type(table: Table) -> None:
    found = table.aggregate({"area": ["mean"]}, by="=well", condition="label > 1000")
    assert found.empty and list(found.columns) == [("area", "mean")]
    whole = table.aggregate({"area": ["mean", "count"]}, condition="label > 1000")
    assert np.isnan(whole.loc["mean", "area"]) and whole.loc["count", "area"] == 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda t: t.aggregate({"aera": ["mean"]}), "did you mean 'area'"),
        (lambda t: t.aggregate({"area": ["avg"]}), "there is no function 'avg'"),
        (lambda t: t.aggregate({"area": ["mean"]}, by="wel"), "no column 'wel'"),
        (lambda t: t.aggregate({"area": ["mean"]}, condition="area > 'x'"), "cannot be compared"),
        (lambda t: t.aggregate({"area": ["mean"]}, by="centre"), "holds arrays"),
        (lambda t: t.download("rows.xlsx"), ".csv or .parquet"),
        (lambda t: t.query(after=3, order_by="area"), "neither order_by nor offset"),
        (lambda t: t.to_arrow(columns=["aera"]), "did you mean 'area'"),
    ],
)
def test_what_is_wrong_is_said(table: Table, call: Any, says: str) -> None:
    with pytest.raises(Invalid, match=r".") as caught:
        call(table)
    assert says in str(caught.value)


def test_pages_by_row_number_hold_every_row_once(table: Table) -> None:
    pages = [table.query("label > 0", limit=25)]
    while len(pages[-1]) == 25:
        pages.append(table.query("label > 0", limit=25, after=int(pages[-1].index[-1])))
    assert_frame_equal(pd.concat(pages), table.query("label > 0"))


def test_an_arrow_table_has_types_and_row_numbers(table: Table) -> None:
    found = table.to_arrow("label >= 50", columns=["count", "when", "centre"])
    assert found.column_names == ["row_id", "count", "when", "centre"]
    assert found.column("row_id").to_pylist() == list(range(55, 110))
    assert found.schema.field("when").type == pa.timestamp("us", "UTC")
    wanted = [None if pd.isna(n) else int(n) for n in FRAME["count"][55:]]
    assert found.column("count").to_pylist() == wanted


def test_a_csv_runs_no_formula_and_keeps_every_number(table: Table, tmp_path: Path) -> None:
    path = table.download(tmp_path / "rows.csv")
    with path.open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["row_id", "label", "area", "'=well", "count", "flag", "when", "centre"]
    assert [int(row[0]) for row in rows] == list(range(110))
    assert [int(row[1]) for row in rows] == FRAME["label"].tolist()
    areas = np.array([float(row[2] or "nan") for row in rows])
    np.testing.assert_array_equal(areas, FRAME["area"])
    texts = {
        "" if given is None else given: row[3] for given, row in zip(HOSTILE, rows, strict=False)
    }
    for given, written in texts.items():
        hostile = given[:1] in tuple("=+-@\t\r") and given != ""
        assert written == ("'" + given if hostile else given)
    assert rows[1][6] == "2024-03-01T00:00:00.123457Z"
    assert rows[1][7] == "[1.0, 0.3333333333333333]"
    plain = table.download(tmp_path / "plain.csv", "label < 5", ["=well"], safe=False)
    with plain.open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["row_id", "=well"]
    assert [row[1] for row in rows] == [text or "" for text in HOSTILE[:10]]
    read = pd.read_csv(plain, index_col="row_id")
    assert read["=well"][7:9].isna().all()


def test_a_parquet_file_is_the_table(table: Table, tmp_path: Path) -> None:
    path = table.download(tmp_path / "rows.parquet", columns=["label", "area", "=well", "count"])
    found = pq.read_table(path)
    assert found.column("row_id").to_pylist() == list(range(110))
    assert found.column("=well").to_pylist() == [
        None if pd.isna(text) else text for text in FRAME["=well"]
    ]
    np.testing.assert_array_equal(found.column("area").to_numpy(), FRAME["area"])


def test_a_download_that_fails_leaves_nothing(table: Table, tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        table.download(tmp_path / "rows.csv", "nope > 3")
    with pytest.raises(Invalid, match="no folder"):
        table.download(tmp_path / "nowhere" / "rows.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_dask_frame_is_the_table_of_its_version(table: Table) -> None:
    # dask has a type of its own for text.
    lazy = table.to_dask(columns=PLAIN, partition_rows=25)
    assert lazy.npartitions == 5
    assert lazy.known_divisions
    whole = lazy.compute(scheduler="threads")
    assert_frame_equal(whole, table.query(columns=PLAIN), check_index_type=False, check_dtype=False)
    some = table.to_dask("flag & label > 20", ["label", "=well"], partition_rows=30)
    assert_frame_equal(
        some.compute(scheduler="threads"),
        table.query("flag & label > 20", ["label", "=well"]),
        check_index_type=False,
        check_dtype=False,
    )
    assert lazy.loc[30:31].compute(scheduler="threads").index.tolist() == [30, 31]
    assert lazy["area"].mean().compute(scheduler="threads") == pytest.approx(FRAME["area"].mean())


def test_a_dask_frame_of_a_server_is_pickled_without_a_path(world: World, table: Table) -> None:
    if not world.over_http:
        pytest.skip("a Session in this process is for this process")
    lazy = table.to_dask(columns=PLAIN, partition_rows=50)
    sent = pickle.dumps(lazy)
    assert str(world.store.layout.root).encode() not in sent
    assert_frame_equal(
        pickle.loads(sent).compute(scheduler="synchronous"),
        table.query(columns=PLAIN),
        check_index_type=False,
        check_dtype=False,
    )


def test_who_sees_no_table_gets_nothing_of_it(world: World, table: Table) -> None:
    session = world.session("outsider")
    for attempt in (
        lambda: session.tables.aggregate(table.id, {}),
        lambda: list(session.read_batches(table.id)),
        lambda: list(session.export_rows(table.id, "csv")),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_too_many_groups_are_refused(world: World) -> None:
    repo = Repository(world.session("owner", GroupType.READ_ANNOTATE))
    image = repo.image(world.image("owner", GroupType.READ_ANNOTATE))
    many = image.attach_table(pd.DataFrame({"n": np.arange(100_001)}), name="many")
    with pytest.raises(TooLarge, match="more than 100,000 groups by 'n'"):
        many.aggregate(by="n")
