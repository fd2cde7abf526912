"""Which files and folders rows hold, and how many bytes there are in them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...database import AnnotationRow, FileRow, FilesetRow, Guarded, ImageRow, SegmentRow
from ...storage import Layout, shard
from ..places import image_place, labels_place, table_place

__all__ = ["Held", "held_below", "lies_below", "paths_of", "thumbnails_place"]


@dataclass(frozen=True)
class Held:
    """How many files there are, and how many bytes they have."""

    files: int
    size: int

    def __add__(self, other: Held) -> Held:
        return Held(self.files + other.files, self.size + other.size)


def thumbnails_place(layout: Layout, image_id: int) -> str:
    """The folder of an image's thumbnails, relative to the root."""
    return f"{layout.thumbnails.name}/{shard(image_id)}"


def paths_of(layout: Layout, rows: Iterable[Guarded]) -> Iterator[str]:
    """Files and folders, relative to the root, that nobody needs without these rows."""
    managed = layout.managed.name
    for row in rows:
        if isinstance(row, FilesetRow):
            yield f"{managed}/{row.folder}"
            yield f"{managed}/{row.folder}.log"
        elif isinstance(row, FileRow) and row.fileset_id is None:
            yield row.path
        elif isinstance(row, ImageRow):
            yield image_place(row.id)
            yield thumbnails_place(layout, row.id)
        elif isinstance(row, AnnotationRow) and row.kind == "labels":
            yield labels_place(row.id)
        elif isinstance(row, AnnotationRow) and row.kind == "table":
            yield table_place(row.id)
        elif isinstance(row, SegmentRow):
            yield f"{table_place(row.table_id)}/{row.manifest['path']}"


def held_below(layout: Layout, paths: Iterable[str]) -> Held:
    """What lies at files and in folders, counted once; what is not there is nothing."""
    files = size = 0
    for path in _topmost(paths):
        for found in _files_at(layout.root / path):
            files += 1
            size += found.st_size
    return Held(files, size)


def lies_below(path: str, places: frozenset[str]) -> bool:
    """Whether a path is one of `places`, or lies in one."""
    while path not in places:
        path, slash, _ = path.rpartition("/")
        if not slash:
            return False
    return True


def _topmost(paths: Iterable[str]) -> Iterator[str]:
    every = frozenset(paths)
    for path in sorted(every):
        parent, slash, _ = path.rpartition("/")
        if not (slash and lies_below(parent, every)):
            yield path


def _files_at(place: Path) -> Iterator[os.stat_result]:
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _files_at(Path(entry))
                else:
                    yield entry.stat(follow_symlinks=False)
    except NotADirectoryError:
        yield place.stat(follow_symlinks=False)
    except FileNotFoundError:
        return
