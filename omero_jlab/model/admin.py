"""What an administrator learns of a repository."""

from __future__ import annotations

from typing import Literal

from .record import Record

__all__ = [
    "Adoption",
    "BackupReport",
    "CheckReport",
    "Diagnostics",
    "Problem",
    "PurgeReport",
    "RestoreReport",
    "ScrubReport",
]


class Problem(Record):
    """Where rows and files disagree; `path` is relative to the repository's root.

    A file that a row names is `missing`, of another `size`, or `damaged` (its checksum differs);
    one in place, outside of the repository, was `changed`; a `stray` file is named by no row.
    The images, label images and tables cannot be read in full.  With `in_trash` they, or what
    else the file belongs to, were deleted and not yet removed for good.
    """

    kind: Literal["missing", "size", "damaged", "changed", "stray"]
    path: str
    detail: str = ""
    in_trash: bool = False
    image_ids: tuple[int, ...] = ()
    labels_ids: tuple[int, ...] = ()
    table_ids: tuple[int, ...] = ()


class CheckReport(Record):
    """What a check found; with `verified`, every checksum was computed anew.

    Of the `files`, `in_trash` belong to what was deleted and wait to be removed for good.
    """

    kind: Literal["check"] = "check"
    verified: bool
    files: int
    size: int
    in_trash: int = 0
    problems: tuple[Problem, ...]


class ScrubReport(Record):
    """What a round of verifying read: how many files and bytes, and which are not as they were."""

    kind: Literal["scrub"] = "scrub"
    files: int
    size: int
    problems: tuple[Problem, ...]


class PurgeReport(Record):
    """What was removed for good: how many rows and files, and how many bytes they held."""

    kind: Literal["purge"] = "purge"
    rows: int
    files: int
    size: int


class Adoption(Record):
    """That database and files were taken for one repository, and what each said before."""

    path: str
    path_before: str
    database_generation: int
    files_generation: int
    generation: int


class BackupReport(Record):
    """Where a backup lies, and how many files and bytes were copied this time.

    `kept` files were there from an earlier backup.  `problems` are files that are missing or not
    what they were: of these the backup holds what an earlier one had, or nothing.
    """

    kind: Literal["backup"] = "backup"
    path: str
    files: int
    size: int
    kept: int = 0
    problems: tuple[Problem, ...] = ()


class RestoreReport(Record):
    """Files that were put back from a backup, each verified, and those that were not and why."""

    kind: Literal["restore"] = "restore"
    restored: tuple[str, ...]
    left: tuple[Problem, ...]


class Diagnostics(Record):
    """What somebody who helps must know first; `findings` are what is not as it should be."""

    version: str
    python: str
    platform: str
    root: str
    repository: str
    schema_version: str
    tier: str
    confinement: str
    users: int
    images: int
    tables: int
    findings: tuple[str, ...]
