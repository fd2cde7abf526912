"""ExportToSpreadsheet's files as tables: one for each kind, or one for each kind and image set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd

from ...errors import Invalid, NotFound, Unreadable
from ..texts import opened
from .folder import Folder, Table
from .image_sets import DESCRIBING, image_sets
from .route import RELATIONSHIPS, short_list
from .tables import combined, read_columns, read_table, split_objects

__all__ = ["Spreadsheets"]

_MAX_EXPERIMENT = 64 * 2**20

Run = tuple[Path, str]
Read = tuple[Table, pd.DataFrame]


class Spreadsheets:
    """The CSV files in a folder."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.notes = list(folder.notes)
        self._homes: dict[int, Path] = {}
        self._numbers: dict[Run, dict[int, int]] = {}
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
            frame = self._counted(frame, table.run)
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
                pairs = frame[list(RELATIONSHIPS)]
                for end in ("First", "Second") if self._numbers else ():
                    pairs = self._counted(pairs, table.run, f"{end} Image Number", kept=False)
                frames.append(pairs)
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
        read: list[Read] = []
        seen: dict[Run, dict[int, Path]] = {}
        for table in self._folder.of("image"):
            frame = self._read(table)
            self._claim(frame, table, seen.setdefault(table.run, {}))
            read.append((table, frame))
        missing = list(self._without_row(seen))
        numbers = {number for _, frame in missing for number in frame["ImageNumber"].tolist()}
        if numbers:
            self.notes.append(
                f"{len(numbers)} image set{'s have' if len(numbers) > 1 else ' has'} objects, but "
                "no row in an image table."
            )
        self._tell_apart([*read, *missing])
        frames = []
        for table, frame in (*read, *missing):
            counted = self._counted(frame, table.run)
            self._homes.update(dict.fromkeys(counted["ImageNumber"].tolist(), table.path.parent))
            frames.append(counted)
        return combined(frames)

    def _without_row(self, seen: Mapping[Run, Mapping[int, Path]]) -> Iterator[Read]:
        """Image sets that have objects, but no row in an image table of any folder.

        The tables of objects may say the files and the well, too.
        """
        known = {number for numbers in seen.values() for number in numbers}
        found: dict[Run, set[int]] = defaultdict(set)
        anywhere: set[int] = set()
        for table in self._folder.of("object", "objects"):
            if seen.get(table.run):
                continue
            own = table.header.owners
            told = [
                name
                for i, name in enumerate(table.header.columns)
                if name.startswith(DESCRIBING) and (not own or own[i] == "Image")
            ]
            names = list(dict.fromkeys(["ImageNumber", *told]))
            frame = read_columns(table.path, table.header, names).drop_duplicates("ImageNumber")
            # Sets that say nothing of themselves are one, in whichever folders their objects are.
            before = known | found[table.run] | (set() if told else anywhere)
            frame = frame[~frame["ImageNumber"].isin(list(before))]
            found[table.run].update(frame["ImageNumber"].tolist())
            anywhere.update(frame["ImageNumber"].tolist())
            if len(frame):
                yield table, frame

    def _tell_apart(self, read: Sequence[Read]) -> None:
        """Count image sets anew where several runs count theirs alike.

        Raises
        ------
        Invalid
            They cannot be told apart: they are of the same images, or say of which in no way.
        """
        first: dict[int, Table] = {}
        alike = [
            (number, first[number], table)
            for table, frame in read
            for number in frame["ImageNumber"].tolist()
            if first.setdefault(number, table).run != table.run
        ]
        if not alike:
            return
        known: dict[tuple[object, ...], Table] = {}
        for table, frame in read:
            for one in image_sets(frame):
                key = (one.files, one.plate, one.well, one.site)
                if known.setdefault(key, table).run != table.run or not any(key):
                    self._refuse(one.number, known[key].path, alike[0][2].path)
        next_number = count(1)
        for table, frame in read:
            numbers = self._numbers.setdefault(table.run, defaultdict(lambda: next(next_number)))
            for number in frame["ImageNumber"].tolist():
                _ = numbers[number]
        runs = [_called(self._folder.root, run) for run in self._numbers]
        self.notes.append(
            f"{len(runs)} runs ({short_list(runs, 3)}) count their image sets alike: they are "
            "counted anew here, the first number is in ImageNumber_Original."
        )

    def _counted(
        self, frame: pd.DataFrame, run: Run, column: str = "ImageNumber", kept: bool = True
    ) -> pd.DataFrame:
        """The rows of a run with the numbers that its image sets have here."""
        if not self._numbers:
            return frame
        numbers = self._numbers.get(run) or self._numbers[self._of_folder(run)]
        counted = np.array([numbers[n] for n in frame[column].tolist()], dtype="int64")
        more = {"ImageNumber_Original": frame[column]} if kept else {}
        return frame.assign(**{column: counted}, **more)

    def _of_folder(self, run: Run) -> Run:
        """The one run in the folder of files that are called otherwise."""
        found = [one for one in self._numbers if one[0] == run[0]]
        if len(found) != 1:
            raise Invalid(
                f"It cannot be told to which run the files {run[1]}… in {run[0].name} belong: "
                "attach each run by itself."
            )
        return found[0]

    def _claim(self, frame: pd.DataFrame, table: Table, seen: dict[int, Path]) -> None:
        """Two files that number image sets alike are two outputs."""
        for number in frame["ImageNumber"].unique().tolist():
            if seen.setdefault(number, table.path) != table.path:
                self._refuse(number, seen[number], table.path)

    def _refuse(self, number: int, *paths: Path) -> NoReturn:
        one, other = (path.relative_to(self._folder.root).as_posix() for path in paths)
        raise Invalid(
            f"Image set {number} stands in both {one} and {other}: these are several outputs of "
            "the same images, or do not say of which. Attach each folder by itself."
        )

    def _read_experiment(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for table in self._folder.of("experiment"):
            if table.path.stat().st_size > _MAX_EXPERIMENT:
                self.notes.append(f"{table.path.name} is too large for what it is; skipped.")
                continue
            try:
                with opened(table.path) as file:
                    frame = pd.read_csv(
                        file,
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


def _called(root: Path, run: Run) -> str:
    place = run[0].relative_to(root).as_posix()
    return run[1] if place == "." else f"{place}/{run[1]}"
