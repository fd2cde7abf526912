"""What a job's function tells of itself, and what it may ask."""

from __future__ import annotations

import logging
from typing import Any

from ...database import JobRow, now
from ...errors import OmeroError
from ...model import Report
from ..guarded import GuardedSession
from ..state import State
from .live_jobs import LiveJob

__all__ = ["HEARTBEAT_S", "Cancelled", "Interrupted", "Progress", "beat", "stamp"]

log = logging.getLogger(__name__)

HEARTBEAT_S = 5.0


class Cancelled(OmeroError):
    """The job was asked to stop."""


class Interrupted(Cancelled):
    """The program is about to end; a job that can goes on at the next opening."""


class Progress:
    """A job under way.

    Attributes
    ----------
    job_id : the job's id
    step : what an earlier run of the same job kept, or None
    report : what the job has done so far; it is the job's report where it ends early
    """

    def __init__(
        self, state: State, job_id: int, live: LiveJob, step: dict[str, Any] | None = None
    ) -> None:
        self._state = state
        self._live = live
        self.job_id = job_id
        self._interrupted = int((step or {}).get("interrupted", 0))
        self.step: dict[str, Any] | None = (step or {}).get("kept")
        self.report: Report | None = None

    def tell(self, done: int, total: int, message: str = "", stage: str = "") -> None:
        """Say how far it is; that costs nothing, the row follows with the heartbeat.

        Raises
        ------
        Cancelled
            Somebody asked the job to stop.
        """
        live = self._live
        live.done, live.total, live.message, live.stage = done, total, message, stage
        self.check()

    def count(self, done: int, total: int) -> None:
        """Say how far it is, and nothing new of what it does; raises as `tell`."""
        self._live.done, self._live.total = done, total
        self.check()

    def check(self) -> None:
        """Raise `Cancelled` where somebody asked the job to stop."""
        if self._live.cancelled.is_set():
            raise Cancelled("The job was cancelled.")
        if self._state.closing.is_set():
            raise Interrupted("The program ended before this was finished: start it again.")

    def stopped(self) -> bool:
        """Whether the job should stop."""
        return self._live.cancelled.is_set() or self._state.closing.is_set()

    def keep(self, step: dict[str, Any], db: GuardedSession | None = None) -> None:
        """Remember how far it is, for a later run: durably, and with `db` in its transaction.

        A job that keeps a step has got on: interruptions before that no longer count.
        """
        if db is None:
            with self._state.books() as own:
                self._keep(own, step)
        else:
            self._keep(db, step)
        self.step = step
        self._interrupted = 0

    def got_on(self, db: GuardedSession) -> None:
        """Let earlier interruptions count no longer: something of the job is done for good."""
        if self._interrupted:
            row = db.get(JobRow, self.job_id, execution_options={"unguarded": "jobs"})
            if row is not None:
                row.step = dict(row.step or {}) | {"interrupted": 0}
            self._interrupted = 0

    def interrupted(self) -> dict[str, Any]:
        """What the row keeps of a run that ended in the middle of it."""
        return {"kept": self.step, "interrupted": self._interrupted + 1}

    def _keep(self, db: GuardedSession, step: dict[str, Any]) -> None:
        row = db.get(JobRow, self.job_id, execution_options={"unguarded": "jobs"})
        if row is not None:
            row.step = {"kept": step, "interrupted": 0}


def beat(state: State) -> None:
    """Until the repository closes, stamp the rows of running jobs every few seconds."""
    while not state.closing.wait(HEARTBEAT_S):
        if (state.running or state.outcomes) and not state.why_read_only():
            stamp(state)
            _store_outcomes(state)


def stamp(state: State) -> None:
    """Write what the running jobs told, and when, in one transaction."""
    if not state.running:
        return
    try:
        with state.books() as db:
            for job_id, live in list(state.running.items()):
                row = db.get(JobRow, job_id, execution_options={"unguarded": "jobs"})
                if row is not None and row.state == "running":
                    row.done, row.total = live.done, live.total
                    row.message, row.stage = live.message, live.stage
                    row.heartbeat_at = now()
    except OmeroError as error:
        log.warning("running jobs are not stamped: %s", error)


def _store_outcomes(state: State) -> None:
    """Write what became of jobs that ended while the disk took no rows."""
    for job_id, outcome in list(state.outcomes.items()):
        try:
            with state.books() as db:
                row = db.get(JobRow, job_id, execution_options={"unguarded": "jobs"})
                for name, value in outcome.items() if row is not None else ():
                    setattr(row, name, value)
        except OmeroError as error:
            log.warning("the outcome of job %s cannot be stored yet: %s", job_id, error)
            return
        del state.outcomes[job_id]
