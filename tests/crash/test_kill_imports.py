"""SIGKILL while filesets of thirty files are imported: imports go on, and bring nothing twice."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from omero_jlab.model import CheckReport, ImportReport, Job
from omero_jlab.objects import Repository
from omero_jlab.objects.progress import wait
from omero_jlab.repository import Store

from .audit import disagreements, let_jobs_end
from .filesets import PATTERN, write_filesets
from .victim import Victim

LONG = "long.tif"


class Crime:
    """A repository that is killed again and again while it imports the same folder."""

    def __init__(self, tmp_path: Path, seed: int) -> None:
        self.root, self.acknowledged = tmp_path / "repository", tmp_path / "acknowledged"
        self.folder = tmp_path / "camera"
        self.pixels: dict[str, NDArray[np.uint16]] = write_filesets(self.folder / "fields", 2)
        # Long enough for a pyramid.
        strip = np.random.default_rng(seed).integers(0, 999, (40, 3300), np.uint16)
        tifffile.imwrite(self.folder / LONG, strip)
        self.pixels[LONG] = strip[None, None, None]
        self.chance = random.Random(seed)
        self.looked: set[int] = set()

    def kill(self) -> None:
        """Kill an importer in whatever it does."""
        parallel = self.chance.choice((1, 2))
        victim = Victim(
            self.acknowledged,
            "import_forever.py",
            *(self.root, self.folder, PATTERN, self.acknowledged, parallel),
        )
        # The moment before the first acknowledgement is as good as any after it.
        victim.kill_after(1, self.chance.uniform(0.02, 1.5))

    def told(self, word: str) -> set[int]:
        """The ids that were acknowledged with a word."""
        lines = [line.split() for line in self.acknowledged.read_text().splitlines()]
        return {int(number) for first, *ids in lines if first == word for number in ids}

    def look(self) -> None:
        """Open the repository: nothing is lost, nothing half there, and what was begun goes on."""
        store = Store.open(self.root)
        try:
            session = store.session()
            there = {image.id for image in Repository(session).images}
            assert self.told("done") <= there, "acknowledged images are lost"
            assert self.looked <= there
            let_jobs_end(store)
            assert disagreements(store) == []
            jobs = {job.id: job for job in session.jobs.list(1000)}
            assert self.told("job") <= set(jobs), "an acknowledged import is forgotten"
            imports = [job for job in jobs.values() if job.kind == "import"]
            self._look_at_images(Repository(session), imports)
            check = wait(session, session.admin.check(verify=True), "check", quiet=True)
            assert isinstance(check, CheckReport) and check.problems == ()
        finally:
            store.close()

    def _look_at_images(self, repo: Repository, imports: list[Job]) -> None:
        images = {image.id: image for image in repo.images}
        brought: list[int] = []
        for job in imports:
            assert job.state == "done", job
            assert isinstance(job.report, ImportReport) and job.report.failed == ()
            assert [images[i].name for i in job.report.image_ids] == list(self.pixels)
            assert len(set(job.report.fileset_ids)) == len(self.pixels)
            brought += job.report.image_ids
        assert sorted(brought) == sorted(images), "something was imported twice, or by nobody"
        for image_id in sorted(set(images) - self.looked):
            image = images[image_id]
            assert np.array_equal(image.dask().compute(), self.pixels[image.name])
            if image.name == LONG:
                assert image.record.pyramid == "complete"
                assert len(image.levels) == 3
        self.looked = set(images)


def kill_and_look(tmp_path: Path, kills: int, seed: int) -> None:
    """Kill importers one after the other, and look, but not each time."""
    crime = Crime(tmp_path, seed)
    for number in range(kills):
        crime.kill()
        # Now and then the next one finds what the last one left, and dies over it.
        if number % 3 != 1:
            crime.look()
    crime.look()
    assert crime.looked, "no import was ever finished: the writer proves nothing"


def test_imports_are_whole_or_not_there(tmp_path: Path) -> None:
    kill_and_look(tmp_path, 2, seed=1)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_hundred_imports_are_whole_or_not_there(tmp_path: Path) -> None:
    for part in range(5):
        (tmp_path / str(part)).mkdir()
        kill_and_look(tmp_path / str(part), 20, seed=part)
