"""The log of an import, which lies beside its fileset: what was done, when, and what came of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ...errors import NotFound, OmeroError
from ...storage import Layout, replace_file

__all__ = ["ImportLog", "add_line", "log_place", "read_log"]

_MOST = 1 << 20


class ImportLog:
    """The lines of one fileset's log, each with its time (UTC) and its stage."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def say(self, stage: str, text: str) -> None:
        """Add a line."""
        self._lines.append(_line(stage, text))

    def __bytes__(self) -> bytes:
        return "".join(self._lines).encode(errors="backslashreplace")


def log_place(folder: str) -> str:
    """Where the log of a fileset lies, beside the fileset's folder."""
    return f"{folder}.log"


def add_line(layout: Layout, folder: str, stage: str, text: str) -> None:
    """Add a line to the log of a fileset, if it is there; an import without it is no worse."""
    path = layout.managed / log_place(folder)
    if path.is_file():
        line = _line(stage, text).encode(errors="backslashreplace")
        replace_file(path, path.read_bytes() + line, layout.staging(layout.managed))


def read_log(path: Path) -> str:
    """The text of a log, its first megabyte.

    Raises
    ------
    NotFound
        It is not there.
    """
    try:
        with path.open("rb") as file:
            return file.read(_MOST).decode(errors="replace")
    except FileNotFoundError:
        raise NotFound(
            f"The import log {path.name} is not there: see `omero-jlab admin check`."
        ) from None
    except OSError as error:
        raise OmeroError(f"The import log {path.name} cannot be read: {error.strerror}.") from error


def _line(stage: str, text: str) -> str:
    time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    words = " ".join(text.split())
    return f"{time} {stage}: {words}\n"
