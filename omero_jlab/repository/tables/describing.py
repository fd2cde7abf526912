"""What is said of a table beside its rows: metadata, units, descriptions, its history."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sqlalchemy import select

from ...database import TableVersionRow, UserRow
from ...errors import Invalid
from ...model import TableInfo, TableVersion
from ...tables import chosen
from ..access import accounts
from ..work import Work
from .manifest import (
    columns_at,
    every_column,
    set_columns,
    table_info,
    table_row,
    version_record,
)

__all__ = ["Fact", "checked_metadata", "describe_columns", "set_metadata", "versions_of"]

Fact = str | int | float | bool

_MOST = 1000
_LONGEST = 64_000


def checked_metadata(metadata: Mapping[str, Fact]) -> dict[str, Fact]:
    """Words and numbers by key, as they are kept with a table.

    Raises
    ------
    Invalid
        There are too many, or one is something else, or cannot be written as JSON.
    """
    if len(metadata) > _MOST:
        raise Invalid(f"A table keeps at most {_MOST} metadata, not {len(metadata)}.")
    for key, value in metadata.items():
        if not isinstance(key, str) or not key.strip() or len(key) > 255:
            raise Invalid(f"The metadata key {str(key)[:40]!r} needs 1 to 255 characters.")
        if not isinstance(value, str | int | float):
            raise Invalid(
                f"The metadata {key!r} is a {type(value).__name__}: a text or number is kept."
            )
        if isinstance(value, str) and len(value) > _LONGEST:
            raise Invalid(f"The metadata {key!r} has more than {_LONGEST:,} characters.")
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise Invalid(f"The metadata {key!r} does not fit into 64 bits.")
        if isinstance(value, float) and not math.isfinite(value):
            raise Invalid(f"The metadata {key!r} is {value}, which is no number that is kept.")
    return dict(metadata)


def describe_columns(
    session: Work, table_id: int, units: Mapping[str, str], descriptions: Mapping[str, str]
) -> TableInfo:
    """Say what columns mean; what is not named stays.

    Raises
    ------
    Invalid
        The table has no such column.
    """
    with session.writing() as unit:
        row = table_row(unit.db, table_id)
        unit.access.require(row, "can_edit")
        chosen(columns_at(row), [*units, *descriptions])
        described = [
            column.model_copy(
                update={
                    "unit": units.get(column.name, column.unit),
                    "description": descriptions.get(column.name, column.description),
                }
            )
            if column.until is None
            else column
            for column in every_column(row)
        ]
        set_columns(row, described)
        # Views that are remembered, which hold the columns, are known by it.
        row.details = row.details | {"views": int(row.details.get("views", 0)) + 1}
        unit.db.flush()
        return unit.answer(table_info(unit.db, unit.access, row))


def set_metadata(session: Work, table_id: int, metadata: Mapping[str, Fact | None]) -> TableInfo:
    """Keep words and numbers by key with a table; a key with None is taken away."""
    with session.writing() as unit:
        row = table_row(unit.db, table_id)
        unit.access.require(row, "can_edit")
        known: dict[str, Fact] = dict(row.details.get("metadata", {}))
        for key, value in metadata.items():
            if value is None:
                known.pop(key, None)
            else:
                known[key] = value
        row.details = row.details | {"metadata": checked_metadata(known)}
        unit.db.flush()
        return unit.answer(table_info(unit.db, unit.access, row))


def versions_of(
    session: Work, table_id: int, limit: int, before: int | None
) -> tuple[TableVersion, ...]:
    """The newest versions that can be read, the newest first."""
    with session.reading() as (db, _):
        table_row(db, table_id)
        statement = select(TableVersionRow).where(TableVersionRow.table_id == table_id)
        if before is not None:
            statement = statement.where(TableVersionRow.number < before)
        statement = statement.order_by(TableVersionRow.number.desc())
        rows = db.scalars(statement.limit(min(max(limit, 1), 10_000))).all()
        users = accounts(select(UserRow).where(UserRow.id.in_({row.owner_id for row in rows})))
        names = {user.id: user.name for user in db.scalars(users)}
        return tuple(version_record(row, names[row.owner_id]) for row in rows)
