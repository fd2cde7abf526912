"""ExportToSpreadsheet's files as tables: one for each kind, or one for each kind and image set."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from ...errors import Invalid, NotFound, Unreadable
from .folder import Folder, Table
from .route import RELATIONSHIPS
from .tables import combined, read_column, read_table, split_objects

__all__ = ["Spreadsheets"]

_MAX_EXPERIMENT = 64 * 2**20


class Spreadsheets:
    """The CSV files in a folder."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.notes = list(folder.notes)
        self._homes: dict[int, Path] = {}
        self.experiment = self._read_experiment()
        self._images = self._read_images()

    @property
    def files(self) -> tuple[Path, ...]:
        """All tables."""
        return tuple(table.path for table in self._folder.tables)

    @cached_property
    def object_names(self) -> tuple[str, ...]:
        """The kinds of object that have a table with columns."""
        names = [table.name for table in self._folder.of("object")]
        for table in self._folder.of("objects"):
            names += [owner for owner in table.header.owners if owner != "Image"]
        return tuple(dict.fromkeys(names))

    def homes(self) -> Mapping[int, Path]:
        """The folder of each image set's tables."""
        return self._homes

    def images(self) -> pd.DataFrame:
        """All columns of the image tables, one row for each image set."""
        return self._images

    def objects(self, name: str) -> pd.DataFrame:
        """All rows of the objects `name`.

        Raises
        ------
        NotFound
            There are no such objects.
        Invalid
            Two tables have objects of the same image set.
        Unreadable
            A table is damaged or was cut off.
        """
        frames: list[pd.DataFrame] = []
        seen: dict[int, Path] = {}
        for table in self._folder.of("object", "objects"):
            if table.name == name:
                frame = self._read(table)
            elif name in table.header.owners and name != "Image":
                frame = split_objects(self._read(table), table.header.owners)[name]
            else:
                continue
            self._claim(frame, table, seen)
            frames.append(frame)
        if not frames:
            known = ", ".join(self.object_names) or "none"
            raise NotFound(f"There are no objects {name!r}; there are {known}.")
        return combined(frames)

    def relationships(self) -> pd.DataFrame | None:
        """What "Object relationships" files say; None where there is none."""
        frames = []
        for table in self._folder.of("relationships"):
            frame = self._read(table)
            if set(RELATIONSHIPS) <= set(frame.columns):
                frames.append(frame[list(RELATIONSHIPS)])
            else:
                self.notes.append(f"{table.path.name} has other columns than expected.")
        return pd.concat(frames, ignore_index=True) if frames else None

    def _read(self, table: Table) -> pd.DataFrame:
        try:
            return read_table(table.path, table.header, self.notes)
        except Unreadable as error:
            beside = [*self._folder.databases, *self._folder.measurements]
            if not beside:
                raise
            raise Unreadable(f"{error} Or name {beside[0].name}, which lies beside it.") from error

    def _read_images(self) -> pd.DataFrame:
        frames = []
        seen: dict[int, Path] = {}
        for table in self._folder.of("image"):
            frame = self._read(table)
            self._claim(frame, table, seen)
            self._homes.update(dict.fromkeys(frame["ImageNumber"].tolist(), table.path.parent))
            frames.append(frame)
        missing = self._without_row({path.parent for path in seen.values()}) - set(seen)
        if missing:
            frames.append(pd.DataFrame({"ImageNumber": np.array(sorted(missing), dtype="int64")}))
            self.notes.append(
                f"{len(missing)} image set{'s have' if len(missing) > 1 else ' has'} objects, but "
                "no row in an image table."
            )
        return combined(frames)

    def _without_row(self, described: set[Path]) -> set[int]:
        """Image sets of folders that have object tables, but no row in an image table."""
        numbers: set[int] = set()
        for table in self._folder.of("object", "objects"):
            if table.path.parent not in described:
                found = read_column(table.path, table.header, "ImageNumber").unique().tolist()
                self._homes.update(dict.fromkeys(found, table.path.parent))
                numbers.update(found)
        return numbers

    def _claim(self, frame: pd.DataFrame, table: Table, seen: dict[int, Path]) -> None:
        """Two files that number image sets alike are two outputs."""
        for number in frame["ImageNumber"].unique().tolist():
            if seen.setdefault(number, table.path) != table.path:
                one, other = (
                    path.relative_to(self._folder.root).as_posix()
                    for path in (seen[number], table.path)
                )
                raise Invalid(
                    f"Image set {number} stands in both {one} and {other}: these are several "
                    "outputs. Attach each folder by itself."
                )

    def _read_experiment(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for table in self._folder.of("experiment"):
            if table.path.stat().st_size > _MAX_EXPERIMENT:
                self.notes.append(f"{table.path.name} is too large for what it is; skipped.")
                continue
            try:
                frame = pd.read_csv(
                    table.path,
                    dtype=str,
                    keep_default_na=False,
                    sep=table.header.delimiter,
                    encoding=table.header.encoding,
                    encoding_errors="replace",
                )
            except (pd.errors.ParserError, UnicodeDecodeError) as error:
                self.notes.append(f"{table.path.name} was skipped: {error}")
                continue
            for key, value in zip(frame["Key"], frame["Value"], strict=True):
                found.setdefault(key, value)
        return found
