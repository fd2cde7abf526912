"""Result tables: columns, versions, and the segments of contiguous columns that hold rows."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Literal

from .record import Record

__all__ = [
    "BULK_ANNOTATIONS",
    "Column",
    "ColumnPart",
    "CompactionReport",
    "LinkTarget",
    "Segment",
    "Selection",
    "TableVersion",
]

BULK_ANNOTATIONS = "openmicroscopy.org/omero/bulk_annotations"
"""The namespace of tables as OMERO's clients look for them."""

ColumnKind = Literal["bool", "integer", "float", "string", "timestamp", "array", "link"]
LinkTarget = Literal[
    "project", "dataset", "screen", "plate", "well", "image", "fileset", "roi", "label"
]


class Column(Record):
    """A column as a user sees it; `dtype` is numpy's name, `string` or `datetime64[us, UTC]`.

    A column of kind `link` holds ids of objects of the kind `target`.  It is part of the table's
    versions from `since` until before `until`; segments hold it under the name `key`, where that
    is not its own name, because an earlier column had the same one.
    """

    name: str
    kind: ColumnKind
    dtype: str
    shape: tuple[int, ...] = ()
    unit: str = ""
    description: str = ""
    nullable: bool = False
    target: LinkTarget | None = None
    key: str = ""
    since: int = 1
    until: int | None = None

    @property
    def stored_as(self) -> str:
        """How segments call it."""
        return self.key or self.name


class ColumnPart(Record):
    """One contiguous array of a segment file: `nbytes` at `offset`, of little-endian `dtype`.

    `part` says what it holds: the values, which rows are valid, codes of a dictionary, the
    dictionary's bytes or where its words begin.  Values may be stored in a narrower type than
    their column's that holds each of them exactly.  `minimum` and `maximum` are of valid values.
    `checksums` holds one XXH3-128 hex digest per MiB.
    """

    column: str
    part: Literal["values", "valid", "codes", "words", "word_offsets"]
    dtype: str
    shape: tuple[int, ...]
    offset: int
    nbytes: int
    minimum: float | int | str | None = None
    maximum: float | int | str | None = None
    checksums: tuple[str, ...] = ()


class Segment(Record):
    """Rows of a table × a set of columns, in one file.

    The rows are those numbered `first_row` to `first_row + rows`; where numbers are left out, the
    segment has a part of the column `row_id` that holds them, ascending.  A segment of kind
    `rows` makes rows exist, a `patch` gives columns of existing rows other values, and what a
    `deletion` names is gone.  It is part of the table's versions from `since` on.

    `path` is relative to the table's folder; `layout` is the version of the file's layout.
    `frame_checksum` is the XXH3-128 of all bytes that belong to no part: what HDF5 keeps of its
    own; empty where it was not taken.
    """

    layout: int = 1
    path: str
    kind: Literal["rows", "patch", "deletion"] = "rows"
    since: int = 1
    first_row: int
    rows: int
    size: int
    parts: tuple[ColumnPart, ...]
    frame_checksum: str = ""

    @cached_property
    def placed(self) -> dict[tuple[str, str], tuple[Segment, ColumnPart]]:
        """Each part, with this segment, by column and kind of part."""
        return {(part.column, part.part): (self, part) for part in self.parts}

    @cached_property
    def numbers(self) -> ColumnPart | None:
        """The part that holds the rows' numbers, None where none is left out."""
        return next((part for part in self.parts if part.column == "row_id"), None)

    @property
    def stop_row(self) -> int:
        """One more than the highest number of a row."""
        numbers = self.numbers
        if numbers is None or not self.rows:
            return self.first_row + self.rows
        return int(numbers.maximum or 0) + 1


class Selection(Record):
    """Which rows of a table are asked for, and which columns of them.

    Without anything, all of the newest version.  `limit` and `offset` count the rows that fulfil
    `condition`, in the order of the column `order_by`.
    """

    columns: tuple[str, ...] | None = None
    condition: str | None = None
    order_by: str | None = None
    descending: bool = False
    limit: int | None = None
    offset: int = 0
    version: int | None = None


class TableVersion(Record):
    """A change of a table: what was done to how many rows, when and by whom."""

    number: int
    change: Literal["attach", "append", "update", "delete", "add column", "drop column"]
    columns: tuple[str, ...] = ()
    changed_rows: int
    rows: int
    made_at: datetime
    made_by: str


class CompactionReport(Record):
    """What compacting a table made of its files; `oldest_version` is the oldest still readable."""

    kind: Literal["compact"] = "compact"
    oldest_version: int
    files_before: int
    files_after: int
    size_before: int
    size_after: int
