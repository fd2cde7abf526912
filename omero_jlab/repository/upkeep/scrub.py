"""Reading everything again, slowly, so that damage is found before the last good copy is gone."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from ...database import JobRow, now
from ...errors import Invalid, OmeroError
from ...model import Job, Problem, ScrubReport
from ..guarded import GuardedSession
from ..jobs.jobs import Progress, job_kind, start_job
from ..state import State
from ..work import Work
from .damage import affected
from .holdings import lies_below
from .survey import Item, Key, count_items, items, items_of
from .verify import Pace

__all__ = [
    "forget_orphans",
    "note",
    "scrub_job",
    "start_due_scrubs",
    "start_scrub",
    "still",
    "with_affected",
]

log = logging.getLogger(__name__)

_OPTIONS = {"unguarded": "jobs"}
_UNFINISHED = ("queued", "running")
_KEEP_S = 5.0
# An owner that is open for so long stays open; afterwards it looks once an hour.
_STAYS_S = 600.0
_LOOK_S = 3600.0
_FASTEST_MB_S = 1e6
_SHORTEST_S = 0.05
_NICE = 10


class Rate:
    """Waits so that no more than `rate` bytes a second are read; 0 is without a limit."""

    def __init__(self, rate: float, state: State, progress: Progress) -> None:
        self._rate = rate
        self._closing = state.closing
        self._progress = progress
        self._ahead = 0.0
        self._last = time.monotonic()
        self.size = 0

    def __call__(self, size: int) -> None:
        """So many bytes were read; raises `Cancelled` where somebody asked the job to stop."""
        self.size += size
        self._progress.check()
        if self._rate <= 0:
            return
        self._ahead += size / self._rate
        self._let_pass()
        while self._ahead > _SHORTEST_S:
            self._closing.wait(min(self._ahead, 1.0))
            self._progress.check()
            self._let_pass()

    def _let_pass(self) -> None:
        passed = time.monotonic() - self._last
        self._last += passed
        # An idle while is no reason to hurry.
        self._ahead = max(0.0, self._ahead - passed)


def start_scrub(session: Work, rate_mb_s: float | None) -> Job:
    """Begin a round; one that is under way is cancelled, since this one reads everything too.

    Raises
    ------
    Invalid
        The rate is no rate.
    """
    if rate_mb_s is not None and not 0 <= rate_mb_s <= _FASTEST_MB_S:
        raise Invalid(
            f"Give a rate in MB/s from 0 (as fast as the disk) to {_FASTEST_MB_S:g}, not "
            f"{rate_mb_s}."
        )
    state = session.store
    with state.books() as db:
        for row in db.scalars(_rounds(*_UNFINISHED), execution_options=_OPTIONS):
            row.cancel = True
            live = state.running.get(row.id)
            if live is not None:
                live.cancelled.set()
            if row.state == "queued":
                row.state, row.error = "cancelled", "Another round was started."
                row.finished_at = now()
    rate = state.config.scrub.mb_per_s if rate_mb_s is None else rate_mb_s
    return start_job(session, "scrub", {"mb_per_s": rate})


@job_kind("scrub", resumable=True, retried=True, slow=True)
def scrub_job(session: Work, arguments: dict[str, Any], progress: Progress) -> ScrubReport:
    """Verify every file at a set rate; marks what is damaged, and unmarks what is whole again."""
    with _out_of_the_way():
        return _Round(session.store, arguments["mb_per_s"] * 1e6, progress).run()


class _Round:
    """One reading of everything, perhaps in several runs."""

    def __init__(self, state: State, rate: float, progress: Progress) -> None:
        step = progress.step or {}
        self._state = state
        self._progress = progress
        self._pace = Rate(rate, state, progress)
        self._before = int(step.get("size", 0))
        self._items = int(step.get("items", 0))
        self._files = int(step.get("files", 0))
        self._problems = [Problem.model_validate(one) for one in step.get("problems", ())]
        kept: list[int] = step.get("after", [-1, 0])
        self._after: Key = (kept[0], kept[1])
        self._total = 0
        self._kept_at = time.monotonic()

    def run(self) -> ScrubReport:
        state = self._state
        self._total = max(count_items(state), self._items)
        if self._after[0] < 0:
            # Whoever restored a file wants to have it back.
            forget_orphans(state)
            for item in items_of(state, state.damage.marks):
                self._verify(item)
            self._files = self._pace.size = 0
        for item in items(state, self._after):
            found = self._verify(item)
            _drop_thumbnails(state, found)
            self._problems += found
            self._after = item.key
            self._items += 1
            if time.monotonic() - self._kept_at > _KEEP_S:
                self._keep()
        problems = with_affected(state, self._problems)
        size = self._before + self._pace.size
        return ScrubReport(files=self._files, size=size, problems=problems)

    def _verify(self, item: Item) -> list[Problem]:
        state = self._state
        # On a disk that is gone everything would seem to be missing.
        state.disk.guard.check()
        size = self._before + self._pace.size
        self._progress.tell(self._items, self._total, f"{size:,} bytes read", item.stage)
        files, found = item.verify(self._pace)
        self._files += files
        if found:
            found = still(state, item, found, self._pace)
            state.disk.guard.check()
        note(state, item, found)
        return [one.model_copy(update={"in_trash": item.in_trash}) for one in found]

    def _keep(self) -> None:
        step = {
            "after": list(self._after),
            "items": self._items,
            "files": self._files,
            "size": self._before + self._pace.size,
            "problems": [problem.model_dump(mode="json") for problem in self._problems],
        }
        self._progress.keep(step)
        self._kept_at = time.monotonic()


def still(state: State, item: Item, found: list[Problem], pace: Pace) -> list[Problem]:
    """The problems that are there at a second look, of files that rows still name."""
    # Meanwhile it may have been purged, or have got its pyramid.
    again = [one for path in item.places for one in items_of(state, (path,))]
    fresh = [one for one in again if one.key == item.key][:1]
    known = {(problem.kind, problem.path) for problem in found}
    return [
        problem
        for one in fresh
        for problem in one.verify(pace)[1]
        if (problem.kind, problem.path) in known
    ]


def note(state: State, item: Item, problems: Iterable[Problem]) -> None:
    """Mark the files of an item that are damaged, and take the marks off the others."""
    bad = {}
    for problem in problems:
        if problem.kind in ("damaged", "size") and not _is_thumbnail(state, problem.path):
            bad[problem.path] = problem.detail
            state.damage.mark(problem.path, problem.detail)
    if state.damage.marks:
        state.damage.clear(state.damage.below(item.places) - bad.keys())


def forget_orphans(state: State) -> None:
    """Drop the marks of files that no row names any more."""
    if state.damage.marks:
        named = frozenset(p for one in items_of(state, state.damage.marks) for p in one.places)
        state.damage.clear(path for path in state.damage.marks if not lies_below(path, named))


def with_affected(state: State, problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems by path, each with the ids of what cannot be read in full."""
    ordered = sorted(problems, key=lambda problem: problem.path)
    paths = [problem.path for problem in ordered if problem.kind != "stray"]
    found = affected(state.engines.reader, paths)
    return tuple(
        problem.model_copy(update=vars(found[problem.path])) if problem.path in found else problem
        for problem in ordered
    )


def _is_thumbnail(state: State, path: str) -> bool:
    return path.startswith(f"{state.layout.thumbnails.name}/")


def _drop_thumbnails(state: State, problems: Iterable[Problem]) -> None:
    """Remove damaged thumbnails: they are drawn again when somebody looks."""
    for problem in problems:
        if _is_thumbnail(state, problem.path) and not state.why_read_only():
            with suppress(OSError):
                (state.layout.root / problem.path).unlink()


@contextmanager
def _out_of_the_way() -> Iterator[None]:
    """Let every other thread go first; Linux alone knows the niceness of a thread."""
    thread = threading.get_native_id()
    before: int | None = None
    with suppress(OSError, AttributeError):
        before = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, max(before, _NICE))
    try:
        yield
    finally:
        if before is not None:
            # Only root may take it back; the thread does nothing that is in a hurry.
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, thread, before)


def _rounds(*states: str) -> Any:
    return select(JobRow).where(JobRow.kind == "scrub", JobRow.state.in_(states))


def is_due(state: State, at: datetime) -> bool:
    """Whether the last whole round is so long ago that the next one should begin."""
    days = state.config.scrub.days
    if days <= 0 or state.why_read_only():
        return False
    with GuardedSession(state.engines.reader, None) as db:
        for row in db.scalars(_rounds("done", *_UNFINISHED), execution_options=_OPTIONS):
            if row.state != "done" or (row.finished_at or at) > at - timedelta(days=days):
                return False
    return True


def start_due_scrubs(state: State, session: Work, first_s: float = _STAYS_S) -> None:
    """Until the repository closes, begin a round whenever one is due; for a thread of its own."""
    wait_s = first_s
    while not state.closing.wait(wait_s):
        wait_s = _LOOK_S
        try:
            if is_due(state, now()):
                job = start_scrub(session, None)
                log.info("every file is verified, by job %s", job.id)
        except OmeroError as error:
            log.warning("no round of verifying is begun now: %s", error)
