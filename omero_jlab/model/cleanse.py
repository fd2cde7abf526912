"""Files that no row names: what was found, set aside, put back or removed."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from .record import Record

__all__ = ["CleanseReport", "Quarantine", "Stray"]


class Stray(Record):
    """A file that no row names; `path` is relative to the repository's root."""

    path: str
    size: int


class CleanseReport(Record):
    """What was done with files that no row names, or, with `found`, what would be.

    `name` is the quarantine's, where there is one.  `strays` are the first of them.  `left`
    says what was left as it is, and why.
    """

    kind: Literal["cleanse"] = "cleanse"
    done: Literal["found", "moved", "restored", "removed"]
    name: str = ""
    files: int
    size: int
    strays: tuple[Stray, ...] = ()
    left: tuple[str, ...] = ()


class Quarantine(Record):
    """Files that were set aside together."""

    name: str
    moved_at: datetime
    files: int
    size: int
