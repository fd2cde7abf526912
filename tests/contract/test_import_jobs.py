"""Imports as jobs: their stages, what follows them, and how they end early."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from omero_jlab.errors import NotFound, Unavailable
from omero_jlab.model import GroupType, ImportReport, ImportRequest, Job
from omero_jlab.objects import Repository
from omero_jlab.repository import Session, Store
from omero_jlab.repository.imports import fileset_import
from omero_jlab.repository.imports.fileset_import import FilesetImport, Imported
from omero_jlab.repository.jobs.jobs import Progress
from omero_jlab.repository.pictures.render import Pictures
from omero_jlab.repository.places import image_place
from omero_jlab.workers import JobProcess

from .conftest import World

PATTERN = "{well}_{field}_{channel}.tif"
STAGES = ["sniff", "copy", "verify", "index", "metadata", "settle"]


def until(what: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ended(session: Any, job: Job) -> Job:
    until(lambda: session.jobs.get(job.id).finished_at is not None)
    found: Job = session.jobs.get(job.id)
    return found


def follow_ups(session: Any) -> list[Job]:
    """The jobs that nobody waits for, when all of them are over."""
    until(lambda: all(job.finished_at is not None for job in session.jobs.list()))
    return [job for job in session.jobs.list() if job.kind in ("pyramid", "thumbnails")]


def both(world: World, group: GroupType) -> tuple[Session, Any]:
    """The owner's Session in the process, which may name files there, and the world's own."""
    return world.here("owner", group), world.session("owner", group)


@pytest.fixture
def plate(demo_plate: Path) -> ImportRequest:
    return ImportRequest(paths=(str(demo_plate / "images"),), channels=PATTERN)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Long enough for a pyramid."""
    path = tmp_path / "large.tif"
    tifffile.imwrite(path, np.random.default_rng(1).integers(0, 99, (60, 3300), np.uint16))
    return path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "repository", create=True)
    yield store
    store.close()


def test_every_stage_is_told(
    world: World, plate: ImportRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, str]] = []
    tell = Progress.tell

    def telling(self: Progress, done: int, total: int, message: str = "", stage: str = "") -> None:
        told.append((stage, message))
        tell(self, done, total, message, stage)

    monkeypatch.setattr(Progress, "tell", telling)
    here, session = both(world, GroupType.READ_WRITE)
    job = ended(session, here.ingest.start(plate))
    assert job.state == "done"
    stages = list(dict.fromkeys(stage for stage, _ in told if stage != "thumbnails"))
    assert stages == STAGES
    assert ("copy", "copying A01_s1_DNA.tif") in told
    assert ("metadata", "describing A02_s2") in told
    assert job.done == job.total > 0


def test_the_log_of_an_import_is_read_by_who_may_see_the_image(
    world: World, plate: ImportRequest, demo_plate: Path
) -> None:
    here, session = both(world, GroupType.READ_ONLY)
    report = ended(session, here.ingest.start(plate)).report
    assert isinstance(report, ImportReport)
    image = Repository(world.session("member", GroupType.READ_ONLY)).image(report.image_ids[0])
    lines = [line.split(" ", 2) for line in image.import_log.splitlines()]
    assert [stage for _, stage, _ in lines] == [
        "sniff:", "copy:", "copy:", "verify:", "index:", "metadata:", "settle:",
    ]  # fmt: skip
    assert all(when.endswith("Z") for when, _, _ in lines)
    assert [when for when, _, _ in lines] == sorted(when for when, _, _ in lines)
    dna, _ = session.images.files(image.id)
    assert dna.sha256 in lines[1][2] and str(demo_plate) in lines[1][2]
    with pytest.raises(NotFound):
        world.session("outsider").images.import_log(image.id)
    made = Repository(session).save_image(np.ones((1, 1, 1, 8, 8), np.uint8), name="made")
    with pytest.raises(NotFound, match="not imported"):
        assert made.import_log


@pytest.mark.parametrize("parallel", [1, 4])
def test_filesets_come_in_their_order_however_many_at_once(
    world: World, plate: ImportRequest, parallel: int
) -> None:
    here, session = both(world, GroupType.READ_WRITE)
    request = plate.model_copy(update={"parallel": parallel, "dataset": "together"})
    report = ended(session, here.ingest.start(request)).report
    assert isinstance(report, ImportReport)
    names = [session.images.get(image_id).name for image_id in report.image_ids]
    assert names == ["A01_s1", "A01_s2", "A02_s1", "A02_s2"]
    assert len(report.plate_ids) == 1


@pytest.mark.parametrize("parallel", [1, 2])
def test_an_import_that_is_cancelled_reports_what_it_did(
    store: Store, plate: ImportRequest, monkeypatch: pytest.MonkeyPatch, parallel: int
) -> None:
    session = store.session()
    run = FilesetImport.run
    guard = threading.Lock()
    begun: list[str] = []

    def running(self: FilesetImport) -> Imported:
        with guard:
            begun.append("")
            if len(begun) == 3:
                session.jobs.cancel(session.jobs.list()[0].id)
        return run(self)

    monkeypatch.setattr(FilesetImport, "run", running)
    job = ended(session, session.ingest.start(plate.model_copy(update={"parallel": parallel})))
    assert job.state == "cancelled"
    assert isinstance(job.report, ImportReport)
    assert set(job.report.image_ids) == {image.id for image in session.images.find()}
    assert 1 <= len(job.report.image_ids) <= 2
    assert job.report.bytes_copied > 0
    assert list(store.layout.staging(store.layout.managed).iterdir()) == []


def test_an_import_that_the_disk_ends_reports_what_it_did(
    store: Store, plate: ImportRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = FilesetImport.run
    begun: list[str] = []

    def running(self: FilesetImport) -> Imported:
        begun.append("")
        if len(begun) == 3:
            error = Unavailable("The disk answered with an input/output error.")
            error.errno = errno.EIO
            raise error
        return run(self)

    with monkeypatch.context() as patch:
        patch.setattr(FilesetImport, "run", running)
        session = store.session()
        job = session.ingest.start(plate)
        before = ended(session, job)
    assert before.state == "failed" and "goes on when the repository takes writes" in before.error
    assert isinstance(before.report, ImportReport) and len(before.report.image_ids) == 2
    store.close()
    again = Store.open(store.layout.root)
    try:
        session = again.session()
        after = ended(session, job)
        assert after.state == "done" and isinstance(after.report, ImportReport)
        assert after.report.image_ids[:2] == before.report.image_ids
        assert after.report.image_ids == tuple(image.id for image in session.images.find())
        assert len(after.report.image_ids) == 4
        assert len(after.report.plate_ids) == 1
    finally:
        again.close()


@pytest.mark.parametrize("transfer", ["copy", "move"])
def test_an_import_goes_on_where_the_program_ended(
    store: Store,
    demo_plate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    transfer: str,
) -> None:
    folder = shutil.copytree(demo_plate / "images", tmp_path / "camera")
    size = sum(path.stat().st_size for path in folder.iterdir())
    options = {"paths": (str(folder),), "channels": PATTERN, "transfer": transfer}
    plate = ImportRequest.model_validate(options)
    run = FilesetImport.run
    waiting = threading.Event()

    def running(self: FilesetImport) -> Imported:
        if len(store.session().images.find()) == 2:
            waiting.set()
            assert store.closing.wait(60)
        return run(self)

    with monkeypatch.context() as patch:
        patch.setattr(FilesetImport, "run", running)
        job = store.session().ingest.start(plate)
        assert waiting.wait(60)
        store.close()
    again = Store.open(store.layout.root)
    try:
        session = again.session()
        report = ended(session, job).report
        assert isinstance(report, ImportReport)
        names = [session.images.get(image_id).name for image_id in report.image_ids]
        assert names == ["A01_s1", "A01_s2", "A02_s1", "A02_s2"]
        assert len(session.images.find()) == 4
        assert report.bytes_copied == size
        assert len(report.fileset_ids) == 4
    finally:
        again.close()


def test_nothing_lies_where_an_import_ended_before_its_folder(
    store: Store, plate: ImportRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder is named in an intent before it is made."""
    made = fileset_import.make_folders
    intended: list[bool] = []

    def making(folder: Path) -> None:
        if folder.is_relative_to(store.layout.managed) and ".staging" not in str(folder):
            rows = store.session().store.engines.reader.connect()
            with rows as db:
                paths = db.exec_driver_sql("SELECT paths FROM intent").scalars().all()
            place = folder.relative_to(store.layout.root).as_posix()
            intended.append(any(f'"{place}"' in each for each in paths))
        made(folder)

    monkeypatch.setattr(fileset_import, "make_folders", making)
    session = store.session()
    ended(session, session.ingest.start(plate))
    assert intended == [True] * 4


def test_thumbnails_follow_and_are_there_before_too(
    world: World, plate: ImportRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = threading.Event()
    drawn: list[int] = []
    thumbnail = Pictures.thumbnail

    def drawing(self: Session, image_id: int, size: int = 128) -> bytes:
        if threading.current_thread().name.startswith("omero-jlab-follower"):
            assert held.wait(60)
            drawn.append(image_id)
        return thumbnail(self, image_id, size)

    monkeypatch.setattr(Pictures, "thumbnail", drawing)
    here, session = both(world, GroupType.READ_WRITE)
    started = here.ingest.start(plate)
    report = ended(session, started).report
    assert isinstance(report, ImportReport)
    assert session.thumbnail(report.image_ids[0])[:2] == b"\xff\xd8"
    held.set()
    (job,) = (job for job in follow_ups(session) if job.id > started.id)
    assert (job.kind, job.state) == ("thumbnails", "done")
    assert [i for i in drawn if i in report.image_ids] == list(report.image_ids)


def test_a_pyramid_is_a_job_of_its_own(world: World, large: Path) -> None:
    repo = Repository(world.session("owner", GroupType.READ_WRITE))
    (image,) = repo.import_files(large, quiet=True)
    follow_ups(world.session("owner", GroupType.READ_WRITE))
    jobs = {job.kind: job for job in reversed(repo.jobs(100))}
    assert jobs["pyramid"].state == "done"
    assert jobs["pyramid"].done == jobs["pyramid"].total > 0
    image.refresh()
    assert image.record.pyramid == "complete"
    assert len(image.levels) == 3
    assert "pyramid: image" in image.import_log


def test_a_pyramid_whose_process_dies_is_tried_again_but_not_for_ever(
    store: Store, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = JobProcess.run

    def dying(self: JobProcess, *args: Any, **calls: Any) -> bytes:
        os.kill(self.pid, signal.SIGKILL)
        return run(self, *args, **calls)

    monkeypatch.setattr(JobProcess, "run", dying)
    (image,) = Repository(store.session()).import_files(large, quiet=True)
    root = store.layout.root
    for deaths in range(1, 5):
        session = store.session()
        (job,) = (job for job in follow_ups(session) if job.kind == "pyramid")
        assert job.state == "failed"
        given_up = deaths > 3
        assert ("3 times" if given_up else "signal KILL") in job.error
        assert session.images.get(image.id).pyramid == ("failed" if given_up else "wanted")
        store.close()
        store = Store.open(root)
    store.close()


def test_a_cancelled_pyramid_leaves_nothing_and_comes_at_the_next_opening(
    store: Store, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = JobProcess.run
    session = store.session()

    def cancelling(self: JobProcess, *args: Any, **calls: Any) -> bytes:
        (job,) = (job for job in session.jobs.list() if job.kind == "pyramid")
        session.jobs.cancel(job.id)
        return run(self, *args, **calls)

    with monkeypatch.context() as patch:
        patch.setattr(JobProcess, "run", cancelling)
        (image,) = Repository(session).import_files(large, quiet=True)
        (job,) = (job for job in follow_ups(session) if job.kind == "pyramid")
    assert job.state == "cancelled"
    place = store.layout.root / image_place(image.id)
    assert [path.name for path in place.iterdir()] == ["index"]
    store.close()
    again = Store.open(store.layout.root)
    try:
        follow_ups(again.session())
        assert again.session().images.get(image.id).pyramid == "complete"
    finally:
        again.close()
