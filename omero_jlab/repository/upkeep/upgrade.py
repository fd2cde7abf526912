"""Bringing a database to this program's schema, or leaving it as it was.

The database is copied beside itself, migrated and checked in one transaction, and looked at once
more.  While that is under way a mark lies beside it: whoever opens the repository after a crash
finds by it that the upgrade is to be finished, or undone.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from ...database import (
    Engines,
    count_rows,
    differences,
    faults,
    migrate,
    schema_of,
    steps_to_newest,
)
from ...errors import Full, OmeroError, Unavailable, Unreadable
from ...model import Migration, UpgradePlan
from ...storage import (
    Layout,
    RepositoryLock,
    fsync_folder,
    space,
    sweep_unfinished,
    write_file,
    writing,
)
from ..config import database_of, journal_of, read_config
from .backup import snapshot

__all__ = ["bring_up_to_date", "plan_upgrade", "settle_upgrade", "upgrade_repository"]

log = logging.getLogger(__name__)


def plan_upgrade(root: Path) -> UpgradePlan:
    """What an upgrade of the repository at `root` would do; nothing is changed.

    Raises
    ------
    NotFound
        There is no repository, or no database.
    Newer
        A newer omero-jlab made it.
    """
    layout, engines = _opened(root)
    try:
        return _plan(layout, engines)
    finally:
        engines.close()


def upgrade_repository(root: Path) -> UpgradePlan:
    """Upgrade the closed repository at `root`; answers what was done.

    Raises
    ------
    Unavailable
        The repository is open.
    Full
        There is no room for a copy of its database.
    Unreadable
        The database is damaged, or the upgrade failed: it is as it was before.
    """
    lock = RepositoryLock(Layout.open(root).lock)
    if not lock.acquire():
        owner = lock.read_owner()
        whose = "another process" if owner is None else f"process {owner.pid} on {owner.host}"
        raise Unavailable(f"The repository in {root} is open in {whose}: end that first.")
    try:
        layout, engines = _opened(root)
        try:
            settle_upgrade(layout, engines)
            plan = _plan(layout, engines)
            bring_up_to_date(layout, engines)
        finally:
            engines.close()
    finally:
        lock.release()
    return plan


def bring_up_to_date(layout: Layout, engines: Engines, tier: str = "personal") -> None:
    """Upgrade the database of a repository whose lock is held; a new one gets its tables.

    Raises
    ------
    Unavailable
        The tier is a team's, where somebody decides when that is done.
    Newer, Full, Unreadable
        As `upgrade_repository`.
    """
    before = schema_of(engines.reader)
    steps = steps_to_newest(engines.reader)
    if not steps:
        return
    if before is None:
        migrate(engines.writer)
        return
    if tier == "team":
        raise Unavailable(
            f"The database of the repository in {layout.root} has schema {before}, and this "
            f"omero-jlab needs {steps[-1].revision}. See what that takes and then do it: "
            f"`omero-jlab admin upgrade --dry-run --repository {layout.root}`, and without "
            f"--dry-run."
        )
    log.warning("the database is upgraded from schema %s to %s", before, steps[-1].revision)
    _check_room(layout)
    with engines.reader.connect() as connection:
        _refuse_damaged(layout, faults(connection))
        counts = count_rows(connection)
    saved = _saved(layout)
    snapshot(layout.database, saved)
    write_file(_mark(layout), json.dumps({"from": before, "rows": counts}).encode())
    try:
        migrate(engines.writer, lambda connection: _check(connection, counts))
        _look_again(engines, counts)
    except BaseException as error:
        _undo(layout, engines, before, counts)
        if isinstance(error, SQLAlchemyError | OmeroError | sqlite3.Error):
            raise _failed(error, before, steps[-1].revision) from error
        raise
    _forget(layout)


def settle_upgrade(layout: Layout, engines: Engines) -> None:
    """Finish or undo an upgrade that a crash cut short; afterwards there is none under way."""
    try:
        said = json.loads(_mark(layout).read_bytes())
    except FileNotFoundError:
        # A copy without a mark: the crash came before the upgrade began, or after it ended.
        _remove(_saved(layout))
        _sweep(layout)
        return
    before, counts = said["from"], said["rows"]
    log.warning("an upgrade from schema %s was interrupted", before)
    try:
        steps = steps_to_newest(engines.reader)
        if not steps:
            _look_again(engines, counts)
            _forget(layout)
            return
    except (OmeroError, DatabaseError) as error:
        log.error("the upgraded database is not as it should be: %s", error)
    _undo(layout, engines, before, counts)


def _opened(root: Path) -> tuple[Layout, Engines]:
    layout = Layout.open(root)
    config = read_config(layout.root)
    layout = database_of(layout, config.database)
    return layout, Engines(layout.database, journal_of(layout, config.database))


def _plan(layout: Layout, engines: Engines) -> UpgradePlan:
    steps = steps_to_newest(engines.reader)
    current = schema_of(engines.reader) or ""
    with engines.reader.connect() as connection:
        problems = faults(connection)
    return UpgradePlan(
        schema_version=current,
        newest=steps[-1].revision if steps else current,
        steps=tuple(Migration(revision=each.revision, what=each.what) for each in steps),
        bytes_needed=_needed(layout) if steps else 0,
        bytes_free=space(layout.database.parent).free,
        problems=tuple(problems),
    )


def _needed(layout: Layout) -> int:
    # Its copy, and as much again for the log in which the changed pages stand.
    return 2 * layout.database.stat().st_size


def _check_room(layout: Layout) -> None:
    free = space(layout.database.parent).free
    if free < _needed(layout):
        raise Full(
            f"The upgrade of {layout.database} needs {_needed(layout):,} bytes for a copy of the "
            f"database and the change, and {free:,} are free: make room, then try again."
        )


def _refuse_damaged(layout: Layout, found: list[str]) -> None:
    if found:
        raise Unreadable(
            f"The database {layout.database} is damaged ({'; '.join(found[:5])}) and was not "
            f"upgraded: restore it from the backup."
        )


def _check(connection: Connection, counts: dict[str, int]) -> None:
    """Raise where the upgraded database is not what it should be."""
    found = [*faults(connection), *differences(connection)]
    now = count_rows(connection)
    for name, count in counts.items():
        if name in now and now[name] != count:
            found.append(f"{name} had {count} rows, and has {now[name]}")
    if found:
        raise Unreadable("; ".join(found[:5]))


def _look_again(engines: Engines, counts: dict[str, int]) -> None:
    # Over a connection that knows nothing of what the other one has in memory.
    engines.let_go()
    with engines.reader.connect() as connection:
        _check(connection, counts)


def _undo(layout: Layout, engines: Engines, before: str, counts: dict[str, int]) -> None:
    """Leave the database as it was before: the transaction did, or else its copy does."""
    engines.let_go()
    if not _is_as_before(engines, before, counts):
        log.error("the database is put back from its copy")
        saved = _saved(layout)
        with writing(layout.database):
            engines.let_go()
            for name in ("-wal", "-shm", "-journal"):
                _remove(layout.database.with_name(layout.database.name + name))
            saved.replace(layout.database)
            fsync_folder(layout.database.parent)
        engines.renew()
    _forget(layout)


def _is_as_before(engines: Engines, before: str, counts: dict[str, int]) -> bool:
    try:
        if schema_of(engines.reader) != before:
            return False
        with engines.reader.connect() as connection:
            return not faults(connection) and count_rows(connection) == counts
    except (DatabaseError, OmeroError):
        return False


def _failed(error: BaseException, before: str, newest: str) -> OmeroError:
    said = str(getattr(error, "orig", error))
    code = getattr(getattr(error, "orig", error), "sqlite_errorcode", 0)
    kind: Callable[[str], OmeroError] = Unreadable
    if isinstance(error, Full) or code & 0xFF == sqlite3.SQLITE_FULL:
        kind = Full
    return kind(
        f"The upgrade from schema {before} to {newest} failed: {said}. The database is as it was "
        f"before; the omero-jlab that made it opens it."
    )


def _forget(layout: Layout) -> None:
    """Remove the mark, and then the copy."""
    with writing(layout.database):
        _remove(_mark(layout))
        fsync_folder(layout.database.parent)
        _remove(_saved(layout))
    _sweep(layout)


def _sweep(layout: Layout) -> None:
    """Remove what was left of a copy that was never complete, or a mark."""
    folder, saved = layout.database.parent, _saved(layout)
    for each in folder.glob(f".{saved.name}.new*"):
        _remove(each)
    sweep_unfinished(folder, _mark(layout).name)


def _remove(path: Path) -> None:
    with writing(path):
        path.unlink(missing_ok=True)


def _saved(layout: Layout) -> Path:
    return layout.database.with_name(f"{layout.database.name}.before-upgrade")


def _mark(layout: Layout) -> Path:
    return layout.database.with_name(f"{layout.database.name}.upgrade.json")
