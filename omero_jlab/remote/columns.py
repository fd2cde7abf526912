"""Rows for a plot: a frame's columns as arrays that a page draws without reading them again.

The body begins with the length of a JSON header as a little-endian uint32, then the header,
``{"rows": n, "columns": [{"name", "dtype", "offset", "words"}]}``, then the arrays, each of `n`
little-endian values at a multiple of 8 bytes from the body's start.  The first is `row_id`.

Numbers are float32, or float64 where float32 would merge what differs; whole numbers are int32
where they fit.  A missing number is NaN.  Texts are int32 codes into `words`, most frequent
first, and -1 where there is none; truth values are codes too.  Times are milliseconds since 1970.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import Invalid
from .wire import pieces

__all__ = ["MOST_WORDS", "column_pieces"]

MOST_WORDS = 1_000
_ALIGNED = 8
_SMALLEST, _LARGEST = np.iinfo("i4").min, np.iinfo("i4").max
_FLOAT32_MAX, _FLOAT32_EPS = float(np.finfo("f4").max), float(np.finfo("f4").eps)


def column_pieces(frame: pd.DataFrame) -> Iterator[bytes]:
    """A frame's index and columns, in pieces of at most 1 MB.

    Raises
    ------
    Invalid
        A column is no numbers, texts, truth values or times.
    """
    arrays: list[NDArray[Any]] = [_whole(frame.index.to_numpy())]
    columns: list[dict[str, Any]] = [{"name": "row_id"}]
    for position, name in enumerate(frame.columns):
        values, words = _encoded(frame.iloc[:, position])
        arrays.append(values)
        columns.append({"name": str(name)} | ({} if words is None else {"words": words}))
    offset = 0
    for column, values in zip(columns, arrays, strict=True):
        column |= {"dtype": values.dtype.name, "offset": offset}
        offset += -(-values.nbytes // _ALIGNED) * _ALIGNED
    header = json.dumps({"rows": len(frame), "columns": columns}).encode()
    # Spaces at its end are none of JSON's business.
    header += b" " * (-(len(header) + 4) % _ALIGNED)
    yield struct.pack("<I", len(header)) + header
    for values in arrays:
        little = values.astype(values.dtype.newbyteorder("<"), copy=False)
        yield from pieces(little.tobytes() + bytes(-values.nbytes % _ALIGNED))


def _encoded(column: pd.Series[Any]) -> tuple[NDArray[Any], list[str] | None]:
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype) or pd.api.types.is_string_dtype(kind):
        return _texts(column)
    if pd.api.types.is_bool_dtype(kind):
        codes = column.astype("Int8").to_numpy("float64", na_value=-1).astype("i4")
        return codes, ["False", "True"]
    if pd.api.types.is_datetime64_any_dtype(kind):
        moments = pd.to_datetime(column, utc=True).dt.tz_localize(None)
        since = moments.to_numpy("M8[ms]")
        return np.where(np.isnat(since), np.nan, since.astype("i8").astype("f8")), None
    if pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_complex_dtype(kind):
        if pd.api.types.is_integer_dtype(kind) and not column.isna().any():
            return _whole(column.to_numpy()), None
        return _narrow(column.to_numpy("float64", na_value=np.nan)), None
    raise Invalid(
        f"Column {column.name!r} cannot be plotted: it holds arrays or other things that are no "
        f"numbers, texts, truth values or times."
    )


def _texts(column: pd.Series[Any]) -> tuple[NDArray[Any], list[str]]:
    codes, words = pd.factorize(column.astype("object"))
    counts = np.bincount(codes[codes >= 0], minlength=len(words))
    order = np.argsort(-counts, kind="stable")
    place = np.empty(len(words) + 1, "i4")
    place[order] = np.arange(len(words))
    place[-1] = -1
    named = [str(words[i]) for i in order[:MOST_WORDS]]
    # Nobody tells a thousand colours apart: the rare ones share the last.
    return np.minimum(place[codes], MOST_WORDS).astype("i4"), named


def _whole(values: NDArray[Any]) -> NDArray[Any]:
    if not len(values) or (values.min() >= _SMALLEST and values.max() <= _LARGEST):
        return values.astype("i4")
    return values.astype("f8")


def _narrow(values: NDArray[np.float64]) -> NDArray[Any]:
    """As float32 where that keeps a thousandth of what the values span."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return values.astype("f4")
    low, high = float(finite.min()), float(finite.max())
    largest = max(abs(low), abs(high))
    if largest > _FLOAT32_MAX or largest * _FLOAT32_EPS * 1000 > high - low > 0:
        return values
    return values.astype("f4")
