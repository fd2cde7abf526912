"""What an administrator learns of a repository."""

from __future__ import annotations

from typing import Literal

from .record import Record

__all__ = ["BackupReport", "CheckReport", "Diagnostics", "Problem", "PurgeReport", "Usage"]


class Problem(Record):
    """Where rows and files disagree; `path` is relative to the repository's root.

    A file that a row names is `missing`, of another `size`, or `damaged` (its checksum differs);
    a `stray` file is named by no row.
    """

    kind: Literal["missing", "size", "damaged", "stray"]
    path: str
    detail: str = ""


class CheckReport(Record):
    """What a check found; with `verified`, every checksum was computed anew."""

    kind: Literal["check"] = "check"
    verified: bool
    files: int
    size: int
    problems: tuple[Problem, ...]


class PurgeReport(Record):
    """What was removed for good: how many rows and files, and how many bytes they held."""

    kind: Literal["purge"] = "purge"
    rows: int
    files: int
    size: int


class BackupReport(Record):
    """Where a backup lies, and how many files and bytes were copied this time."""

    kind: Literal["backup"] = "backup"
    path: str
    files: int
    size: int


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


class Usage(Record):
    """How many files, and bytes in them, a user keeps in a group; deleted ones are in the trash."""

    user: str
    group: str
    images: int
    original_bytes: int
    attached_bytes: int
    table_bytes: int
    deleted_bytes: int
