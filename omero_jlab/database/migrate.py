"""Bringing a database to the schema of this program, or saying why that cannot be.

Alembic is imported only where there is something to be done: every opening looks here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from ..errors import Newer
from .base import Base

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = [
    "Belonging",
    "Step",
    "belonging_of",
    "count_rows",
    "differences",
    "faults",
    "migrate",
    "schema_of",
    "steps_to_newest",
]

MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True)
class Step:
    """One migration: the schema it leads to, and what it brings."""

    revision: str
    what: str


@dataclass(frozen=True)
class Belonging:
    """Which repository a database belongs to, and which state of its files."""

    uuid: str
    generation: int
    next_generation: int


def schema_of(engine: Engine) -> str | None:
    """The revision of a database's schema; None where there is none yet."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found


def belonging_of(engine: Engine) -> Belonging | None:
    """What a database of any schema says of its repository; None where it holds none yet."""
    with engine.connect() as connection:
        tables = inspect(connection)
        if not tables.has_table("repository"):
            return None
        names = {column["name"] for column in tables.get_columns("repository")}
        following = "next_generation" if "next_generation" in names else "generation"
        row = connection.execute(
            text(f"SELECT uuid, generation, {following} FROM repository")
        ).first()
        return None if row is None else Belonging(*row)


def steps_to_newest(engine: Engine) -> tuple[Step, ...]:
    """The migrations that a database still needs, in their order.

    Raises
    ------
    Newer
        The database has a schema that this program does not know.
    """
    current = schema_of(engine)
    if current == _newest(MIGRATIONS):
        return ()
    steps = _steps(MIGRATIONS)
    if current is None:
        return steps
    known = [step.revision for step in steps]
    if current not in known:
        raise Newer(
            f"This repository's database has schema {current}, made by a newer omero-jlab; "
            f"this one knows up to {known[-1]}. Update omero-jlab."
        )
    return steps[known.index(current) + 1 :]


def migrate(
    writer: Engine, check: Callable[[Connection], object] = lambda connection: None
) -> None:
    """Upgrade the database behind `writer` to the newest schema, in one transaction.

    `check` looks at the result before it is committed; what it raises undoes everything.

    Raises
    ------
    Newer
        The database has a schema that this program does not know.
    """
    if not steps_to_newest(writer):
        return
    from alembic import command

    config = _config(MIGRATIONS)
    with writer.connect() as connection:
        # Alembic commits after each step, unless a transaction is under way before.
        connection.begin()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        check(connection)
        connection.commit()


def faults(connection: Connection) -> list[str]:
    """What is wrong with the file itself, and which rows point to none."""
    found = [str(said) for (said,) in connection.execute(text("PRAGMA integrity_check(20)"))]
    found = [] if found == ["ok"] else found
    orphans = connection.execute(text("PRAGMA foreign_key_check")).fetchmany(20)
    return found + [
        f"row {row} of {table} points to no {parent}" for table, row, parent, _ in orphans
    ]


def differences(connection: Connection) -> list[str]:
    """How the schema differs from what the rows of this program describe."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    own = {"include_name": lambda name, kind, _: not str(name).startswith("search_")}
    context = MigrationContext.configure(connection, opts=own)
    return [f"the schema differs: {each}" for each in compare_metadata(context, Base.metadata)]


def count_rows(connection: Connection) -> dict[str, int]:
    """How many rows each table has, but for the full-text index."""
    names = [n for n in inspect(connection).get_table_names() if not n.startswith("search_")]
    return {
        name: connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one()
        for name in names
    }


@cache
def _newest(folder: Path) -> str:
    """The revision of the newest migration: its file's name begins with it."""
    return max(each.name for each in (folder / "versions").glob("*_*.py")).partition("_")[0]


@cache
def _steps(folder: Path) -> tuple[Step, ...]:
    """All migrations of a folder, in their order: one line, without branches."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_config(folder)).walk_revisions()
    return tuple(Step(each.revision, each.doc) for each in reversed(list(scripts)))


def _config(folder: Path) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(folder))
    return config
