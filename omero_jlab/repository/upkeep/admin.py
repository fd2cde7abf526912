"""Looking after a repository."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from ...errors import Denied, Invalid
from ...model import (
    BackupReport,
    CheckReport,
    CleanseReport,
    Diagnostics,
    Erasure,
    ErasureKind,
    Health,
    Job,
    PurgeReport,
    Quarantine,
    RestoreReport,
    Trashed,
    Usage,
    UsageBy,
)
from ..jobs.jobs import Progress, job_kind, start_job
from ..work import Work
from .backup import back_up
from .check import check
from .cleanse import (
    find_strays,
    found_report,
    quarantines,
    remove_quarantines,
    restore_quarantine,
    set_aside,
)
from .copies import verify_backup
from .diagnose import diagnose
from .erase import Asked, check_erasable, erase, erasures
from .health import health
from .purge import purge, trashed
from .restore import restore_damaged
from .scrub import start_scrub
from .usage import usage

__all__ = ["Admin"]


class Admin:
    """Checks, the trash, who uses how much, copies, and what must go for good."""

    def __init__(self, session: Work) -> None:
        self._session = session

    def check(self, verify: bool = False) -> Job:
        """Compare rows and files without changing anything."""
        return self._start("check", {"verify": verify})

    def scrub(self, rate_mb_s: float | None = None) -> Job:
        """Verify every file at a set rate."""
        self._administrators_only()
        return start_scrub(self._session, rate_mb_s)

    def trash(self) -> tuple[Trashed, ...]:
        """What was deleted and is kept, the oldest first."""
        self._administrators_only()
        return trashed(self._session.store, self._session.access)

    def purge(self, older_than_days: float = 0.0) -> Job:
        """Remove for good what was deleted more than so many days ago."""
        return self._start("purge", {"older_than_days": _number(older_than_days, "days")})

    def cleanse(self, apply: bool = False, older_than_minutes: float = 15.0) -> Job:
        """Find the files that no row of anybody names, and with `apply` set them aside."""
        minutes = _number(older_than_minutes, "minutes")
        return self._start("cleanse", {"apply": apply, "minutes": minutes})

    def quarantines(self) -> tuple[Quarantine, ...]:
        """The files that were set aside, the newest first."""
        self._administrators_only()
        return quarantines(self._session.store.layout)

    def restore_quarantine(self, name: str) -> Job:
        """Put files that were set aside back where they came from."""
        return self._start("restore quarantine", {"name": name})

    def remove_quarantines(self, older_than_days: float) -> Job:
        """Remove for good what was set aside more than so many days ago."""
        return self._start("remove quarantines", {"days": _number(older_than_days, "days")})

    def backup(self, path: str) -> Job:
        """Copy the repository, while it is in use, to a folder of this machine's disk."""
        return self._start("backup", {"path": self._folder_here(path)})

    def verify_backup(self, path: str) -> Job:
        """Compute the checksum of every file of a backup anew."""
        return self._start("verify backup", {"path": self._folder_here(path)})

    def restore_damaged(self, path: str, verify: bool = False) -> Job:
        """Put files that are missing or damaged here back from a backup."""
        return self._start("restore", {"path": self._folder_here(path), "verify": verify})

    def erase(
        self,
        kind: ErasureKind,
        id: int,
        reason: str = "",
        contents: bool = False,
        with_fileset: bool = False,
        dry_run: bool = False,
    ) -> Job:
        """Remove an object everywhere that it left bytes; nothing brings it back."""
        self._administrators_only()
        asked = Asked(kind, id, reason, contents, with_fileset, dry_run)
        check_erasable(self._session.store, asked)
        return self._start("erase", asdict(asked))

    def erasures(self) -> tuple[Erasure, ...]:
        """The protocols of what was erased, the newest first."""
        self._administrators_only()
        return erasures(self._session.store)

    def retry_disk(self) -> Health:
        """Take writes again, where a disk that failed is sound."""
        self._administrators_only()
        self._session.store.disk.retry()
        return health(self._session.store)

    def diagnostics(self) -> Diagnostics:
        """Versions, counts, and what is not as it should be."""
        self._administrators_only()
        return diagnose(self._session.store)

    def usage(self, by: UsageBy = "user") -> tuple[Usage, ...]:
        """What each user, group or project keeps, or how much there is of each kind."""
        self._administrators_only()
        return usage(self._session.store, by)

    def _folder_here(self, path: str) -> str:
        self._administrators_only()
        if not self._session.shares_disk:
            raise Denied(
                "Backups are made and read on the repository's own machine: omero-jlab admin."
            )
        if not Path(path).is_absolute():
            raise Invalid(f"Give the whole path of the backup's folder, not {path!r}.")
        return path

    def _start(self, kind: str, arguments: dict[str, Any]) -> Job:
        self._administrators_only()
        return start_job(self._session, kind, arguments)

    def _administrators_only(self) -> None:
        actor = self._session.access.actor
        if not actor.is_admin:
            raise Denied(f"Only an administrator may do that, and {actor.user_name} is none.")


def _number(given: float, what: str) -> float:
    if not 0 <= given < 1e6:
        raise Invalid(f"Give a number of {what} from 0, not {given}.")
    return given


@job_kind("check", resumable=True)
def check_job(session: Work, arguments: dict[str, Any], progress: Progress) -> CheckReport:
    """Compare rows and files."""
    return check(session.store, arguments["verify"], progress)


@job_kind("purge", resumable=True, freeing=True)
def purge_job(session: Work, arguments: dict[str, Any], progress: Progress) -> PurgeReport:
    """Remove for good what was deleted long enough ago."""
    progress.tell(0, 0, "removing what was deleted")
    return purge(session.store, timedelta(days=arguments["older_than_days"]), progress)


@job_kind("cleanse", freeing=True)
def cleanse_job(session: Work, arguments: dict[str, Any], progress: Progress) -> CleanseReport:
    """Find the files that no row names, and set them aside."""
    strays = find_strays(session.store, arguments["minutes"], progress)
    if not arguments["apply"]:
        return found_report(strays)
    return set_aside(session.store, strays)


@job_kind("restore quarantine", resumable=True)
def restore_quarantine_job(
    session: Work, arguments: dict[str, Any], progress: Progress
) -> CleanseReport:
    """Put files that were set aside back."""
    progress.tell(0, 0, "putting files back")
    return restore_quarantine(session.store, arguments["name"])


@job_kind("remove quarantines", resumable=True, freeing=True)
def remove_quarantines_job(
    session: Work, arguments: dict[str, Any], progress: Progress
) -> CleanseReport:
    """Remove for good what was set aside long enough ago."""
    progress.tell(0, 0, "removing what was set aside")
    return remove_quarantines(session.store, timedelta(days=arguments["days"]))


@job_kind("backup", resumable=True)
def backup_job(session: Work, arguments: dict[str, Any], progress: Progress) -> BackupReport:
    """Copy the repository to a folder."""
    return back_up(session.store, Path(arguments["path"]), progress)


@job_kind("verify backup", resumable=True)
def verify_backup_job(session: Work, arguments: dict[str, Any], progress: Progress) -> CheckReport:
    """Compute the checksums of a backup anew."""
    return verify_backup(Path(arguments["path"]), progress)


@job_kind("restore", resumable=True, freeing=True)
def restore_job(session: Work, arguments: dict[str, Any], progress: Progress) -> RestoreReport:
    """Put missing and damaged files back from a backup."""
    path, verify = Path(arguments["path"]), arguments["verify"]
    return restore_damaged(session.store, path, verify, progress)


@job_kind("erase", resumable=True, freeing=True)
def erase_job(session: Work, arguments: dict[str, Any], progress: Progress) -> Erasure:
    """Remove an object everywhere that it left bytes."""
    return erase(session, Asked(**arguments), progress)
