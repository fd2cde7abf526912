"""Versions of tables that somebody reads, and keeps until the reading is done."""

from __future__ import annotations

from sqlalchemy import select

from ...database import DelegationRow, now
from ..guarded import GuardedSession

__all__ = ["held_version"]


def held_version(db: GuardedSession, table_id: int) -> int | None:
    """The oldest version of a table that somebody's secret holds."""
    statement = (
        select(DelegationRow.table_version)
        .where(
            DelegationRow.table_id == table_id,
            DelegationRow.table_version.is_not(None),
            DelegationRow.expires_at > now(),
        )
        .order_by(DelegationRow.table_version)
    )
    return db.scalar(statement.limit(1), execution_options={"unguarded": "jobs"})
