"""Work that goes on after the answer: its rows, and the threads that do it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from ..database import JobRow, now
from ..errors import Denied, NotFound, OmeroError
from ..model import Job
from .state import State
from .work import Work

__all__ = ["Cancelled", "Jobs", "Progress", "job_record", "start_job"]

log = logging.getLogger(__name__)


class Cancelled(OmeroError):
    """The job was asked to stop."""


def job_record(row: JobRow) -> Job:
    """The record of a job's row."""
    return Job(
        id=row.id,
        kind=row.kind,
        state=row.state,
        done=row.done,
        total=row.total,
        message=row.message,
        error=row.error,
        error_kind=row.error_kind,
        created_at=row.created_at,
        finished_at=row.finished_at,
        report=row.report,
    )


class Progress:
    """What a job's function tells of itself."""

    def __init__(self, state: State, job_id: int) -> None:
        self._state = state
        self._job_id = job_id

    def tell(self, done: int, total: int, message: str = "") -> None:
        """Say how far it is.

        Raises
        ------
        Cancelled
            Somebody asked the job to stop.
        """
        _change(self._state, self._job_id, done=done, total=total, message=message)
        self.check()

    def check(self) -> None:
        """Raise `Cancelled` where somebody asked the job to stop."""
        if self._job_id in self._state.cancelled:
            raise Cancelled("The job was cancelled.")
        if self._state.closing.is_set():
            raise Cancelled("The program ended before this was finished: start it again.")


def start_job(
    session: Work, kind: str, arguments: dict[str, Any], function: Callable[[Progress], Any]
) -> Job:
    """Begin `function` in a thread of its own; it answers the report, a record or None."""
    state = session.store
    with session.writing(freeing=kind == "purge") as unit:
        actor = unit.access.actor
        row = JobRow(
            kind=kind,
            user_id=actor.user_id,
            group_id=actor.group_id,
            state="queued",
            arguments=arguments,
            report=None,
        )
        unit.db.add(row)
        unit.db.flush()
        job = unit.answer(job_record(row))
    state.jobs.submit(_run, state, job.id, function)
    return job


def _run(state: State, job_id: int, function: Callable[[Progress], Any]) -> None:
    try:
        _change(state, job_id, state="running")
        report = function(Progress(state, job_id))
        values = None if report is None else report.model_dump(mode="json")
        outcome: dict[str, Any] = {"state": "done", "report": values, "message": ""}
    except Cancelled as error:
        outcome = {"state": "cancelled", "error": str(error)}
    except OmeroError as error:
        outcome = {"state": "failed", "error": str(error), "error_kind": type(error).__name__}
    except Exception as error:
        log.exception("job %s failed", job_id)
        text = f"An unexpected {type(error).__name__}: {error}"
        outcome = {"state": "failed", "error": text}
    state.cancelled.discard(job_id)
    outcome["finished_at"] = now()
    try:
        _change(state, job_id, **outcome)
    except OmeroError as error:
        # A full disk takes no more rows; whoever waits for the job must be told all the same.
        log.error("the outcome of job %s cannot be stored: %s", job_id, error)
        state.outcomes[job_id] = outcome


def _change(store: State, job_id: int, **values: Any) -> None:
    with store.books() as db:
        row = db.get(JobRow, job_id, execution_options={"unguarded": "jobs"})
        for name, value in values.items():
            setattr(row, name, value)


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

    def _record(self, row: JobRow) -> Job:
        untold = self._session.store.outcomes.get(row.id, {})
        return Job.model_validate(job_record(row).model_dump() | untold)

    def cancel(self, job_id: int) -> Job:
        """Ask a job to stop at its next step; what it finished stays."""
        job = self.get(job_id)
        if job.finished_at is not None:
            raise Denied(f"Job {job_id} is {job.state} already.")
        self._session.store.cancelled.add(job_id)
        with self._session.writing() as unit:
            return unit.answer(job)
