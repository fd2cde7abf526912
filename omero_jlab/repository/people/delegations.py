"""Secrets for programs that do a part of what a user may do, for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session as OrmSession

from ...database import (
    AnnotationLinkRow,
    AnnotationRow,
    DelegationImageRow,
    DelegationRow,
    ImageRow,
    UserRow,
    now,
)
from ...errors import Invalid, NotFound
from ...model import DELEGATED, Delegation
from ..guarded import GuardedSession
from ..tables.manifest import table_row, version_at
from ..work import Work
from .credentials import hash_of, new_secret

__all__ = ["Delegated", "Delegations", "delegated_to"]

_LONGEST_S = 3600
_AT_ONCE = 500
_KEY = 128
_FREE: Any = {"unguarded": "accounts"}


@dataclass(frozen=True)
class Delegated:
    """What a secret lets do, as user `user`: `id` names its rows."""

    id: int
    user: str
    run: str
    table_id: int | None
    shares_disk: bool

    def is_there(self, db: OrmSession) -> bool:
        """Whether it was not taken away meanwhile."""
        statement = select(DelegationRow.id).where(DelegationRow.id == self.id)
        return db.scalar(statement, execution_options=_FREE) is not None

    def has_image(self, db: OrmSession, image_id: int) -> bool:
        """Whether it is for an image."""
        statement = select(DelegationImageRow.id).where(
            DelegationImageRow.delegation_id == self.id, DelegationImageRow.image_id == image_id
        )
        return db.scalar(statement, execution_options=_FREE) is not None

    def has_annotation(self, db: OrmSession, annotation_id: int) -> bool:
        """Whether it is for a table or a label image: its own, or one on one of its images."""
        if annotation_id == self.table_id:
            return True
        statement = (
            select(AnnotationLinkRow.id)
            .join(DelegationImageRow, DelegationImageRow.image_id == AnnotationLinkRow.image_id)
            .join(AnnotationRow, AnnotationRow.id == AnnotationLinkRow.annotation_id)
            .where(
                AnnotationLinkRow.annotation_id == annotation_id,
                AnnotationLinkRow.deleted_at.is_(None),
                AnnotationRow.kind.in_(("table", "labels")),
                DelegationImageRow.delegation_id == self.id,
            )
        )
        return db.scalar(statement.limit(1), execution_options=_FREE) is not None


def delegated_to(db: OrmSession, secret: str) -> Delegated | None:
    """What a secret lets do now; None where it lets nothing."""
    statement = (
        select(DelegationRow, UserRow.name)
        .join(UserRow, UserRow.id == DelegationRow.user_id)
        .where(
            DelegationRow.sha256 == hash_of(secret),
            DelegationRow.expires_at > now(),
            UserRow.active,
        )
    )
    found = db.execute(statement.execution_options(**_FREE)).first()
    if found is None:
        return None
    row, user = found
    return Delegated(row.id, user, row.run_key, row.table_id, row.shares_disk)


class Delegations:
    """The delegations of each user."""

    def __init__(self, session: Work) -> None:
        self._session = session

    def add(
        self,
        image_ids: Sequence[int] = (),
        run: str = "",
        table_id: int | None = None,
        table_version: int | None = None,
        seconds: int = _LONGEST_S,
    ) -> Delegation:
        """Make a secret that reads these images and this table, for an hour at most.

        Raises
        ------
        NotFound
            The user sees no such image or table.
        Invalid
            It is for nothing, or should hold longer than an hour, or no second.
        """
        until = timedelta(seconds=_checked(seconds))
        ids = sorted(set(image_ids))
        if not ids and table_id is None:
            raise Invalid("Such a secret is for images, or for a table: name some.")
        if len(run) > _KEY:
            raise Invalid(f"The key of a run has at most {_KEY} characters, not {len(run)}.")
        if table_id is None and table_version is not None:
            raise Invalid("A version was given without the table that has it.")
        secret = DELEGATED + new_secret()
        with self._session.writing() as unit:
            db = unit.db
            if table_id is not None:
                table_row(db, table_id)
                if table_version is not None:
                    version_at(db, table_id, table_version)
            _check_images(db, ids)
            time = now()
            # What has expired is of no use to anybody.
            old = select(DelegationRow).where(DelegationRow.expires_at <= time)
            for expired in db.scalars(old, execution_options=_FREE):
                db.delete(expired)
            row = DelegationRow(
                user_id=unit.access.actor.user_id,
                run_key=run,
                table_id=table_id,
                table_version=table_version,
                shares_disk=self._session.shares_disk,
                sha256=hash_of(secret),
                created_at=time,
                expires_at=time + until,
            )
            db.add(row)
            db.flush()
            db.add_all(DelegationImageRow(delegation_id=row.id, image_id=i) for i in ids)
            db.flush()
            # No answer is kept: the secret would lie in the database in plain text.
            return _record(row, len(ids)).model_copy(update={"secret": secret})

    def list(self) -> tuple[Delegation, ...]:
        """The asking user's that have not expired; an administrator sees all."""
        with self._session.reading() as (db, access):
            statement = select(DelegationRow).where(DelegationRow.expires_at > now())
            if not access.actor.is_admin:
                statement = statement.where(DelegationRow.user_id == access.actor.user_id)
            rows = db.scalars(statement.order_by(DelegationRow.id), execution_options=_FREE).all()
            return tuple(_record(row, _count(db, row.id)) for row in rows)

    def renew(self, delegation_id: int, seconds: int = _LONGEST_S) -> Delegation:
        """Let the same secret hold for so long from now; one that has expired is gone."""
        until = timedelta(seconds=_checked(seconds))
        with self._session.writing() as unit:
            row = self._own(unit.db, delegation_id, unit.access.actor.user_id)
            time = now()
            if row is None or row.expires_at <= time:
                raise NotFound(_MISSING.format(delegation_id))
            row.expires_at = time + until
            return unit.answer(_record(row, _count(unit.db, row.id)))

    def remove(self, delegation_id: int) -> None:
        """Make a secret worthless at once."""
        with self._session.writing() as unit:
            actor = unit.access.actor
            row = self._own(unit.db, delegation_id, None if actor.is_admin else actor.user_id)
            if row is None:
                raise NotFound(_MISSING.format(delegation_id))
            unit.db.delete(row)
            return unit.answer(None)

    def _own(
        self, db: GuardedSession, delegation_id: int, user_id: int | None
    ) -> DelegationRow | None:
        statement = select(DelegationRow).where(DelegationRow.id == delegation_id)
        if user_id is not None:
            statement = statement.where(DelegationRow.user_id == user_id)
        return db.scalar(statement, execution_options=_FREE)


_MISSING = "There is no delegation {} that you may see, or it has expired: make a new one."


def _checked(seconds: int) -> int:
    if not 0 < seconds <= _LONGEST_S:
        raise Invalid(
            f"A delegation holds 1 to {_LONGEST_S} seconds, not {seconds}; what takes longer "
            f"renews it."
        )
    return seconds


def _check_images(db: GuardedSession, ids: Sequence[int]) -> None:
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        seen = set(db.scalars(select(ImageRow.id).where(ImageRow.id.in_(some))))
        for image_id in some:
            if image_id not in seen:
                raise NotFound(f"There is no image {image_id}.")


def _count(db: GuardedSession, delegation_id: int) -> int:
    statement = select(func.count(DelegationImageRow.id))
    of = statement.where(DelegationImageRow.delegation_id == delegation_id)
    return int(db.scalar(of, execution_options=_FREE) or 0)


def _record(row: DelegationRow, images: int) -> Delegation:
    return Delegation(
        id=row.id,
        user_id=row.user_id,
        images=images,
        run=row.run_key,
        table_id=row.table_id,
        table_version=row.table_version,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
