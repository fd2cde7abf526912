"""Looking after a repository."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from ..database import FileRow, GroupRow, ImageRow, SegmentRow, UserRow
from ..errors import Denied, Invalid
from ..model import BackupReport, CheckReport, Diagnostics, Job, PurgeReport, Record, Usage
from .access import accounts
from .backup import back_up
from .check import check
from .diagnose import diagnose
from .jobs import Progress, start_job
from .purge import purge
from .work import Work

__all__ = ["Admin"]


class Admin:
    """Checks, the trash, and who uses how much."""

    def __init__(self, session: Work) -> None:
        self._session = session

    def check(self, verify: bool = False) -> Job:
        """Compare rows and files without changing anything."""
        state = self._session.store

        def run(progress: Progress) -> CheckReport:
            return check(state, verify, progress)

        return self._start("check", run)

    def purge(self, older_than_days: float = 0.0) -> Job:
        """Remove for good what was deleted more than so many days ago."""
        if not 0 <= older_than_days < 1e5:
            raise Invalid(f"Give a number of days from 0, not {older_than_days}.")
        state = self._session.store

        def run(progress: Progress) -> PurgeReport:
            progress.tell(0, 1, "removing what was deleted")
            return purge(state, timedelta(days=older_than_days))

        return self._start("purge", run)

    def backup(self, path: str) -> Job:
        """Copy the repository, while it is in use, to a folder of this machine's disk."""
        self._administrators_only()
        if not self._session.shares_disk:
            raise Denied("A backup is started on the repository's own machine: omero-jlab admin.")
        if not Path(path).is_absolute():
            raise Invalid(f"Give the whole path of the backup's folder, not {path!r}.")
        state = self._session.store

        def run(progress: Progress) -> BackupReport:
            return back_up(state, Path(path), progress)

        return self._start("backup", run)

    def diagnostics(self) -> Diagnostics:
        """Versions, counts, and what is not as it should be."""
        self._administrators_only()
        return diagnose(self._session.store)

    def usage(self) -> tuple[Usage, ...]:
        """How much each user keeps in each group."""
        self._administrators_only()
        with self._session.reading() as (db, _):
            users = {u.id: u.name for u in db.scalars(accounts(select(UserRow)))}
            groups = {g.id: g.name for g in db.scalars(accounts(select(GroupRow)))}
            found: dict[tuple[int, int], dict[str, int]] = defaultdict(lambda: defaultdict(int))
            is_original = FileRow.fileset_id.is_not(None)
            for name, size, row, condition in (
                ("images", func.count(), ImageRow, ImageRow.deleted_at.is_(None)),
                ("original_bytes", func.sum(FileRow.size), FileRow, is_original),
                ("attached_bytes", func.sum(FileRow.size), FileRow, ~is_original),
                (
                    "table_bytes",
                    func.sum(SegmentRow.manifest["size"].as_integer()),
                    SegmentRow,
                    SegmentRow.until.is_(None),
                ),
                ("deleted_bytes", func.sum(FileRow.size), FileRow, FileRow.deleted_at.is_not(None)),
            ):
                statement = (
                    select(row.owner_id, row.group_id, size)
                    .where(condition)
                    .group_by(row.owner_id, row.group_id)
                )
                for owner, group, value in db.execute(
                    statement, execution_options={"unguarded": "jobs"}
                ):
                    found[owner, group][name] += int(value or 0)
        names = ("images", "original_bytes", "attached_bytes", "table_bytes", "deleted_bytes")
        return tuple(
            Usage(
                user=users[owner],
                group=groups[group],
                **{name: values[name] for name in names},
            )
            for (owner, group), values in sorted(found.items())
        )

    def _start(self, kind: str, run: Callable[[Progress], Record]) -> Job:
        self._administrators_only()
        return start_job(self._session, kind, {}, run)

    def _administrators_only(self) -> None:
        actor = self._session.access.actor
        if not actor.is_admin:
            raise Denied(f"Only an administrator may do that, and {actor.user_name} is none.")
