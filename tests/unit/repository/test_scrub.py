"""Damage in a repository: named exactly, never read, and gone when the file is back."""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omero_jlab.database import FilesetRow, IntentRow, JobRow, now
from omero_jlab.errors import Damaged, Denied, Invalid, Unavailable, Unreadable
from omero_jlab.model import CheckReport, Health, Job, ScrubReport, Selection
from omero_jlab.model.chunks import ChunkIndex
from omero_jlab.objects import Repository, wait
from omero_jlab.repository import Session, Store
from omero_jlab.repository.jobs.live_jobs import LiveJob
from omero_jlab.repository.jobs.progress import Interrupted, Progress
from omero_jlab.repository.upkeep import freshness, scrub
from omero_jlab.repository.upkeep.survey import count_items, items


@dataclass(frozen=True)
class Ids:
    """What there is in the repository."""

    tiff: int
    other: int
    saved: int
    labels: int
    table: int
    file: int


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, demo_plate: Path) -> tuple[Path, Ids]:
    """A repository with one file of every kind at least."""
    root = tmp_path_factory.mktemp("made") / "repository"
    store = Store.open(root, create=True)
    try:
        repo = Repository(store.session())
        images = [demo_plate / "images" / f"A0{i}_s1_DNA.tif" for i in (1, 2)]
        tiff, other = (repo.import_files(path, quiet=True)[0] for path in images)
        y, x = np.mgrid[:300, :1100]
        smooth = (400 + 90 * np.sin(y / 30) * np.cos(x / 40)).astype(np.uint16)
        noise = np.random.default_rng(1).integers(0, 60_000, smooth.shape, np.uint16)
        saved = repo.save_image(np.stack([smooth, noise])[None, :, None], name="saved")
        labels = tiff.attach_labels(np.ones(tiff.shape[-2:], np.uint8))
        chosen = np.random.default_rng(2)
        frame = pd.DataFrame({"area": chosen.normal(size=9000), "class": ["a", "b", "c"] * 3000})
        table = tiff.attach_table(frame, name="cells")
        file = store.session().add_file("image", tiff.id, demo_plate / "facts.json")
        for image in (tiff, other, saved):
            image.thumbnail()
        return root, Ids(tiff.id, other.id, saved.id, labels.id, table.id, file.annotation.file_id)
    finally:
        store.close()


@pytest.fixture
def ids(made: tuple[Path, Ids]) -> Ids:
    return made[1]


@pytest.fixture
def root(made: tuple[Path, Ids], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made[0], tmp_path / "repository"))


@pytest.fixture
def store(root: Path) -> Iterator[Store]:
    store = Store.open(root)
    yield store
    store.close()


def rounds(store: Store) -> ScrubReport:
    session = store.session()
    report = wait(session, session.admin.scrub(0), "scrub", quiet=True)
    assert isinstance(report, ScrubReport)
    return report


def checked(store: Store, verify: bool = False) -> CheckReport:
    session = store.session()
    report = wait(session, session.admin.check(verify), "check", quiet=True)
    assert isinstance(report, CheckReport)
    return report


def named(report: ScrubReport | CheckReport) -> dict[str, str]:
    return {problem.path: problem.kind for problem in report.problems}


def flip(path: Path, at: int | None = None, keep_time: bool = True) -> None:
    """Change one bit; as a disk does, unless the time of change is to show it."""
    found = path.stat()
    at = found.st_size // 2 if at is None else at
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ (1 << (at % 8))]))
    if keep_time:
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def stored(root: Path) -> list[str]:
    """Every file that has a checksum."""
    folders = ("ManagedRepository", "Pixels", "Files", "Thumbnails")
    paths = (path for folder in folders for path in (root / folder).rglob("*"))
    files = (path.relative_to(root) for path in paths if path.is_file())
    return sorted(path.as_posix() for path in files if path.suffix != ".log")


def parents(path: str) -> list[str]:
    return [parent.as_posix() for parent in Path(path).parents]


def only(root: Path, pattern: str) -> Path:
    (path,) = (path for path in root.glob(pattern) if path.is_file())
    return path


def original(root: Path, name: str = "A01_s1_DNA.tif") -> Path:
    (path,) = (root / "ManagedRepository").rglob(name)
    return path


def health(store: Store) -> Health:
    found = store.session().server.health()
    assert isinstance(found, Health)
    return found


def first_pixel(session: Session, image_id: int, level: int = 0, c: int = 0) -> Any:
    return session.region(image_id, level, 0, c, 0, 0, 0, 8, 8)[0, 0]


def test_what_is_whole_is_not_named(store: Store, root: Path) -> None:
    report = rounds(store)
    assert report.problems == ()
    assert report.files == len(stored(root))
    assert report.size > 0.9 * sum((root / path).stat().st_size for path in stored(root))
    assert checked(store, verify=True).problems == ()


@pytest.mark.parametrize("more", [0, pytest.param(200, marks=pytest.mark.long)])
def test_exactly_the_damaged_files_are_named(store: Store, root: Path, more: int) -> None:
    chosen = random.Random(11)
    paths = stored(root)
    kinds = {Path(path).suffix or path.split("/")[1] for path in paths}
    assert kinds >= {".tif", ".h5", ".json", ".jpg", "attached", "images", "labels"}
    rest = chosen.sample(paths, len(paths))
    for _ in range(more):
        rest += chosen.sample(paths, 3)
    while rest:
        some = {rest.pop() for _ in range(min(3, len(rest)))}
        # A description's checksum stands in the index.
        bare = {path.split("/index")[0] for path in some if path.endswith("/index")}
        some -= {path for path in some if path.endswith(".json") and set(parents(path)) & bare}
        before = {path: (root / path).read_bytes() for path in some}
        for path in some:
            flip(root / path, chosen.randrange(len(before[path])))
        drawn = {path for path in some if path.endswith(".jpg")}
        named_by_check = named(checked(store, verify=True))
        assert set(named_by_check) == some
        assert named(rounds(store)) == dict.fromkeys(some, "damaged")
        assert store.damage.marks.keys() == some - drawn
        for path, data in before.items():
            assert (root / path).exists() == (path not in drawn)
            (root / path).write_bytes(data)
        assert rounds(store).problems == ()
        assert store.damage.marks == {}


def test_a_damaged_original_is_marked_and_told(store: Store, root: Path, ids: Ids) -> None:
    session = store.session()
    path = original(root)
    flip(path)
    name = path.relative_to(root).as_posix()
    (problem,) = rounds(store).problems
    assert (problem.kind, problem.path, problem.image_ids) == ("damaged", name, (ids.tiff,))
    for read in (
        lambda: first_pixel(session, ids.tiff),
        lambda: session.file(session.images.files(ids.tiff)[0].id),
    ):
        with pytest.raises(Damaged, match=r"is damaged: its SHA-256.*Restore it from the backup"):
            read()
    first_pixel(session, ids.other)
    assert session.thumbnail(ids.tiff).startswith(b"\xff\xd8"), "it was drawn before"
    found = health(store)
    assert found.damaged == 1
    assert "1 file is damaged" in found.warning
    (problem,) = checked(store).problems
    assert (problem.path, problem.image_ids) == (name, (ids.tiff,))


def test_marks_outlive_the_process_and_go_with_the_restored_file(
    store: Store, root: Path, ids: Ids
) -> None:
    good = original(root).read_bytes()
    flip(original(root))
    rounds(store)
    store.close()
    again = Store.open(root)
    try:
        session = again.session()
        with pytest.raises(Damaged):
            first_pixel(session, ids.tiff)
        new = original(root).with_name("new")
        new.write_bytes(good)
        new.replace(original(root))
        assert rounds(again).problems == ()
        first_pixel(session, ids.tiff)
        assert health(again).damaged == 0
    finally:
        again.close()


def test_a_check_marks_and_unmarks_as_well(store: Store, root: Path, ids: Ids) -> None:
    path = only(root, "Files/attached/*")
    flip(path)
    assert named(checked(store, verify=True)) == {path.relative_to(root).as_posix(): "damaged"}
    with pytest.raises(Damaged):
        store.session().file(ids.file)
    flip(path)
    assert checked(store, verify=True).problems == ()
    assert b"".join(store.session().file(ids.file)[1]) == path.read_bytes()


@pytest.mark.parametrize("level", [0, 1])
def test_a_read_marks_a_damaged_shard(store: Store, root: Path, ids: Ids, level: int) -> None:
    session = store.session()
    shard = only(root, f"Pixels/images/{ids.saved}/{level}/c/0/0/0/0/0")
    for at in range(0, shard.stat().st_size, shard.stat().st_size // 20):
        flip(shard, at)
    with pytest.raises(Damaged):
        for c in (0, 1):
            height, width = (300, 1100) if level == 0 else (150, 550)
            session.region(ids.saved, level, 0, c, 0, 0, 0, height, width)
    name = shard.relative_to(root).as_posix()
    assert list(store.damage.marks) == [name]
    first_pixel(session, ids.saved, level=1 - level)
    first_pixel(session, ids.tiff)
    (problem,) = checked(store).problems
    assert (problem.path, problem.image_ids) == (name, (ids.saved,))


def test_a_read_marks_a_damaged_segment(store: Store, root: Path, ids: Ids) -> None:
    session = store.session()
    path = only(root, "Files/tables/**/*.h5")
    info = session.table_view(ids.table).segments[0]
    area = next(part for part in info.parts if part.column == "area")
    flip(path, area.offset + 999)
    assert len(session.read_rows(ids.table, Selection(columns=["class"]))) == 9000
    with pytest.raises(Damaged, match="column area"):
        session.read_rows(ids.table, Selection(columns=["area"], condition="area > 0"))
    with pytest.raises(Damaged, match="is damaged"):
        session.read_rows(ids.table, Selection(columns=["class"]))
    (problem,) = checked(store).problems
    assert problem.table_ids == (ids.table,)
    flip(path, area.offset + 999)
    assert rounds(store).problems == ()
    assert len(session.read_rows(ids.table)) == 9000


def test_a_read_marks_a_damaged_index_and_labels(store: Store, root: Path, ids: Ids) -> None:
    session = store.session()
    index = root / f"Pixels/labels/{ids.labels}/index"
    flip(index, 30)
    with pytest.raises(Damaged):
        session.labels_region(ids.labels, 0, 0, 0, 0, 8, 8)
    (problem,) = checked(store).problems
    assert (problem.labels_ids, problem.image_ids) == ((ids.labels,), (ids.tiff,))
    flip(index, 30)
    assert rounds(store).problems == ()
    assert session.labels_region(ids.labels, 0, 0, 0, 0, 8, 8).all()


def test_a_damaged_thumbnail_is_drawn_again(store: Store, root: Path, ids: Ids) -> None:
    session = store.session()
    path = only(root, f"Thumbnails/{ids.tiff}/*.jpg")
    good = session.thumbnail(ids.tiff)
    assert path.read_bytes().startswith(good)
    flip(path, 200)
    assert session.thumbnail(ids.tiff) == good
    assert path.read_bytes().startswith(good)
    flip(path, 200)
    assert list(named(rounds(store))) == [path.relative_to(root).as_posix()]
    assert session.thumbnail(ids.tiff) == good
    path.write_bytes(good)
    assert rounds(store).problems == (), "of one without a digest nobody can say"


def test_what_is_damaged_can_be_deleted_and_purged(store: Store, root: Path, ids: Ids) -> None:
    flip(original(root))
    flip(only(root, "Files/tables/**/*.h5"))
    rounds(store)
    session = store.session()
    session.graph.delete("image", ids.tiff)
    problems = checked(store).problems
    assert len(problems) == 2
    assert all(problem.in_trash for problem in problems)
    assert checked(store).in_trash >= 4
    wait(session, session.admin.purge(0), "purge", quiet=True)
    assert store.damage.marks == {}
    assert health(store).damaged == 0
    assert checked(store, verify=True).problems == ()


class TestTimes:
    """Another time of change says that a file was touched, not that it is another one."""

    def test_a_touched_original_is_verified_once_and_stamped(
        self, store: Store, root: Path, ids: Ids, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hashed = count_hashes(monkeypatch)
        path = original(root)
        before = path.stat().st_mtime_ns
        os.utime(path, ns=(1, 1_000_000_000))
        for _ in range(3):
            first_pixel(store.session(), ids.tiff)
        assert hashed == [path.name]
        assert path.stat().st_mtime_ns == before

    def test_where_the_time_cannot_be_set_back_the_row_remembers(
        self, store: Store, root: Path, ids: Ids, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        os.utime(original(root), ns=(1, 1_000_000_000))
        hashed = count_hashes(monkeypatch)
        monkeypatch.setattr(freshness, "_set_back", lambda *_: False)
        first_pixel(store.session(), ids.tiff)
        store.close()
        again = Store.open(root)
        try:
            first_pixel(again.session(), ids.tiff)
            assert len(hashed) == 1
        finally:
            again.close()

    def test_a_hard_link_keeps_the_time_that_others_see(
        self, store: Store, root: Path, ids: Ids
    ) -> None:
        came(store, "hardlink")
        os.utime(original(root), ns=(1, 1_000_000_000))
        first_pixel(store.session(), ids.tiff)
        assert original(root).stat().st_mtime_ns == 1_000_000_000

    def test_a_changed_original_is_never_read(self, store: Store, root: Path, ids: Ids) -> None:
        flip(original(root), keep_time=False)
        session = store.session()
        with pytest.raises(Damaged, match="SHA-256"):
            first_pixel(session, ids.tiff)
        assert len(store.damage.marks) == 1
        first_pixel(session, ids.other)

    def test_an_attached_file_is_verified_too(self, store: Store, root: Path, ids: Ids) -> None:
        path = only(root, "Files/attached/*")
        os.utime(path, ns=(1, 1_000_000_000))
        store.session().file(ids.file)
        flip(path, keep_time=False)
        with pytest.raises(Damaged):
            store.session().file(ids.file)

    def test_a_large_one_is_verified_beside(
        self, store: Store, root: Path, ids: Ids, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.freshness.at_once = 0
        os.utime(original(root), ns=(1, 1_000_000_000))
        go_on = threading.Event()
        real = freshness.sha256_of

        def waiting(path: Path, pace: Any) -> Any:
            go_on.wait(30)
            return real(path, pace)

        monkeypatch.setattr(freshness, "sha256_of", waiting)
        for _ in range(2):
            with pytest.raises(Unavailable, match=r"compared with its checksum, 0 %"):
                first_pixel(store.session(), ids.tiff)
        first_pixel(store.session(), ids.other)
        go_on.set()
        eventually(lambda: first_pixel(store.session(), ids.tiff))

    def test_a_large_damaged_one_is_damaged_in_the_end(
        self, store: Store, root: Path, ids: Ids
    ) -> None:
        store.freshness.at_once = 0
        flip(original(root), keep_time=False)
        with pytest.raises(Damaged):
            eventually(lambda: first_pixel(store.session(), ids.tiff))

    def test_a_job_waits_until_it_is_verified(
        self, store: Store, root: Path, ids: Ids, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.freshness.at_once = 0
        hashed = count_hashes(monkeypatch)
        path = original(root)
        index = ChunkIndex.from_bytes((root / f"Pixels/images/{ids.tiff}/index").read_bytes())
        before = path.stat().st_mtime_ns
        store.freshness.settle(path.parent, index.header.files)
        assert hashed == []
        os.utime(path, ns=(1, 1_000_000_000))
        store.freshness.settle(path.parent, index.header.files)
        assert hashed == [path.name]
        assert path.stat().st_mtime_ns == before

    def test_a_file_in_place_is_changed_until_it_is_registered_again(
        self, store: Store, root: Path, ids: Ids, tmp_path: Path
    ) -> None:
        came(store, "symlink")
        path, outside = original(root), tmp_path / "outside.tif"
        path.rename(outside)
        path.symlink_to(outside)
        name = path.relative_to(root).as_posix()
        first_pixel(store.session(), ids.tiff)
        assert checked(store, verify=True).problems == ()
        os.utime(outside, ns=(1, 1_000_000_000))
        with pytest.raises(Unreadable, match="was changed after it was registered"):
            first_pixel(store.session(), ids.tiff)
        for report in (checked(store), checked(store, verify=True), rounds(store)):
            assert named(report) == {name: "changed"}
        assert store.damage.marks == {}
        outside.unlink()
        (problem,) = checked(store).problems
        assert problem.kind == "missing"
        assert str(outside) in problem.detail

    def test_a_whole_repository_with_other_times_is_read(
        self, store: Store, root: Path, ids: Ids
    ) -> None:
        for path in stored(root):
            os.utime(root / path, ns=(1, 1_000_000_000))
        session = store.session()
        for image_id in (ids.tiff, ids.other, ids.saved):
            first_pixel(session, image_id)
        session.read_rows(ids.table)
        session.file(ids.file)
        assert checked(store, verify=True).problems == ()


class TestRounds:
    def test_a_survey_goes_on_after_any_item(self, store: Store) -> None:
        every = list(items(store))
        assert len(every) == count_items(store)
        for i, item in enumerate(every):
            assert [one.key for one in items(store, item.key)] == [
                one.key for one in every[i + 1 :]
            ]

    @pytest.mark.parametrize("kind", ["scrub", "check"])
    def test_an_interrupted_one_goes_on(
        self, store: Store, root: Path, monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        from omero_jlab.repository.upkeep import check

        monkeypatch.setattr(scrub, "_KEEP_S", -1)
        monkeypatch.setattr(check, "_KEEP_S", -1)
        flip(original(root))
        whole = rounds(store)

        class Interrupting(Progress):
            left = 5

            def tell(self, done: int, total: int, message: str = "", stage: str = "") -> None:
                self.left -= 1
                if self.left == 0:
                    raise Interrupted("once")

        step = None
        runs = 0
        while True:
            progress = Interrupting(store, job(store).id, LiveJob())
            progress.step = step
            runs += 1
            try:
                if kind == "scrub":
                    report = scrub.scrub_job(store.session(), {"mb_per_s": 0.0}, progress)
                    assert (report.files, report.size) == (whole.files, whole.size)
                else:
                    report = check.check(store, True, progress)
                break
            except Interrupted:
                assert progress.step != step, "it gets on"
                step = progress.step
        assert runs > 1
        assert named(report) == named(whole)

    def test_another_one_takes_over(self, store: Store) -> None:
        session = store.session()
        slow = session.admin.scrub(1e-3)
        fast = session.admin.scrub(0)
        assert isinstance(wait(session, fast, "scrub", quiet=True), ScrubReport)
        assert session.jobs.get(slow.id).state == "cancelled"

    def test_only_administrators_and_only_sensible_rates(self, store: Store) -> None:
        store.session().accounts.add_user("ada")
        with pytest.raises(Denied):
            store.session("ada").admin.scrub()
        for rate in (-1.0, float("nan"), 1e9):
            with pytest.raises(Invalid, match="rate"):
                store.session().admin.scrub(rate)

    def test_it_waits_as_long_as_the_rate_says(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waited: list[float] = []
        clock = [0.0]

        def wait_for(seconds: float) -> bool:
            waited.append(seconds)
            clock[0] += seconds
            return False

        monkeypatch.setattr(scrub.time, "monotonic", lambda: clock[0])
        rate = scrub.Rate(1e6, store, Progress(store, 0, LiveJob()))
        monkeypatch.setattr(
            rate, "_closing", type("Closing", (), {"wait": lambda _, s: wait_for(s)})()
        )
        for _ in range(30):
            rate(1 << 20)
        assert sum(waited) == pytest.approx(30 * 1.048576, abs=1.1)
        clock[0] += 1000
        rate(1000)
        assert sum(waited) == pytest.approx(30 * 1.048576, abs=1.1), (
            "an idle hour is not made up for"
        )

    def test_a_round_is_due_after_so_many_days(self, store: Store) -> None:
        assert scrub.is_due(store, now())
        rounds(store)
        assert not scrub.is_due(store, now())
        assert scrub.is_due(store, now() + timedelta(days=31))
        never = store.config.scrub.model_copy(update={"days": 0.0})
        store.config = store.config.model_copy(update={"scrub": never})
        assert not scrub.is_due(store, now() + timedelta(days=31))

    def test_an_owner_that_stays_open_begins_by_itself(self, root: Path, store: Store) -> None:
        thread = threading.Thread(target=scrub.start_due_scrubs, args=(store, store.session(), 0.0))
        thread.start()
        eventually(lambda: done(store))
        store.close()
        thread.join(10)
        assert not thread.is_alive()

    def test_what_no_row_names_is_no_longer_marked(self, store: Store) -> None:
        store.damage.mark("Files/attached/99", "gone since")
        rounds(store)
        assert store.damage.marks == {}


def test_strays_among_thumbnails_are_found(store: Store, root: Path) -> None:
    stray = root / "Thumbnails" / "77" / "left.jpg"
    stray.parent.mkdir()
    stray.write_bytes(b"x")
    assert named(checked(store)) == {"Thumbnails/77/left.jpg": "stray"}


def test_what_waits_to_be_removed_is_no_stray(store: Store, root: Path) -> None:
    """A reader may hold the segments that a compaction replaced."""
    replaced = root / "Files" / "tables" / "77" / "00000001.h5"
    replaced.parent.mkdir(parents=True)
    replaced.write_bytes(b"x")
    path = replaced.relative_to(root).as_posix()
    assert named(checked(store)) == {path: "stray"}
    with store.books() as db:
        db.add(IntentRow(kind="replaced segments", paths=[path]))
    assert named(checked(store)) == {}


def done(store: Store) -> None:
    states = [job.state for job in store.session().jobs.list() if job.kind == "scrub"]
    if states != ["done"]:
        raise Unavailable(f"not yet: {states}")


def job(store: Store) -> Job:
    with store.books() as db:
        access = store.session().access.actor
        row = JobRow(
            kind="scrub", user_id=access.user_id, group_id=access.group_id, state="running"
        )
        db.add(row)
        db.flush()
        job_id = row.id
    return store.session().jobs.get(job_id)


def came(store: Store, transfer: str) -> None:
    """Say of every fileset how it came."""
    from sqlalchemy import select

    with store.books() as db, db.flushing_unchecked("jobs"):
        for row in db.scalars(select(FilesetRow), execution_options={"unguarded": "jobs"}):
            row.transfer = transfer


def count_hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    hashed: list[str] = []
    real = freshness.sha256_of

    def counting(path: Path, *rest: Any) -> Any:
        hashed.append(path.name)
        return real(path, *rest)

    monkeypatch.setattr(freshness, "sha256_of", counting)
    return hashed


def eventually(read: Callable[[], object]) -> None:
    """Read until it is no longer put off."""
    for _ in range(500):
        try:
            read()
            return
        except Unavailable:
            time.sleep(0.02)
    raise AssertionError("it is put off for ever")
