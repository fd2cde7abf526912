"""A repository of every release is opened by this program, and holds what it held."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from omero_jlab.objects import Repository, wait
from omero_jlab.repository import Store

RELEASES = sorted((Path(__file__).parents[2] / "releases").glob("*.tar.xz"))


@pytest.fixture(params=RELEASES, ids=lambda path: path.name.removesuffix(".tar.xz"))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    store = Store.open(tmp_path / "repository")
    yield store
    store.close()


def test_there_is_a_release_to_upgrade() -> None:
    assert [path.name for path in RELEASES][:1] == ["0.1.0.tar.xz"]


def test_an_upgraded_repository_holds_what_it_held(store: Store) -> None:
    session = store.session("root")
    repo = Repository(session)
    images = {image.name: image for image in repo.images}
    assert sorted(images) == ["A01_1", "A02_1", "tiled.tif"]
    cells = images["A01_1"]
    y, x = np.mgrid[:64, :64]
    assert np.array_equal(cells.plane(c=1), (y * 3 + x * 2) % 256)
    (table,) = cells.tables
    assert table.query("area > 11")["label"].tolist() == [2]
    (labels,) = cells.labels
    assert labels.name == "cells"
    assert len(images["tiled.tif"].levels) == 3
    assert [user.name for user in session.accounts.users()] == ["ada", "root"]
    assert store.check_password("ada", "correct horse battery") == "ada"


def test_an_upgraded_repository_is_whole_and_takes_new_things(store: Store) -> None:
    session = store.session("root")
    repo = Repository(session)
    report = wait(session, session.admin.check(verify=True), "check", quiet=True)
    assert report is not None
    assert report.problems == ()  # type: ignore[union-attr]
    repo.save_image(np.ones((1, 1, 1, 8, 8), np.uint8), name="new")
    assert len(list(repo.images)) == 4
