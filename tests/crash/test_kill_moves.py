"""SIGKILL while files are moved into a repository: each is in one place at least, always whole."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import tifffile

from omero_jlab.objects import Repository
from omero_jlab.repository import Store

from .audit import disagreements, let_jobs_end
from .victim import Victim


def kill_and_look(tmp_path: Path, kills: int, seed: int) -> None:
    root, acknowledged, folder = (tmp_path / n for n in ("repository", "acknowledged", "camera"))
    folder.mkdir()
    chance = random.Random(seed)
    seen: set[str] = set()
    for _ in range(kills):
        victim = Victim(acknowledged, "move_forever.py", root, folder, acknowledged)
        victim.kill_after(2, chance.uniform(0, 0.2))
        claimed = {line for line in victim.lines() if line != "ready"}
        store = Store.open(root)
        try:
            let_jobs_end(store)
            assert disagreements(store) == []
            images = {image.name: image for image in Repository(store.session()).images}
            assert claimed <= set(images), "what was acknowledged is lost"
            for name in set(images) - seen:
                assert (images[name].plane() == int(Path(name).stem)).all()
            for source in folder.glob("*.tif"):
                # A file that is not here yet must be there still, and whole.
                assert source.name not in images, "it was imported, and its source stays"
                assert np.all(tifffile.imread(source) == int(source.stem))
            seen = set(images)
        finally:
            store.close()
        for source in folder.glob("*.tif"):
            source.unlink()
    assert seen


@pytest.mark.long
def test_moved_files_are_never_nowhere(tmp_path: Path) -> None:
    kill_and_look(tmp_path, 2, seed=2)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_moved_files_are_never_nowhere_a_hundred_times(tmp_path: Path) -> None:
    kill_and_look(tmp_path, 100, seed=3)
