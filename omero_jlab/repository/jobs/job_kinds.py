"""The kinds of jobs: a function each, known by name, so that a later process can go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...model import Report
from ..state import State
from .progress import Progress

__all__ = ["KINDS", "JobKind", "job_kind"]

# The session is the family's own class, which only the function knows.
JobFunction = Callable[[Any, dict[str, Any], Progress], Report | None]
GivingUp = Callable[[State, int, dict[str, Any]], Report | None]


@dataclass(frozen=True)
class JobKind:
    """What is done for jobs of one kind.

    Attributes
    ----------
    resumable : a later process goes on with it; the function starts from `progress.step`
    retried : where the disk or a process failed it, the next opening tries again
    freeing : it frees room, and so may begin on a full disk
    slow : it goes on for hours or days, in a thread that no other job waits for
    behind : nobody waits for it; it gives way to jobs that somebody waits for
    given_up : called with the job's id and arguments when it was interrupted too often; it
        answers a report of what was done
    """

    name: str
    function: JobFunction
    resumable: bool
    retried: bool
    freeing: bool
    behind: bool
    slow: bool
    given_up: GivingUp | None


KINDS: dict[str, JobKind] = {}


def job_kind(
    name: str,
    *,
    resumable: bool = False,
    retried: bool = False,
    freeing: bool = False,
    behind: bool = False,
    slow: bool = False,
    given_up: GivingUp | None = None,
) -> Callable[[JobFunction], JobFunction]:
    """Name a module-level function as what jobs of a kind do.

    It takes a Session of the job's user, the job's arguments and its `Progress`, and answers a
    report or None.
    """

    def named(function: JobFunction) -> JobFunction:
        KINDS[name] = JobKind(name, function, resumable, retried, freeing, behind, slow, given_up)
        return function

    return named
