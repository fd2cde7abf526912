"""Power cuts under load: power_cuts.py FOLDER WHAT CUTS SEED

WHAT is `rows`, `imports`, or `naive`, which is a writer without our care.  Acknowledgements lie
outside of the volume that fails.  Prints, as JSON, what was found after each cut: the number of
rows or images, and what was wrong.  Runs in a mount namespace of its own.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import tables
import tifffile
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from omero_jlab.errors import OmeroError
from omero_jlab.objects import Repository, wait
from omero_jlab.repository import Store
from tests.crash import append_forever, append_naively, import_forever
from tests.crash.audit import disagreements, let_jobs_end
from tests.crash.filesets import PATTERN, write_filesets
from tests.crash.volumes import Volume, cut_power, run

_PATIENCE_S = 60
Pixels = dict[str, NDArray[np.uint16]]


class Cuts:
    """A volume at `point`, and a writer that is cut off again and again."""

    def __init__(self, folder: Path, what: str, seed: int) -> None:
        self.point = folder / "point"
        self.point.mkdir()
        self.volume = Volume(folder / "image", 256)
        self.root = self.point / "repository"
        self.acknowledged = folder / "acknowledged"
        self.acknowledged.touch()
        self.chance = random.Random(seed)
        self.camera = folder / "camera"
        self.pixels: Pixels = {}
        self.told: list[str] = []
        if what == "imports":
            self.pixels = write_filesets(self.camera / "fields", 2)
            strip = np.random.default_rng(seed).integers(0, 999, (40, 330), np.uint16)
            tifffile.imwrite(self.camera / "long.tif", strip)
            self.pixels["long.tif"] = strip[None, None, None]
        self.main, arguments, self.look = {
            "rows": (append_forever.main, [self.root, self.acknowledged], self.rows),
            "imports": (
                import_forever.main,
                [self.root, self.camera, PATTERN, self.acknowledged, 2],
                self.images,
            ),
            "naive": (
                append_naively.main,
                [self.point / "rows.h5", self.acknowledged],
                self.naive,
            ),
        }[what]
        self.arguments = [what, *map(str, arguments)]

    def cut(self) -> dict[str, object]:
        """One cut, and what is there afterwards."""
        before = len(self.lines())
        self.volume.mount(self.point)
        writer = self.begin()
        deadline = time.monotonic() + _PATIENCE_S
        # Of imports, the first lines say that one is about to begin.
        while len(self.lines()) < before + 2:
            if os.waitpid(writer, os.WNOHANG)[0] or time.monotonic() > deadline:
                return {"found": 0, "wrong": "the writer acknowledges nothing"}
            time.sleep(0.002)
        time.sleep(self.chance.uniform(0, 0.4))
        # What is acknowledged while the call below lasts would reach nobody: with the power gone,
        # nothing runs on.  The kernel may still answer an fsync of that moment with success.
        self.told = self.lines()
        cut_power(self.point)
        os.killpg(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        self.unmount()
        self.volume.mount(self.point)
        try:
            found, wrong = self.look()
        except (OmeroError, OSError, ValueError, tables.HDF5ExtError, tables.NodeError) as error:
            found, wrong = 0, f"it cannot be read: {error!r}"
        self.unmount()
        return {"found": found, "wrong": wrong}

    def begin(self) -> int:
        """Fork a writer with a group of its own: what is imported here need not be again."""
        child = os.fork()
        if child == 0:
            os.setsid()
            sys.argv = self.arguments
            # What it says when the disk fails is no news.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            try:
                self.main()
            finally:
                os._exit(1)
        return child

    def unmount(self) -> None:
        """Unmount as soon as nobody holds it any more: mounting again would find it as it was."""
        deadline = time.monotonic() + _PATIENCE_S
        command = ["umount", str(self.point)]
        while subprocess.run(command, check=False, capture_output=True).returncode:
            assert time.monotonic() < deadline, "somebody keeps the volume open"
            time.sleep(0.01)

    def lines(self) -> list[str]:
        return self.acknowledged.read_text().splitlines()

    # -- what must be there

    def rows(self) -> tuple[int, str]:
        store = Store.open(self.root)
        try:
            # A merging of small files that the cut interrupted goes on at the opening.
            let_jobs_end(store)
            session = store.session()
            (dataset,) = session.containers.datasets(name=append_forever.NAME)
            (table,) = session.tables.list("dataset", dataset.id)
            frame = session.read_rows(table.id).reset_index(drop=True)
            expected = append_forever.rows(0, len(frame)).astype({"s": frame["s"].dtype})
            acknowledged = max(map(int, self.told))
            if len(frame) < acknowledged:
                return len(frame), f"of {acknowledged} acknowledged rows {len(frame)} are there"
            if len(frame) % append_forever.BATCH or not frame.equals(expected):
                return len(frame), "half a batch is there"
            return len(frame), clean(store)
        finally:
            store.close()

    def images(self) -> tuple[int, str]:
        store = Store.open(self.root)
        try:
            done = [line.split()[1:] for line in self.told if line.startswith("done")]
            claimed = {int(number) for numbers in done for number in numbers}
            let_jobs_end(store)
            images = {image.id: image for image in Repository(store.session()).images}
            if not claimed <= set(images):
                return len(images), f"images {claimed - set(images)} are lost"
            for image in list(images.values())[-4:]:
                if not np.array_equal(image.dask().compute(), self.pixels[image.name]):
                    return len(images), f"image {image.id} is not what was imported"
            return len(images), clean(store)
        finally:
            store.close()

    def naive(self) -> tuple[int, str]:
        found = append_naively.good_rows(self.point / "rows.h5")
        lost = found < max(map(int, self.told))
        self.acknowledged.write_text("")
        return found, "acknowledged rows are lost" if lost else ""


def clean(store: Store) -> str:
    """What `admin check` and the audit find after opening; empty where all is well."""
    found = disagreements(store)
    session = store.session()
    report = wait(session, session.admin.check(verify=True), "check", quiet=True)
    return "; ".join([*found, *map(str, report.problems)])  # type: ignore[union-attr]


def main() -> None:
    folder, what, cuts, seed = sys.argv[1:]
    scene = Cuts(Path(folder), what, int(seed))
    print(json.dumps([scene.cut() for _ in range(int(cuts))]), flush=True)
    run("rm", "-f", scene.volume.image)
    os._exit(0)


if __name__ == "__main__":
    main()
