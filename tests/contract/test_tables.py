"""Tables attached to objects, alike in the process and over HTTP."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from omero_jlab.errors import Denied, Invalid, NotFound
from omero_jlab.model import GroupType
from omero_jlab.objects import Repository, Table

from .conftest import World


def frame(start: int = 0, count: int = 100) -> pd.DataFrame:
    numbers = np.arange(start, start + count)
    return pd.DataFrame(
        {
            "label": numbers,
            "area": np.where(numbers % 7 == 0, np.nan, numbers * 1.5),
            "Predicted Class": pd.array([f"class {n % 3}" for n in numbers], dtype="string"),
            "round": numbers % 2 == 0,
        }
    )


@pytest.fixture
def table(world: World) -> Table:
    repo = Repository(world.session("owner", GroupType.READ_ANNOTATE))
    image = repo.image(world.image("owner", GroupType.READ_ANNOTATE))
    return image.attach_table(frame(), name="nuclei")


def plain(found: pd.DataFrame) -> pd.DataFrame:
    return found.reset_index(drop=True)


def test_rows_come_back(table: Table) -> None:
    found = table.to_pandas()
    assert found.index.name == "row_id"
    assert list(found.index) == list(range(100))
    assert_frame_equal(plain(found), frame(), check_dtype=False)


def test_a_condition_picks_rows_as_pandas_does(table: Table) -> None:
    condition = "area > 30 & label < 80 and `Predicted Class` == 'class 1'"
    found = table.query(condition, columns=["label", "area"])
    expected = frame().query("area > 30 and label < 80 and `Predicted Class` == 'class 1'")
    assert_frame_equal(plain(found), plain(expected[["label", "area"]]), check_dtype=False)
    assert table.count(condition) == len(expected)


def test_order_limit_and_offset(table: Table) -> None:
    found = table.query(order_by="label", descending=True, limit=3, offset=1)
    assert list(found["label"]) == [98, 97, 96]


def test_appended_rows_follow_and_older_versions_stay(table: Table) -> None:
    before = table.record.table_version
    table.append(frame(100, 50))
    assert len(table) == 150
    found = table.to_pandas()
    assert list(found["label"]) == list(range(150))
    assert list(found.index) == list(range(150))
    assert len(table.query(version=before)) == 100


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("aera > 3", "area"),
        ("area >", "area >"),
        ("area > 'x'", "area"),
        ("__import__('os')", "__import__"),
    ],
)
def test_a_wrong_condition_is_named(table: Table, condition: str, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        table.query(condition)


def test_rows_that_do_not_fit_are_refused_and_leave_nothing(table: Table) -> None:
    with pytest.raises(Invalid, match="area"):
        table.append(frame(100, 5).rename(columns={"area": "Area"}))
    with pytest.raises(Invalid, match="label"):
        table.append(frame(100, 5).assign(label=0.5))
    assert len(table.to_pandas()) == 100


def test_members_of_a_read_annotate_group_read_but_do_not_append(
    world: World, table: Table
) -> None:
    session = world.session("member", GroupType.READ_ANNOTATE)
    seen = Repository(session).table(table.id)
    assert len(seen.query()) == 100
    with pytest.raises(Denied):
        seen.append(frame(100, 1))


def test_an_outsider_finds_no_table(world: World, table: Table) -> None:
    session = world.session("outsider")
    for attempt in (
        lambda: session.tables.get(table.id),
        lambda: session.tables.count(table.id),
        lambda: session.read_rows(table.id),
        lambda: session.append_rows(table.id, frame(0, 1)),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_a_deleted_table_is_gone(table: Table) -> None:
    table.delete()
    with pytest.raises(NotFound):
        table.query()


def test_a_named_index_is_kept_as_columns(table: Table, world: World) -> None:
    repo = Repository(world.session("owner", GroupType.READ_ANNOTATE))
    image = repo.image(world.image("owner", GroupType.READ_ANNOTATE))
    means = frame().groupby(["Predicted Class", "round"])[["area"]].mean()
    kept = image.attach_table(means, name="means")
    assert_frame_equal(plain(kept.to_pandas()), means.reset_index(), check_dtype=False)
    # The row numbers of another table are none of the result.
    again = image.attach_table(table.query("label > 90"), name="again")
    assert [column.name for column in again.columns] == list(frame().columns)


def test_what_is_no_frame_or_has_no_name_is_refused(world: World) -> None:
    repo = Repository(world.session("owner", GroupType.READ_ANNOTATE))
    image = repo.image(world.image("owner", GroupType.READ_ANNOTATE))
    with pytest.raises(Invalid, match="to_frame"):
        image.attach_table(frame()["area"], name="areas")
    with pytest.raises(Invalid, match="1 to 255"):
        image.attach_table(frame(), name=" ")
