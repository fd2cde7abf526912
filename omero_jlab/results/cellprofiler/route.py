"""What every way in which CellProfiler writes its measurements has in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

import pandas as pd

__all__ = ["RELATIONSHIPS", "Route", "short_list"]

# The columns of ExportToSpreadsheet's "Object relationships.csv"; the other routes use them too.
RELATIONSHIPS = (
    "Module", "Module Number", "Relationship", "First Object Name", "First Image Number",
    "First Object Number", "Second Object Name", "Second Image Number", "Second Object Number",
)  # fmt: skip


class Route(Protocol):
    """The same tables, read from CSV files, an SQLite file or an HDF5 file.

    Columns are called as in the CSV files: `ImageNumber` in all, `ObjectNumber` in the objects',
    features without the name of their object before them.
    """

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that are read."""

    @property
    def notes(self) -> list[str]:
        """One line for each thing that was skipped or found odd."""

    @property
    def experiment(self) -> Mapping[str, str]:
        """What was said of the whole run: version, pipeline, time."""

    @property
    def object_names(self) -> tuple[str, ...]:
        """The kinds of object that have a table with columns."""

    def images(self) -> pd.DataFrame:
        """One row for each image set, by number."""

    def homes(self) -> Mapping[int, Path]:
        """In which folder the files of an image set lie, where each has its own."""

    def objects(self, name: str) -> pd.DataFrame:
        """All rows of the objects `name`, by image set and number.

        Raises
        ------
        Unreadable, Invalid
            They are damaged, or ambiguous.
        """

    def relationships(self) -> pd.DataFrame | None:
        """Which object belongs to which, with the columns `RELATIONSHIPS`; None if not written."""


def short_list(names: Iterable[object], most: int = 5) -> str:
    """The first of some names, and whether there are more."""
    listed = [str(name) for name in names]
    return ", ".join(listed[:most]) + (" …" if len(listed) > most else "")
