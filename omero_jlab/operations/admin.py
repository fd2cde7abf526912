"""Looking after a repository: for administrators."""

from __future__ import annotations

from typing import Protocol

from ..model import Diagnostics, Job, Usage
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

    @http.post("admin/purge")
    def purge(self, older_than_days: float = 0.0) -> Job:
        """Remove for good what was deleted more than so many days ago, and free its space.

        The job's report is a `PurgeReport`.
        """
        ...

    @http.post("admin/backup")
    def backup(self, path: str) -> Job:
        """Copy the repository, while it is in use, to a folder of its own machine's disk.

        The copy is a repository to open.  Into an earlier backup only what is new is copied.
        The job's report is a `BackupReport`.
        """
        ...

    @http.get("admin/diagnostics")
    def diagnostics(self) -> Diagnostics:
        """Versions, counts, and what is not as it should be."""
        ...

    @http.get("admin/usage")
    def usage(self) -> tuple[Usage, ...]:
        """How much each user keeps in each group."""
        ...
