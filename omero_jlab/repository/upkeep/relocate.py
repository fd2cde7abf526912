"""Taking database and files for one repository though they do not say so themselves."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import select

from ...database import Engines, RepositoryRow, belonging_of
from ...errors import Invalid, NotFound
from ...model import Adoption
from ...storage import Layout
from ..config import database_of, journal_of, read_config
from ..guarded import GuardedSession
from .generations import begin_generation, end_generation
from .upgrade import bring_up_to_date

__all__ = ["adopt"]

log = logging.getLogger(__name__)


def adopt(root: Path) -> Adoption:
    """Give database and files of the repository at `root` one generation, and note where it lies.

    The repository must be closed, and the caller hold its lock.  Nothing else is changed: what
    the two disagree on, `check` names afterwards.

    Raises
    ------
    NotFound
        There is no repository, or no database.
    Invalid
        The database belongs to another repository.
    """
    layout = Layout.open(root)
    config = read_config(layout.root)
    layout = database_of(layout, config.database)
    if not layout.database.exists():
        raise NotFound(f"There is no database {layout.database}: restore it from the backup.")
    engines = Engines(layout.database, journal_of(layout, config.database))
    try:
        files, found = layout.identity(), belonging_of(engines.writer)
        if found is None or found.uuid != files.uuid:
            raise Invalid(
                f"The database {layout.database} belongs to "
                f"{'no repository' if found is None else f'repository {found.uuid}'}, and the "
                f"files to {files.uuid}: that is not one repository, and cannot be made one."
            )
        bring_up_to_date(layout, engines)
        with GuardedSession(engines.writer, None) as db:
            before = dict(_row(db).place or {}).get("path", "")
            generation = begin_generation(_row(db), layout)
            db.commit()
        layout.set_generation(generation)
        with GuardedSession(engines.writer, None) as db:
            end_generation(_row(db), layout)
            db.commit()
    finally:
        engines.close()
    log.warning(
        "the repository in %s, before in %s, was adopted: its database was of generation %s, its "
        "files of %s, both are of %s",
        layout.root,
        before or "an unknown place",
        found.generation,
        files.generation,
        generation,
    )
    return Adoption(
        path=str(layout.root),
        path_before=before,
        database_generation=found.generation,
        files_generation=files.generation,
        generation=generation,
    )


def _row(db: GuardedSession) -> RepositoryRow:
    row = db.scalar(select(RepositoryRow).execution_options(unguarded="jobs"))
    assert row is not None
    return row
