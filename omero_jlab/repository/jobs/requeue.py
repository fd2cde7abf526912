"""The jobs that a process left when it ended: which go on, which do not, which are forgotten."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from ...database import JobRow, UserRow, now
from ...errors import OmeroError
from ..state import State
from ..work import Work
from .job_kinds import KINDS
from .jobs import GOES_ON, submit_job

__all__ = ["MOST_INTERRUPTIONS", "Left", "requeue", "run_again", "take_up"]

log = logging.getLogger(__name__)

# A job that ends its program is not begun for ever.
MOST_INTERRUPTIONS = 3
_KEPT = timedelta(days=30)
_ENVIRONMENT = ("Full", "Unavailable")


@dataclass(frozen=True)
class Left:
    """A job that goes on, and in whose name."""

    job_id: int
    kind: str
    user: str
    group_id: int


def requeue(state: State) -> list[Left]:
    """Queue again what can go on, say of the rest that it failed, forget what is long over.

    The repository is settled: what interrupted jobs had half made is removed already.
    """
    left: list[Left] = []
    given_up: list[tuple[int, str]] = []
    with state.books() as db:
        options = {"unguarded": "jobs"}
        old = select(JobRow).where(JobRow.finished_at < now() - _KEPT)
        for row in db.scalars(old, execution_options=options):
            db.delete(row)
        unfinished = select(JobRow).where(JobRow.state.in_(("queued", "running", "failed")))
        for row in db.scalars(unfinished.order_by(JobRow.id), execution_options=options):
            if row.id in state.running:
                continue
            kind = KINDS.get(row.kind)
            if row.state == "failed":
                if kind is None or not kind.retried or row.error_kind not in _ENVIRONMENT:
                    continue
            elif kind is None or not kind.resumable:
                _fail(row, "The program ended before this was finished: start it again.")
                continue
            if row.cancel:
                row.state, row.error = "cancelled", "The job was cancelled."
                row.finished_at = now()
                continue
            if _interruptions(row) >= MOST_INTERRUPTIONS:
                _fail(row, _too_often(row))
                given_up.append((row.id, row.kind))
                continue
            user = db.get(UserRow, row.user_id, execution_options=options)
            assert user is not None
            row.state, row.error, row.error_kind, row.finished_at = "queued", "", "", None
            left.append(Left(row.id, row.kind, user.name, row.group_id))
    for job_id, name in given_up:
        _give_up(state, job_id, name)
    return left


def take_up(state: State) -> list[Left]:
    """Queue again the jobs of this process that a failed disk ended, and that were to go on."""
    left: list[Left] = []
    ended = [id for id, told in state.outcomes.items() if told.get("error", "").endswith(GOES_ON)]
    with state.books() as db:
        for job_id in ended:
            row = db.get(JobRow, job_id, execution_options={"unguarded": "jobs"})
            if row is None or row.state != "running":
                continue
            user = db.get(UserRow, row.user_id, execution_options={"unguarded": "jobs"})
            assert user is not None
            row.state = "queued"
            left.append(Left(row.id, row.kind, user.name, row.group_id))
    for job in left:
        del state.outcomes[job.job_id]
    return left


def run_again(left: list[Left], open_session: Callable[[str, int], Work]) -> None:
    """Let the job's threads run what `requeue` queued."""
    for job in left:
        log.info("job %s (%s) goes on", job.job_id, job.kind)
        submit_job(open_session(job.user, job.group_id), job.kind, job.job_id)


def _interruptions(row: JobRow) -> int:
    """How often the job was interrupted since it last got on, this time counted."""
    step = dict(row.step or {})
    count = int(step.get("interrupted", 0)) + (row.state == "running")
    row.step = step | {"interrupted": count}
    return count


def _too_often(row: JobRow) -> str:
    doing = f" ({row.stage}: {row.message})" if row.message else ""
    return (
        f"The program ended {MOST_INTERRUPTIONS} times while this ran{doing}, so that it is not "
        f"begun again by itself. Look into the log for the reason, and start it again without "
        f"the file that ends it."
    )


def _fail(row: JobRow, reason: str) -> None:
    row.state, row.error, row.finished_at = "failed", reason, now()


def _give_up(state: State, job_id: int, kind: str) -> None:
    given_up = KINDS[kind].given_up
    if given_up is None:
        return
    with state.books() as db:
        row = db.get(JobRow, job_id, execution_options={"unguarded": "jobs"})
        arguments = {} if row is None else dict(row.arguments)
    try:
        report = given_up(state, job_id, arguments)
    except OmeroError as error:
        log.error("job %s is given up without a report: %s", job_id, error)
        return
    if report is None:
        return
    with state.books() as db:
        row = db.get(JobRow, job_id, execution_options={"unguarded": "jobs"})
        if row is not None:
            row.report = report.model_dump(mode="json")
