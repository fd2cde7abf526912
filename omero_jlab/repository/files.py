"""Attached files, and the bytes of any file."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from ..database import TARGET_COLUMNS, AnnotationLinkRow, AnnotationRow, FileRow
from ..errors import Invalid
from ..model import Attached, OriginalFile, TargetKind
from ..storage import copy_hashed, make_folders, opened_original
from .containers import found
from .images import file_record
from .index import TARGETS
from .intents import intending_one
from .places import file_place
from .records import attached_record
from .work import Work

__all__ = ["Files"]

_PIECE = 1 << 20


class Files(Work):
    """The streams of files."""

    def add_file(
        self,
        kind: TargetKind,
        id: int,
        path: Path,
        name: str | None = None,
        namespace: str = "",
    ) -> Attached:
        """Attach a file of the caller's disk."""
        name = name or path.name
        if not name or "/" in name or "\0" in name or len(name.encode()) > 255:
            raise Invalid(f"{name[:60]!r} cannot name a file: at most 255 bytes, without a slash.")
        with self.reading() as (db, access):
            target = found(db, TARGETS[kind], id)
            access.require(target, "can_annotate")
            group_id = target.group_id
        with intending_one(self.store, "file", file_place, FileRow) as intended:
            goal = self.store.layout.root / intended.paths[0]
            make_folders(goal.parent)
            copied = copy_hashed(path, goal)
            with self.writing() as unit:
                file = FileRow(
                    id=intended.ids[0],
                    name=name,
                    client_path=str(path),
                    path=intended.paths[0],
                    size=copied.size,
                    sha256=copied.sha256,
                    md5=copied.md5,
                    mtime_ns=copied.mtime_ns,
                    mimetype=mimetypes.guess_type(name)[0] or "application/octet-stream",
                    fileset_id=None,
                )
                unit.new(file, group_id)
                row = AnnotationRow(kind="file", name=name, namespace=namespace, file_id=file.id)
                unit.new(row, group_id)
                link = AnnotationLinkRow(annotation_id=row.id, **{TARGET_COLUMNS[kind]: id})
                unit.new(link, group_id)
                intended.end(unit.db)
                return unit.answer(attached_record(unit.db, unit.access, link, row))

    def upload(
        self,
        path: Path,
        progress: Callable[[int, int], object] | None = None,
        only: Collection[Path] | None = None,
    ) -> str:
        """Bring a file or folder to the repository's machine: here, it is there already."""
        if not path.exists():
            raise Invalid(f"{path} does not exist on this machine.")
        return str(path.absolute())

    def sees(self, path: Path) -> bool:
        """Whether the repository's machine can read this file: here, it is the same machine."""
        return path.exists()

    def file(self, file_id: int) -> tuple[OriginalFile, Iterator[bytes]]:
        """A file's record and its bytes, in pieces of at most 1 MB."""
        record, path = self.file_path(file_id)
        return record, _pieces(path)

    def file_path(self, file_id: int) -> tuple[OriginalFile, Path]:
        """A file's record and where it lies on the repository's own disk.

        Raises
        ------
        Unreadable
            It is missing or has changed.
        Damaged
            It is not what it was.
        Unavailable
            It is large, got another time of change, and is being verified.
        """
        with self.reading() as (db, _):
            record = file_record(found(db, FileRow, file_id))
        self.store.freshness.check_file(record.path)
        return record, self.store.layout.root / record.path


def _pieces(path: Path) -> Iterator[bytes]:
    with opened_original(path) as (descriptor, _):
        while piece := os.read(descriptor, _PIECE):
            yield piece
