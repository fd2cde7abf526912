"""Values may be missing in every column, also in one that had all of them when it was made."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from pandas.testing import assert_frame_equal

from omero_jlab.model import GroupType
from omero_jlab.objects import Repository, Table

from .conftest import World

WHOLE = pd.DataFrame(
    {
        "label": np.arange(6),
        "small": np.arange(6, dtype="u1"),
        "large": np.arange(6, dtype="u8") + (2**63),
        "inside": [True, False] * 3,
        "area": np.arange(6) / 4,
        "box": [np.array([n, n + 1]) for n in range(6)],
    }
)
"""No value is missing, and no type says that one may be."""
LACKING = pd.DataFrame(
    {
        "label": pd.array([6, 7], dtype="Int64"),
        "small": pd.array([pd.NA, 7], dtype="UInt8"),
        "large": pd.array([pd.NA, 2**64 - 1], dtype="UInt64"),
        "inside": pd.array([pd.NA, True], dtype="boolean"),
        "area": pd.array([pd.NA, 7.5], dtype="Float64"),
        "box": [None, np.array([7, 8])],
    }
)
MAY_LACK = {"small": "UInt8", "large": "UInt64", "inside": "boolean"}


@pytest.fixture
def table(world: World) -> Table:
    repo = Repository(world.session("owner", GroupType.READ_ANNOTATE))
    image = repo.image(world.image("owner", GroupType.READ_ANNOTATE))
    return image.attach_table(WHOLE, name="nuclei")


def joined(*frames: pd.DataFrame) -> pd.DataFrame:
    """The frames one after the other, typed as what may have missing values is."""
    typed = [frame.astype({**MAY_LACK, "label": "int64", "area": "float64"}) for frame in frames]
    return pd.concat(typed, ignore_index=True)


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Also of the same types, but for the index."""
    boxes = [None if box is None else list(box) for box in found["box"]]
    assert boxes == [None if box is None else list(box) for box in expected["box"]]
    assert_frame_equal(
        found.drop(columns="box").reset_index(drop=True),
        expected.drop(columns="box").reset_index(drop=True),
    )


def test_rows_that_lack_values_are_appended(table: Table, tmp_path: Path) -> None:
    table.append(LACKING)
    after = joined(WHOLE, LACKING)
    same(table.query(), after)
    nullable = {column.name for column in table.columns if column.nullable}
    assert nullable == {*MAY_LACK, "box"}, "a column stays as it is while it has every value"
    same(table.query(version=1), WHOLE)
    assert list(table.query("small.isnull()").index) == [6]
    assert list(table.query("inside").index) == [0, 2, 4, 7]
    assert list(table.query("not inside").index) == [1, 3, 5]
    assert list(table.query("small < 2").index) == [0, 1]
    counted = table.aggregate({"small": "count"}, by="inside")
    assert counted["small"].sum() == 7, "neither a missing value nor a missing group counts"

    stored = pyarrow.parquet.read_table(table.download(tmp_path / "rows.parquet"))
    assert stored["small"].to_pylist() == [0, 1, 2, 3, 4, 5, None, 7]
    assert stored["inside"].to_pylist()[6:] == [None, True]
    assert stored["large"].to_pylist()[6:] == [None, 2**64 - 1]
    lines = table.download(tmp_path / "rows.csv").read_text().splitlines()
    assert lines[7].startswith("6,6,,,,")


def test_missing_values_come_as_notebooks_make_them(table: Table) -> None:
    """pandas makes floats of whole numbers and objects of truth values where some are missing."""
    table.append(
        pd.DataFrame(
            {
                "label": [6, 7],
                "small": [np.nan, 7.0],
                "large": [None, None],
                "inside": [None, True],
                "area": [None, None],
                "box": [None, None],
            }
        )
    )
    found = table.query("label >= 6")
    assert found["small"].tolist() == [pd.NA, 7]
    assert found["large"].isna().all() and found["large"].dtype == "UInt64"
    assert found["inside"].tolist() == [pd.NA, True]
    assert found["area"].isna().all() and found["area"].dtype == "float64"
    assert found["box"].tolist() == [None, None]


def test_values_are_taken_away_by_an_update(table: Table) -> None:
    assert table.update({"small": None, "inside": None}, where="label == 3") == 1
    some = table.query("label < 2", columns=["label", "large"])
    some["large"] = pd.array([pd.NA, 9], dtype="UInt64")
    assert table.update(some) == 2
    found = table.query()
    assert found["small"].tolist() == [0, 1, 2, pd.NA, 4, 5]
    assert found["inside"].tolist() == [True, False, True, pd.NA, True, False]
    assert found["large"].tolist()[:3] == [pd.NA, 9, 2**63 + 2]
    same(table.query(version=1), WHOLE)
    before = table.query(version=2)
    assert before["small"].dtype == "UInt8" and before["large"].dtype == "uint64"
    # A value that is given again is there again, and the column keeps its type.
    table.update({"small": 3}, where="label == 3")
    assert table.query()["small"].tolist() == list(range(6))
    assert table.query()["small"].dtype == "UInt8"


def test_they_outlive_compaction_and_what_is_done_with_the_column(table: Table) -> None:
    table.append(LACKING)
    table.update({"label": None}, where="label == 0")
    table.append(LACKING)
    now = table.query()
    table.describe_columns({"small": "px"})
    table.compact()
    assert_frame_equal(now.drop(columns="box"), table.query().drop(columns="box"))
    same(table.query(version=1), WHOLE)
    same(table.query(version=2), joined(WHOLE, LACKING))
    table.compact(keep=0)
    assert_frame_equal(now.drop(columns="box"), table.query().drop(columns="box"))
    assert [column.unit for column in table.columns if column.name == "small"] == ["px"]
    assert len({column.name for column in table.columns}) == len(WHOLE.columns)
    table.drop_column("small")
    table.add_column("small", np.arange(len(now)))
    assert table.query()["small"].tolist() == list(range(len(now)))


def test_they_are_exported_as_omero_keeps_them(
    table: Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table.update({"small": None, "inside": None}, where="label == 3")
    table.export(tmp_path / "rows.h5", columns=["label", "small", "inside"])
    with h5py.File(tmp_path / "rows.h5") as file:
        rows = file["OME/Measurements"][:]
    assert list(np.isnan(rows["small"])) == [False, False, False, True, False, False]
    assert list(np.isnan(rows["inside"])) == [False, False, False, True, False, False]
    assert list(rows["label"]) == list(range(6))
    assert "small" in capsys.readouterr().out
