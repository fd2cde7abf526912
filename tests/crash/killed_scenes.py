"""What is killed step after step, and what must be true when the repository is opened again."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tifffile

from omero_jlab.errors import Conflict, OmeroError, Unavailable
from omero_jlab.model import CheckReport
from omero_jlab.objects import Image, Repository, wait
from omero_jlab.repository import Store
from omero_jlab.repository.places import image_place
from omero_jlab.repository.upkeep.copies import check_backup
from omero_jlab.repository.upkeep.relocate import adopt
from omero_jlab.repository.upkeep.restore import restore_to
from omero_jlab.repository.upkeep.upgrade import upgrade_repository
from tests.crash.audit import disagreements, let_jobs_end

MARKER = "Zyxwvut4711"
PIXELS = np.full((96, 96), 0xBEEF, np.uint16)
OTHER = np.arange(96 * 96, dtype=np.uint16).reshape(96, 96)
RELEASES = Path(__file__).parents[1] / "releases"
STRAYS = ("ManagedRepository/stray.tif", "Files/attached/777", "Pixels/images/999/index",
          "Thumbnails/888/drawn.jpg")  # fmt: skip


@contextmanager
def opened(root: Path, create: bool = False) -> Iterator[tuple[Store, Repository]]:
    store = Store.open(root, create=create)
    try:
        yield store, Repository(store.session(store.local_user))
        let_jobs_end(store)
    finally:
        store.close()


def settled(root: Path) -> None:
    """What every end must leave: nothing half there, nothing lost, nothing left behind."""
    with opened(root) as (store, repo):
        let_jobs_end(store)
        report = wait(store.session(), repo.admin.check(), "check", quiet=True)
        assert isinstance(report, CheckReport)
        assert report.problems == (), report.problems
        assert disagreements(store) == []
    # A journal that SQLite keeps for itself is none of these.
    left = [path for path in root.rglob(".*") if path.suffix in (".tmp", ".part", ".new")]
    assert left == [], left


def imported(repo: Repository, folder: Path, name: str, pixels: np.ndarray[Any, Any]) -> Image:
    path = folder / "from" / name / f"{name}.tif"
    path.parent.mkdir(parents=True)
    tifffile.imwrite(path, pixels)
    (image,) = repo.import_files(path, quiet=True)
    return image


def named(repo: Repository, word: str) -> list[Image]:
    return [image for image in repo.images if word in image.name]


class Scene:
    """A repository in `folder / "repository"`, in which one thing is done."""

    def prepare(self, folder: Path) -> None:
        with opened(folder / "repository", create=True) as (_, repo):
            imported(repo, folder, "other", OTHER)
            self.fill(folder, repo)

    def fill(self, folder: Path, repo: Repository) -> None:
        """Put in what it is about."""

    def act(self, folder: Path, begin: Callable[[], None]) -> None:
        with opened(folder / "repository") as (store, repo):
            let_jobs_end(store)
            begin()
            self.do(folder, repo)

    def do(self, folder: Path, repo: Repository) -> None:
        """What is killed."""

    def look(self, folder: Path) -> None:
        settled(folder / "repository")


class Thumbnail(Scene):
    def do(self, folder: Path, repo: Repository) -> None:
        for size in (32, 64):
            named(repo, "other")[0].thumbnail(size)


class Index(Scene):
    """An index that is lost is made again."""

    def fill(self, folder: Path, repo: Repository) -> None:
        (folder / "repository" / image_place(named(repo, "other")[0].id) / "index").unlink()

    def do(self, folder: Path, repo: Repository) -> None:
        self.plane(repo)

    def plane(self, repo: Repository) -> None:
        (image,) = named(repo, "other")
        for _ in range(400):
            try:
                assert np.array_equal(image.plane(), OTHER)
            except Unavailable:
                let_jobs_end(repo._session.store)
            else:
                return
        raise AssertionError("the index is not made again")

    def look(self, folder: Path) -> None:
        with opened(folder / "repository") as (_, repo):
            self.plane(repo)
        super().look(folder)


class Pyramid(Scene):
    """The levels of an import, its index, and the line in its log."""

    pixels = np.random.default_rng(1).integers(0, 999, (3200, 3200), np.uint16)

    def do(self, folder: Path, repo: Repository) -> None:
        imported(repo, folder, "large", self.pixels)
        let_jobs_end(repo._session.store)

    def look(self, folder: Path) -> None:
        super().look(folder)
        with opened(folder / "repository") as (_, repo):
            for image in named(repo, "large"):
                assert len(image.levels) > 1
                assert np.array_equal(image.plane(), self.pixels)


class Table(Scene):
    """A lookup table that an administrator adds."""

    def do(self, folder: Path, repo: Repository) -> None:
        repo._session.images.add_lut("mine", ("00FF00",) * 256)

    def look(self, folder: Path) -> None:
        with opened(folder / "repository") as (store, _):
            names = [lut.name for lut in store.session().images.luts()]
            assert names.count("mine") <= 1
        super().look(folder)


class Erase(Scene):
    """All of an image goes, or nothing of it."""

    def fill(self, folder: Path, repo: Repository) -> None:
        image = imported(repo, folder, MARKER, PIXELS)
        image.rename(f"{MARKER} renamed", f"of {MARKER}")
        image.add_comment(f"says {MARKER}")
        image.add_key_values({MARKER: MARKER})
        image.attach_table(pd.DataFrame({"name": [MARKER] * 3}), name=MARKER)
        image.attach_labels(np.full((96, 96), 47, np.uint8), name=MARKER)
        (folder / f"{MARKER}.txt").write_text(f"file of {MARKER}")
        image.attach_file(folder / f"{MARKER}.txt")
        image.thumbnail()
        let_jobs_end(repo._session.store)

    def do(self, folder: Path, repo: Repository) -> None:
        (image,) = named(repo, MARKER)
        job = repo.admin.erase("image", image.id, reason="asked for")
        wait(repo._session, job, "erase", quiet=True)

    def look(self, folder: Path) -> None:
        root = folder / "repository"
        with opened(root) as (store, repo):
            let_jobs_end(store)
            images, protocols = named(repo, MARKER), repo.admin.erasures()
            jobs = [job for job in store.session().jobs.list() if job.kind == "erase"]
            assert [job.state for job in jobs] in ([], ["done"]), jobs
            assert len(protocols) == len(jobs)
            if images:
                (image,) = images
                assert not protocols
                assert np.array_equal(image.plane(), PIXELS)
                assert image.tables[0].query()["name"].tolist() == [MARKER] * 3
                assert len(image.labels) == 1
            else:
                (protocol,) = protocols
                assert protocol.object_kind == "image" and protocol.reason == "asked for"
                told = " ".join(protocol.duties)
                assert "emptied" not in told and "too full" not in told, told
                assert traces(root) == []
            assert np.array_equal(named(repo, "other")[0].plane(), OTHER)
        if not images:
            assert traces(root) == []
        settled(root)


def traces(root: Path) -> list[str]:
    """Every file in which the marker or its pixels can be read."""
    wanted = (MARKER.encode(), MARKER.lower().encode(), b"\xef\xbe" * 8, b"\xbe\xef" * 8)
    found = []
    for path in (p for p in root.rglob("*") if p.is_file()):
        data = path.read_bytes()
        if any(word in data for word in wanted) or MARKER in str(path):
            found.append(path.relative_to(root).as_posix())
    return found


class Purge(Scene):
    """What was deleted is gone for good, or can be brought back whole."""

    def fill(self, folder: Path, repo: Repository) -> None:
        image = imported(repo, folder, MARKER, PIXELS)
        image.attach_table(pd.DataFrame({"name": [MARKER] * 3}), name="rows")
        image.attach_labels(np.full((96, 96), 47, np.uint8), name="labels")
        image.thumbnail()
        image.delete()

    def do(self, folder: Path, repo: Repository) -> None:
        wait(repo._session, repo.admin.purge(), "purge", quiet=True)

    def look(self, folder: Path) -> None:
        root = folder / "repository"
        settled(root)
        with opened(root) as (store, repo):
            deletions = store.session().graph.deletions()
            if not deletions:
                kept = [f for f in traces(root) if not f.startswith("omero-jlab.db")]
                assert kept == []
                return
            store.session().graph.undelete(deletions[0].id)
            (image,) = named(repo, MARKER)
            assert np.array_equal(image.plane(), PIXELS)
            assert len(image.tables[0].query()) == 3
            assert (image.labels[0].array() == 47).all()
        settled(root)


class Cleanse(Scene):
    """Each file that no row names is in its place or in the quarantine, and comes back."""

    def fill(self, folder: Path, repo: Repository) -> None:
        for name in STRAYS:
            path = folder / "repository" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)

    def do(self, folder: Path, repo: Repository) -> None:
        self.cleanse(repo)

    def cleanse(self, repo: Repository) -> None:
        wait(repo._session, repo.admin.cleanse(True, 0), "cleanse", quiet=True)

    def look(self, folder: Path) -> None:
        root = folder / "repository"
        with opened(root) as (store, repo):
            let_jobs_end(store)
            self.cleanse(repo)
            report = wait(store.session(), repo.admin.check(), "check", quiet=True)
            assert isinstance(report, CheckReport)
            assert report.problems == (), report.problems
            assert sum(each.files for each in repo.admin.quarantines()) == len(STRAYS)
            for each in repo.admin.quarantines():
                job = repo.admin.restore_quarantine(each.name)
                wait(store.session(), job, "restore", quiet=True)
            assert [(root / name).read_text() for name in STRAYS] == list(STRAYS)
            for name in STRAYS:
                (root / name).unlink()
            job = repo.admin.remove_quarantines(0)
            wait(store.session(), job, "remove", quiet=True)
        settled(root)


class RemoveQuarantines(Cleanse):
    def fill(self, folder: Path, repo: Repository) -> None:
        super().fill(folder, repo)
        self.cleanse(repo)

    def do(self, folder: Path, repo: Repository) -> None:
        wait(repo._session, repo.admin.remove_quarantines(0), "remove", quiet=True)

    def look(self, folder: Path) -> None:
        root = folder / "repository"
        with opened(root) as (store, repo):
            let_jobs_end(store)
            wait(store.session(), repo.admin.remove_quarantines(0), "remove", quiet=True)
            assert repo.admin.quarantines() == ()
        assert not [p for p in root.rglob("*") if p.name == "stray.tif"]
        settled(root)


class Adopt(Scene):
    """A database that is older than its files is taken for theirs."""

    def prepare(self, folder: Path) -> None:
        super().prepare(folder)
        root = folder / "repository"
        shutil.copy2(root / "omero-jlab.db", folder / "older.db")
        with opened(root):
            pass
        shutil.copy2(folder / "older.db", root / "omero-jlab.db")

    def act(self, folder: Path, begin: Callable[[], None]) -> None:
        begin()
        adopt(folder / "repository")

    def look(self, folder: Path) -> None:
        root = folder / "repository"
        try:
            Store.open(root).close()
        except Conflict:
            adopt(root)
        settled(root)
        with opened(root) as (_, repo):
            assert np.array_equal(named(repo, "other")[0].plane(), OTHER)


class Upgrade(Scene):
    """A repository of the first release."""

    def prepare(self, folder: Path) -> None:
        with tarfile.open(RELEASES / "0.1.0.tar.xz") as archive:
            archive.extractall(folder, filter="data")

    def act(self, folder: Path, begin: Callable[[], None]) -> None:
        begin()
        upgrade_repository(folder / "repository")

    def look(self, folder: Path) -> None:
        root = folder / "repository"
        # Whoever holds the lock next removes what was left of trying it.
        upgrade_repository(root)
        settled(root)
        with opened(root) as (store, _):
            repo = Repository(store.session("root"))
            assert sorted(i.name for i in repo.images) == ["A01_1", "A02_1", "tiled.tif"]
        assert not [path.name for path in root.iterdir() if "upgrade" in path.name]


def is_refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OmeroError:
        return True
    return False


class Backup(Scene):
    """A backup that is not complete never looks like one, and is made complete."""

    def do(self, folder: Path, repo: Repository) -> None:
        job = repo.admin.backup(str(folder / "backup"))
        wait(repo._session, job, "backup", quiet=True)

    def look(self, folder: Path) -> None:
        self.judge(folder)
        # Where the repository lay when it began; a job names that place.
        with opened(folder / "repository") as (store, repo):
            let_jobs_end(store)
            self.do(folder, repo)
        self.judge(folder, complete=True)
        settled(folder / "repository")

    def judge(self, folder: Path, complete: bool = False) -> None:
        backup, target = folder / "backup", folder / "restored"
        if not is_refused(lambda: check_backup(backup)):
            pass
        elif complete:
            raise AssertionError("the backup is not complete")
        else:
            assert is_refused(lambda: restore_to(backup, target)), "it was taken for a whole one"
            assert is_refused(lambda: Store.open(backup)), "it was taken for a repository"
            return
        assert restore_to(backup, target).left == ()
        settled(target)
        with opened(target) as (_, repo):
            assert np.array_equal(named(repo, "other")[0].plane(), OTHER)
        shutil.rmtree(target)


class BackupAgain(Backup):
    """The same into an earlier backup, of which something is kept and something is gone."""

    def fill(self, folder: Path, repo: Repository) -> None:
        gone = imported(repo, folder, "gone", PIXELS)
        super().do(folder, repo)
        gone.delete()
        wait(repo._session, repo.admin.purge(), "purge", quiet=True)
        imported(repo, folder, "new", PIXELS)

    def do(self, folder: Path, repo: Repository) -> None:
        super().do(folder, repo)


class Restore(Scene):
    """What is not complete is no repository yet; the same command completes it."""

    def fill(self, folder: Path, repo: Repository) -> None:
        wait(repo._session, repo.admin.backup(str(folder / "backup")), "backup", quiet=True)

    def act(self, folder: Path, begin: Callable[[], None]) -> None:
        begin()
        restore_to(folder / "backup", folder / "restored")

    def look(self, folder: Path) -> None:
        target = folder / "restored"
        try:
            Store.open(target).close()
        except OmeroError:
            restore_to(folder / "backup", target)
        settled(target)
        with opened(target) as (_, repo):
            assert np.array_equal(named(repo, "other")[0].plane(), OTHER)


SCENES: dict[str, Scene] = {
    "thumbnail": Thumbnail(),
    "index": Index(),
    "pyramid": Pyramid(),
    "lookup-table": Table(),
    "erase": Erase(),
    "purge": Purge(),
    "cleanse": Cleanse(),
    "remove-quarantines": RemoveQuarantines(),
    "adopt": Adopt(),
    "upgrade": Upgrade(),
    "backup": Backup(),
    "backup-again": BackupAgain(),
    "restore": Restore(),
}
