"""The end of what was deleted: its rows go, and then its files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import select

from ..database import (
    AnnotationRow,
    Base,
    FileRow,
    FilesetRow,
    Guarded,
    ImageRow,
    IntentRow,
    now,
)
from ..model import PurgeReport
from ..storage import shard
from .guarded import GuardedSession
from .intents import fulfil
from .inventory import stored_files
from .places import image_place, labels_place, table_place
from .state import State

__all__ = ["purge"]


def purge(state: State, older_than: timedelta) -> PurgeReport:
    """Remove what was deleted longer ago than `older_than`.

    The rows go in one transaction, which names the files in an intent: a crash after it leaves
    files that the next opening removes, never a row without its file.
    """
    state.check_writable("freeing")
    state.check_trash()
    before = now() - older_than
    if not _has_any(state, before):
        return PurgeReport(rows=0, files=0, size=0)
    with state.books() as db, db.flushing_unchecked("purge"):
        paths = sorted(set(_paths(db, before, state)))
        rows = 0
        for row_class in _parts_first():
            gone = select(row_class).where(row_class.deleted_at < before)
            for row in db.scalars(gone.execution_options(unguarded="purge")).all():
                db.delete(row)
                rows += 1
            db.flush()
        intent = IntentRow(kind="purge", paths=paths)
        db.add(intent)
        db.flush()
        intent_id = intent.id
    held = [(path, size) for path, size in stored_files(state) if _below(path, paths)]
    fulfil(state, intent_id)
    return PurgeReport(rows=rows, files=len(held), size=sum(size for _, size in held))


def _has_any(state: State, before: datetime) -> bool:
    """Whether anything was deleted before that time."""
    with GuardedSession(state.engines.reader, None) as db:
        statements = (select(row.id).where(row.deleted_at < before) for row in _parts_first())
        options = {"unguarded": "purge"}
        return any(
            db.scalar(statement.limit(1), execution_options=options) is not None
            for statement in statements
        )


def _parts_first() -> list[type[Guarded]]:
    """The guarded classes, so ordered that no row goes before those that point to it."""
    classes = {row.__tablename__: row for row in Guarded.__subclasses__()}  # type: ignore[attr-defined]
    tables = reversed(Base.metadata.sorted_tables)
    return [classes[table.name] for table in tables if table.name in classes]


def _paths(db: GuardedSession, before: datetime, state: State) -> Iterator[str]:
    """Files and folders of the rows that go."""
    managed = state.layout.managed.name
    options = {"unguarded": "purge"}

    def gone(row_class: type[Guarded]) -> Iterator[Guarded]:
        statement = select(row_class).where(row_class.deleted_at < before)
        yield from db.scalars(statement, execution_options=options)

    for fileset in gone(FilesetRow):
        assert isinstance(fileset, FilesetRow)
        yield f"{managed}/{fileset.folder}"
        yield f"{managed}/{fileset.folder}.log"
    for file in gone(FileRow):
        assert isinstance(file, FileRow)
        if file.fileset_id is None:
            yield file.path
    for image in gone(ImageRow):
        yield image_place(image.id)
        yield f"{state.layout.thumbnails.name}/{shard(image.id)}"
    for annotation in gone(AnnotationRow):
        assert isinstance(annotation, AnnotationRow)
        if annotation.kind == "labels":
            yield labels_place(annotation.id)
        elif annotation.kind == "table":
            yield table_place(annotation.id)


def _below(path: str, places: list[str]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in places)
