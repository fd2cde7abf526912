"""Work that goes on after the answer: its rows, and the threads that do it."""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import select

from ... import errors
from ...database import JobRow, now
from ...errors import Denied, NotFound, OmeroError
from ...model import Job
from ...workers import JobProcessEnded
from ..guarded import GuardedSession
from ..state import State
from ..work import Work
from .job_kinds import KINDS, JobKind, job_kind
from .live_jobs import LiveJob
from .progress import Cancelled, Interrupted, Progress

__all__ = [
    "Cancelled",
    "Jobs",
    "Progress",
    "job_kind",
    "job_record",
    "new_job",
    "start_job",
    "submit_job",
]

log = logging.getLogger(__name__)

GOES_ON = "The job goes on when the repository takes writes again."


def job_record(row: JobRow) -> Job:
    """The record of a job's row."""
    return Job(
        id=row.id,
        kind=row.kind,
        state=row.state,
        done=row.done,
        total=row.total,
        stage=row.stage,
        message=row.message,
        error=row.error,
        error_kind=row.error_kind,
        created_at=row.created_at,
        heartbeat_at=row.heartbeat_at,
        finished_at=row.finished_at,
        report=row.report,
    )


def start_job(session: Work, kind: str, arguments: dict[str, Any], total: int = 0) -> Job:
    """Begin a job of a kind that `job_kind` named, in a thread of its own.

    `arguments` are values that JSON has: a later process may go on with the job.
    """
    with session.writing(freeing=KINDS[kind].freeing) as unit:
        actor = unit.access.actor
        row = new_job(unit.db, kind, actor.user_id, actor.group_id, arguments)
        row.total, row.shares_disk = total, session.shares_disk
        unit.db.flush()
        job = unit.answer(job_record(row))
    # Under the group that is current now, and under no request's id.
    submit_job(type(session)(session.store, session.user, actor.group_id), kind, job.id)
    return job


def new_job(
    db: GuardedSession, kind: str, user_id: int, group_id: int, arguments: dict[str, Any]
) -> JobRow:
    """A queued job's row, added to a transaction; `submit_job` runs it once that is committed."""
    row = JobRow(
        kind=kind,
        user_id=user_id,
        group_id=group_id,
        state="queued",
        arguments=arguments,
        report=None,
        step=None,
    )
    db.add(row)
    db.flush()
    return row


def submit_job(session: Work, kind: str, job_id: int) -> None:
    """Let the job's threads run a queued job in the name of `session`'s user."""
    state = session.store
    if state.closing.is_set():
        # The next opening finds it queued.
        return
    threads = state.followers if KINDS[kind].behind else state.jobs
    if KINDS[kind].slow:
        threads = state.slow_jobs
    try:
        threads.submit(_run, session, KINDS[kind], job_id)
    except RuntimeError:
        # The repository began to close in between.
        if not state.closing.is_set():
            raise


def _run(session: Work, kind: JobKind, job_id: int) -> None:
    state = session.store
    live = state.running[job_id] = LiveJob()
    try:
        begun = _begin(session, job_id, live)
        if begun is not None:
            own, arguments, progress = begun
            outcome = _outcome(own, kind, arguments, progress)
            _end(state, kind, job_id, outcome)
    except OmeroError as error:
        # Not even begun: it is queued still, and the next opening goes on.
        log.error("job %s cannot be begun: %s", job_id, error)
        state.outcomes[job_id] = _failed(error)
    finally:
        del state.running[job_id]


def _begin(
    session: Work, job_id: int, live: LiveJob
) -> tuple[Work, dict[str, Any], Progress] | None:
    """The session, arguments and progress of a job that runs now; None where it was cancelled."""
    state = session.store
    with state.books() as db:
        row = db.get(JobRow, job_id, execution_options={"unguarded": "jobs"})
        if row is None or row.state != "queued":
            return None
        row.state = "running"
        row.heartbeat_at = now()
        live.total = row.total
        own = type(session)(state, session.user, session.group, None, row.shares_disk)
        return own, dict(row.arguments), Progress(state, job_id, live, row.step)


def _outcome(
    session: Work, kind: JobKind, arguments: dict[str, Any], progress: Progress
) -> dict[str, Any]:
    try:
        progress.check()
        progress.report = kind.function(session, arguments, progress)
        outcome: dict[str, Any] = {"state": "done", "message": "", "stage": ""}
    except Interrupted as error:
        if kind.resumable:
            return {"state": "queued"}
        outcome = {"state": "cancelled", "error": str(error), "finished_at": now()}
    except Cancelled as error:
        outcome = {"state": "cancelled", "error": str(error)}
    except OmeroError as error:
        outcome = _failed(error)
        if isinstance(error, JobProcessEnded):
            outcome["step"] = progress.interrupted()
    except Exception as error:
        log.exception("job %s failed", progress.job_id)
        text = f"An unexpected {type(error).__name__}: {error}"
        outcome = {"state": "failed", "error": text}
    report = progress.report
    outcome["report"] = None if report is None else report.model_dump(mode="json")
    outcome["finished_at"] = now()
    return outcome


def _failed(error: OmeroError) -> dict[str, Any]:
    # A client knows the classes of our errors, and no others.
    names = (each.__name__ for each in type(error).__mro__ if each.__module__ == errors.__name__)
    return {
        "state": "failed",
        "error": str(error),
        "error_kind": next(names),
        "finished_at": now(),
    }


def _end(state: State, kind: JobKind, job_id: int, outcome: dict[str, Any]) -> None:
    live = state.running[job_id]
    if (
        outcome["state"] == "failed"
        and kind.resumable
        and state.disk.condition().state == "read-only"
    ):
        # Nothing more is written on a disk that failed: the row says that the job is running.
        state.outcomes[job_id] = outcome | {"error": f"{outcome['error']} {GOES_ON}"}
        return
    told = {"done": live.done, "total": live.total, "message": live.message, "stage": live.stage}
    try:
        with state.books() as db:
            row = db.get(JobRow, job_id, execution_options={"unguarded": "jobs"})
            for name, value in (told | outcome).items():
                setattr(row, name, value)
    except OmeroError as error:
        # A full disk takes no more rows; whoever waits for the job must be told all the same.
        log.error("the outcome of job %s cannot be stored: %s", job_id, error)
        state.outcomes[job_id] = outcome


class Jobs:
    """The jobs of the asking user; an administrator sees everybody's."""

    def __init__(self, session: Work) -> None:
        self._session = session

    def list(self, limit: int = 50) -> tuple[Job, ...]:
        """The newest jobs."""
        with self._session.reading() as (db, access):
            statement = select(JobRow).order_by(JobRow.id.desc()).limit(min(max(limit, 1), 1000))
            if not access.actor.is_admin:
                statement = statement.where(JobRow.user_id == access.actor.user_id)
            statement = statement.execution_options(unguarded="jobs")
            return tuple(self._record(row) for row in db.scalars(statement))

    def get(self, job_id: int) -> Job:
        """A job, as it stands now."""
        with self._session.reading() as (db, access):
            row = db.get(JobRow, job_id, execution_options={"unguarded": "jobs"})
            actor = access.actor
            if row is None or not (actor.is_admin or row.user_id == actor.user_id):
                raise NotFound(f"There is no job {job_id}.")
            return self._record(row)

    def cancel(self, job_id: int) -> Job:
        """Ask a job to stop at its next step; what it finished stays."""
        job = self.get(job_id)
        if job.finished_at is not None:
            raise Denied(f"Job {job_id} is {job.state} already.")
        state = self._session.store
        live = state.running.get(job_id)
        if live is not None:
            # Before the row: a full disk takes no more of those.
            live.cancelled.set()
        with self._session.writing(freeing=True) as unit:
            row = unit.db.get(JobRow, job_id, execution_options={"unguarded": "jobs"})
            assert row is not None
            row.cancel = True
            if row.state == "queued":
                row.state, row.error = "cancelled", "The job was cancelled."
                row.finished_at = now()
            return unit.answer(job_record(row))

    def _record(self, row: JobRow) -> Job:
        store = self._session.store
        job = job_record(row)
        live = store.running.get(row.id)
        told: dict[str, Any] = store.outcomes.get(row.id, {})
        if live is not None and job.state == "running":
            told = {
                "done": live.done,
                "total": live.total,
                "message": live.message,
                "stage": live.stage,
            }
        return Job.model_validate(job.model_dump() | told)
