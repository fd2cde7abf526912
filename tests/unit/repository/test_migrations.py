"""The migrations lead to the schema that the rows describe."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from omero_jlab.database import Base, Engines, migrate
from omero_jlab.errors import Newer
from omero_jlab.repository import Store


def test_the_newest_migration_is_the_schema(tmp_path: Path) -> None:
    (tmp_path / "new.db").touch()
    engines = Engines(tmp_path / "new.db")
    try:
        migrate(engines.writer)
        with engines.reader.connect() as connection:
            context = MigrationContext.configure(
                connection,
                opts={"include_name": lambda name, kind, _: not str(name).startswith("search_")},
            )
            assert compare_metadata(context, Base.metadata) == []
    finally:
        engines.close()


def test_a_newer_repository_is_refused(tmp_path: Path) -> None:
    Store.open(tmp_path / "r", create=True).close()
    with sqlite3.connect(tmp_path / "r" / "omero-jlab.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    with pytest.raises(Newer, match="9999"):
        Store.open(tmp_path / "r")
