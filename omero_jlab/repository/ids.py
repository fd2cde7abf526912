"""Ids ahead of their rows: files carry the id of an object that is not written yet."""

from __future__ import annotations

from sqlalchemy import text

from ..database import Base
from .guarded import GuardedSession

__all__ = ["reserve"]


def reserve(db: GuardedSession, row: type[Base], count: int = 1) -> list[int]:
    """`count` ids of a table that no other row has or will have."""
    name = row.__tablename__
    options = {"unguarded": "ids"}
    if db.get_bind().dialect.name == "postgresql":
        sequence = text(f"SELECT nextval('{name}_id_seq') FROM generate_series(1, :count)")
        return list(db.scalars(sequence, {"count": count}, execution_options=options))
    # AUTOINCREMENT takes its next id from this table, where a row appears with the first insert.
    given = {"name": name, "count": count}
    known = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
    last = db.scalar(known, given, execution_options=options)
    if last is None:
        last = 0
        change = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :count)")
    else:
        change = text("UPDATE sqlite_sequence SET seq = seq + :count WHERE name = :name")
    db.execute(change, given, execution_options=options)
    return list(range(last + 1, last + 1 + count))
