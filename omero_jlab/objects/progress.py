"""Waiting for a job, with a bar."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, cast

from ..errors import error_for
from ..model import Job, Report
from ..operations import AnySession

if TYPE_CHECKING:
    from tqdm.std import tqdm

__all__ = ["progress_bar", "wait"]

# How often to ask: nobody minds to wait a twentieth longer.
_PART = 0.05
_SHORTEST_S = 0.02
_LONGEST_S = 0.5


def wait(session: AnySession, job: Job, what: str, quiet: bool = False) -> Report | None:
    """What a job reports when it is done.  Interrupting the wait cancels the job.

    Raises
    ------
    OmeroError
        The job failed or was cancelled.
    """
    began = time.monotonic()
    bar = None if quiet else progress_bar(what, "B" if job.kind == "import" else " steps")
    try:
        while job.finished_at is None:
            waited = time.monotonic() - began
            time.sleep(min(max(waited * _PART, _SHORTEST_S), _LONGEST_S))
            job = session.jobs.get(job.id)
            if bar is not None:
                _show(bar, job)
        if bar is not None and job.state == "done" and bar.total:
            bar.update(bar.total - bar.n)
    except KeyboardInterrupt:
        session.jobs.cancel(job.id)
        raise
    finally:
        if bar is not None:
            bar.close()
    if job.state != "done":
        raise error_for(job.error_kind, job.error or f"The job was {job.state}.")
    return job.report


def progress_bar(
    what: str, unit: str, total: int | None = None, done: int = 0
) -> tqdm[None] | None:
    """A bar, in a notebook or a terminal; None where nobody watches."""
    from tqdm.auto import tqdm

    is_widget = any(each.__module__ == "tqdm.notebook" for each in tqdm.__mro__)
    if not is_widget and not sys.stderr.isatty():
        # In a log, or before the one line of an error, a bar is noise.
        return None
    return cast(
        "tqdm[None]",
        tqdm(desc=what, total=total, initial=done, unit=unit, unit_scale=True, leave=False),
    )


def _show(bar: tqdm[None], job: Job) -> None:
    if job.total:
        bar.total = job.total
    bar.n = job.done
    bar.set_postfix_str(job.message, refresh=False)
    bar.refresh()
