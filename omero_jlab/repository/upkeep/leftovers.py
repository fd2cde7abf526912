"""What an object leaves beside its own rows and files: words about it, copies, free pages."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

from pydantic_core import from_json
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from ...database import (
    AppliedRow,
    CapabilityRow,
    DelegationImageRow,
    FileRow,
    ImageRow,
    JobRow,
    RunImageRow,
)
from ...errors import Conflict, Full, OmeroError
from ...storage import hash_file, sweep, uploads_folder
from ..guarded import GuardedSession
from ..state import State
from .cleanse import forget_removed, quarantined_at
from .erased import Doomed

__all__ = ["find_copies", "forget_caches", "remove_words", "shred_database"]

_FREE = {"unguarded": "erase"}
_ERASED = "(erased)"
# Shorter words stand in many others that have nothing to do with the object.
_LONG = 6
_WAIT_S = 20.0
_UNFINISHED = ("queued", "running")


def find_copies(state: State, doomed: Doomed) -> list[str]:
    """Paths of what lies of its files in the quarantine and among uploads."""
    places = doomed.paths(state.layout)
    found = list(quarantined_at(state.layout, places))
    wanted = {(row.size, row.sha256) for row in doomed.rows if isinstance(row, FileRow)}
    sizes = {size for size, _ in wanted}
    for folder, _, names in os.walk(uploads_folder(state.layout)):
        for name in names:
            path = Path(folder) / name
            with suppress(OSError, OmeroError):
                if path.stat().st_size in sizes:
                    copied = hash_file(path)
                    if (copied.size, copied.sha256) in wanted:
                        found.append(path.relative_to(state.layout.root).as_posix())
    return found


def remove_words(db: GuardedSession, doomed: Doomed, own_job: int) -> None:
    """Take what is said of it out of jobs, kept answers and capabilities.

    Raises
    ------
    Conflict
        A job that is not finished speaks of it.
    """
    words = doomed.words()
    for job in db.scalars(select(JobRow), execution_options=_FREE):
        if job.id == own_job:
            continue
        said = (job.arguments, job.report, job.step, job.message, job.error)
        clean = tuple(_without(value, words) for value in said)
        if clean == said:
            continue
        if job.state in _UNFINISHED:
            raise Conflict(
                f"Job {job.id} ({job.kind}) speaks of it and is not finished: cancel it, or wait."
            )
        job.arguments, job.report, job.step, job.message, job.error = clean
    for answer in db.scalars(select(AppliedRow), execution_options=_FREE):
        value = from_json(answer.answer)
        if _without(value, words) != value:
            db.delete(answer)
    images = {row.id for row in doomed.rows if isinstance(row, ImageRow)}
    of_images: tuple[Any, ...] = (CapabilityRow, DelegationImageRow, RunImageRow)
    for image_id, kind in product(sorted(images), of_images):
        for each in db.scalars(
            select(kind).where(kind.image_id == image_id), execution_options=_FREE
        ):
            db.delete(each)


def _without(value: Any, words: frozenset[str]) -> Any:
    """The value without what is said of the words, in every text in it."""
    if isinstance(value, str):
        return _ERASED if _speaks(value, words) else value
    if isinstance(value, dict):
        return {_without(key, words): _without(each, words) for key, each in value.items()}
    if isinstance(value, list):
        return [_without(each, words) for each in value]
    return value


def _speaks(value: str, words: frozenset[str]) -> bool:
    if value in words or not words.isdisjoint(value.split("/")):
        return True
    return any(len(word) >= _LONG and word in value for word in words)


def forget_caches(state: State) -> None:
    """Drop what is remembered of files: readers, tables, what a reader kept of a format."""
    state.readers.forget()
    state.views.clear()
    forget_removed(state.layout)
    for folder in (state.layout.memo, state.layout.fulltext):
        sweep(folder, keep=(".staging", ".trash", ".quarantine"))


def shred_database(state: State) -> str:
    """Write the database anew, without what its free pages and its log still hold.

    Answers what could not be reached, or nothing.
    """
    with state.engines.turnstile.turn():
        connection = state.engines.writer.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute("INSERT INTO search_text (search_text) VALUES ('optimize')")
            cursor.execute("PRAGMA temp_store = FILE")
            try:
                cursor.execute("VACUUM")
            finally:
                cursor.execute("PRAGMA temp_store = MEMORY")
            if not _log_is_empty(cursor):
                return (
                    "The database's log could not be emptied, since somebody reads for long: it "
                    "is when the repository is closed."
                )
        except sqlite3.OperationalError as error:
            reason = state.database_error(OperationalError("VACUUM", None, error))
            if not isinstance(reason, Full):
                raise reason from error
            return "The disk is too full to write the database anew: erase again with more room."
        finally:
            connection.close()
    return ""


def _log_is_empty(cursor: Any) -> bool:
    until = time.monotonic() + _WAIT_S
    while True:
        busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not busy:
            return True
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
