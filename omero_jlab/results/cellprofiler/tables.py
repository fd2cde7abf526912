"""CSV files as DataFrames whose values are exactly those that were written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ...errors import Unreadable
from ..text_tables import numbers_with_commas
from ..texts import CODE_PAGE, opened
from .headers import Header, is_object_feature, note_of_code_page
from .route import short_list

__all__ = ["combined", "read_columns", "read_table", "split_objects"]

# Text, whatever it looks like: a digest may be all digits, a plate may be named 0012 or NA.
_TEXT = (
    "Metadata_", "FileName_", "PathName_", "URL_", "MD5Digest_", "ObjectsFileName_",
    "ObjectsPathName_", "ObjectsURL_", "ObjectsMD5Digest_", "ImageSet_", "ProcessingStatus",
)  # fmt: skip
_MISSING = ["", "nan", "NaN", "NAN", "-nan", "None", "NULL", "null", "N/A", "NA"]
# Before pandas 3 the default parser is off by the last bit; from 3 on the option is deprecated.
_EXACT: dict[str, Any] = (
    {"float_precision": "round_trip"} if int(pd.__version__.split(".")[0]) < 3 else {}
)
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_NUMBERS = ("ImageNumber", "ObjectNumber")


def read_table(path: Path, header: Header, notes: list[str] | None = None) -> pd.DataFrame:
    """All rows of the file at `path`; what is odd about it is appended to `notes`.

    Numbers are read so that they round-trip; metadata stay text.  A header that occurs twice with
    equal values is kept once, with other values it gets the suffix `_2`.

    Raises
    ------
    Unreadable
        A row has more values than there are columns, the file is damaged or was cut off.
    """
    places = [str(i) for i in range(len(header.columns))]
    text = {p for p, name in zip(places, header.columns, strict=True) if name.startswith(_TEXT)}
    frame = _read(
        path,
        header,
        notes,
        dtype={place: "string" for place in text},
        na_values={p: [""] if p in text else _MISSING for p in places},
    )
    columns: dict[str, pd.Series[Any]] = {}
    words: list[str] = []
    for place, name in zip(places, _owned_names(header), strict=True):
        series = frame[place]
        if name.rpartition("\0")[2] in _NUMBERS:
            series = _numbers(series, path, name.rpartition("\0")[2])
        elif not pd.api.types.is_numeric_dtype(series.dtype):
            if header.delimiter != "," and place not in text:
                series = numbers_with_commas(series)
            if not pd.api.types.is_numeric_dtype(series.dtype):
                if series.notna().any() and is_object_feature(name.rpartition("\0")[2]):
                    words.append(name.rpartition("\0")[2])
                series = series.astype("string")
        key = name
        count = 1
        while key in columns and not columns[key].equals(series):
            count += 1
            key = f"{name}_{count}"
        columns[key] = series
    if words and notes is not None:
        notes.append(f"{path.name}: {short_list(words)} held more than numbers; kept as text.")
    return pd.DataFrame(columns, copy=False)


def read_columns(path: Path, header: Header, names: Sequence[str]) -> pd.DataFrame:
    """Some columns, without keeping the others: whole numbers, or texts."""
    places = {str(header.columns.index(name)): name for name in names}
    text = {place for place, name in places.items() if name not in _NUMBERS}
    frame = _read(
        path,
        header,
        None,
        usecols=list(places),
        dtype={place: "string" for place in text},
        na_values={place: [""] if place in text else _MISSING for place in places},
    ).rename(columns=places)
    for name in (n for n in _NUMBERS if n in frame):
        frame[name] = _numbers(frame[name], path, name)
    return frame


def split_objects(frame: pd.DataFrame, owners: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The tables of the objects that a file with two header rows holds side by side.

    Row n of every object stands on one line; objects of which an image set has fewer leave their
    columns empty there.
    """
    shared = [c for c in frame.columns if c.partition("\0")[0] == "Image"]
    number = next(c for c in frame.columns if c.endswith("\0ObjectNumber"))
    tables = {}
    for owner in dict.fromkeys(o for o in owners if o != "Image"):
        own = [c for c in frame.columns if c.partition("\0")[0] == owner and c != number]
        part = frame[[*shared, number, *own]]
        part = part[part[own].notna().any(axis=1)] if own else part
        part = part.rename(columns=lambda c: c.partition("\0")[2])
        tables[owner] = part.reset_index(drop=True)
    return tables


def combined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The rows of all `frames`, by image set; metadata become integers if nothing is lost by it."""
    filled = [frame for frame in frames if len(frame)] or list(frames[:1])
    frame = pd.concat(filled, ignore_index=True) if len(filled) > 1 else filled[0]
    order = [name for name in _NUMBERS if name in frame.columns]
    frame = frame.sort_values(order, kind="stable", ignore_index=True)
    integers = {
        name: _plain_integers(frame[name])
        for name in frame.columns
        if name.startswith("Metadata_") and isinstance(frame[name].dtype, pd.StringDtype)
    }
    return frame.assign(**integers)


def _read(path: Path, header: Header, notes: list[str] | None, **options: Any) -> pd.DataFrame:
    """The rows below the header; columns are named by their places."""
    if header.is_cut:
        raise Unreadable(f"{path.name} {header.end}. Copy it again.")
    places = [str(i) for i in range(len(header.columns))]

    def read(encoding: str) -> pd.DataFrame:
        with opened(path) as file:
            frame: pd.DataFrame = pd.read_csv(
                file,
                header=None,
                names=places,
                skiprows=header.rows,
                keep_default_na=False,
                sep=header.delimiter,
                encoding=encoding,
                encoding_errors="replace" if encoding == CODE_PAGE else "strict",
                low_memory=False,
                **_EXACT,
                **options,
            )
        return frame

    try:
        try:
            frame = read(header.encoding)
        except UnicodeDecodeError:
            frame = read(CODE_PAGE)
            if notes is not None:
                notes.append(note_of_code_page(path.name))
    except pd.errors.EmptyDataError:
        return pd.DataFrame({place: pd.Series(dtype="float64") for place in places})
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise Unreadable(f"{path.name} cannot be read as a table: {error}") from error
    # pandas takes what is too much in a row for names of the rows.
    if not isinstance(frame.index, pd.RangeIndex):
        raise Unreadable(f"{path.name} has rows with more values than its header has columns.")
    return frame


def _owned_names(header: Header) -> list[str]:
    """Column names; where there are owners, in front of the name and a NUL."""
    if not header.owners:
        return list(header.columns)
    return [f"{o}\0{c}" for o, c in zip(header.owners, header.columns, strict=True)]


def _numbers(series: pd.Series[Any], path: Path, name: str) -> pd.Series[Any]:
    try:
        numbers = pd.to_numeric(series)
        whole = numbers.astype("int64")
    except (ValueError, TypeError, OverflowError) as error:
        raise Unreadable(f"{path.name} has a row whose {name} is no number.") from error
    if not whole.eq(numbers).all():
        raise Unreadable(f"{path.name} has a row whose {name} is no whole number.")
    return whole


def _plain_integers(series: pd.Series[Any]) -> pd.Series[Any]:
    present = series.dropna()
    if len(present) and present.str.fullmatch(_INTEGER).all():
        return series.astype("Int64" if len(present) < len(series) else "int64")
    return series
