"""Opening a repository: folders, schema, what a crash left behind, the first accounts."""

from __future__ import annotations

import getpass
import logging
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from ..database import (
    AppliedRow,
    GroupRow,
    JobRow,
    MembershipRow,
    RepositoryRow,
    UserRow,
    migrate,
    now,
)
from ..errors import Invalid, NotFound, OmeroError
from ..model import GroupType
from ..rendering import warm_up
from ..storage import Layout, sweep
from .accounts import check_password, user_of_token
from .guarded import GuardedSession
from .intents import undo_all
from .purge import purge
from .save import resume_pyramids
from .session import Session
from .state import State

__all__ = ["Store"]

log = logging.getLogger(__name__)

_ANSWERS_KEPT = timedelta(days=1)


class Store(State):
    """An open repository.  Its process must hold the repository's lock."""

    @classmethod
    def open(cls, root: Path, create: bool = False, tier: str = "personal") -> Store:
        """Open the repository at `root`, or make one there.

        Raises
        ------
        NotFound
            There is none, and `create` is false.
        Newer
            A newer omero-jlab made it.
        """
        try:
            layout = Layout.open(root)
        except NotFound:
            if not create:
                raise
            layout = Layout.create(root)
        store = cls(layout, tier)
        try:
            migrate(store.engines.writer)
            store._settle()
            # The first picture would wait a second for the compiler otherwise.
            store.jobs.submit(warm_up)
            store.jobs.submit(_purge_old, store)
        except BaseException:
            store.close()
            raise
        return store

    def session(
        self,
        user: str | None = None,
        group: str | int | None = None,
        request_id: str | None = None,
        shares_disk: bool = True,
    ) -> Session:
        """The repository as `user` sees it; without a name, the one whose repository it is."""
        return Session(self, user or self.local_user, group, request_id, shares_disk)

    def user_of_token(self, secret: str) -> str | None:
        """The name of the user for whom a secret stands, or None."""
        with GuardedSession(self.engines.reader, None) as db:
            return user_of_token(db, secret)

    def check_password(self, name: str, password: str) -> str | None:
        """The name of the user who logs in, or None where name or password are wrong."""
        with GuardedSession(self.engines.reader, None) as db:
            return check_password(db, name, password)

    def _settle(self) -> None:
        with self.books() as db:
            row = self.own_row(db)
            if row is None:
                self._first_rows(db)
            elif row.uuid != self.uuid:
                raise Invalid(
                    f"The database at {self.layout.database} belongs to repository {row.uuid}, "
                    f"these folders to {self.uuid}: put the two that belong together side by side."
                )
        undo_all(self)
        for folder in self.layout.folders:
            sweep(self.layout.staging(folder))
            sweep(self.layout.trash(folder))
        with self.books() as db:
            self.local_user = (
                db.scalars(
                    select(UserRow.name)
                    .where(UserRow.is_admin)
                    .order_by(UserRow.id)
                    .execution_options(unguarded="accounts")
                ).first()
                or getpass.getuser()
            )
            interrupted = select(JobRow).where(JobRow.state.in_(("queued", "running")))
            for job in db.scalars(interrupted.execution_options(unguarded="jobs")):
                job.state = "failed"
                job.error = "The program ended before this was finished: start it again."
                job.finished_at = now()
            old = select(AppliedRow).where(AppliedRow.created_at < now() - _ANSWERS_KEPT)
            for answer in db.scalars(old.execution_options(unguarded="jobs")):
                db.delete(answer)
        resume_pyramids(self)

    def _first_rows(self, db: GuardedSession) -> None:
        name = getpass.getuser()
        group = GroupRow(name=name, type=GroupType.PRIVATE.value, description="Own data")
        db.add_all([RepositoryRow(uuid=self.uuid), group])
        db.flush()
        user = UserRow(name=name, is_admin=True, default_group_id=group.id)
        db.add(user)
        db.flush()
        db.add(MembershipRow(user_id=user.id, group_id=group.id, is_owner=True))


def _purge_old(store: Store) -> None:
    """Remove what has been in the trash for long enough."""
    try:
        report = purge(store, timedelta(days=store.config.trash.days))
    except OmeroError as error:
        log.warning("the trash is not emptied now: %s", error)
        return
    if report.rows:
        log.info("%s deleted rows and %s bytes were removed for good", report.rows, report.size)
