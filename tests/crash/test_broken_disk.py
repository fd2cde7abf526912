"""The n-th write, fsync or rename fails, for n = 1, 2, … until the operation gets through."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from omero_jlab.errors import Full, OmeroError, Unavailable, Unreadable
from omero_jlab.model import Job
from omero_jlab.objects import Repository
from omero_jlab.repository import Store
from omero_jlab.repository.many import NewLabels, NewTable, add_many
from omero_jlab.storage import Stage
from omero_jlab.workers import JobProcess

from .audit import disagreements, let_jobs_end
from .broken_disk import BrokenDisk, broken_disk, too_many_files
from .filesets import PATTERN, write_filesets

MOST_STEPS = 400
FRAME = pd.DataFrame({"label": range(50), "area": np.linspace(1, 9, 50), "s": ["x"] * 50})


class Bench:
    """A repository with one image and one table, and folders to import from."""

    def __init__(self, tmp_path: Path) -> None:
        self.root = tmp_path / "repository"
        self.folder = tmp_path / "camera"
        write_filesets(self.folder, 1)
        for path in self.folder.glob("*_z[2-9].tif"):
            path.unlink()
        self.open(create=True)
        self.image = self.repo.save_image(np.ones((1, 1, 1, 300, 300), np.uint16), name="first")
        self.table = self.image.attach_table(FRAME, "first")

    def open(self, create: bool = False) -> None:
        self.store = Store.open(self.root, create=create)
        self.repo = Repository(self.store.session())

    def reopen(self) -> None:
        self.store.close()
        self.open()
        self.image = self.repo.image(self.image.id)
        self.table = self.repo.table(self.table.id)

    def state(self) -> list[object]:
        """What a user sees: it must be as before when an operation failed."""
        images = list(self.repo.images)
        return [
            [image.id for image in images],
            [(t.id, len(t), len(t.query())) for image in images for t in image.tables],
            [labels.id for image in images for labels in image.labels],
        ]

    # -- operations; each raises what its user would see

    def append(self) -> None:
        self.table.append(FRAME)

    def attach_table(self) -> None:
        self.image.attach_table(FRAME, "more")

    def attach_labels(self) -> None:
        self.image.attach_labels(np.arange(90000).reshape(300, 300) // 300, "rows")

    def attach_two_tables(self) -> None:
        self.attach_at_once([])

    def attach_many(self) -> None:
        labels = np.arange(90000).reshape(300, 300) // 300
        self.attach_at_once([NewLabels(self.image.id, "many", labels) for _ in range(2)])

    def attach_at_once(self, labels: list[NewLabels]) -> None:
        tables = [NewTable(self.image.id, "many", FRAME, "test") for _ in range(2)]
        add_many(self.store.session(), tables, labels)

    def save_image(self) -> None:
        self.repo.save_image(np.full((1, 2, 1, 64, 64), 7, np.uint8), name="new")

    def attach_file(self) -> None:
        self.image.attach_file(next(self.folder.iterdir()))

    def import_files(self) -> None:
        images = self.repo.import_files(self.folder, channels=PATTERN, quiet=True)
        let_jobs_end(self.store)
        for failure in images.failed:
            assert "No room" in failure.reason, failure.reason
            raise Full(failure.reason)
        assert len(images) == 1


OPERATIONS = [
    Bench.append,
    Bench.attach_table,
    Bench.attach_labels,
    Bench.attach_two_tables,
    pytest.param(Bench.attach_many, marks=pytest.mark.long),
    Bench.save_image,
    Bench.attach_file,
    Bench.import_files,
]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.store.close()


@pytest.fixture(params=OPERATIONS, ids=lambda operation: operation.__name__)
def operation(request: pytest.FixtureRequest) -> Callable[[Bench], None]:
    chosen: Callable[[Bench], None] = request.param
    return chosen


def test_a_full_disk_ends_one_operation(bench: Bench, operation: Callable[[Bench], None]) -> None:
    fail_and_retry(bench, operation, lambda n: broken_disk(bench.root, n, errno.ENOSPC), "o room")


@pytest.mark.parametrize("what", [Bench.append, Bench.save_image], ids=["append", "save_image"])
def test_a_quota_ends_one_operation(bench: Bench, what: Callable[[Bench], None]) -> None:
    fail_and_retry(bench, what, lambda n: broken_disk(bench.root, n, errno.EDQUOT), "quota")


@pytest.mark.parametrize("what", [Bench.append, Bench.save_image], ids=["append", "save_image"])
def test_too_many_open_files_end_one_operation(bench: Bench, what: Callable[[Bench], None]) -> None:
    fail_and_retry(bench, what, lambda n: too_many_files(bench.root, n), "oo many")


def fail_and_retry(
    bench: Bench,
    operation: Callable[[Bench], None],
    failing: Callable[[int], AbstractContextManager[BrokenDisk]],
    words: str,
) -> None:
    """Let step 1, 2, … fail until the operation gets through; look after each."""
    before = bench.state()
    for n in range(1, MOST_STEPS):
        # Each attempt is the retry of the last one, in the same process, one step further.
        with failing(n) as disk:
            try:
                operation(bench)
            except (Full, Unavailable) as error:
                assert disk.failed_call, error
                assert words in str(error), error
            else:
                # Pixels are read once more when files that nobody reads are closed.
                again = disk.code == errno.EMFILE and disk.failed_call
                if "/Thumbnails/" not in disk.failed_call and not again:
                    assert not disk.failed_call, f"{disk.failed_call} failed and nobody was told"
                    break
                # A thumbnail that was not kept is drawn again: no reason to refuse an image.
                before = bench.state()
        assert bench.state() == before, disk.failed_call
        assert disagreements(bench.store) == [], disk.failed_call
        assert bench.store.why_read_only() == ""
    else:
        pytest.fail(f"it never got through {MOST_STEPS} steps")
    assert n > 3, "nothing of it touched the disk"
    assert bench.state() != before or operation is Bench.attach_file
    assert disagreements(bench.store) == []


def fail_and_look(bench: Bench, operation: Callable[[Bench], None], stride: int = 1) -> None:
    """Let the disk fail at step 1, 1 + `stride`, …; look, and open the repository again."""
    for attempts, n in enumerate(range(1, MOST_STEPS, stride), start=1):
        before = bench.state()
        with broken_disk(bench.root, n, errno.EIO) as disk:
            try:
                operation(bench)
            except OmeroError as error:
                assert disk.failed_call, error
                assert "disk" in str(error), error
            else:
                if "/Thumbnails/" not in disk.failed_call:
                    assert not disk.failed_call, f"{disk.failed_call} failed and nobody was told"
                    break
                before = bench.state()
        assert "read-only" in bench.store.why_read_only(), disk.failed_call
        with pytest.raises(Unavailable, match="read-only"):
            bench.append()
        # Reading goes on.
        assert bench.state() == before, disk.failed_call
        assert np.array_equal(bench.image.plane(0), np.ones((300, 300), np.uint16))
        bench.reopen()
        let_jobs_end(bench.store)
        assert disagreements(bench.store) == [], disk.failed_call
        if operation is Bench.import_files:
            # It goes on by itself: each import that was ever begun has come, once.
            imported = [image for image in bench.repo.images if image.name == "s1"]
            assert len(imported) == attempts, disk.failed_call
        else:
            assert bench.state() == before
    else:
        pytest.fail(f"it never got through {MOST_STEPS} steps")
    assert n > 3, "nothing of it touched the disk"
    assert disagreements(bench.store) == []


@pytest.mark.parametrize(
    "what",
    [Bench.append, pytest.param(Bench.import_files, marks=pytest.mark.long)],
    ids=lambda operation: operation.__name__,
)
def test_a_disk_that_fails_once_gets_no_more_writes(
    bench: Bench, what: Callable[[Bench], None]
) -> None:
    fail_and_look(bench, what, stride=13 if what is Bench.import_files else 1)


def fails_at(bench: Bench, what: Callable[[Bench], None], n: int) -> str:
    """Let the disk fail once in an operation; answers in which call."""
    with broken_disk(bench.root, n, errno.EIO) as disk, pytest.raises(OmeroError):
        what(bench)
    assert "read-only" in bench.store.why_read_only()
    return disk.failed_call


def take_up_again(bench: Bench, what: Callable[[Bench], None], n: int) -> None:
    before = bench.state()
    failed = fails_at(bench, what, n)
    health = bench.store.session().admin.retry_disk()
    assert health.writable, failed
    let_jobs_end(bench.store)
    assert disagreements(bench.store) == [], failed
    if what is Bench.import_files:
        # It went on by itself.
        assert [image.name for image in bench.repo.images] == ["first", "s1"], failed
    else:
        assert bench.state() == before, failed
        what(bench)
    assert disagreements(bench.store) == []


@pytest.mark.parametrize(
    ("what", "n"), [(Bench.append, 3), (Bench.import_files, 30)], ids=["append", "import"]
)
def test_an_administrator_lets_a_sound_disk_be_written_again(
    bench: Bench, what: Callable[[Bench], None], n: int
) -> None:
    take_up_again(bench, what, n)
    bench.reopen()
    assert disagreements(bench.store) == []


@pytest.mark.long
@pytest.mark.parametrize("n", range(1, 54, 3))
def test_it_is_written_again_wherever_it_failed(bench: Bench, n: int) -> None:
    """Up to where an import of this size is acknowledged: what follows fails nobody's call."""
    take_up_again(bench, Bench.import_files, n)


@pytest.mark.parametrize("n", [1, 9])
def test_a_disk_that_still_fails_stays_read_only(bench: Bench, n: int) -> None:
    fails_at(bench, Bench.append, 3)
    admin = bench.store.session().admin
    with broken_disk(bench.root, n, errno.EIO) as disk, pytest.raises(Unavailable, match="disk"):
        admin.retry_disk()
    assert disk.failed_call
    assert "read-only" in bench.store.why_read_only()
    with pytest.raises(Unavailable, match="read-only"):
        bench.append()
    assert len(bench.table.query()) == len(FRAME)
    assert admin.retry_disk().writable
    bench.append()
    assert disagreements(bench.store) == []


def test_a_damaged_database_is_not_written_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails_at(bench, Bench.append, 3)
    monkeypatch.setattr("omero_jlab.repository.store.faults", lambda _: ["page 7 is lost"])
    with pytest.raises(Unreadable, match="page 7 is lost"):
        bench.store.session().admin.retry_disk()
    assert "read-only" in bench.store.why_read_only()


def test_what_was_half_done_when_the_disk_went_is_undone_when_it_is_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is moved away in the middle of an operation, and then put back."""
    away = bench.root.with_name("away")
    real = Stage.publish

    def publish(stage: Stage, target: Path) -> None:
        real(stage, target)
        bench.root.rename(away)

    before = bench.state()
    monkeypatch.setattr("omero_jlab.repository.upkeep.disk.EVERY_S", 0.05)
    bench.reopen()
    with monkeypatch.context() as patch, pytest.raises(OmeroError):
        patch.setattr(Stage, "publish", publish)
        bench.save_image()
    left = [p for p in (away / "Pixels" / "images").rglob("*") if p.is_file()]
    assert len(left) > 1, "nothing of it was left behind, and there is nothing to test"
    stray = away / "Pixels" / ".staging" / "left"
    stray.mkdir()
    bench.store.disk.look()
    assert bench.store.disk.condition().state == "gone"
    away.rename(bench.root)
    bench.store.disk.look()
    assert not (bench.root / stray.relative_to(away)).exists()
    assert bench.state() == before
    assert disagreements(bench.store) == []
    bench.save_image()


@pytest.mark.long
def test_a_disk_that_fails_once_in_any_operation(
    bench: Bench, operation: Callable[[Bench], None]
) -> None:
    fail_and_look(bench, operation)


@pytest.mark.long
def test_a_disk_that_fails_at_any_step_of_an_import(bench: Bench) -> None:
    fail_and_look(bench, Bench.import_files)


def failed_jobs(bench: Bench) -> list[Job]:
    return [job for job in bench.store.session().jobs.list() if job.state == "failed"]


@pytest.mark.long
def test_a_pyramid_that_found_no_room_is_made_later(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object, **__: object) -> bytes:
        raise Full("No room to write the pyramid.")

    large = np.random.default_rng(1).integers(0, 999, (3300, 3300), np.uint16)
    tifffile.imwrite(tmp_path / "large.tif", large, tile=(256, 256))
    with monkeypatch.context() as patch:
        patch.setattr(JobProcess, "run", no_room)
        (image,) = bench.repo.import_files(tmp_path / "large.tif", quiet=True)
        let_jobs_end(bench.store)
    image.refresh()
    assert image.record.pyramid == "wanted"
    assert [job.error_kind for job in failed_jobs(bench)] == ["Full"]
    bench.reopen()
    let_jobs_end(bench.store)
    assert failed_jobs(bench) == []
    again = bench.repo.image(image.id)
    assert again.record.pyramid == "complete"
    assert len(again.levels) > 1
    assert np.array_equal(again.plane(0), large)


def test_a_source_that_cannot_be_read_is_not_the_repositorys_disk(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.readv

    def readv(descriptor: int, buffers: list[memoryview]) -> int:
        if Path(f"/proc/self/fd/{descriptor}").readlink().is_relative_to(bench.folder):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(descriptor, buffers)

    with monkeypatch.context() as patch:
        patch.setattr(os, "readv", readv)
        images = bench.repo.import_files(bench.folder, channels=PATTERN, quiet=True)
        assert len(images) == 0
        (failure,) = images.failed
        assert "cannot be read" in failure.reason
    assert bench.store.why_read_only() == ""
    assert disagreements(bench.store) == []
    bench.import_files()


def test_a_full_disk_under_the_database(bench: Bench) -> None:
    """SQLite may not grow: that is what a full disk looks like to it."""
    images = [image.id for image in bench.repo.images]
    with bench.store.engines.writer.connect() as connection:
        (pages,) = connection.exec_driver_sql("PRAGMA page_count").one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    acknowledged = 0
    with pytest.raises(Full, match="free space"):
        for _ in range(1000):
            bench.append()
            acknowledged += 1
    assert len(bench.table.query()) == (acknowledged + 1) * len(FRAME)
    assert [image.id for image in bench.repo.images] == images
    with bench.store.engines.writer.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert disagreements(bench.store) == []
    bench.append()
    assert len(bench.table.query()) == (acknowledged + 2) * len(FRAME)
