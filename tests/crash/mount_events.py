"""What happens to the disk of an open repository: mount_events.py FOLDER [NAME…]

Prints, as JSON, for each event "" where all was as it must be, and else what was not.  Runs in a
mount namespace of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[2]))

from omero_jlab.errors import Full, OmeroError, Unavailable
from omero_jlab.objects import Repository, wait
from omero_jlab.repository import Store
from omero_jlab.repository.upkeep import disk
from omero_jlab.server.spool import Spool
from omero_jlab.storage import Layout, RepositoryLock, space
from tests.crash.audit import disagreements
from tests.crash.volumes import Volume, cut_power, detach, run

FRAME = pd.DataFrame({"a": range(100)})
SHAPE = (1, 1, 1, 128, 128)
WITHIN_S = 5.0

EVENTS: dict[str, Callable[[Scene], None]] = {}


def event(function: Callable[[Scene], None]) -> Callable[[Scene], None]:
    EVENTS[function.__name__] = function
    return function


class Scene:
    """A repository on a volume of its own, mounted at `point`, with an image and a table."""

    def __init__(self, folder: Path, below: str = "", account: int = 0) -> None:
        self.folder = folder
        self.point = folder / "point"
        self.point.mkdir()
        if account:
            # Nothing can be mounted then; but permissions bind only who is not root.
            folder.chmod(0o755)
            os.chown(self.point, account, account)
            os.setresuid(account, account, account)
        else:
            self.volume = Volume(folder / "image", 64)
            self.volume.mount(self.point)
        self.root = self.point / below
        self.store = Store.open(self.root, create=True)
        self.repo = Repository(self.store.session())
        self.pixels = np.random.default_rng(1).integers(0, 999, SHAPE, np.uint16)
        self.image = self.repo.save_image(self.pixels, name="before")
        self.table = self.image.attach_table(FRAME, name="rows")
        self.rows = len(FRAME)
        self.datasets = 0

    # -- what a user does

    def write(self) -> None:
        """Write rows and files of every kind."""
        self.repo.datasets.add(f"dataset {self.datasets}")
        self.datasets += 1
        self.table.append(FRAME)
        self.rows += len(FRAME)
        image = self.repo.save_image(self.pixels, name="after")
        assert image.thumbnail()
        Spool(self.spool).remove()
        self.spool.rmdir()

    @property
    def spool(self) -> Path:
        return self.store.layout.staging(self.store.layout.files) / "bodies"

    def refuses(self, reason: str, error: type[OmeroError] = Unavailable) -> None:
        """Every kind of write is refused with the reason, and leaves nothing where it would."""
        before = tree(self.point)
        begun = time.monotonic()
        for attempt in (
            lambda: self.repo.datasets.add("refused"),
            lambda: self.table.append(FRAME),
            lambda: self.repo.save_image(self.pixels, name="refused"),
            lambda: self.image.attach_labels(np.ones(SHAPE[-2:], np.uint8)),
            lambda: Spool(self.spool),
            *([] if error is Full else [self.image.delete]),
        ):
            try:
                attempt()
            except error as told:
                assert reason in str(told) or "No room" in str(told), f"{reason!r} is not in {told}"
            else:
                raise AssertionError("it was not refused")
        with suppress(OmeroError):
            self.image.thumbnail(size=77)
        assert time.monotonic() - begun < WITHIN_S
        health = self.store.session().server.health()
        assert not health.writable, health
        assert reason in health.reason, health
        time.sleep(3 * disk.EVERY_S)
        if error is Unavailable:
            assert tree(self.point) == before, set(tree(self.point)) ^ set(before)

    def reads(self) -> None:
        """Rows and pixels are served."""
        assert len(self.table.query()) == self.rows
        assert np.array_equal(self.image.dask().compute(), self.pixels)

    def goes_on(self) -> None:
        """Within five seconds all is as before, by itself."""
        deadline = time.monotonic() + WITHIN_S
        while True:
            try:
                self.repo.datasets.add(f"dataset {self.datasets}")
                break
            except OmeroError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        self.datasets += 1
        self.reads()
        self.write()
        health = self.store.session().server.health()
        assert health.state == "ok", health
        self.check()

    def check(self) -> None:
        """Nothing is half there, and everything that was acknowledged is."""
        found = disagreements(self.store)
        assert found == [], found
        names = {dataset.name for dataset in self.repo.datasets}
        assert {f"dataset {i}" for i in range(self.datasets)} <= names
        assert "refused" not in names

    def end(self) -> None:
        self.store.close()
        store = Store.open(self.root)
        try:
            assert disagreements(store) == []
        finally:
            store.close()
        if os.geteuid() == 0:
            detach(self.point)
            self.volume.image.unlink()


def tree(folder: Path) -> list[str]:
    """Everything in a folder that can be seen, but for what the repository itself keeps there."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


# -- the events


@event
def unmounted(scene: Scene) -> None:
    # The system does not let a disk go that is in use: that is the best answer.
    done = subprocess.run(["umount", scene.point], check=False, capture_output=True)
    assert done.returncode != 0
    scene.goes_on()


@event
def lazily_unmounted(scene: Scene) -> None:
    detach(scene.point)
    assert not any(scene.point.iterdir()), "the mount point is left empty"
    scene.refuses("no repository is there")
    assert not any(scene.point.iterdir())
    assert scene.store.session().server.health().bytes_total > 0
    assert len(scene.repo.datasets) == scene.datasets, "rows are read through what is open"
    scene.volume.mount(scene.point)
    scene.goes_on()


@event
def unmounted_above(scene: Scene) -> None:
    detach(scene.point)
    assert not scene.root.exists()
    scene.refuses("no repository is there")
    assert not scene.root.exists()
    scene.volume.mount(scene.point)
    scene.goes_on()


@event
def another_volume(scene: Scene) -> None:
    other = Volume(scene.folder / "other", 16)
    detach(scene.point)
    other.mount(scene.point)
    scene.refuses("no repository is there")
    assert tree(scene.point) == ["lost+found"]
    run("umount", scene.point)
    scene.volume.mount(scene.point)
    scene.goes_on()


@event
def another_repository(scene: Scene) -> None:
    other, place = Volume(scene.folder / "other", 16), scene.folder / "place"
    place.mkdir()
    other.mount(place)
    Store.open(place, create=True).close()
    uuid = Layout(place).identity().uuid
    run("mount", "--move", place, scene.point)
    scene.refuses(f"another repository, {uuid}")
    run("umount", scene.point)
    scene.goes_on()


@event
def another_uuid(scene: Scene) -> None:
    sentinel = scene.store.layout.sentinel
    text = sentinel.read_text()
    sentinel.write_text(text.replace(scene.store.uuid, f"{'0' * 8}{scene.store.uuid[8:]}"))
    scene.refuses("another repository, 00000000")
    scene.reads()
    sentinel.write_text(text)
    scene.goes_on()


@event
def tmpfs_over_it(scene: Scene) -> None:
    run("mount", "-t", "tmpfs", "tmpfs", scene.point)
    scene.refuses("no repository is there")
    assert tree(scene.point) == []
    run("umount", scene.point)
    scene.goes_on()


@event
def written_elsewhere(scene: Scene) -> None:
    elsewhere = scene.folder / "elsewhere"
    elsewhere.mkdir()
    run("mount", "--bind", scene.point, elsewhere)
    held = RepositoryLock(scene.store.layout.lock)
    assert held.acquire()
    assert not RepositoryLock(Layout(elsewhere).lock).acquire(), "two owners, at two paths"
    scene.write()
    # Whoever opens it there all the same takes it over: two must never write.
    other = Store.open(elsewhere)
    scene.refuses("another program has opened it")
    scene.reads()
    other.session().containers.add_dataset("of the other")
    other.close()
    held.release()
    detach(elsewhere)


@event
def a_clone(scene: Scene) -> None:
    os.sync()
    clone = scene.folder / "clone"
    shutil.copyfile(scene.volume.image, clone)
    detach(scene.point)
    run("mount", "-o", "loop", clone, scene.point)
    assert Layout(scene.root).identity() == scene.store.layout.identity()
    scene.refuses("a copy of it")
    detach(scene.point)
    scene.volume.mount(scene.point)
    scene.goes_on()


@event
def a_copied_folder(scene: Scene) -> None:
    copy = scene.folder / "copy"
    shutil.copytree(scene.root, copy)
    run("mount", "--bind", copy, scene.point)
    scene.refuses("a copy of it")
    detach(scene.point)
    scene.goes_on()


@event
def read_only(scene: Scene) -> None:
    done = subprocess.run(
        ["mount", "-o", "remount,ro", scene.point], check=False, capture_output=True
    )
    assert done.returncode != 0, "a disk that is written to does not become read-only"
    run("mount", "--bind", scene.point, scene.point)
    run("mount", "-o", "remount,bind,ro", scene.point)
    scene.refuses("mounted read-only")
    scene.reads()
    detach(scene.point)
    scene.goes_on()


@event
def full(scene: Scene) -> None:
    store, layout = scene.store, scene.store.layout
    big = np.random.default_rng(2).integers(0, 60000, (1, 1, 1, 2000, 2000), np.uint16)
    old = scene.repo.save_image(big, name="old")
    fill(scene.point / "ballast")
    assert space(scene.point).free == 0
    scene.refuses("takes no writes but deletes", Full)
    scene.reads()
    before = space(scene.point).free
    old.delete()
    # Nobody asks for it: on a full disk the oldest of what was deleted goes by itself.
    deadline = time.monotonic() + 2 * WITHIN_S
    while space(scene.point).free < before + big.nbytes // 2:
        assert time.monotonic() < deadline, "nothing was freed"
        time.sleep(0.05)
    (scene.point / "ballast").unlink()
    scene.goes_on()
    assert layout.reserve.stat().st_blocks > 0, "there is no reserve for the next time"
    assert store.why_read_only() == ""


@event
def full_and_purged(scene: Scene) -> None:
    scene.store.disk._next_purge = time.monotonic() + 3600
    big = np.random.default_rng(2).integers(0, 60000, (1, 1, 1, 2000, 2000), np.uint16)
    old = scene.repo.save_image(big, name="old")
    assert np.array_equal(old.dask().compute(), big), "and its files are held open"
    fill(scene.point / "ballast")
    old.delete()
    before = space(scene.point).free
    report = wait(scene.store.session(), scene.repo.admin.purge(), "purge", quiet=True)
    assert report is not None
    assert space(scene.point).free >= before + big.nbytes // 2, f"df shows nothing: {report}"
    scene.goes_on()


@event
def input_output_errors(scene: Scene) -> None:
    cut_power(scene.point)
    scene.refuses("nput/output error")
    detach(scene.point)
    scene.volume.mount(scene.point)
    scene.goes_on()


@event
def sentinel_deleted(scene: Scene) -> None:
    sentinel = scene.store.layout.sentinel
    text = sentinel.read_bytes()
    sentinel.unlink()
    scene.refuses("is gone")
    scene.reads()
    # It comes back as another file.
    (scene.root / "another").write_bytes(b"")
    sentinel.write_bytes(text)
    (scene.root / "another").unlink()
    scene.goes_on()


@event
def older_sentinel(scene: Scene) -> None:
    sentinel = scene.store.layout.sentinel
    now = sentinel.read_bytes()
    sentinel.write_text(now.decode().replace('"generation": 2', '"generation": 1'))
    scene.refuses("generation 1")
    scene.reads()
    sentinel.write_bytes(now)
    scene.goes_on()


@event
def renamed_away(scene: Scene) -> None:
    scene.root.rename(scene.point / "away")
    scene.refuses("no repository is there")
    assert not scene.root.exists()
    (scene.point / "away").rename(scene.root)
    scene.goes_on()


@event
def one_folder_on_a_lost_disk(scene: Scene) -> None:
    """Originals often lie on a disk of their own."""
    scene.store.close()
    other, managed = Volume(scene.folder / "other", 32), scene.store.layout.managed
    other.mount(managed)
    scene.store = Store.open(scene.root)
    scene.repo = Repository(scene.store.session())
    scene.image, scene.table = scene.repo.image(scene.image.id), scene.repo.table(scene.table.id)
    scene.write()
    detach(managed)
    scene.refuses(f"{managed} is not the folder it was")
    scene.reads()
    other.mount(managed)
    scene.goes_on()
    scene.store.close()
    run("umount", managed)
    scene.store = Store.open(scene.root)


@event
def expected_mount(scene: Scene) -> None:
    scene.store.close()
    config = scene.root / "config.toml"
    config.write_text(f'[disk]\nexpect_mount = "{scene.point}"')
    Store.open(scene.root).close()
    config.write_text("[disk]\nexpect_mount = true")
    Store.open(scene.root).close()
    inside = scene.folder / "on the system's disk"
    shutil.copytree(scene.root, inside)
    (inside / "config.toml").write_text(f'[disk]\nexpect_mount = "{inside}"')
    try:
        Store.open(inside).close()
    except Unavailable as error:
        assert f"Nothing is mounted at {inside}" in str(error), error
    else:
        raise AssertionError("it was opened though nothing is mounted there")
    scene.store = Store.open(scene.root)


@event
def permissions_removed(scene: Scene) -> None:
    for folder, mode in (
        (scene.root, 0o000),
        (scene.root, 0o500),
        (scene.store.layout.pixels, 0o500),
        (scene.store.layout.managed, 0o000),
    ):
        before = folder.stat().st_mode
        folder.chmod(mode)
        scene.refuses("ay not")
        if mode != 0o000:
            scene.reads()
        folder.chmod(before)
        scene.goes_on()


def fill(path: Path) -> None:
    """Take all the room that there is."""
    with path.open("wb") as file:
        try:
            while True:
                file.write(bytes(1 << 20))
                file.flush()
        except OSError:
            pass
    with path.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1024))
        except OSError:
            pass


BELOW = {"unmounted_above": "r", "renamed_away": "r", "permissions_removed": "r"}
NOBODY = 65534
# The last: it cannot become root again.
EVENTS["permissions_removed"] = EVENTS.pop("permissions_removed")


def main() -> None:
    folder = Path(sys.argv[1])
    disk.EVERY_S, disk._PURGE_EVERY_S = 0.1, 0.5
    found = {}
    for name in sys.argv[2:] or EVENTS:
        (folder / name).mkdir()
        begun = time.monotonic()
        try:
            account = NOBODY if name == "permissions_removed" else 0
            scene = Scene(folder / name, BELOW.get(name, ""), account)
            EVENTS[name](scene)
            scene.end()
        except (OmeroError, OSError, AssertionError, RuntimeError, LookupError, ValueError):
            found[name] = traceback.format_exc()
            continue
        finally:
            print(name, f"{time.monotonic() - begun:.1f} s", file=sys.stderr)
        found[name] = ""
    print(json.dumps(found), flush=True)
    # Whatever a failed one left running.
    os._exit(0)


if __name__ == "__main__":
    main()
