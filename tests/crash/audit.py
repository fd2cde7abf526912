"""What the rows say against what lies on the disk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import select

from omero_jlab.database import (
    AnnotationRow,
    FileRow,
    FilesetRow,
    ImageRow,
    IntentRow,
    JobRow,
    SegmentRow,
)
from omero_jlab.repository import Store
from omero_jlab.repository.guarded import GuardedSession
from omero_jlab.repository.places import image_place, labels_place, table_place

_PATIENCE_S = 120


def disagreements(store: Store) -> list[str]:
    """Files without rows, rows without files, and what an interrupted write left lying."""
    root = store.layout.root
    files, folders = _expected(store)
    found = {str(path.relative_to(root)) for path in _files(store)}
    inside = {name for name in found if any(name.startswith(f"{place}/") for place in folders)}
    said = [f"no file {name}, which a row names" for name in sorted(files - found)]
    said += [f"no index in {p}" for p in sorted(folders) if not (root / p / "index").is_file()]
    said += [f"no row for file {name}" for name in sorted(found - files - inside)]
    for folder in store.layout.folders:
        for hidden in (store.layout.staging(folder), store.layout.trash(folder)):
            said += [f"left behind: {path.relative_to(root)}" for path in _entries(hidden)]
    said += [f"an intent remains: {paths}" for paths in _rows(store, IntentRow.paths)]
    states = _rows(store, JobRow.state)
    said += [f"a job is {state} for ever" for state in states if state in ("queued", "running")]
    return said


def let_jobs_end(store: Store) -> None:
    """Wait until no job is queued or running, those that others start included.

    While the repository is read-only no end of a job can be written: none is waited for.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while not store.why_read_only() and any(
        state in ("queued", "running") for state in _rows(store, JobRow.state)
    ):
        assert time.monotonic() < deadline, "the jobs do not end"
        time.sleep(0.01)


def _expected(store: Store) -> tuple[set[str], set[str]]:
    """Paths of the files, and of the folders with an index, that the rows name."""
    managed = store.layout.managed.name
    files = set(_rows(store, FileRow.path))
    files |= {f"{managed}/{folder}.log" for folder in _rows(store, FilesetRow.folder)}
    for table_id, manifest in _rows(store, SegmentRow.table_id, SegmentRow.manifest):
        files.add(f"{table_place(table_id)}/{manifest['path']}")
    folders = {image_place(image_id) for image_id in _rows(store, ImageRow.id)}
    kinds = _rows(store, AnnotationRow.id, AnnotationRow.kind)
    folders |= {labels_place(i) for i, kind in kinds if kind == "labels"}
    return files, folders


def _rows(store: Store, *columns: Any) -> list[Any]:
    statement = select(*columns).execution_options(unguarded="jobs")
    with GuardedSession(store.engines.reader, None) as db:
        if len(columns) == 1:
            return list(db.scalars(statement))
        return [tuple(row) for row in db.execute(statement)]


def _files(store: Store) -> Iterator[Path]:
    layout = store.layout
    for folder in (layout.managed, layout.pixels, layout.files):
        hidden = (layout.staging(folder), layout.trash(folder))
        for path in folder.rglob("*"):
            if path.is_file() and not any(path.is_relative_to(h) for h in hidden):
                yield path


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
