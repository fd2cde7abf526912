"""A disk that is nearly full: what is refused, and what frees room all the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from omero_jlab.errors import Full, Invalid
from omero_jlab.objects import Repository, wait
from omero_jlab.repository import Store
from omero_jlab.repository.config import CONFIG

EVERYTHING = 10**18


def opened(root: Path, **limits: int) -> Store:
    Store.open(root, create=True).close()
    lines = [f"{name} = {value}" for name, value in {"part": 1.0, **limits}.items()]
    (root / CONFIG).write_text("\n".join(["[disk]", *lines]))
    return Store.open(root)


def test_a_warning_comes_first(tmp_path: Path) -> None:
    store = opened(tmp_path / "r", warn=EVERYTHING, imports=0, writes=0)
    try:
        health = Repository(store.session()).health
        assert health.writable
        assert health.state == "warning" and health.since is not None
        assert "free" in health.warning
        store.session().containers.add_dataset("still allowed")
    finally:
        store.close()


def test_then_imports_are_refused(tmp_path: Path, demo_plate: Path) -> None:
    store = opened(tmp_path / "r", imports=EVERYTHING, writes=0)
    try:
        repo = Repository(store.session())
        with pytest.raises(Full, match="no imports"):
            repo.import_files(demo_plate / "images", quiet=True)
        assert repo.datasets.add("still allowed").id
    finally:
        store.close()


def test_at_last_only_what_frees_room_is_allowed(tmp_path: Path) -> None:
    root = tmp_path / "r"
    store = Store.open(root, create=True)
    repo = Repository(store.session())
    image = repo.save_image(np.zeros((1, 1, 1, 64, 64), np.uint8), name="old")
    table = image.attach_table(pd.DataFrame({"a": [1]}), name="rows")
    store.close()
    store = opened(root, writes=EVERYTHING)
    try:
        repo = Repository(store.session())
        with pytest.raises(Full):
            repo.datasets.add("new")
        with pytest.raises(Full):
            repo.table(table.id).append(pd.DataFrame({"a": [2]}))
        assert not repo._session.server.health().writable
        assert repo.image(image.id).plane().sum() == 0, "reading goes on"
        repo.image(image.id).delete()
        report = wait(repo._session, repo.admin.purge(), "purge", quiet=True)
        assert report is not None
        assert not [p for p in (root / "Pixels").rglob("*") if p.is_file()]
    finally:
        store.close()


@pytest.mark.parametrize(
    "text",
    ["[disk]\nwarm = 3", "[disk]\nwarn = 'much'", "not toml", "[managed]\npath_template = '%x%'"],
)
def test_a_wrong_configuration_is_named(tmp_path: Path, text: str) -> None:
    Store.open(tmp_path / "r", create=True).close()
    (tmp_path / "r" / CONFIG).write_text(text)
    with pytest.raises(Invalid, match=CONFIG):
        Store.open(tmp_path / "r")


def test_the_path_template_is_the_configurations(tmp_path: Path, demo_plate: Path) -> None:
    root = tmp_path / "r"
    Store.open(root, create=True).close()
    (root / CONFIG).write_text("[managed]\npath_template = 'lab/%user%//%increment%'")
    store = Store.open(root)
    try:
        Repository(store.session()).import_files(
            demo_plate / "images" / "A01_s1_DNA.tif", quiet=True
        )
        (path,) = (root / "ManagedRepository").rglob("*.tif")
        assert path.relative_to(root / "ManagedRepository").parts[0] == "lab"
    finally:
        store.close()
