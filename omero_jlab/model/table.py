"""Result tables: columns, and the segments of contiguous columns that hold their rows."""

from __future__ import annotations

from typing import Literal

from .record import Record

__all__ = ["Column", "ColumnPart", "Segment"]

ColumnKind = Literal["bool", "integer", "float", "string", "timestamp", "array"]


class Column(Record):
    """A column as a user sees it; `dtype` is numpy's name, `string` or `datetime64[us, UTC]`."""

    name: str
    kind: ColumnKind
    dtype: str
    shape: tuple[int, ...] = ()
    unit: str = ""
    description: str = ""
    nullable: bool = False


class ColumnPart(Record):
    """One contiguous array of a segment file: `nbytes` at `offset`, of little-endian `dtype`.

    `part` says what it holds: the values, which rows are valid, codes of a dictionary, the
    dictionary's bytes or where its words begin.  `minimum` and `maximum` are of valid values.
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
    """The rows `first_row` to `first_row + rows` of a table × a set of columns, in one file.

    `path` is relative to the table's folder; `layout` is the version of the file's layout.
    `frame_checksum` is the XXH3-128 of all bytes that belong to no part: what HDF5 keeps of its
    own; empty where it was not taken.
    """

    layout: int = 1
    path: str
    first_row: int
    rows: int
    size: int
    parts: tuple[ColumnPart, ...]
    frame_checksum: str = ""
