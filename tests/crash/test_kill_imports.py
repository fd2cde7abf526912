"""SIGKILL while filesets of thirty files are imported."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from omero_jlab.objects import Repository
from omero_jlab.repository import Store

from .audit import disagreements
from .filesets import PATTERN, write_filesets
from .victim import Victim


def kill_and_look(tmp_path: Path, kills: int, seed: int) -> None:
    """Kill importers one after the other; each time nothing is lost and nothing half there."""
    root, acknowledged = tmp_path / "repository", tmp_path / "acknowledged"
    folder = tmp_path / "camera"
    pixels = write_filesets(folder, 2)
    chance = random.Random(seed)
    looked: set[int] = set()
    for _ in range(kills):
        victim = Victim(acknowledged, "import_forever.py", root, folder, PATTERN, acknowledged)
        # The moment before the first acknowledgement is as good as any after it.
        victim.kill_after(1, chance.uniform(0.02, 1.5))
        claimed = {int(n) for line in victim.lines() if line != "ready" for n in line.split()}
        store = Store.open(root)
        try:
            assert disagreements(store) == []
            images = {image.id: image for image in Repository(store.session()).images}
            assert claimed <= set(images), "acknowledged images are lost"
            assert looked <= set(images)
            for image_id in sorted(set(images) - looked):
                image = images[image_id]
                assert np.array_equal(image.dask().compute(), pixels[image.name])
            looked = set(images)
        finally:
            store.close()
    assert looked, "no import was ever finished: the writer proves nothing"
    store = Store.open(root)
    try:
        again = Repository(store.session()).import_files(folder, channels=PATTERN, quiet=True)
        assert again.failed == ()
        assert [image.name for image in again] == sorted(pixels)
        assert disagreements(store) == []
    finally:
        store.close()


def test_imports_are_whole_or_not_there(tmp_path: Path) -> None:
    kill_and_look(tmp_path, 6, seed=1)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_hundred_imports_are_whole_or_not_there(tmp_path: Path) -> None:
    for part in range(5):
        (tmp_path / str(part)).mkdir()
        kill_and_look(tmp_path / str(part), 20, seed=part)
