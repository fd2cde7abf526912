"""Reading a table: columns, order, limits, Arrow."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy
import pandas
import pyarrow
import pytest

from omero_jlab.errors import Invalid
from omero_jlab.tables import TableView, columns_of, frame_from_arrow, write_segment
from omero_jlab.tables.reading import gather as gathering
from omero_jlab.tables.reading import select as selecting
from omero_jlab.tables.segments import reader

ROWS = 3000


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several blocks and batches in few rows."""
    monkeypatch.setattr(selecting, "_BLOCK", 256)
    monkeypatch.setattr(gathering, "_BATCH_ROWS", 300)
    monkeypatch.setattr(reader, "_WINDOW", 256)


def sample() -> pandas.DataFrame:
    random = numpy.random.default_rng(3)
    frame = pandas.DataFrame(
        {
            "image": numpy.arange(ROWS) // 250,
            "area": random.random(ROWS).round(2),
            "count": pandas.array(random.integers(0, 9, ROWS), dtype="Int16"),
            "name": random.choice(numpy.array(["b", "a", "ö", "Z", None], object), ROWS),
            "when": pandas.to_datetime(random.integers(0, 10**15, ROWS), unit="us", utc=True),
            "flag": random.random(ROWS) < 0.5,
            "centre": list(random.random((ROWS, 2, 2)).astype("f4")),
        }
    )
    frame.loc[random.random(ROWS) < 0.1, "area"] = numpy.nan
    frame.loc[random.random(ROWS) < 0.1, "count"] = pandas.NA
    frame.loc[random.random(ROWS) < 0.1, "when"] = pandas.NaT
    frame["when"] = frame["when"].astype("datetime64[us, UTC]")
    return frame.rename_axis("row_id")


FRAME = sample()


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> TableView:
    return stored(tmp_path_factory.mktemp("view"))


def stored(folder: Path) -> TableView:
    columns = columns_of(FRAME)
    cuts = (0, 1, 700, 700, 2000, ROWS)
    segments = [
        write_segment(folder, f"{n}.h5", FRAME.iloc[first:last], columns, first)
        for n, (first, last) in enumerate(pairwise(cuts))
    ]
    return TableView(folder, columns, tuple(reversed(segments)))


def same(found: pandas.DataFrame, expected: pandas.DataFrame) -> None:
    assert found.index.name == "row_id"
    expected = expected.copy()
    if "centre" in expected:
        ours = numpy.array(list(found["centre"])).reshape(-1, 2, 2)
        theirs = numpy.array(list(expected["centre"])).reshape(-1, 2, 2)
        numpy.testing.assert_array_equal(ours, theirs)
        assert all(cell.dtype == "f4" and cell.shape == (2, 2) for cell in found["centre"])
        found, expected = found.drop(columns="centre"), expected.drop(columns="centre")
    if "name" in expected:
        expected["name"] = expected["name"].astype("str")
    pandas.testing.assert_frame_equal(
        found, expected, check_index_type=False, check_exact=True, check_names=True
    )


def test_everything_comes_back_in_order_of_rows(view: TableView) -> None:
    assert view.rows == view.count() == ROWS
    found = view.read()
    same(found, FRAME)
    assert isinstance(found.index, pandas.RangeIndex)


def test_chosen_columns_come_in_the_order_asked(view: TableView) -> None:
    same(view.read(["name", "area"]), FRAME[["name", "area"]])
    assert list(view.read(["area", "area"]).columns) == ["area"]
    empty = view.read([], "image == 3")
    assert empty.index.tolist() == list(range(750, 1000)) and len(empty.columns) == 0
    with pytest.raises(Invalid, match=r"no column 'aera': did you mean 'area'\?"):
        view.read(["aera"])


@pytest.mark.parametrize(
    "condition",
    ["image == 3", "area > 0.99", "area < 2", "image > 99", "name == 'ö'", "count == 3 & flag"],
)
@pytest.mark.parametrize(("limit", "offset"), [(None, 0), (10, 0), (10, 5), (0, 0), (9999, 240)])
def test_conditions_limits_and_offsets(
    view: TableView, condition: str, limit: int | None, offset: int
) -> None:
    expected = FRAME.query(condition, engine="python")
    stop = None if limit is None else offset + limit
    same(view.read(None, condition, limit=limit, offset=offset), expected.iloc[offset:stop])


@pytest.mark.parametrize(("limit", "offset"), [(7, 0), (7, 695), (1500, 650), (5, 2998), (5, 9999)])
def test_pages(view: TableView, limit: int, offset: int) -> None:
    same(view.read(limit=limit, offset=offset), FRAME.iloc[offset : offset + limit])


@pytest.mark.parametrize("column", ["area", "count", "name", "when", "flag", "image"])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("condition", [None, "image in [2, 7, 8]"])
def test_order(view: TableView, column: str, descending: bool, condition: str | None) -> None:
    expected = FRAME if condition is None else FRAME.query(condition)
    expected = expected.sort_values(
        column, ascending=not descending, kind="stable", na_position="last"
    )
    same(view.read(None, condition, column, descending), expected)
    page = view.read(["area"], condition, column, descending, limit=20, offset=100)
    same(page, expected[["area"]].iloc[100:120])


def test_order_by_row(view: TableView) -> None:
    found = view.read(["image"], "image == 2", "row_id", descending=True, limit=3)
    assert found.index.tolist() == [749, 748, 747]
    assert view.read(["image"], order_by="row_id").index.tolist() == list(range(ROWS))


def test_what_cannot_be_asked(view: TableView) -> None:
    with pytest.raises(Invalid, match="'centre': it holds arrays"):
        view.read(order_by="centre")
    with pytest.raises(Invalid, match=r"no column 'Area': did you mean 'area'\?"):
        view.read(order_by="Area")
    for wrong in ({"limit": -1}, {"offset": -1}):
        with pytest.raises(Invalid, match="negative"):
            view.read(**wrong)
        with pytest.raises(Invalid, match="negative"):
            view.arrow(**wrong)
    with pytest.raises(Invalid, match="no column 'x'"):
        view.arrow(condition="x > 3")


def test_row_ids_as_a_column(view: TableView) -> None:
    found = view.read(["area"], "image == 2", with_row_id=True)
    assert list(found.columns) == ["row_id", "area"]
    assert found["row_id"].tolist() == found.index.tolist() == list(range(500, 750))


QUESTIONS = [
    {},
    {"columns": ["name", "count"]},
    {"columns": []},
    {"condition": "area > 0.5 & name != 'a'"},
    {"condition": "image > 99"},
    {"order_by": "name", "descending": True},
    {"order_by": "area", "limit": 400, "offset": 350, "condition": "flag"},
    {"order_by": "area", "condition": "image > 99"},
    {"limit": 1000, "offset": 500},
    {"limit": 0},
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_arrow_carries_what_read_gives(view: TableView, question: dict[str, object]) -> None:
    batches = list(view.arrow(**question, with_row_id=True))
    assert all(len(batch) <= 300 for batch in batches)
    expected = view.read(**question)
    found = frame_from_arrow(batches)
    assert found.dtypes.equals(expected.dtypes)
    if "centre" in expected:
        same(found, expected)
    else:
        pandas.testing.assert_frame_equal(found, expected, check_index_type=False)
    if not len(expected.columns):
        return
    without = frame_from_arrow(view.arrow(**question))
    assert without.index.tolist() == list(range(len(expected)))
    if "area" in expected:
        assert without["area"].equals(expected["area"].reset_index(drop=True))


def test_arrow_travels_as_a_stream(view: TableView) -> None:
    sink = pyarrow.BufferOutputStream()
    batches = view.arrow(condition="image == 3", with_row_id=True)
    first = next(batches)
    with pyarrow.ipc.new_stream(sink, first.schema) as writer:
        for batch in (first, *batches):
            writer.write_batch(batch)
    with pyarrow.ipc.open_stream(sink.getvalue()) as stream:
        same(frame_from_arrow(stream), FRAME.query("image == 3"))


@pytest.mark.parametrize(
    "question",
    [
        {"columns": ["area"]},
        {"columns": ["area"], "limit": 1000, "offset": 500},
        {"columns": ["image"], "order_by": "area", "condition": "flag"},
        {"columns": ["area"], "condition": "image > 99"},
        {"columns": ["area"], "offset": ROWS + 1},
        {"columns": ["flag"], "condition": "flag"},
    ],
)
def test_batches_are_put_in_their_place(view: TableView, question: dict[str, object]) -> None:
    for with_row_id in (True, False):
        whole = frame_from_arrow(view.arrow(**question, with_row_id=with_row_id), are_all=True)
        parts = frame_from_arrow(view.arrow(**question, with_row_id=with_row_id))
        pandas.testing.assert_frame_equal(whole, parts)


def test_batches_that_were_announced_wrongly_are_refused(view: TableView) -> None:
    batches = list(view.arrow(["area"], limit=700))
    with pytest.raises(Invalid, match="more rows came than the 700"):
        frame_from_arrow([*batches, *batches], are_all=True)
    schema = batches[0].schema
    about = schema.metadata[b"omero_jlab"].replace(b'"rows": 700', b'"rows": 9' + b"0" * 15)
    huge = batches[0].replace_schema_metadata({b"omero_jlab": about})
    with pytest.raises(Invalid, match="do not fit into memory"):
        frame_from_arrow([huge], are_all=True)


def test_arrow_of_something_else_is_refused() -> None:
    with pytest.raises(Invalid, match="no batch"):
        frame_from_arrow([])
    with pytest.raises(Invalid, match="do not come from a table"):
        frame_from_arrow([pyarrow.record_batch({"a": [1]})])


def test_missing_arrays_travel(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"x": [[1, 2], None, [3, 4]]})
    columns = columns_of(frame)
    view = TableView(tmp_path, columns, (write_segment(tmp_path, "0.h5", frame, columns, 0),))
    found = frame_from_arrow(view.arrow())["x"]
    assert [None if cell is None else cell.tolist() for cell in found] == [[1, 2], None, [3, 4]]


def test_only_files_that_can_match_are_opened(tmp_path: Path) -> None:
    view = stored(tmp_path)
    for segment in view.segments:
        if segment.first_row >= 2000 or segment.rows == 0:
            (tmp_path / segment.path).unlink()
    for condition in ("image == 3", "image < 5 & area > 0.5", "3 <= image <= 4", "image in [1, 2]",
                      "image between 2 and 3", "row_id < 100", "image == 99"):  # fmt: skip
        expected = FRAME.rename_axis("row_id").query(
            condition.replace("image between 2 and 3", "image.between(2, 3)"), engine="python"
        )
        assert view.read(["area"], condition).index.tolist() == expected.index.tolist()


def test_narrow_floats_are_not_pruned_by_wider_ones(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"x": numpy.array([0.1, 0.1], "f4")})
    columns = columns_of(frame)
    view = TableView(tmp_path, columns, (write_segment(tmp_path, "0.h5", frame, columns, 0),))
    for condition in ("x == 0.1", "x <= 0.1", "x >= 0.1", "x in [0.1]"):
        assert view.count(condition) == 2, condition
