"""Opening a repository: folders, schema, what a crash left behind, the first accounts."""

from __future__ import annotations

import getpass
import logging
import threading
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from ..database import (
    AppliedRow,
    GroupRow,
    MembershipRow,
    RepositoryRow,
    UserRow,
    belonging_of,
    faults,
    now,
)
from ..errors import Denied, NotFound, OmeroError, Unreadable
from ..model import DELEGATED, GroupType
from ..pixels import load_loops
from ..rendering import warm_up
from ..storage import Layout, sweep, sweep_unfinished, uploads_folder
from .delegated import DelegatedSession, ended
from .guarded import GuardedSession
from .intents import undo_all, undo_left
from .jobs.indexes import Rebuilding
from .jobs.progress import beat
from .jobs.pyramids import forgotten_pyramids
from .jobs.requeue import requeue, run_again, take_up
from .people.accounts import check_password, user_of_token
from .people.capabilities import grant_of
from .people.delegations import delegated_to
from .pictures.luts import LUTS
from .session import Session
from .state import State
from .upkeep.diagnose import exposed, exposure
from .upkeep.generations import begin_generation, check_belonging, check_place, end_generation
from .upkeep.purge import purge, purge_oldest
from .upkeep.scrub import start_due_scrubs
from .upkeep.upgrade import bring_up_to_date, settle_upgrade

__all__ = ["Store"]

log = logging.getLogger(__name__)

_ANSWERS_KEPT = timedelta(days=1)


class Store(State):
    """An open repository.  Its process must hold the repository's lock."""

    def __init__(self, layout: Layout, tier: str) -> None:
        super().__init__(layout, tier)
        self.rebuilding = Rebuilding(self, lambda left: run_again(left, self.session))

    @classmethod
    def open(cls, root: Path, create: bool = False, tier: str = "personal") -> Store:
        """Open the repository at `root`, or make one there.

        Raises
        ------
        NotFound
            There is none, and `create` is false.
        Newer
            A newer omero-jlab made it.
        Conflict
            Its database is of another generation than its files, or a team's repository lies
            elsewhere than before.
        Denied
            A team's repository can be written by everybody on this machine.
        """
        try:
            layout = Layout.open(root)
        except NotFound:
            if not create:
                raise
            layout = Layout.create(root)
        store = cls(layout, tier)
        try:
            store._check_exposure()
            settle_upgrade(store.layout, store.engines)
            check_belonging(store.layout, belonging_of(store.engines.writer))
            bring_up_to_date(store.layout, store.engines, tier)
            store.damage.load(store.engines.reader)
            store._settle()
            store._watch()
            # The first picture would wait a second for the compiler otherwise.
            store.jobs.submit(warm_up)
            store.jobs.submit(load_loops)
            store.jobs.submit(_purge_old, store)
            store.looking_after = threading.Thread(
                target=start_due_scrubs,
                args=(store, store.session()),
                name="omero-jlab-scrub",
                daemon=True,
            )
            store.looking_after.start()
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

    def delegated_session(
        self, secret: str, group: str | int | None = None, request_id: str | None = None
    ) -> DelegatedSession | None:
        """The repository for a worker that has a delegation's secret; None for another secret.

        Raises
        ------
        Unauthenticated
            The delegation has expired, or was taken away.
        """
        if not secret.startswith(DELEGATED):
            return None
        with GuardedSession(self.engines.reader, None) as db:
            delegated = delegated_to(db, secret)
        if delegated is None:
            raise ended()
        # Under an id of another's request nothing is answered again.
        own = request_id and f"{delegated.id}-{request_id}"
        session = Session(self, delegated.user, group, own, delegated.shares_disk)
        return DelegatedSession(session, delegated)

    @property
    def zarr_origins(self) -> tuple[str, ...]:
        """Whose pages may read images as OME-Zarr; `*` is everybody's."""
        return self.config.zarr.origins

    def grant_of(self, secret: str) -> tuple[str, int] | None:
        """The user as whom, and the image that, a capability lets read, or None."""
        with GuardedSession(self.engines.reader, None) as db:
            return grant_of(db, secret)

    def check_password(self, name: str, password: str) -> str | None:
        """The name of the user who logs in, or None where name or password are wrong."""
        with GuardedSession(self.engines.reader, None) as db:
            return check_password(db, name, password)

    def _check_exposure(self) -> None:
        found = exposed(self.layout)
        if not found:
            return
        said = exposure(found)
        if self.tier == "team":
            raise Denied(f"A team's repository is not served like that. {said}")
        self.disk.notes += (said,)

    def _watch(self) -> None:
        self.disk.keep_reserve()
        self.watcher = threading.Thread(
            target=self.disk.watch, args=(self.closing,), name="omero-jlab-disk", daemon=True
        )
        self.watcher.start()

    def _take_back(self, verify: bool) -> None:
        log.warning("the disk of %s is back: opening it again", self.layout.root)
        self.disk.guard.accept()
        self.engines.renew()
        check_belonging(self.layout, belonging_of(self.engines.writer))
        if verify:
            self._check_database()
        self._raise_generation()
        undo_all(self)
        self._sweep()
        self.uploads.load()
        with self.books() as db:
            self._end_generation(db)
        run_again(take_up(self), self.session)

    def _check_database(self) -> None:
        with self.engines.reader.connect() as connection:
            found = faults(connection)
        if found:
            raise Unreadable(
                f"The database {self.layout.database} is damaged ({'; '.join(found[:5])}): end "
                f"the program and restore it from the backup."
            )

    def _tidy(self) -> None:
        try:
            undo_left(self)
            self._sweep()
        except OmeroError as error:
            log.warning("what was left lying stays until the next opening: %s", error)

    def _sweep(self) -> None:
        """Remove what nobody is working with any more from the hidden folders."""
        for folder in self.layout.folders:
            sweep(self.layout.staging(folder), keep={uploads_folder(self.layout).name})
            sweep(self.layout.trash(folder))

    def index_lost(self, folder: Path, reason: str) -> OmeroError:
        """The error to raise where an index is of no use: it is made again by a job."""
        return self.rebuilding.begin(folder, reason)

    def _make_room(self, bytes_wanted: int) -> None:
        self.jobs.submit(_purge_oldest, self, bytes_wanted)

    def _raise_generation(self) -> None:
        with self.books() as db:
            row = self.own_row(db)
            if row is None:
                row = self._first_rows(db)
            check_place(row, self.layout, self.tier)
            generation = begin_generation(row, self.layout)
        self.layout.set_generation(generation)
        self.disk.guard.accept()

    def _end_generation(self, db: GuardedSession) -> None:
        row = self.own_row(db)
        assert row is not None
        end_generation(row, self.layout)

    def _settle(self) -> None:
        self._raise_generation()
        undo_all(self)
        self._sweep()
        # Nobody but who holds the lock writes these.
        sweep_unfinished(self.layout.root, self.layout.sentinel.name)
        sweep_unfinished(self.layout.root / LUTS)
        self.uploads.load()
        with self.books() as db:
            self._end_generation(db)
            self.local_user = (
                db.scalars(
                    select(UserRow.name)
                    .where(UserRow.is_admin)
                    .order_by(UserRow.id)
                    .execution_options(unguarded="accounts")
                ).first()
                or getpass.getuser()
            )
            old = select(AppliedRow).where(AppliedRow.created_at < now() - _ANSWERS_KEPT)
            for answer in db.scalars(old.execution_options(unguarded="jobs")):
                db.delete(answer)
        left = requeue(self)
        self.heart = threading.Thread(target=beat, args=(self,), name="omero-jlab-heart")
        self.heart.start()
        run_again([*left, *forgotten_pyramids(self)], self.session)

    def _first_rows(self, db: GuardedSession) -> RepositoryRow:
        name = getpass.getuser()
        group = GroupRow(name=name, type=GroupType.PRIVATE.value, description="Own data")
        row = RepositoryRow(uuid=self.uuid)
        db.add_all([row, group])
        db.flush()
        user = UserRow(name=name, is_admin=True, default_group_id=group.id)
        db.add(user)
        db.flush()
        db.add(MembershipRow(user_id=user.id, group_id=group.id, is_owner=True))
        return row


def _purge_oldest(store: Store, bytes_wanted: int) -> None:
    """Remove the oldest of what was deleted: the disk has too little room."""
    try:
        report = purge_oldest(store, bytes_wanted)
    except OmeroError as error:
        log.warning("no room is made on the disk: %s", error)
        return
    if report.rows:
        log.warning(
            "the disk is nearly full: %s deleted rows and %s bytes were removed for good",
            report.rows,
            report.size,
        )


def _purge_old(store: Store) -> None:
    """Remove what has been in the trash for long enough."""
    try:
        report = purge(store, timedelta(days=store.config.trash.days))
    except OmeroError as error:
        log.warning("the trash is not emptied now: %s", error)
        return
    if report.rows:
        log.info("%s deleted rows and %s bytes were removed for good", report.rows, report.size)
