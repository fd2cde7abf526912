"""The header of a CSV that CellProfiler's ExportToSpreadsheet wrote, and what it makes it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...errors import TooLarge, Unreadable

__all__ = ["MAX_BYTES", "MAX_COLUMNS", "Header", "read_header"]

MAX_COLUMNS = 50_000
MAX_BYTES = 8 * 2**30
_MAX_HEADER = 8 * 2**20

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
    holds several objects side by side, and is empty otherwise.
    """

    kind: Kind
    rows: int
    columns: tuple[str, ...]
    owners: tuple[str, ...] = ()


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
    first, second = _first_lines(path)
    if not any(first):
        return None
    header = _header(first, second)
    if header.kind != "other" and size > MAX_BYTES:
        raise TooLarge(
            f"{path.name} has {size / 2**30:.1f} GiB; CSV files up to {MAX_BYTES >> 30} GiB are "
            "read. Export each plate by itself."
        )
    return header


def _header(first: list[str], second: list[str]) -> Header:
    columns = tuple(first)
    if len(columns) == 2 and columns == ("Key", "Value"):
        return Header("experiment", 1, columns)
    if len(second) == len(first) and second[0] == "ImageNumber" and columns[0] == "Image":
        return Header("objects", 2, tuple(second), columns)
    known = set(columns)
    if {"ImageNumber", "ObjectNumber"} <= known and _any(columns, _OBJECT_FEATURES):
        return Header("object", 1, columns)
    if "ImageNumber" in known and "ObjectNumber" not in known and _any(columns, _IMAGE_FEATURES):
        return Header("image", 1, columns)
    if {"Relationship", "First Object Name", "Second Object Name"} <= known:
        return Header("relationships", 1, columns)
    return Header("other", 1, columns)


def _first_lines(path: Path) -> tuple[list[str], list[str]]:
    with path.open("rb") as file:
        lines = [file.readline(_MAX_HEADER + 1) for _ in range(2)]
    if len(lines[0]) > _MAX_HEADER:
        raise TooLarge(f"The first line of {path.name} is longer than {_MAX_HEADER >> 20} MiB.")
    if b"\0" in lines[0]:
        raise Unreadable(f"{path.name} is not a text file.")
    if lines[0].count(b",") >= MAX_COLUMNS:
        raise TooLarge(
            f"{path.name} has more than {MAX_COLUMNS:,} columns; CellProfiler writes thousands."
        )
    try:
        texts = [line.decode("utf-8-sig") for line in lines]
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path.name} is not UTF-8 text: {error.reason}.") from error
    try:
        parsed = [next(csv.reader([text]), []) for text in texts]
    except csv.Error as error:
        raise Unreadable(f"The header of {path.name} is no CSV: {error}.") from error
    return parsed[0], parsed[1]


def _any(columns: tuple[str, ...], prefixes: tuple[str, ...]) -> bool:
    return any(column.startswith(prefixes) for column in columns)
