"""Tables that other programs wrote as text; read inside of a confined process."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import Invalid
from .confined import Confined, frame_from_bytes, frame_to_bytes
from .texts import CODE_PAGE, encoding_of, opened

__all__ = ["header_of", "numbers_with_commas", "read_text", "text_table"]

_LONGEST_HEADER = 1 << 20
# Excel writes so where the comma is the decimal sign.
_DECIMAL_COMMA = re.compile(r"\s*[-+]?[0-9]+(,[0-9]+)?([eE][-+]?[0-9]+)?\s*")
_AS_FLOAT = {"": "nan", "∞": "inf", "-∞": "-inf"}
_NO_NUMBER = (*_AS_FLOAT, "nan", "inf", "-inf", "infinity", "-infinity")


def read_text(path: str, delimiter: str, skipped: int = 0) -> bytes:
    """A CSV or TSV file as an Arrow stream; `skipped` are lines between its header and its rows.

    Numbers may have a decimal comma where another character separates columns.

    Raises
    ------
    Invalid
        It is no table.
    Unreadable
        It is no text, or packed and damaged.
    """
    place = Path(path)
    encoding = encoding_of(place)

    def read(encoding: str) -> pd.DataFrame:
        with opened(place) as file:
            frame: pd.DataFrame = pd.read_csv(
                file,
                sep=delimiter,
                encoding=encoding,
                encoding_errors="replace" if encoding == CODE_PAGE else "strict",
                skiprows=range(1, skipped + 1),
                low_memory=False,
            )
        return frame

    try:
        try:
            frame = read(encoding)
        except UnicodeDecodeError:
            frame = read(CODE_PAGE)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise Invalid(f"{place.name} is no table: {error}") from error
    if delimiter != ",":
        frame = pd.DataFrame({name: numbers_with_commas(frame[name]) for name in frame.columns})
    return frame_to_bytes(frame)


def text_table(path: Path, delimiter: str, confined: Confined, skipped: int = 0) -> pd.DataFrame:
    """The table in a CSV or TSV file."""
    return frame_from_bytes(confined(f"{__name__}:read_text", path, delimiter, skipped))


def header_of(path: Path) -> tuple[str, list[str]]:
    """What separates the columns of a file, and their names.

    Raises
    ------
    Unreadable
        It is no text, or packed and damaged.
    """
    encoding = encoding_of(path)
    with opened(path) as file:
        line = file.readline(_LONGEST_HEADER)
    if encoding == "utf-16":
        # A line end is two bytes long there, of which the second may be cut off.
        line = line[: len(line) // 2 * 2]
    text = line.decode(encoding, "replace").rstrip("\r\n")
    delimiter = max("\t,;", key=text.count)
    return delimiter, [word.strip().strip('"') for word in text.split(delimiter)]


def numbers_with_commas(series: pd.Series[Any]) -> pd.Series[Any]:
    """The column as numbers where all that is in it are numbers with a decimal comma."""
    if pd.api.types.is_numeric_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype):
        return series
    words = series.dropna().astype(str)
    plain = words[~words.str.strip().str.casefold().isin(_NO_NUMBER)]
    if not plain.str.contains(",").any() or not plain.str.fullmatch(_DECIMAL_COMMA).all():
        return series
    text = series.fillna("nan").astype(str).str.strip().str.replace(",", ".").replace(_AS_FLOAT)
    return pd.Series([float(word) for word in text], series.index, name=series.name)
