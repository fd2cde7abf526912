"""CellProfiler Analyst's .properties: which database, tables and columns an experiment has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from ...errors import Invalid, TooLarge

__all__ = ["Properties", "read_properties"]

_MAX_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Properties:
    """What a properties file says; a missing entry is an empty text.

    Paths in it are those of another computer, so that only their last part is used.
    """

    path: Path
    entries: dict[str, str]

    def get(self, key: str) -> str:
        """The text of an entry."""
        return self.entries.get(key, "")

    def listed(self, key: str) -> tuple[str, ...]:
        """The parts of an entry that is a list."""
        return tuple(part.strip() for part in self.get(key).split(",") if part.strip())

    @property
    def database(self) -> str:
        """The name of the SQLite file.

        Raises
        ------
        Invalid
            The measurements are not in an SQLite file.
        """
        kind = self.get("db_type").casefold()
        if kind == "mysql":
            raise Invalid(
                f"{self.path.name} names the MySQL database {self.get('db_name') or '?'} on "
                f"{self.get('db_host') or 'a server'}, which is not read. Export once more with "
                "ExportToDatabase and database type SQLite, or with ExportToSpreadsheet, or "
                "attach the measurement file (.h5)."
            )
        name = self.get("db_sqlite_file")
        if not name:
            raise Invalid(
                f"{self.path.name} names no db_sqlite_file; CSV files with a setup script are "
                "not read. Export once more with ExportToDatabase and database type SQLite, or "
                "with ExportToSpreadsheet."
            )
        return PureWindowsPath(name).name

    @property
    def channels(self) -> dict[str, str]:
        """The image table's file name columns, by the name of their channel."""
        files, names = self.listed("image_file_cols"), self.listed("image_names")
        if not files:
            files, names = self.listed("image_channel_files"), self.listed("image_channel_names")
        return {name: column for name, column in zip(names, files, strict=False)}


def read_properties(path: Path) -> Properties:
    """The entries of the file at `path`.

    Raises
    ------
    TooLarge
        No properties file is that long.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise TooLarge(f"{path.name} is larger than {_MAX_BYTES >> 20} MiB, as no properties are.")
    entries: dict[str, str] = {}
    key = ""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if not line.strip() or line.lstrip().startswith(("#", "=")):
            key = "" if not line.strip() else key
            continue
        name, equals, value = line.partition("=")
        if equals:
            key = name.strip().casefold()
            entries[key] = value.strip()
        # A list may go on in lines that are indented.
        elif key and line[:1].isspace():
            entries[key] += " " + line.strip()
    return Properties(path, entries)
