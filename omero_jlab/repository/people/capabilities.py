"""Secrets that let whoever has them read one image, for a while."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session as OrmSession

from ...database import CapabilityRow, ImageRow, UserRow, now
from ...errors import Invalid, NotFound
from ...model import Capability, ImagePart
from ..access import accounts
from ..containers import found
from ..work import Work, Writing
from ..zarr import parts_of
from .credentials import hash_of, new_secret

__all__ = ["Zarr", "grant_of"]

_LONGEST_S = 3600


def grant_of(db: OrmSession, secret: str) -> tuple[str, int] | None:
    """The user as whom, and the image that, a capability lets read; None where it lets nothing."""
    statement = (
        select(UserRow.name, CapabilityRow.image_id)
        .join(CapabilityRow, CapabilityRow.user_id == UserRow.id)
        .where(
            CapabilityRow.sha256 == hash_of(secret),
            CapabilityRow.expires_at > now(),
            UserRow.active,
        )
    )
    granted = db.execute(statement.execution_options(unguarded="accounts")).first()
    return None if granted is None else (granted[0], granted[1])


class Zarr:
    """Images for programs that know OME-Zarr and not this package."""

    def __init__(self, session: Work) -> None:
        self._session = session

    def parts(self, image_id: int) -> tuple[ImagePart, ...] | None:
        """Where the files of an image lie, for who may read this machine's disk; else None."""
        parts = parts_of(self._session, image_id)
        return parts if self._session.shares_disk else None

    def add_capability(self, image_id: int, seconds: int = _LONGEST_S) -> Capability:
        """Make a secret with which anybody reads this one image, for an hour at most.

        Raises
        ------
        Invalid
            It should hold longer than an hour, or no second.
        """
        _check(seconds)
        secret = new_secret()
        with self._session.writing() as unit:
            found(unit.db, ImageRow, image_id)
            time = now()
            # What has expired is of no use to anybody.
            old = select(CapabilityRow).where(CapabilityRow.expires_at <= time)
            for expired in unit.db.scalars(accounts(old)):
                unit.db.delete(expired)
            row = CapabilityRow(
                user_id=unit.access.actor.user_id,
                image_id=image_id,
                sha256=hash_of(secret),
                created_at=time,
                expires_at=time + timedelta(seconds=seconds),
            )
            unit.db.add(row)
            unit.db.flush()
            # No answer is kept: the secret would lie in the database in plain text.
            return _record(row).model_copy(update={"secret": secret})

    def capabilities(self, image_id: int | None = None) -> tuple[Capability, ...]:
        """The asking user's capabilities that have not expired; an administrator sees all."""
        with self._session.reading() as (db, access):
            statement = select(CapabilityRow).where(CapabilityRow.expires_at > now())
            if not access.actor.is_admin:
                statement = statement.where(CapabilityRow.user_id == access.actor.user_id)
            if image_id is not None:
                found(db, ImageRow, image_id)
                statement = statement.where(CapabilityRow.image_id == image_id)
            rows = db.scalars(accounts(statement.order_by(CapabilityRow.id)))
            return tuple(_record(row) for row in rows)

    def renew_capability(self, capability_id: int, seconds: int = _LONGEST_S) -> Capability:
        """Let the same secret hold for so long from now; one that has expired is gone."""
        _check(seconds)
        with self._session.writing() as unit:
            row = _own(unit, capability_id)
            time = now()
            if row.expires_at <= time:
                raise NotFound(f"There is no capability {capability_id} that you may see.")
            row.expires_at = time + timedelta(seconds=seconds)
            return unit.answer(_record(row))

    def remove_capability(self, capability_id: int) -> None:
        """Make a capability worthless at once."""
        with self._session.writing() as unit:
            unit.db.delete(_own(unit, capability_id))
            return unit.answer(None)


def _check(seconds: int) -> None:
    if not 0 < seconds <= _LONGEST_S:
        raise Invalid(f"A capability holds 1 to {_LONGEST_S} seconds, not {seconds}.")


def _own(unit: Writing, capability_id: int) -> CapabilityRow:
    statement = select(CapabilityRow).where(CapabilityRow.id == capability_id)
    row = unit.db.scalar(accounts(statement))
    actor = unit.access.actor
    if row is None or not (actor.is_admin or row.user_id == actor.user_id):
        raise NotFound(f"There is no capability {capability_id} that you may see.")
    return row


def _record(row: CapabilityRow) -> Capability:
    return Capability(
        id=row.id,
        user_id=row.user_id,
        image_id=row.image_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
