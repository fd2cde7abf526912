"""Which files the rows name, and which there are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from ...database import AnnotationRow, FileRow, FilesetRow, ImageRow, IntentRow, SegmentRow
from ...model import Segment
from ...storage import Layout
from ..guarded import GuardedSession
from ..places import image_place, labels_place, table_place
from ..readers import INDEX
from ..state import State
from .holdings import lies_below, thumbnails_place

__all__ = [
    "Inventory",
    "drawn_files",
    "index_of",
    "intended_paths",
    "is_intended",
    "stored_files",
    "take_inventory",
]

# As `write_file` names what it has not finished.
_UNFINISHED = re.compile(r"/\.[^/]+\.[0-9a-f]{16}\.tmp$")


@dataclass(frozen=True)
class Inventory:
    """What the rows name, deleted or not, by path relative to the root.

    `originals` holds size and SHA-256 of files that came from outside, `in_place` the size and
    time of change of those that stayed there, `segments` the manifests of tables' segments,
    `indexed` the folders that hold a chunk index and what it speaks of, `logs` the import logs
    and `drawn` the folders of thumbnails.  `trashed` are the files and folders of what was
    deleted.
    """

    originals: dict[str, tuple[int, str]]
    in_place: dict[str, tuple[int, int]]
    segments: dict[str, Segment]
    indexed: frozenset[str]
    logs: frozenset[str]
    drawn: frozenset[str]
    trashed: frozenset[str]

    def names(self, path: str) -> bool:
        """Whether a file is one that the rows name, or lies in a folder that they name.

        What the end of a program left unfinished in such a folder is nobody's.
        """
        if path in self.originals or path in self.segments or path in self.logs:
            return True
        if lies_below(path, self.drawn):
            return not path.rpartition("/")[2].startswith(".")
        return lies_below(path, self.indexed) and _UNFINISHED.search(path) is None

    def in_trash(self, path: str) -> bool:
        """Whether a file belongs to what was deleted."""
        return bool(self.trashed) and lies_below(path, self.trashed)


def take_inventory(layout: Layout, reader: Engine) -> Inventory:
    """What the rows of a database name."""
    managed = layout.managed.name
    trashed: set[str] = set()
    with GuardedSession(reader, None) as db:

        def rows(*columns: Any) -> list[Any]:
            return list(db.execute(select(*columns).execution_options(unguarded="jobs")))

        def note(place: str, deleted_at: object) -> str:
            if deleted_at is not None:
                trashed.add(place)
            return place

        originals = {
            note(path, deleted): (size, sha256)
            for path, size, sha256, deleted in rows(
                FileRow.path, FileRow.size, FileRow.sha256, FileRow.deleted_at
            )
        }
        linked = (
            select(FileRow.path, FileRow.size, FileRow.mtime_ns)
            .join(FilesetRow, FilesetRow.id == FileRow.fileset_id)
            .where(FilesetRow.transfer == "symlink")
        )
        in_place = {
            path: (size, mtime_ns)
            for path, size, mtime_ns in db.execute(linked.execution_options(unguarded="jobs"))
        }
        segments = {}
        for table_id, manifest, deleted in rows(
            SegmentRow.table_id, SegmentRow.manifest, SegmentRow.deleted_at
        ):
            segment = Segment.model_validate(manifest)
            segments[note(f"{table_place(table_id)}/{segment.path}", deleted)] = segment
        indexed, drawn = set(), set()
        for image_id, deleted in rows(ImageRow.id, ImageRow.deleted_at):
            indexed.add(note(image_place(image_id), deleted))
            drawn.add(note(thumbnails_place(layout, image_id), deleted))
        labels = select(AnnotationRow.id, AnnotationRow.deleted_at).where(
            AnnotationRow.kind == "labels"
        )
        for labels_id, deleted in db.execute(labels.execution_options(unguarded="jobs")):
            indexed.add(note(labels_place(labels_id), deleted))
        logs = {
            note(f"{managed}/{folder}.log", deleted)
            for folder, deleted in rows(FilesetRow.folder, FilesetRow.deleted_at)
        }
    return Inventory(
        originals=originals,
        in_place=in_place,
        segments=segments,
        indexed=frozenset(indexed),
        logs=frozenset(logs),
        drawn=frozenset(drawn),
        trashed=frozenset(trashed),
    )


def intended_paths(reader: Engine) -> frozenset[str]:
    """The files and folders that are being made or removed."""
    with GuardedSession(reader, None) as db:
        found = select(IntentRow.paths).execution_options(unguarded="jobs")
        return frozenset(path for paths in db.scalars(found) for path in paths)


def is_intended(path: str, intended: frozenset[str]) -> bool:
    """Whether a file is one of those, or unfinished: it lies hidden beside its place then."""
    if lies_below(path, intended):
        return True
    parent, _, name = path.rpartition("/")
    hidden = re.match(r"\.(.+)\.[^.]+", name)
    return hidden is not None and f"{parent}/{hidden[1]}" in intended


def stored_files(state: State) -> Iterator[tuple[str, int]]:
    """Path and size of every file that a row must name; not those that are being made.

    Thumbnails are left out: they can be drawn again.
    """
    layout = state.layout
    for folder in (layout.managed, layout.pixels, layout.files):
        yield from _files_in(layout, folder)


def drawn_files(state: State) -> Iterator[tuple[str, int]]:
    """Path and size of every thumbnail."""
    return _files_in(state.layout, state.layout.thumbnails)


def _files_in(layout: Layout, folder: Path) -> Iterator[tuple[str, int]]:
    hidden = {layout.staging(folder), layout.trash(folder), layout.quarantine(folder)}
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
