"""Looking after a repository: for administrators."""

from __future__ import annotations

from typing import Protocol

from ..model import (
    Diagnostics,
    Erasure,
    ErasureKind,
    Health,
    Job,
    Quarantine,
    Trashed,
    Usage,
    UsageBy,
)
from . import declare as http

__all__ = ["Admin"]


class Admin(Protocol):
    """Checks, the trash, and who uses how much; for administrators only."""

    @http.post("admin/check")
    def check(self, verify: bool = False) -> Job:
        """Compare rows and files without changing anything; `verify` computes checksums anew.

        The job's report is a `CheckReport`.
        """
        ...

    @http.get("admin/trash")
    def trash(self) -> tuple[Trashed, ...]:
        """What was deleted and is kept, the oldest first, and how much of the disk it takes."""
        ...

    @http.post("admin/scrub")
    def scrub(self, rate_mb_s: float | None = None) -> Job:
        """Verify every file now, at so many MB/s: 0 is as fast as the disk.

        Without a rate it is that of `config.toml`.  What is damaged is marked, so that reading it
        says so, and what is whole again can be read again.  A round that is under way is
        cancelled.  The job's report is a `ScrubReport`.
        """
        ...

    @http.post("admin/purge")
    def purge(self, older_than_days: float = 0.0) -> Job:
        """Remove for good what was deleted more than so many days ago, and free its space.

        The job's report is a `PurgeReport`.
        """
        ...

    @http.post("admin/cleanse")
    def cleanse(self, apply: bool = False, older_than_minutes: float = 15.0) -> Job:
        """Find the files that no row of anybody names, and with `apply` set them aside.

        Files that changed in the last `older_than_minutes`, or that are being made, are left
        alone.  The job's report is a `CleanseReport`.
        """
        ...

    @http.get("admin/quarantines")
    def quarantines(self) -> tuple[Quarantine, ...]:
        """The files that were set aside, by the time of that, the newest first."""
        ...

    @http.post("admin/quarantines/restore")
    def restore_quarantine(self, name: str) -> Job:
        """Put files that were set aside back where they came from.

        `name` is the quarantine's, or its beginning, such as a date.  The job's report is a
        `CleanseReport`.
        """
        ...

    @http.post("admin/quarantines/remove")
    def remove_quarantines(self, older_than_days: float) -> Job:
        """Remove for good what was set aside more than so many days ago.

        The job's report is a `CleanseReport`.
        """
        ...

    @http.post("admin/backup")
    def backup(self, path: str) -> Job:
        """Copy the repository, while it is in use, to a folder of its own machine's disk.

        The copy is a repository to open.  Into an earlier backup only what is new is copied.
        The job's report is a `BackupReport`.
        """
        ...

    @http.post("admin/backup/verify")
    def verify_backup(self, path: str) -> Job:
        """Compute the checksum of every file of a backup anew; the report is a `CheckReport`."""
        ...

    @http.post("admin/restore")
    def restore_damaged(self, path: str, verify: bool = False) -> Job:
        """Put files that are missing or damaged here back from a backup.

        Each is verified before it takes the place of the damaged one.  `verify` computes every
        checksum anew to find the damaged ones; else those count that are known to be.  The job's
        report is a `RestoreReport`.
        """
        ...

    @http.post("admin/erase")
    def erase(
        self,
        kind: ErasureKind,
        id: int,
        reason: str = "",
        contents: bool = False,
        with_fileset: bool = False,
        dry_run: bool = False,
    ) -> Job:
        """Remove an object everywhere that it left bytes, deleted or not; nothing brings it back.

        `contents` takes what lies in it along; `with_fileset` the other images that were
        imported from the same files, without which it is refused.  The job's report is an
        `Erasure`, its protocol, which is kept.
        """
        ...

    @http.get("admin/erasures")
    def erasures(self) -> tuple[Erasure, ...]:
        """The protocols of what was erased, the newest first."""
        ...

    @http.post("admin/disk/retry")
    def retry_disk(self) -> Health:
        """Take writes again, where a disk that failed is sound: how it fares then.

        Every folder is written to and read back from the disk, the database is verified, and what
        was half done is undone, as at an opening.  Jobs that the disk ended go on.  Raises
        `Unavailable` or `Unreadable` where that fails; all stays as it was.
        """
        ...

    @http.get("admin/diagnostics")
    def diagnostics(self) -> Diagnostics:
        """Versions, counts, and what is not as it should be."""
        ...

    @http.get("admin/usage")
    def usage(self, by: UsageBy = "user") -> tuple[Usage, ...]:
        """What each user, group or project keeps on the disk, or how much there is of each kind.

        The largest comes first.
        """
        ...
