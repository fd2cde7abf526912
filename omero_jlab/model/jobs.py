"""Work that takes longer than an answer may: its state, its progress, what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from .admin import BackupReport, CheckReport, PurgeReport
from .record import Record

__all__ = [
    "ImportFailure",
    "ImportPlan",
    "ImportReport",
    "ImportRequest",
    "Job",
    "OriginalFile",
    "PlannedFileset",
    "Report",
    "ResultsReport",
    "ResultsRow",
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


class ImportRequest(Record):
    """What to import and where to put it.

    `paths` are files or folders on the disk of the repository's owner process.  `channels` is
    a pattern such as `{well}_{field}_{channel}.tif` that joins one-channel files.  A container
    is named by its name, and made where it is missing.
    """

    paths: tuple[str, ...]
    project: str | None = None
    dataset: str | None = None
    screen: str | None = None
    plate: str | None = None
    channels: str | None = None


class ImportFailure(Record):
    """A file that was not imported, and why, in one line."""

    path: str
    reason: str


class ImportReport(Record):
    """What an import made, in the order of the files given."""

    kind: Literal["import"] = "import"
    image_ids: tuple[int, ...] = ()
    fileset_ids: tuple[int, ...] = ()
    plate_ids: tuple[int, ...] = ()
    dataset_ids: tuple[int, ...] = ()
    failed: tuple[ImportFailure, ...] = ()
    bytes_copied: int = 0


class PlannedFileset(Record):
    """Files that belong together, and what they would become."""

    name: str
    format: str
    files: tuple[str, ...]
    size: int


class ImportPlan(Record):
    """What an import would do: the bytes it would copy and the bytes that are free."""

    filesets: tuple[PlannedFileset, ...]
    failed: tuple[ImportFailure, ...]
    ignored: tuple[ImportFailure, ...]
    bytes_to_copy: int
    bytes_free: int


class ResultsRow(Record):
    """What becomes of one image set: its image and how it was found, or why it was not."""

    number: int
    image_id: int | None
    matched_by: str
    note: str = ""


class ResultsReport(Record):
    """What was attached, or would be: ids of tables and labels, and each set's fate."""

    kind: Literal["results"] = "results"
    program: str
    version: str
    sets: tuple[ResultsRow, ...]
    table_ids: tuple[int, ...] = ()
    labels_ids: tuple[int, ...] = ()
    file_ids: tuple[int, ...] = ()
    rows: int = 0
    notes: tuple[str, ...] = ()


Report = Annotated[
    ImportReport | ResultsReport | CheckReport | PurgeReport | BackupReport,
    Field(discriminator="kind"),
]


class Job(Record):
    """A long operation: `done` of `total` steps, `message` says what it is doing now.

    `error_kind` names the class of the error that ended it, such as `Invalid`.
    """

    id: int
    kind: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    done: int = 0
    total: int = 0
    message: str = ""
    error: str = ""
    error_kind: str = ""
    created_at: datetime
    finished_at: datetime | None = None
    report: Report | None = None
