"""ExportToDatabase's SQLite file, and tables of the same kind that others collected."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from ...errors import Invalid, NotFound, Unreadable
from ..confined import Confined, frame_from_bytes
from .headers import is_object_feature
from .properties import Properties
from .route import RELATIONSHIPS, short_list
from .tables import combined

__all__ = ["Database", "database_in", "is_database"]

_HERE = "omero_jlab.results.cellprofiler.sqlite"
_MAGIC = b"SQLite format 3\0"
_VALUES_A_PIECE = 2_000_000
_MOST_ROWS = 200_000_000
_IMAGE = re.compile(r"(?P<prefix>.*?)(?P<per>Per_)?Image", re.IGNORECASE)
_NUMBERS = ("TableNumber", "ImageNumber", "ObjectNumber")
_NO_FEATURE = ("Image_Thumbnail_",)
_OTHERS = ("experiment", "relationshiptypes", "relationships", "relationshipsview")

Columns = dict[str, str]


def is_database(path: Path) -> bool:
    """Whether the file at `path` begins as SQLite's do."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def database_in(
    path: Path, confined: Confined, properties: Properties | None = None
) -> Database | None:
    """The experiment in the SQLite file at `path`, or None where it holds none of CellProfiler's.

    Raises
    ------
    Invalid
        It holds several, and no properties file says which.
    Unreadable
        The file is damaged.
    """
    told = json.loads(confined(f"{_HERE}:describe", path))
    tables = {
        str(name): {str(column): str(kind) for column, kind in columns}
        for name, columns in told["tables"].items()
    }
    images = _image_tables(tables)
    if properties is not None and properties.get("image_table"):
        wanted = properties.get("image_table").casefold()
        images = [name for name in images if name.casefold() == wanted]
        if not images:
            raise Invalid(
                f"{properties.path.name} names the table {properties.get('image_table')}, which "
                f"{path.name} has not; it has {short_list(tables)}."
            )
    if len(images) > 1:
        raise Invalid(
            f"{path.name} holds several experiments (image tables {short_list(images)}): name "
            "the .properties file of one, with image_table and db_sqlite_file."
        )
    if not images:
        return None
    database = Database(path, confined, tables, images[0])
    if not database.object_names and not database.is_cellprofilers:
        return None
    prefix = database.prefix.casefold()
    views = [
        name
        for name in map(str, told["left_out"])
        if name.casefold().startswith(prefix) and not name.endswith("RelationshipsView")
    ]
    if views:
        database.notes.append(
            f"{short_list(views)} in {path.name}: views are not read; the tables behind them are."
        )
    return database


class Database:
    """One experiment in an SQLite file: an image table, tables of objects, the experiment's."""

    def __init__(
        self, path: Path, confined: Confined, tables: Mapping[str, Columns], images: str
    ) -> None:
        self._path = path
        self._confined = confined
        self._tables = tables
        self._images = images
        found = _IMAGE.fullmatch(images)
        assert found is not None
        self.prefix = found["prefix"] + (found["per"] or "")
        self.notes: list[str] = []
        self._sources = self._find_objects()
        self.experiment = self._read_experiment()
        left = [
            path.name + end
            for end in ("-wal", "-journal")
            if _size(path.with_name(path.name + end))
        ]
        if left:
            self.notes.append(
                f"{path.name} was not closed by the program that wrote it: what is in "
                f"{' and '.join(left)} is not read. Open it once with sqlite3 to finish it."
            )

    @property
    def files(self) -> tuple[Path, ...]:
        """The SQLite file."""
        return (self._path,)

    @property
    def is_cellprofilers(self) -> bool:
        """Whether the image table has columns such as CellProfiler writes."""
        columns = [_without(c, "Image") for c in self._tables[self._images]]
        return any(c.startswith(("FileName_", "Count_", "Metadata_", "Group_")) for c in columns)

    @property
    def object_names(self) -> tuple[str, ...]:
        """The kinds of object that have a table, or columns in the one of all objects."""
        return tuple(self._sources)

    def homes(self) -> Mapping[int, Path]:
        """Nothing: a database says of no file where it lies."""
        return {}

    def images(self) -> pd.DataFrame:
        """One row for each image set, with the columns that the CSV file has."""
        frame = self._read(self._images, self._tables[self._images])
        names = {name: _without(name, "Image") for name in frame.columns}
        frame = self._numbered(frame.rename(columns=names))
        doubles = frame["ImageNumber"].duplicated()
        if doubles.any():
            number = frame["ImageNumber"][doubles].iloc[0]
            raise Invalid(f"{self._path.name} has two rows for image set {number}.")
        return combined([frame])

    def objects(self, name: str) -> pd.DataFrame:
        """All rows of the objects `name`."""
        if name not in self._sources:
            known = ", ".join(self.object_names) or "none"
            raise NotFound(f"There are no objects {name!r}; there are {known}.")
        table, columns = self._sources[name]
        shared = [c for c in self._tables[table] if c in _NUMBERS]
        frame = self._read(table, [*shared, *columns])
        if len(self._objects_of(table)) > 1 and columns:
            # Where several objects share the rows, those that are fewer leave theirs empty.
            frame = frame[frame[columns].notna().any(axis=1)]
        frame = self._numbered(frame.rename(columns={c: _without(c, name) for c in columns}))
        if "ObjectNumber" not in frame:
            frame.insert(1, "ObjectNumber", frame["Number_Object_Number"])
        if frame["ObjectNumber"].isna().any():
            raise Unreadable(f"{table} in {self._path.name} has a row without a number.")
        frame["ObjectNumber"] = frame["ObjectNumber"].astype("int64")
        return combined([frame.reset_index(drop=True)])

    def relationships(self) -> pd.DataFrame | None:
        """The relationships, joined with their types."""
        kinds, pairs = self._table("RelationshipTypes"), self._table("Relationships")
        if kinds is None or pairs is None:
            return None
        left = self._read(kinds, self._tables[kinds])
        right = self._read(pairs, self._tables[pairs])
        wanted = {
            "module_number": "Module Number", "relationship": "Relationship",
            "object_name1": "First Object Name", "image_number1": "First Image Number",
            "object_number1": "First Object Number", "object_name2": "Second Object Name",
            "image_number2": "Second Image Number", "object_number2": "Second Object Number",
        }  # fmt: skip
        key = "relationship_type_id"
        if key not in left or key not in right or not set(wanted) <= {*left, *right}:
            self.notes.append(f"{pairs} in {self._path.name} has other columns than expected.")
            return None
        joined = right.merge(left.drop_duplicates(key), on=key, how="inner")
        joined = joined.rename(columns=wanted).assign(Module="")
        return joined[list(RELATIONSHIPS)]

    def _find_objects(self) -> dict[str, tuple[str, list[str]]]:
        """Names of objects, each with its table and columns."""
        found: dict[str, tuple[str, list[str]]] = {}
        for table, columns in self._tables.items():
            rest = table[len(self.prefix) :]
            if (
                table == self._images
                or not table.casefold().startswith(self.prefix.casefold())
                or rest.casefold() in _OTHERS
                or rest.casefold().startswith("well_")
                or "ImageNumber" not in columns
            ):
                continue
            own = [c for c in columns if c not in _NUMBERS]
            if any(c.startswith(f"{rest}_") for c in own):
                if "ObjectNumber" in columns or f"{rest}_Number_Object_Number" in columns:
                    found[rest] = (table, [c for c in own if c.startswith(f"{rest}_")])
            elif "ObjectNumber" in columns:
                for name, mine in self._share(own).items():
                    found.setdefault(name, (table, mine))
        return found

    def _share(self, columns: Iterable[str]) -> dict[str, list[str]]:
        """The columns of a table of all objects, by the object whose name is before each."""
        columns = list(columns)
        counted = [
            _without(c, "Image").removeprefix("Count_")
            for c in self._tables[self._images]
            if _without(c, "Image").startswith("Count_")
        ]
        ends = "_Number_Object_Number"
        names = {c.removesuffix(ends) for c in columns if c.endswith(ends)} | set(counted)
        shared: dict[str, list[str]] = {}
        for column in columns:
            owners = [n for n in names if column.startswith(f"{n}_")]
            if owners:
                shared.setdefault(max(owners, key=len), []).append(column)
        return {n: mine for n, mine in shared.items() if _measured(mine, n)}

    def _objects_of(self, table: str) -> list[str]:
        return [name for name, (source, _) in self._sources.items() if source == table]

    def _table(self, name: str) -> str | None:
        wanted = f"{self.prefix}{name}".casefold()
        return next((table for table in self._tables if table.casefold() == wanted), None)

    def _read_experiment(self) -> dict[str, str]:
        table = self._table("Experiment")
        if table is None or "CellProfiler_Version" not in self._tables[table]:
            return {}
        frame = self._read(table, self._tables[table])
        row = frame.iloc[0].dropna().to_dict() if len(frame) else {}
        return {str(key): str(value) for key, value in row.items()}

    def _read(self, table: str, columns: Iterable[str]) -> pd.DataFrame:
        names = [c for c in dict.fromkeys(columns) if not c.startswith(_NO_FEATURE)]
        count = max(1, _VALUES_A_PIECE // max(1, len(names)))
        frames: list[pd.DataFrame] = []
        start = 0
        while start < _MOST_ROWS:
            answer = self._confined(f"{_HERE}:read_rows", self._path, table, names, start, count)
            frames.append(frame_from_bytes(answer))
            start += count
            if len(frames[-1]) < count:
                break
        return _joined(frames)

    def _numbered(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Image numbers as whole numbers; where tables were collected, one for each of both."""
        if frame["ImageNumber"].isna().any():
            raise Unreadable(f"{self._path.name} has a row without an ImageNumber.")
        if "TableNumber" in frame.columns:
            keys = self._collected
            pairs = pd.MultiIndex.from_frame(frame[["TableNumber", "ImageNumber"]].astype(str))
            if keys is not None:
                found = keys.get_indexer(pairs)
                if (found < 0).any():
                    raise Invalid(
                        f"{self._path.name} has objects of images that its image table lacks."
                    )
                frame = frame.assign(ImageNumber_Original=frame["ImageNumber"])
                frame["ImageNumber"] = found + 1
        try:
            frame["ImageNumber"] = frame["ImageNumber"].astype("int64")
        except (ValueError, TypeError) as error:
            raise Unreadable(f"{self._path.name} has an ImageNumber that is none.") from error
        return frame

    @property
    def _collected(self) -> pd.MultiIndex | None:
        """Pairs of table and image number, where image numbers alone are ambiguous."""
        if self._pairs is None:
            columns = self._tables[self._images]
            if not {"TableNumber", "ImageNumber"} <= set(columns):
                return None
            frame = self._read(self._images, ["TableNumber", "ImageNumber"])
            self._pairs = pd.MultiIndex.from_frame(frame.astype(str))
            self._ambiguous = bool(frame["ImageNumber"].duplicated().any())
            if self._ambiguous:
                self.notes.append(
                    f"{self._path.name} collects several runs that count their image sets alike: "
                    "they are counted anew here, the first number is in ImageNumber_Original."
                )
        return self._pairs if self._ambiguous else None

    _pairs: pd.MultiIndex | None = None
    _ambiguous = False


def _image_tables(tables: Mapping[str, Columns]) -> list[str]:
    return [
        name
        for name, columns in tables.items()
        if _IMAGE.fullmatch(name) and "ImageNumber" in columns and "ObjectNumber" not in columns
    ]


def _without(column: str, owner: str) -> str:
    return column.removeprefix(f"{owner}_")


def _measured(columns: Iterable[str], name: str) -> bool:
    return any(is_object_feature(_without(column, name)) for column in columns)


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """The pieces of one table; a column without any value in a piece takes the others' type."""
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    if len(filled) == 1:
        return filled[0]
    columns = {}
    for name in filled[0].columns:
        parts = [frame[name] for frame in filled]
        if any(isinstance(part.dtype, pd.StringDtype) and part.notna().any() for part in parts):
            parts = [part.astype("string") for part in parts]
        else:
            parts = [p if p.notna().any() else p.astype("float64") for p in parts]
        columns[name] = pd.concat(parts, ignore_index=True)
    return pd.DataFrame(columns, copy=False)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
