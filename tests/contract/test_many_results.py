"""Results of hundreds of image sets: written in few transactions, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omero_jlab.errors import Invalid, NotFound, OmeroError
from omero_jlab.model import Provenance
from omero_jlab.repository import Session, Store
from omero_jlab.repository.imports import made
from omero_jlab.repository.imports.prepared import Told
from omero_jlab.repository.imports.results import Attaching
from omero_jlab.repository.many import NewLabels, NewTable, add_many

from .many_sets import OBJECTS, SIDE, field_name, write_images, write_output


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "repository", create=True)
    try:
        yield store
    finally:
        store.close()


@pytest.fixture
def session(store: Store) -> Session:
    return store.session()


def attach(session: Session, folder: Path) -> Any:
    return Attaching(session, str(folder), Told()).run(None, lambda done, of, what: None)


def stored_files(store: Store) -> list[Path]:
    places = (store.layout.root / "Files" / "tables", store.layout.root / "Pixels" / "labels")
    return [file for place in places for file in place.rglob("*") if file.is_file()]


def annotations(session: Session, image_ids: list[int]) -> list[Any]:
    return [one for image_id in image_ids for one in session.annotations.list("image", image_id)]


@pytest.mark.parametrize("sets", [64, pytest.param(200, marks=pytest.mark.long)])
def test_many_image_sets_are_attached_in_few_steps(
    store: Store, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sets: int
) -> None:
    output = tmp_path / "output"
    output.mkdir()
    ids = write_images(session, sets)
    write_output(output, sets)
    (output / "run.cppipe").write_text("CellProfiler Pipeline: http://www.cellprofiler.org\n")
    runs = []
    run = store.workers.run
    monkeypatch.setattr(store.workers, "run", lambda *a, **k: runs.append(a[0]) or run(*a, **k))
    turns = store.engines.turnstile.turns
    report = attach(session, output)
    assert (len(report.table_ids), len(report.labels_ids)) == (2 * sets, sets)
    assert report.rows == sets * (1 + OBJECTS)
    # One for each image set would be a process, and a wait for the disk, too many.
    assert len(runs) < sets / 4
    assert store.engines.turnstile.turns - turns < sets / 4
    rows = pd.read_csv(output / "Nuclei.csv")
    for number in (1, sets // 2, sets):
        image_id = ids[number - 1]
        tables = {table.name: table for table in session.tables.list("image", image_id)}
        assert sorted(tables) == ["Image", "Nuclei"]
        mine = rows[rows["ImageNumber"] == number]
        stored = session.read_rows(tables["Nuclei"].id)
        assert np.array_equal(stored["AreaShape_Zernike_3"], mine["AreaShape_Zernike_3"])
        named = session.read_rows(tables["Image"].id)["FileName_DNA"].tolist()
        assert named == [field_name(number)]
        (labels,) = session.images.labels(image_id)
        values = session.labels_region(labels.id, 0, 0, 0, 0, SIDE, SIDE)
        assert set(np.unique(values)) == set(range(OBJECTS + 1))
        told = tables["Nuclei"].provenance
        assert told is not None and told.image_ids == (image_id,)
        assert told.pipeline == "run.cppipe" and told.made_by
        kinds = [one.annotation.kind for one in session.annotations.list("image", image_id)]
        assert sorted(kinds) == ["file", "labels", "table", "table"]


def test_a_batch_that_fails_leaves_nothing_of_those_before(
    store: Store, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "output"
    output.mkdir()
    ids = write_images(session, 6)
    write_output(output, 6)
    monkeypatch.setattr(made, "_MOST", 4)
    add, calls = made.add_many, []

    def failing(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 3:
            session.graph.delete("image", ids[5])
        return add(*arguments)

    monkeypatch.setattr(made, "add_many", failing)
    with pytest.raises(OmeroError, match=f"no image {ids[5]}"):
        attach(session, output)
    assert len(calls) == 3
    assert annotations(session, ids[:5]) == []


def test_a_damaged_label_image_is_named(store: Store, session: Session, tmp_path: Path) -> None:
    output = tmp_path / "output"
    output.mkdir()
    ids = write_images(session, 5)
    write_output(output, 5)
    damaged = output / "field-0004_Nuclei_labels.tiff"
    damaged.write_bytes(damaged.read_bytes()[:90])
    with pytest.raises(OmeroError, match="field-0004"):
        attach(session, output)
    assert annotations(session, ids) == []
    assert stored_files(store) == []


def test_nothing_is_left_where_one_of_many_cannot_be_written(
    store: Store, session: Session
) -> None:
    ids = write_images(session, 3)
    frame = pd.DataFrame({"Area": [1.0, 2.0]})
    tables = [NewTable(image_id, "Cells", frame, "test") for image_id in ids]
    wrong = np.full((SIDE, SIDE), -1)
    with pytest.raises(Invalid, match="Labels go from 0"):
        add_many(session, tables, [NewLabels(ids[0], "Cells", wrong)])
    with pytest.raises(NotFound, match="There is no image 999"):
        add_many(session, [*tables, NewTable(999, "Cells", frame, "test")])
    with pytest.raises(NotFound, match="There is no annotation 999"):
        add_many(session, tables, links=[(ids[0], 999)])
    assert annotations(session, ids) == []
    assert stored_files(store) == []


def test_what_is_written_at_once_is_as_if_it_came_alone(store: Store, session: Session) -> None:
    first, second = write_images(session, 2)
    frame = pd.DataFrame({"Area": [1.5, None], "Class": ["a", "b"]})
    labels = np.eye(SIDE, dtype=np.uint8)
    made_by = Provenance(program="P", version="1", image_ids=(first,))
    added = add_many(
        session,
        [NewTable(first, "Cells", frame, "test", "as told", provenance=made_by)],
        [NewLabels(first, "Cells", labels, provenance=made_by)],
    )
    alone = session.add_table(
        "image", second, "Cells", frame, "test", "as told", provenance=made_by
    )
    lone = session.add_labels(second, "Cells", labels, provenance=made_by)
    differing = {"id", "image_id", "created_at", "updated_at", "provenance"}
    together = session.tables.get(added.table_ids[0])
    assert together.model_dump(exclude=differing) == alone.model_dump(exclude=differing)
    (over,) = session.images.labels(first)
    assert over.model_dump(exclude=differing) == lone.model_dump(exclude=differing)
    pd.testing.assert_frame_equal(session.read_rows(together.id), session.read_rows(alone.id))


def test_nobody_attaches_to_what_others_own(store: Store, session: Session) -> None:
    (image_id,) = write_images(session, 1)
    session.accounts.add_user("guest")
    guest = store.session("guest")
    table = NewTable(image_id, "Cells", pd.DataFrame({"Area": [1]}), "test")
    with pytest.raises(OmeroError):
        add_many(guest, [table])
    assert annotations(session, [image_id]) == []
