"""The header of a CSV that CellProfiler's ExportToSpreadsheet wrote, and what it makes it."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ...errors import TooLarge, Unreadable
from ..texts import CODE_PAGE, encoding_of, is_packed, opened

__all__ = [
    "CODE_PAGE", "MAX_BYTES", "MAX_COLUMNS", "Header", "is_object_feature", "note_of_code_page",
    "read_header",
]  # fmt: skip

MAX_COLUMNS = 50_000
MAX_BYTES = 8 * 2**30
_MAX_HEADER = 8 * 2**20
_TAIL = 1 << 16
_DELIMITERS = ",\t;|"

# The first words of CellProfiler's per-image and per-object features: they tell its tables from
# any other that has a column ImageNumber.
_IMAGE_FEATURES = (
    "FileName_", "PathName_", "URL_", "Metadata_", "Count_", "MD5Digest_", "ModuleError_",
    "ExecutionTime_", "Group_", "ImageQuality_", "Intensity_", "Threshold_", "Scaling_",
)  # fmt: skip
_OBJECT_FEATURES = (
    "AreaShape_", "Intensity_", "Location_", "Number_", "Texture_", "Parent_", "Children_",
    "Correlation_", "Granularity_", "Neighbors_", "RadialDistribution_", "Classify_", "Math_",
    "TrackObjects_", "Distance_", "ObjectSkeleton_", "Overlap_",
)  # fmt: skip

Kind = Literal["image", "object", "objects", "experiment", "relationships", "other"]


@dataclass(frozen=True)
class Header:
    """The columns of a file; `rows` is how many lines the header takes.

    `owners` names each column's object (`Image` for what belongs to the image set) where a file
    holds several objects side by side, and is empty otherwise.  `end` says what is wrong with the
    end of the file, if anything is; `is_cut` that rows are missing for certain.
    """

    kind: Kind
    rows: int
    columns: tuple[str, ...]
    owners: tuple[str, ...] = ()
    delimiter: str = ","
    encoding: str = "utf-8-sig"
    end: str = ""
    is_cut: bool = False


def read_header(path: Path) -> Header | None:
    """The header of the CSV at `path`; None for an empty file.

    Raises
    ------
    TooLarge
        The file or its header is larger than any that CellProfiler writes.
    Unreadable
        The file is no text.
    """
    size = path.stat().st_size
    encoding, lines = _first_lines(path)
    if not lines[0].strip():
        return None
    if max(lines[0].count(delimiter) for delimiter in _DELIMITERS) >= MAX_COLUMNS:
        raise TooLarge(
            f"{path.name} has more than {MAX_COLUMNS:,} columns; CellProfiler writes thousands."
        )
    header = Header("other", 1, ())
    for delimiter in _DELIMITERS:
        try:
            first, second = [next(csv.reader([li], delimiter=delimiter), []) for li in lines[:2]]
        except csv.Error as error:
            raise Unreadable(f"The header of {path.name} is no CSV: {error}.") from error
        found = _header(first, second)
        if header.kind == "other" and (found.kind != "other" or not header.columns):
            header = replace(found, delimiter=delimiter, encoding=encoding)
    if header.kind == "other":
        return header
    if size > MAX_BYTES:
        raise TooLarge(
            f"{path.name} has {size / 2**30:.1f} GiB; CSV files up to {MAX_BYTES >> 30} GiB are "
            "read. Export each plate by itself."
        )
    # What is packed has a checksum of its own.
    if header.kind == "experiment" or encoding == "utf-16" or is_packed(path):
        return header
    return _with_end(path, header)


def is_object_feature(name: str) -> bool:
    """Whether CellProfiler's features of objects are called so."""
    return name.startswith(_OBJECT_FEATURES)


def note_of_code_page(name: str) -> str:
    """The note that the encoding of a file was guessed."""
    return f"{name} is not UTF-8; its text was read as Windows-1252."


def _header(first: list[str], second: list[str]) -> Header:
    columns = tuple(first)
    if len(columns) == 2 and columns == ("Key", "Value"):
        return Header("experiment", 1, columns)
    if len(second) == len(first) and second[:1] == ["ImageNumber"] and columns[0] == "Image":
        return Header("objects", 2, tuple(second), columns)
    known = set(columns)
    if {"ImageNumber", "ObjectNumber"} <= known and _any(columns, _OBJECT_FEATURES):
        return Header("object", 1, columns)
    if "ImageNumber" in known and "ObjectNumber" not in known and _any(columns, _IMAGE_FEATURES):
        return Header("image", 1, columns)
    if {"Relationship", "First Object Name", "Second Object Name"} <= known:
        return Header("relationships", 1, columns)
    return Header("other", 1, columns)


def _first_lines(path: Path) -> tuple[str, list[str]]:
    """The encoding of the file, and its first three lines."""
    encoding = encoding_of(path)
    errors = "replace" if encoding == CODE_PAGE else "strict"
    with opened(path) as file:
        text = io.TextIOWrapper(file, encoding, errors, newline="")
        try:
            lines = [text.readline(_MAX_HEADER + 1) for _ in range(3)]
        except UnicodeError as error:
            raise Unreadable(f"{path.name} is no text.") from error
        finally:
            text.detach()
    if len(lines[0]) > _MAX_HEADER:
        raise TooLarge(f"The first line of {path.name} is longer than {_MAX_HEADER >> 20} MiB.")
    return encoding, lines


def _with_end(path: Path, header: Header) -> Header:
    """The header with what the file's last line tells of a copy that was cut off."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        tail = b""
        while len(tail) < min(size, _MAX_HEADER) and b"\n" not in tail.rstrip(b"\r\n"):
            start = max(0, size - max(_TAIL, 2 * len(tail)))
            file.seek(start)
            tail = file.read(size - start)
    if not tail.rstrip(b"\r\n \0"):
        return header
    if tail.endswith(b"\0"):
        return replace(header, end="ends in zeros, as after a crash or a full disk", is_cut=True)
    last = tail.rstrip(b"\r\n").rpartition(b"\n")[2].decode(header.encoding, "replace")
    values = len(next(csv.reader([last], delimiter=header.delimiter), []))
    whole = tail.endswith(b"\n")
    # A text with a line end inside of quotes has lines with fewer values.
    if values < len(header.columns) and not (whole and '"' in last):
        said = f"was cut off: its last row has {values:,} of {len(header.columns):,} values"
        return replace(header, end=said, is_cut=True)
    if not whole:
        return replace(header, end="ends without a line end: its last value may be cut off")
    return header


def _any(columns: tuple[str, ...], prefixes: tuple[str, ...]) -> bool:
    return any(column.startswith(prefixes) for column in columns)
