"""Which files the rows name, and which there are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from ..database import AnnotationRow, FileRow, FilesetRow, ImageRow, SegmentRow
from ..model import Segment
from ..storage import Layout
from .guarded import GuardedSession
from .places import image_place, labels_place, table_place
from .readers import INDEX
from .state import State

__all__ = ["Inventory", "index_of", "stored_files", "take_inventory"]


@dataclass(frozen=True)
class Inventory:
    """What the rows name, deleted or not, by path relative to the root.

    `originals` holds size and SHA-256 of files that came from outside, `segments` the manifests
    of tables' segments, `indexed` the folders that hold a chunk index and what it speaks of, and
    `logs` the import logs.
    """

    originals: dict[str, tuple[int, str]]
    segments: dict[str, Segment]
    indexed: frozenset[str]
    logs: frozenset[str]

    def names(self, path: str) -> bool:
        """Whether a file is one that the rows name, or lies in a folder that they name."""
        if path in self.originals or path in self.segments or path in self.logs:
            return True
        return any(parent in self.indexed for parent in _parents(path))


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def take_inventory(layout: Layout, reader: Engine) -> Inventory:
    """What the rows of a database name."""
    managed = layout.managed.name
    labels = select(AnnotationRow.id).where(AnnotationRow.kind == "labels")
    with GuardedSession(reader, None) as db:

        def rows(*columns: Any) -> list[Any]:
            return list(db.execute(select(*columns).execution_options(unguarded="jobs")))

        files = rows(FileRow.path, FileRow.size, FileRow.sha256)
        manifests = rows(SegmentRow.table_id, SegmentRow.manifest)
        images = {image_place(i) for (i,) in rows(ImageRow.id)}
        labels_ids = db.scalars(labels.execution_options(unguarded="jobs"))
        images |= {labels_place(i) for i in labels_ids}
        folders = rows(FilesetRow.folder)
    segments = {}
    for table_id, manifest in manifests:
        segment = Segment.model_validate(manifest)
        segments[f"{table_place(table_id)}/{segment.path}"] = segment
    return Inventory(
        originals={path: (size, sha256) for path, size, sha256 in files},
        segments=segments,
        indexed=frozenset(images),
        logs=frozenset(f"{managed}/{folder}.log" for (folder,) in folders),
    )


def stored_files(state: State) -> Iterator[tuple[str, int]]:
    """Path and size of every file that a row must name; not those that are being made."""
    layout = state.layout
    for folder in (layout.managed, layout.pixels, layout.files):
        hidden = {layout.staging(folder), layout.trash(folder)}
        for place, names, files in os.walk(folder):
            names[:] = [name for name in names if Path(place) / name not in hidden]
            for file in files:
                path = Path(place) / file
                try:
                    size = path.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue
                yield path.relative_to(layout.root).as_posix(), size


def index_of(place: str) -> str:
    """The path of the chunk index in a folder."""
    return f"{place}/{INDEX}"
