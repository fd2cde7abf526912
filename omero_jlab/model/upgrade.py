"""What bringing a database to a newer schema takes."""

from __future__ import annotations

from .record import Record

__all__ = ["Migration", "UpgradePlan"]


class Migration(Record):
    """One step: the schema that it leads to, and what it brings."""

    revision: str
    what: str


class UpgradePlan(Record):
    """What would be done, or was, to come from one schema to the newest.

    The database is saved beside itself meanwhile: that, and the change itself, need
    `bytes_needed`.  `problems` are those of the database as it was before.
    """

    schema_version: str
    newest: str
    steps: tuple[Migration, ...]
    bytes_needed: int
    bytes_free: int
    problems: tuple[str, ...]
