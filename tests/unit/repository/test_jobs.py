"""Jobs: what they tell, how they end, and how they go on when a repository is opened again."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from omero_jlab.database import now
from omero_jlab.errors import Denied, Full, Invalid, NotFound
from omero_jlab.model import Job, PurgeReport
from omero_jlab.repository import Session, Store
from omero_jlab.repository.jobs import job_kinds, progress
from omero_jlab.repository.jobs.jobs import Progress, job_kind, start_job

REPORT = PurgeReport(rows=1, files=2, size=3)
Function = Callable[[Session, dict[str, Any], Progress], PurgeReport | None]


class Bench:
    """A repository that is opened, closed and killed."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self._patch = monkeypatch
        self.opened = False
        self.open()

    def open(self) -> None:
        self.store = Store.open(self.root, create=True)
        self.opened = True

    def close(self) -> None:
        if self.opened:
            self.store.close()
        self.opened = False

    def kind(self, function: Function, **flags: Any) -> None:
        """Let jobs of kind `test` do this."""
        self._patch.setitem(job_kinds.KINDS, "test", None)
        job_kind("test", **flags)(function)

    def start(self, **arguments: Any) -> int:
        return start_job(self.store.session(), "test", arguments).id

    def job(self, job_id: int) -> Job:
        return self.store.session().jobs.get(job_id)

    def ended(self, job_id: int) -> Job:
        self.until(lambda: self.job(job_id).finished_at is not None)
        return self.job(job_id)

    def kill(self, job_id: int) -> None:
        """Close, and leave the job's row as SIGKILL would."""
        self.close()
        self.execute("UPDATE job SET state = 'running', finished_at = NULL WHERE id = ?", job_id)

    def execute(self, statement: str, *values: Any) -> list[Any]:
        database = sqlite3.connect(self.store.layout.database)
        try:
            rows = database.execute(statement, values).fetchall()
            database.commit()
        finally:
            database.close()
        return rows

    def settle(self) -> None:
        """Wait until what the opening left to threads is done."""
        both = threading.Barrier(2)
        for waited in [self.store.jobs.submit(both.wait, 20) for _ in range(2)]:
            waited.result()

    def until(self, what: Callable[[], Any]) -> None:
        deadline = time.monotonic() + 20
        while not what():
            assert time.monotonic() < deadline
            time.sleep(0.005)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench(tmp_path / "repository", monkeypatch)
    yield bench
    bench.close()


def waiting(_session: Session, _arguments: dict[str, Any], progress: Progress) -> None:
    """Go on until somebody stops it."""
    while True:
        progress.tell(1, 2, "waiting", "wait")
        time.sleep(0.002)


def test_a_job_tells_how_far_it_is_and_reports(bench: Bench) -> None:
    going = threading.Event()

    def work(_session: Session, arguments: dict[str, Any], progress: Progress) -> PurgeReport:
        progress.tell(3, arguments["total"], "copying a.tif", "copy")
        assert going.wait(20)
        return REPORT

    bench.kind(work)
    job_id = bench.start(total=7)
    bench.until(lambda: bench.job(job_id).done)
    job = bench.job(job_id)
    assert (job.state, job.done, job.total) == ("running", 3, 7)
    assert (job.stage, job.message) == ("copy", "copying a.tif")
    going.set()
    job = bench.ended(job_id)
    assert (job.state, job.report) == ("done", REPORT)
    assert job.heartbeat_at is not None


def test_running_jobs_have_a_heartbeat_and_idle_repositories_none(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.close()
    monkeypatch.setattr(progress, "HEARTBEAT_S", 0.01)
    bench.kind(waiting)
    bench.open()
    with contextlib.closing(sqlite3.connect(bench.store.layout.database)) as watcher:
        bench.settle()
        before = watcher.execute("PRAGMA data_version").fetchall()
        time.sleep(0.1)
        assert watcher.execute("PRAGMA data_version").fetchall() == before
    job_id = bench.start()
    read = "SELECT heartbeat_at, done, stage FROM job WHERE id = ?"
    bench.until(lambda: bench.execute(read, job_id)[0][1:] == (1, "wait"))
    first = bench.execute(read, job_id)[0][0]
    bench.until(lambda: bench.execute(read, job_id)[0][0] > first)


def test_a_job_goes_on_from_its_step_when_the_repository_opens_again(bench: Bench) -> None:
    steps: list[Any] = []

    def work(_session: Session, arguments: dict[str, Any], progress: Progress) -> PurgeReport:
        steps.append(progress.step)
        if progress.step is None:
            progress.keep({"at": arguments["first"]})
            waiting(_session, arguments, progress)
        return REPORT

    bench.kind(work, resumable=True)
    job_id = bench.start(first=5)
    bench.until(lambda: bench.job(job_id).stage == "wait")
    bench.close()
    assert bench.execute("SELECT state FROM job WHERE id = ?", job_id) == [("queued",)]
    bench.open()
    assert bench.ended(job_id).report == REPORT
    assert steps == [None, {"at": 5}]


def test_a_job_that_cannot_go_on_says_what_to_do(bench: Bench) -> None:
    bench.kind(waiting)
    closed, killed = bench.start(), bench.start()
    bench.until(lambda: bench.job(killed).stage == "wait")
    bench.kill(killed)
    bench.open()
    assert (bench.job(closed).state, bench.job(killed).state) == ("cancelled", "failed")
    for job_id in (closed, killed):
        assert "start it again" in bench.job(job_id).error


def test_a_job_that_kills_the_program_is_given_up_at_the_third_time(bench: Bench) -> None:
    begun = threading.Event()

    def work(session: Session, arguments: dict[str, Any], progress: Progress) -> None:
        begun.set()
        waiting(session, arguments, progress)

    bench.kind(work, resumable=True, given_up=lambda *_: REPORT)
    job_id = bench.start()
    for _ in range(2):
        assert begun.wait(20)
        bench.kill(job_id)
        begun.clear()
        bench.open()
    assert begun.wait(20)
    bench.kill(job_id)
    bench.open()
    job = bench.job(job_id)
    assert (job.state, job.report) == ("failed", REPORT)
    assert "3 times" in job.error and "Look into the log" in job.error


def test_interruptions_before_the_job_got_on_do_not_count(bench: Bench) -> None:
    steps: list[Any] = []

    def work(session: Session, arguments: dict[str, Any], progress: Progress) -> None:
        steps.append(progress.step)
        progress.keep({"run": len(steps)})
        waiting(session, arguments, progress)

    bench.kind(work, resumable=True)
    job_id = bench.start()
    for run in range(1, 6):
        bench.until(lambda run=run: len(steps) == run and bench.job(job_id).stage == "wait")
        bench.kill(job_id)
        bench.open()
    bench.until(lambda: len(steps) == 6)
    assert steps[-1] == {"run": 5}


def test_what_the_disk_failed_is_tried_again_at_the_next_opening(bench: Bench) -> None:
    errors = [Full("No room."), Invalid("Never.")]

    def work(_session: Session, _arguments: dict[str, Any], progress: Progress) -> None:
        progress.report = REPORT
        raise errors[0]

    bench.kind(work, resumable=True, retried=True)
    job_id = bench.start()
    job = bench.ended(job_id)
    assert (job.state, job.error_kind, job.report) == ("failed", "Full", REPORT)
    del errors[0]
    for _ in range(2):
        bench.close()
        bench.open()
        assert bench.ended(job_id).error_kind == "Invalid"


def test_a_job_is_cancelled_by_its_user_or_an_administrator(bench: Bench) -> None:
    bench.kind(waiting)
    root = bench.store.session()
    for name in ("ada", "bob"):
        user = root.accounts.add_user(name)
        root.accounts.put_member(root.accounts.groups()[0].id, user.id)
    ada, bob = bench.store.session("ada"), bench.store.session("bob")
    for who in (ada, root):
        job_id = start_job(ada, "test", {}).id
        bench.until(lambda job_id=job_id: bench.job(job_id).stage == "wait")
        with pytest.raises(NotFound):
            bob.jobs.cancel(job_id)
        who.jobs.cancel(job_id)
        assert bench.ended(job_id).state == "cancelled"
        with pytest.raises(Denied, match="cancelled already"):
            who.jobs.cancel(job_id)


def test_a_job_that_has_not_begun_is_cancelled_at_once(bench: Bench) -> None:
    bench.kind(waiting)
    running = [bench.start() for _ in range(2)]
    bench.until(lambda: all(bench.job(job_id).stage == "wait" for job_id in running))
    queued = bench.start()
    assert bench.store.session().jobs.cancel(queued).state == "cancelled"
    for job_id in running:
        bench.store.session().jobs.cancel(job_id)
        bench.ended(job_id)
    assert bench.job(queued).done == 0


def test_a_cancelled_job_does_not_go_on_after_a_crash(bench: Bench) -> None:
    bench.kind(waiting, resumable=True)
    job_id = bench.start()
    bench.until(lambda: bench.job(job_id).stage == "wait")
    bench.store.session().jobs.cancel(job_id)
    bench.ended(job_id)
    bench.kill(job_id)
    bench.open()
    assert bench.job(job_id).state == "cancelled"


def test_jobs_that_are_long_over_are_forgotten(bench: Bench) -> None:
    bench.kind(lambda *_: None)
    jobs = [bench.start() for _ in range(2)]
    for job_id, days in zip(jobs, (31, 29), strict=True):
        bench.ended(job_id)
        then = (now() - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S.%f")
        bench.execute("UPDATE job SET finished_at = ? WHERE id = ?", then, job_id)
    bench.close()
    bench.open()
    with pytest.raises(NotFound):
        bench.job(jobs[0])
    assert bench.job(jobs[1]).state == "done"


def test_an_unforeseen_error_fails_the_job_alone(bench: Bench) -> None:
    def work(*_: Any) -> None:
        raise ZeroDivisionError("as nobody expected")

    bench.kind(work)
    job = bench.ended(bench.start())
    assert job.state == "failed"
    assert "ZeroDivisionError: as nobody expected" in job.error


@pytest.mark.parametrize("shares_disk", [True, False])
def test_a_job_may_name_no_more_files_than_whoever_began_it(
    bench: Bench, shares_disk: bool
) -> None:
    seen: list[bool] = []

    def work(session: Session, arguments: dict[str, Any], progress: Progress) -> None:
        seen.append(session.shares_disk)
        if len(seen) == 1:
            waiting(session, arguments, progress)

    bench.kind(work, resumable=True)
    job_id = start_job(bench.store.session(shares_disk=shares_disk), "test", {}).id
    bench.until(lambda: bench.job(job_id).stage == "wait")
    bench.close()
    bench.open()
    bench.ended(job_id)
    assert seen == [shares_disk] * 2
