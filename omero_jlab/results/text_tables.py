"""Tables that other programs wrote as text; read inside of a confined process."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..errors import Invalid
from .confined import Confined, frame_from_bytes, frame_to_bytes

__all__ = ["header_of", "read_text", "text_table"]

_LONGEST_HEADER = 1 << 20


def read_text(path: str, delimiter: str) -> bytes:
    """A CSV or TSV file as an Arrow stream.

    Raises
    ------
    Invalid
        It is no table.
    """
    place = Path(path)
    try:
        frame = pd.read_csv(place, sep=delimiter, encoding="utf-8-sig", encoding_errors="replace")
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise Invalid(f"{place.name} is no table: {error}") from error
    return frame_to_bytes(frame)


def text_table(path: Path, delimiter: str, confined: Confined) -> pd.DataFrame:
    """The table in a CSV or TSV file."""
    return frame_from_bytes(confined(f"{__name__}:read_text", path, delimiter))


def header_of(path: Path) -> tuple[str, list[str]]:
    """What separates the columns of a file, and their names."""
    with path.open("rb") as file:
        line = file.readline(_LONGEST_HEADER).decode("utf-8-sig", "replace").rstrip("\r\n")
    delimiter = max("\t,;", key=line.count)
    return delimiter, [word.strip().strip('"') for word in line.split(delimiter)]
