"""What to import, how and where to; what came of it, or would."""

from __future__ import annotations

from functools import cached_property
from pathlib import PurePath
from typing import Literal, get_args

from pydantic import Field

from .record import Record

__all__ = [
    "CHECKSUMS",
    "Checksum",
    "ImportFailure",
    "ImportOptions",
    "ImportPlan",
    "ImportReport",
    "ImportRequest",
    "ImportRow",
    "PlannedFileset",
    "PlannedImage",
    "Skipped",
    "TransferMode",
]

TransferMode = Literal["copy", "hardlink", "symlink", "move"]
"""How files come: as bytes of their own, as one more name for the same bytes, as a link to where
they stay, or as bytes of their own whose source goes afterwards."""

Checksum = Literal[
    "SHA-256",
    "SHA1-160",
    "MD5-128",
    "Murmur3-128",
    "Murmur3-32",
    "CRC-32",
    "Adler-32",
    "File-Size-64",
]
"""Checksum algorithms by OMERO's names (`omero.checksum.supported`), and SHA-256."""

CHECKSUMS: tuple[Checksum, ...] = get_args(Checksum)


class ImportOptions(Record):
    """What becomes of some of the files of an import.

    A container is named by its name, and made where it is missing.  `channels` is a pattern such
    as `{well}_{field}_{channel}.tif` that joins one-channel files; `channel_names` are given to
    the channels in their order.  `name` is the name of the image; the images of a file that holds
    several get it before their own.  `tags` and `key_values` are attached to every image.
    """

    project: str | None = None
    dataset: str | None = None
    screen: str | None = None
    plate: str | None = None
    channels: str | None = None
    channel_names: tuple[str, ...] = ()
    name: str | None = Field(default=None, min_length=1, max_length=1000)
    tags: tuple[str, ...] = ()
    key_values: tuple[tuple[str, str], ...] = ()
    transfer: TransferMode = "copy"
    checksum: Checksum = "SHA-256"


class ImportRow(ImportOptions):
    """One row of a bulk import: a path, and what becomes of what lies there."""

    path: str


class ImportRequest(ImportOptions):
    """What to import and where to put it.

    `paths` are files or folders on the disk of the repository's owner process, and have the
    options of the request; each of `rows` has its own.  `checksums` holds what the client computed
    for files, as `algorithm:hex` by their absolute paths there: a file that has another is
    refused.  With `skip_existing`, filesets whose files are here already are left out.
    """

    paths: tuple[str, ...] = ()
    rows: tuple[ImportRow, ...] = ()
    checksums: dict[str, str] = Field(default_factory=dict)
    parallel: int = Field(default=1, ge=1, le=32)
    skip_existing: bool = False

    @property
    def all_paths(self) -> tuple[str, ...]:
        """Every path that is named, by the request or by a row."""
        return (*self.paths, *(row.path for row in self.rows))

    @cached_property
    def _by_path(self) -> dict[PurePath, tuple[int, ImportOptions]]:
        named = {PurePath(path): (i, self) for i, path in enumerate(self.paths)}
        first = len(self.paths)
        return named | {PurePath(row.path): (first + i, row) for i, row in enumerate(self.rows)}

    def named(self, path: str | PurePath) -> tuple[int, ImportOptions]:
        """By which of `all_paths` the file at `path` was named, and with which options.

        That is its own path, or the nearest folder above it; where there is none, the first.
        """
        place = PurePath(path)
        for each in (place, *place.parents):
            if each in self._by_path:
                return self._by_path[each]
        return 0, self

    def options_of(self, path: str | PurePath) -> ImportOptions:
        """The options of the file at `path`: its row's, or the request's own."""
        return self.named(path)[1]


class ImportFailure(Record):
    """A file that was not imported, and why, in one line."""

    path: str
    reason: str


class Skipped(Record):
    """A fileset that is in the repository already, as these images."""

    path: str
    image_ids: tuple[int, ...]


class ImportReport(Record):
    """What an import made, in the order of the files given."""

    kind: Literal["import"] = "import"
    image_ids: tuple[int, ...] = ()
    fileset_ids: tuple[int, ...] = ()
    plate_ids: tuple[int, ...] = ()
    dataset_ids: tuple[int, ...] = ()
    failed: tuple[ImportFailure, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    bytes_copied: int = 0


class PlannedImage(Record):
    """An image that would be made: its name, and sizes such as `T 1, C 2, Z 1, Y 520, X 696`."""

    name: str
    sizes: str
    dtype: str


class PlannedFileset(Record):
    """Files that belong together, and what they would become.

    `target` says in words where the images would go.  `existing` holds the images that these
    files are already; where it is not empty, an import that skips what exists leaves them out.
    """

    name: str
    format: str
    files: tuple[str, ...]
    size: int
    path: str = ""
    images: tuple[PlannedImage, ...] = ()
    target: str = ""
    transfer: TransferMode = "copy"
    existing: tuple[int, ...] = ()


class ImportPlan(Record):
    """What an import would do: the bytes it would copy and the bytes that are free."""

    filesets: tuple[PlannedFileset, ...]
    failed: tuple[ImportFailure, ...]
    ignored: tuple[ImportFailure, ...]
    bytes_to_copy: int
    bytes_free: int

    def as_text(self) -> str:
        """A table of what would become which image, and what would be left out and why."""
        rows = [("file", "size", "image", "sizes", "to")]
        for one in self.filesets:
            size = f"{one.size / 1e6:,.1f} MB"
            if one.existing:
                there = ", ".join(map(str, one.existing))
                rows.append((one.path, size, f"here already: {there}", "", ""))
                continue
            images = one.images or (PlannedImage(name=one.name, sizes="", dtype=""),)
            for i, image in enumerate(images):
                first = (one.path, size) if i == 0 else ("", "")
                rows.append((*first, image.name, image.sizes, one.target))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        lines += [f"not imported: {one.path}: {one.reason}" for one in self.failed]
        lines += [f"ignored: {one.path}: {one.reason}" for one in self.ignored]
        lines.append(
            f"{len(self.filesets)} filesets, {self.bytes_to_copy / 1e6:,.1f} MB to copy, "
            f"{self.bytes_free / 1e9:,.1f} GB free"
        )
        return "\n".join(lines)
