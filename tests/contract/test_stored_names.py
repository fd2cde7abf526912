"""Whatever files are called, they come under names that every system takes, or with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from omero_jlab.model import OriginalFile
from omero_jlab.objects import Image, Repository
from omero_jlab.repository import Store
from omero_jlab.repository.config import CONFIG

HOSTILE = [
    "a:b.tif",
    "aux.tif",
    "tab\there.tif",
    "line\nbreak.tif",
    "$MFT.tif",
    "q?*.tif",
    "x" * 251 + ".tif",
    "\u202egpj.tif",
    "CASE.tif",
    "case.tif",
    "é.tif",
    "e\u0301.tif",
    "-rf.tif",
]


@pytest.fixture
def repo(tmp_path: Path) -> Iterator[Repository]:
    store = Store.open(tmp_path / "repository", create=True)
    yield Repository(store.session())
    store.close()


def write(path: Path, number: int) -> None:
    tifffile.imwrite(path, np.full((16, 16), number, np.uint16))


def originals(repo: Repository, image: Image) -> tuple[OriginalFile, ...]:
    return repo._session.images.files(image.id)


def test_hostile_names_are_made_safe(repo: Repository, tmp_path: Path) -> None:
    folder = tmp_path / "camera"
    folder.mkdir()
    for number, name in enumerate(HOSTILE):
        write(folder / name, number)
    images = repo.import_files(folder, quiet=True)
    assert [failure.reason for failure in images.failed] == []
    assert len(images) == len(HOSTILE)
    stored = set()
    for image in images:
        (file,) = originals(repo, image)
        number = int(image.plane(0)[0, 0])
        assert file.name == HOSTILE[number]
        last = file.path.rpartition("/")[2]
        assert not set(last) & set('"*:<>?\\|\t\n\u202e') and len(last.encode()) <= 255
        stored.add(file.path)
    assert len(stored) == len(HOSTILE)


def test_a_name_that_is_no_unicode_keeps_nobody_else_out(repo: Repository, tmp_path: Path) -> None:
    folder = tmp_path / "camera"
    folder.mkdir()
    write(folder / "m\udcfcller.tif", 7)
    write(folder / "other.tif", 8)
    (image,) = images = repo.import_files(folder, quiet=True)
    assert image.name == "other.tif"
    (failure,) = images.failed
    assert failure.path.endswith("m\\xfcller.tif") and "rename it" in failure.reason


def test_twins_in_one_fileset_get_two_paths(repo: Repository, tmp_path: Path) -> None:
    folder = tmp_path / "plate"
    folder.mkdir()
    write(folder / "A01_1_dna.tif", 2)
    write(folder / "A01_1_DNA.tif", 3)
    (image,) = repo.import_files(folder, channels="{well}_{field}_{channel}.tif", quiet=True)
    assert sorted(int(image.plane(c=c)[0, 0]) for c in (0, 1)) == [2, 3]
    assert len({file.path.casefold() for file in originals(repo, image)}) == 2


def test_a_store_whose_names_break_a_rule_is_refused_by_its_name(
    repo: Repository, tmp_path: Path
) -> None:
    zarr = pytest.importorskip("zarr")
    folder = tmp_path / "cells.zarr"
    group = zarr.open_group(folder, mode="w", zarr_format=2)
    group.create_array("a:0", data=np.ones((8, 8), np.uint8), chunks=(8, 8))
    group.attrs["multiscales"] = [
        {
            "version": "0.4",
            "axes": [{"name": "y", "type": "space"}, {"name": "x", "type": "space"}],
            "datasets": [
                {
                    "path": "a:0",
                    "coordinateTransformations": [{"type": "scale", "scale": [1.0, 1.0]}],
                }
            ],
        }
    ]
    images = repo.import_files(folder, quiet=True)
    (failure,) = images.failed
    assert "Windows required" in failure.reason and "a:0" in failure.reason
    assert list(repo.images) == []


def test_looser_rules_keep_the_names(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "repository", create=True)
    store.close()
    text = '[managed]\npath_rules = "local required"\n'
    (tmp_path / "repository" / CONFIG).write_text(text)
    store = Store.open(tmp_path / "repository")
    try:
        repo = Repository(store.session())
        write(tmp_path / "a:b.tif", 1)
        (image,) = repo.import_files(tmp_path / "a:b.tif", quiet=True)
        assert originals(repo, image)[0].path.endswith("/a:b.tif")
    finally:
        store.close()
