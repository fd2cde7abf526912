"""Bringing a database to the schema of this program, or saying why that cannot be."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from ..errors import Newer

__all__ = ["migrate", "schema_of"]


def schema_of(engine: Engine) -> str | None:
    """The revision of a database's schema; None where there is none yet."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def migrate(writer: Engine) -> None:
    """Upgrade the database behind `writer` to the newest schema.

    Raises
    ------
    Newer
        The database has a schema that this program does not know.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    with writer.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        known = {script.revision for script in scripts.walk_revisions()}
        if current is not None and current not in known:
            raise Newer(
                f"This repository's database has schema {current}, made by a newer omero-jlab; "
                f"this one knows up to {scripts.get_current_head()}. Update omero-jlab."
            )
        if current == scripts.get_current_head():
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
