"""Work that takes longer than an answer may: its state, its progress, what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from .admin import BackupReport, CheckReport, PurgeReport, RestoreReport, ScrubReport
from .bulkmap import BulkmapReport
from .cleanse import CleanseReport
from .erasure import Erasure
from .exchange import TableReport
from .imports import ImportReport
from .record import Record
from .results import ResultsReport
from .table import CompactionReport

__all__ = [
    "Job",
    "OriginalFile",
    "Report",
]


class OriginalFile(Record):
    """A file as it was imported; `path` is where it lies inside the repository."""

    id: int
    name: str
    path: str
    size: int
    sha256: str
    md5: str
    mimetype: str = "application/octet-stream"


Report = Annotated[
    ImportReport
    | ResultsReport
    | TableReport
    | BulkmapReport
    | CheckReport
    | ScrubReport
    | PurgeReport
    | BackupReport
    | RestoreReport
    | CleanseReport
    | CompactionReport
    | Erasure,
    Field(discriminator="kind"),
]


class Job(Record):
    """A long operation: `done` of `total` steps, `message` says what it is doing now.

    `stage` names the part of the work, such as `copy`; `heartbeat_at` is when the job was last
    known to run.  `error_kind` names the class of the error that ended it, such as `Invalid`.
    A job that ended early may have a `report` of what it did before.
    """

    id: int
    kind: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    done: int = 0
    total: int = 0
    stage: str = ""
    message: str = ""
    error: str = ""
    error_kind: str = ""
    created_at: datetime
    heartbeat_at: datetime | None = None
    finished_at: datetime | None = None
    report: Report | None = None
