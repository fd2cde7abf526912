"""Which of an output's files are read: the one that was named, else the CSV files first."""

from __future__ import annotations

from pathlib import Path

from ...errors import Invalid, OmeroError
from ..confined import Confined
from ..texts import suffix_of
from .database import database_in, is_database
from .folder import CSV, Folder, find
from .measurements import is_hdf5, measurements_in, pipeline_in
from .properties import Properties, read_properties
from .route import Route, short_list
from .spreadsheets import Spreadsheets

__all__ = ["Found", "find_route"]

_PROJECT = ".cpproj"
_MYSQL = (b"load data", b"per_image", b"per_object")


class Found:
    """What is read, the folder it lies in, and the properties file that belongs to it.

    `projects` are files with the pipelines that they hold, `named` the file that was asked for,
    where it was no folder.
    """

    def __init__(self, route: Route, folder: Folder, properties: Properties | None = None) -> None:
        self.route = route
        self.folder = folder
        self.properties = properties
        self.projects: list[tuple[Path, str]] = []
        self.named: Path | None = None


def find_route(path: Path, confined: Confined) -> Found | None:
    """What CellProfiler wrote at `path`, a folder or one of its files; None if nothing.

    Raises
    ------
    Invalid
        There are several experiments, or one that is kept where it cannot be read.
    Unreadable
        A file is damaged.
    """
    if path.is_dir():
        found = _in_folder(find(path), confined)
    else:
        found = _of_file(path, confined)
        if found is not None:
            found.named = path
    if found is not None:
        for project in found.folder.measurements:
            if project.suffix.casefold() == _PROJECT and project not in found.route.files:
                try:
                    found.projects.append((project, pipeline_in(project, confined)))
                except OmeroError as error:
                    found.route.notes.append(f"{project.name} was skipped: {error}")
    return found


def _of_file(path: Path, confined: Confined) -> Found | None:
    suffix = path.suffix.casefold()
    if suffix == ".properties":
        return _by_properties(path, confined)
    if suffix == ".sql":
        _refuse_script(path)
        return None
    if suffix_of(path) in CSV:
        folder = find(path.parent)
        named = path in [table.path for table in folder.tables]
        return _spreadsheets(folder) if named else None
    if is_database(path):
        properties = _properties_of(path)
        database = database_in(path, confined, properties)
        return None if database is None else Found(database, find(path.parent), properties)
    if is_hdf5(path):
        measurements = measurements_in(path, confined)
        return None if measurements is None else Found(measurements, find(path.parent))
    return None


def _in_folder(folder: Folder, confined: Confined) -> Found | None:
    found = _spreadsheets(folder)
    if found is not None:
        others = [*folder.databases, *_without_projects(folder)]
        if others:
            found.route.notes.append(
                f"Not read: {short_list(p.name for p in others)}; the CSV files were. Name one of "
                "them to read it instead."
            )
        return found
    by_kind = (
        [one for one in folder.databases if is_database(one)],
        [one for one in _without_projects(folder) if is_hdf5(one)],
    )
    failures: list[OmeroError] = []
    for paths in by_kind:
        routes = []
        for path in sorted(paths):
            try:
                found = find_route(path, confined)
            except OmeroError as error:
                failures.append(error)
                continue
            if found is not None:
                routes.append((path, found))
        if len(routes) > 1:
            raise Invalid(
                f"{folder.root.name} holds several outputs ("
                f"{short_list(path.name for path, _ in routes)}): name one of the files."
            )
        if routes:
            found = Found(routes[0][1].route, folder, routes[0][1].properties)
            found.route.notes.extend(str(error) for error in failures)
            return found
    if failures:
        raise failures[0]
    for path in folder.properties:
        # A database elsewhere is refused with the reason.
        _ = read_properties(path).database
    for path in folder.scripts:
        _refuse_script(path)
    return None


def _without_projects(folder: Folder) -> list[Path]:
    """The measurement files; a project holds its pipeline and the list of images only."""
    return [path for path in folder.measurements if path.suffix.casefold() != _PROJECT]


def _spreadsheets(folder: Folder) -> Found | None:
    if not folder.of("image", "object", "objects"):
        return None
    return Found(Spreadsheets(folder), folder)


def _by_properties(path: Path, confined: Confined) -> Found | None:
    properties = read_properties(path)
    if not properties.get("image_table") and not properties.get("db_type"):
        return None
    folder = find(path.parent)
    beside = folder.file(properties.database, path.parent)
    if beside is None:
        raise Invalid(
            f"{path.name} names the database {properties.database}, which does not lie beside it: "
            "put both into one folder."
        )
    database = database_in(beside, confined, properties)
    return None if database is None else Found(database, folder, properties)


def _properties_of(database: Path) -> Properties | None:
    """The one properties file in the database's folder that names it."""
    naming = []
    for path in sorted(database.parent.glob("*.properties")):
        properties = read_properties(path)
        kind = properties.get("db_type").casefold()
        named = properties.database if kind == "sqlite" else ""
        if named.casefold() == database.name.casefold():
            naming.append(properties)
    return naming[0] if len(naming) == 1 else None


def _refuse_script(path: Path) -> None:
    """Refuse what ExportToDatabase wrote for MySQL."""
    with path.open("rb") as file:
        head = file.read(1 << 20).lower()
    if any(word in head for word in _MYSQL):
        raise Invalid(
            f"{path.name} is what ExportToDatabase writes for MySQL: a script and CSV files "
            "without column names, which are not read. Export once more with database type "
            "SQLite, or with ExportToSpreadsheet, or attach the measurement file (.h5)."
        )
