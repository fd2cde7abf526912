"""Rows updated and deleted, columns added and dropped, alike in the process and over HTTP."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from omero_jlab.errors import Conflict, Denied, Invalid, NotFound
from omero_jlab.model import GroupType, Provenance
from omero_jlab.objects import Image, Repository, Table
from omero_jlab.repository.jobs.jobs import start_job
from omero_jlab.repository.tables import compaction
from omero_jlab.repository.tables.merging import Sizes

from .conftest import World


def frame(count: int = 20) -> pd.DataFrame:
    numbers = np.arange(count)
    return pd.DataFrame(
        {
            "label": numbers,
            "area": numbers * 1.5,
            "class": pd.array([f"class {n % 3}" for n in numbers], dtype="string"),
            "seen": pd.to_datetime(numbers, unit="h", utc=True),
            "maybe": pd.array(np.where(numbers % 4, numbers, 0), dtype="Int64"),
        }
    )


@pytest.fixture
def image(world: World) -> Image:
    repo = Repository(world.session("owner", GroupType.READ_ANNOTATE))
    return repo.image(world.image("owner", GroupType.READ_ANNOTATE))


@pytest.fixture
def table(image: Image) -> Table:
    return image.attach_table(frame(), name="nuclei")


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert_frame_equal(
        found, expected, check_dtype=False, check_index_type=False, check_names=False
    )


def test_rows_are_updated_by_number(table: Table) -> None:
    some = table.query("area > 20", columns=["area", "class"])
    some["area"] = some["area"] * 2
    some["class"] = "large"
    assert table.update(some) == len(some)
    expected = frame()
    expected.loc[some.index, ["area", "class"]] = some
    same(table.query(), expected)
    same(table.query(version=1), frame())
    assert list(table.query("`class` == 'large' & area > 50").index) == [17, 18, 19]
    # The rows that were pruned by what the column held before are found now.
    assert table.count("area > 28.5") == sum(expected["area"] > 28.5)


def test_rows_are_updated_by_condition(table: Table) -> None:
    time = datetime(2024, 3, 1, tzinfo=UTC)
    count = table.update({"class": "mitotic", "maybe": None, "seen": time}, where="label >= 15")
    assert count == 5
    found = table.query("`class` == 'mitotic'")
    assert list(found.index) == [15, 16, 17, 18, 19]
    assert found["maybe"].isna().all()
    assert (found["seen"] == time).all()
    assert table.update({"class": "none"}, where="label > 1000") == 0
    assert table.version == 2


def test_deleted_rows_are_gone_and_their_numbers_too(table: Table) -> None:
    assert table.delete_rows("label < 5 or label == 7") == 6
    assert table.delete_rows(rows=[19, 18]) == 2
    left = frame().drop(index=[0, 1, 2, 3, 4, 7, 18, 19])
    same(table.query(), left)
    assert len(table) == len(left)
    assert table.count() == len(left)
    assert table.count("label >= 0") == len(left)
    same(table.query("area > 9 & label < 12"), left.query("area > 9 & label < 12"))
    same(table.query(limit=3, offset=2), left.iloc[2:5])
    same(table.query(order_by="area", descending=True, limit=2), left.iloc[::-1][:2])
    table.append(frame(2))
    assert list(table.query(limit=2, offset=len(left)).index) == [20, 21]
    with pytest.raises(NotFound, match="no row 3, 19"):
        table.delete_rows(rows=[3, 5, 19])
    with pytest.raises(NotFound, match="no row 3"):
        table.update(pd.DataFrame({"area": [1.0]}, index=pd.Index([3], name="row_id")))
    same(table.query(version=1), frame())
    same(table.query(version=2), frame().drop(index=[0, 1, 2, 3, 4, 7]))


def test_columns_come_and_go(table: Table) -> None:
    table.add_column("ratio", np.arange(20) / 4, unit="1", description="of two")
    added = table.columns[-1]
    assert (added.name, added.dtype, added.unit) == ("ratio", "float64", "1")
    table.append(frame(3))
    assert table.query()["ratio"].isna().sum() == 3
    table.append(frame(1).assign(ratio=9.0))
    assert table.count("ratio > 4.5") == 2
    table.add_column("word", pd.Series(["a", "b"], index=pd.Index([2, 5], name="row_id")))
    assert list(table.query("word == 'b'").index) == [5]
    assert table.query()["word"].isna().sum() == 22
    table.drop_column("ratio")
    assert "ratio" not in table.query().columns
    with pytest.raises(Invalid, match="ratio"):
        table.query("ratio > 1")
    assert table.query(version=2)["ratio"].tolist() == (np.arange(20) / 4).tolist()
    # The same name again, for something else.
    table.add_column("ratio", [f"r{n}" for n in range(24)])
    assert table.query("ratio == 'r23'").index.tolist() == [23]
    assert table.query(version=2)["ratio"].dtype == np.float64
    with pytest.raises(Invalid, match="has a column 'area' already"):
        table.add_column("area", np.zeros(24))
    with pytest.raises(Invalid, match="3 values for 24 rows"):
        table.add_column("short", [1, 2, 3])


def test_whoever_believes_an_old_version_is_told(table: Table) -> None:
    table.append(frame(1))
    for change in (
        lambda: table.append(frame(1), version=1),
        lambda: table.update({"area": 0.0}, version=1),
        lambda: table.update(table.query(limit=1), version=1),
        lambda: table.delete_rows("area > 3", version=1),
        lambda: table.add_column("x", range(21), version=1),
        lambda: table.drop_column("area", version=1),
    ):
        with pytest.raises(Conflict, match="version 1, now 2"):
            change()
    table.refresh()
    assert table.update({"area": 0.0}, where="label == 3", version=table.version) == 1


def test_the_history_says_what_was_done_and_by_whom(table: Table, world: World) -> None:
    table.append(frame(3))
    table.update({"area": 1.0}, where="label == 1")
    table.delete_rows("label == 2")
    table.add_column("x", range(21))
    table.drop_column("x")
    found = table.versions()
    changes = ["drop column", "add column", "delete", "update", "append", "attach"]
    assert [version.change for version in found] == changes
    assert [version.number for version in found] == [6, 5, 4, 3, 2, 1]
    assert [version.rows for version in found] == [21, 21, 21, 23, 23, 20]
    assert [version.changed_rows for version in found] == [0, 21, 2, 2, 3, 20]
    assert found[3].columns == ("area",)
    assert {version.made_by for version in found} == {
        world.session("owner").server.status().user.name
    }
    with pytest.raises(Invalid, match="versions 1 to 6, not 7"):
        table.query(version=7)


def test_compacting_keeps_rows_numbers_and_the_versions_asked_for(table: Table) -> None:
    for n in range(5):
        table.append(frame(4).assign(label=100 + n))
    table.delete_rows("label == 3")
    table.update({"class": "new"}, where="label == 101")
    table.delete_rows("label == 102")
    before = table.query()
    old = {n: table.query(version=n) for n in range(1, 10)}
    report = table.compact()
    assert report is not None and report.files_after < report.files_before
    assert report.oldest_version == 1
    for n, expected in old.items():
        assert_frame_equal(table.query(version=n), expected)
    report = table.compact(keep=1)
    assert report is not None and report.oldest_version == 8
    assert_frame_equal(table.query(), before)
    for n in (8, 9):
        assert_frame_equal(table.query(version=n), old[n])
    with pytest.raises(Invalid, match="versions 8 to 9, not 7"):
        table.query(version=7)
    report = table.compact(keep=0)
    assert report is not None and report.files_after == 1
    assert_frame_equal(table.query(), before)
    assert len(table) == len(before)
    table.append(frame(1))
    assert table.query().index[-1] == 40


def test_who_asks_gets_fewer_files_than_come_by_themselves(
    table: Table, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    largest = max(path.stat().st_size for path in world.store.layout.root.rglob("*.h5"))
    monkeypatch.setattr(compaction, "BEHIND", Sizes(small=0, merged=0))
    monkeypatch.setattr(compaction, "ASKED", Sizes(small=2 * largest, merged=3 * largest))
    for n in range(8):
        table.append(frame(4).assign(label=n))
    before = table.query()
    session = world.root
    job = start_job(session, "compact", {"table_id": table.id})
    while session.jobs.get(job.id).finished_at is None:
        time.sleep(0.01)
    report = table.compact()
    assert report is not None and report.files_before == 9
    assert 1 < report.files_after < 9
    assert_frame_equal(table.query(), before)


def test_metadata_units_and_provenance_are_kept(image: Image) -> None:
    made = Provenance(
        program="CellProfiler <4>", version="4.2", parameters={"threshold": 0.5, "on": [1, None]},
        image_ids=(image.id,), cell="x = 1\ny = 2",
    )  # fmt: skip
    table = image.attach_table(
        frame(), name="all", units={"area": "µm²"}, descriptions={"label": "number"},
        metadata={"threshold": 0.5, "method": "Otsu"}, provenance=made, namespace="lab/one",
    )  # fmt: skip
    assert table.record.namespace == "lab/one"
    found = image.table("all")
    assert [column.unit for column in found.columns] == ["", "µm²", "", "", ""]
    assert found.columns[0].description == "number"
    assert dict(found.metadata) == {"threshold": 0.5, "method": "Otsu"}
    found.metadata["method"] = "Li"
    found.metadata["count"] = np.int64(3)
    del found.metadata["threshold"]
    assert dict(image.table("all").metadata) == {"method": "Li", "count": 3}
    found.describe_columns(units={"label": "1"}, descriptions={"area": "of the nucleus"})
    assert (found.columns[0].unit, found.columns[0].description) == ("1", "number")
    assert (found.columns[1].unit, found.columns[1].description) == ("µm²", "of the nucleus")
    with pytest.raises(Invalid, match="did you mean 'area'"):
        found.describe_columns(units={"aera": "m"})
    with pytest.raises(Invalid, match="x"):
        found.metadata["x"] = [1]  # type: ignore[assignment]
    kept = found.provenance
    assert kept is not None and kept.made_at is not None and kept.made_by
    assert kept.model_copy(update={"made_at": None, "made_by": ""}) == made
    shown = found._repr_html_()
    assert "CellProfiler &lt;4&gt; 4.2" in shown and "threshold = 0.5" in shown
    assert kept.made_by in shown and "x = 1" in shown


def test_links_lead_to_what_is_there_and_seen(image: Image, world: World) -> None:
    hidden = world.image("owner", GroupType.PRIVATE)
    ids = [image.id, None, image.id]
    table = image.attach_table(pd.DataFrame({"Image": ids}), "links", links={"Image": "image"})
    (column,) = table.columns
    assert (column.kind, column.target, column.dtype) == ("link", "image", "int64")
    assert table.query(f"Image == {image.id}").index.tolist() == [0, 2]
    assert table.query()["Image"].dtype == "Int64"
    table.append(pd.DataFrame({"Image": [image.id]}))
    missing = 10**9
    for wrong in (missing,):
        with pytest.raises(NotFound, match=f"image {wrong}"):
            table.append(pd.DataFrame({"Image": [wrong]}))
        with pytest.raises(NotFound, match=f"image {wrong}"):
            table.update({"Image": wrong}, where="row_id == 0")
        with pytest.raises(NotFound, match=f"image {wrong}"):
            table.add_column("other", [wrong] * 4, link="image")
        with pytest.raises(NotFound, match=f"image {wrong}"):
            image.attach_table(pd.DataFrame({"i": [wrong]}), "x", links={"i": "image"})
    # Of a private group of others nothing can be linked, as if it were not there.
    seen = Repository(world.session("member", GroupType.READ_WRITE))
    mine = seen.image(world.image("member", GroupType.READ_WRITE))
    with pytest.raises(NotFound, match=f"image {hidden}"):
        mine.attach_table(pd.DataFrame({"i": [hidden]}), "x", links={"i": "image"})
    with pytest.raises(Invalid, match="must hold ids"):
        image.attach_table(pd.DataFrame({"i": ["one"]}), "x", links={"i": "image"})
    with pytest.raises(Invalid, match="image"):
        image.attach_table(pd.DataFrame({"i": [1]}), "x", links={"i": "imaeg"})  # type: ignore[dict-item]


def test_who_may_not_edit_changes_nothing(table: Table, world: World) -> None:
    seen = Repository(world.session("member", GroupType.READ_ANNOTATE)).table(table.id)
    for change in (
        lambda: seen.update({"area": 0.0}),
        lambda: seen.update(frame(1)),
        lambda: seen.delete_rows("area > 0"),
        lambda: seen.add_column("x", range(20)),
        lambda: seen.drop_column("area"),
        lambda: seen.describe_columns(units={"area": "m"}),
        lambda: seen.metadata.update(a=1),
        lambda: seen.compact(),
    ):
        with pytest.raises(Denied):
            change()
    same(seen.query(), frame())
    assert len(seen.versions()) == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda table: table.update({"aera": 1}), "did you mean 'area'"),
        (lambda table: table.update({"area": "x"}), "area"),
        (lambda table: table.update({"label": 0.5}), "label"),
        (lambda table: table.update({"seen": "never"}), "seen"),
        (lambda table: table.update({}), "No column"),
        (lambda table: table.update({"area": 1}, where="aera > 3"), "area"),
        (lambda table: table.update(pd.DataFrame({"area": [1.0]}, index=["a"])), "row_id"),
        (lambda table: table.update(pd.DataFrame({"area": [1.0, 2]}, index=[1, 1])), "twice"),
        (lambda table: table.delete_rows(), "Say which rows"),
        (lambda table: table.delete_rows("area > 'x'"), "area"),
        (lambda table: table.drop_column("aera"), "did you mean 'area'"),
    ],
)
def test_a_wrong_change_is_told_and_changes_nothing(table: Table, change, told: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Invalid, match=told):
        change(table)
    same(table.query(), frame())
    assert len(table.versions()) == 1
