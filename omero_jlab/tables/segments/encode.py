"""A DataFrame's column → the arrays that a segment stores."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy
import pandas
import pyarrow  # type: ignore[import-untyped]
import pyarrow.compute  # type: ignore[import-untyped]
from numpy.typing import NDArray

from ...errors import Invalid
from ...model import Column
from ..columns import kind_and_type
from ..nearest import hint
from ..normalise import Arrays, normalised
from .narrow import narrowed

__all__ = ["Encoded", "encoded_columns", "encoded_values", "sorted_codes"]


class Encoded(NamedTuple):
    """One array of one column; `part` is that of `ColumnPart`."""

    column: Column
    part: str
    array: NDArray[Any]


def encoded_columns(frame: pandas.DataFrame, columns: tuple[Column, ...]) -> list[list[Encoded]]:
    """What is to be stored of `frame`, one list of arrays a column.

    A column that may be missing can be left out of `frame`, and so can one of floats that the
    table has not had from the beginning; it is then left out here too.  Where a value is missing,
    there is a part `valid`, whether or not the column was one in which values may be missing.

    Raises
    ------
    Invalid
        A column is missing, unknown, of another type, or would lose something.
    """
    names = {column.name for column in columns}
    given: set[Any] = set()
    for name in frame.columns:
        if name not in names:
            known = [column.name for column in columns]
            raise Invalid(f"the table has no column {name!r}: {hint(str(name), known)}")
        if name in given:
            raise Invalid(f"column {name!r} is there twice")
        given.add(name)
    found = []
    for column in columns:
        if column.name not in given:
            if not (column.nullable or (column.kind == "float" and column.since > 1)):
                raise Invalid(
                    f"the rows have no column {column.name!r}: "
                    f"{hint(column.name, [str(name) for name in frame.columns])}"
                )
            continue
        try:
            found.append(_encoded(frame[column.name], column))
        except Invalid as error:
            raise Invalid(f"column {column.name!r} {error}") from error
    return found


def encoded_values(
    column: Column, values: Any, valid: NDArray[numpy.bool_] | None
) -> list[Encoded]:
    """What is to be stored of values as they were read: of text Arrow's, of times int64."""
    if column.kind == "string":
        return _coded(values, column)
    if column.kind == "timestamp":
        return [Encoded(column, "values", values)]
    return _masked(column, values, valid)


def _encoded(series: pandas.Series[Any], column: Column) -> list[Encoded]:
    values = normalised(series)
    kind, dtype, shape, _ = kind_and_type(values)
    if column.kind == "link" and kind == "integer":
        kind = "link"
    if kind != column.kind and series.isna().all():
        return _absent(column, len(series))
    numbers = ("integer", "float", "link")
    if (kind != column.kind and not (kind in numbers and column.kind in numbers)) or (
        kind == "timestamp" and dtype != column.dtype
    ):
        raise Invalid(f"holds {dtype} values, but the table's column is {column.dtype}")
    if isinstance(values, Arrays):
        if shape != column.shape:
            raise Invalid(f"holds arrays of shape {shape}, but the table's are {column.shape}")
        return _masked(column, _exact(values.values, column, None), values.valid)
    if column.kind == "string":
        return _words(values, column)
    if column.kind == "timestamp":
        return [Encoded(column, "values", _microseconds(values))]
    missing = values.isna().to_numpy() if _is_masked(values) else None
    if missing is not None:
        filler = False if values.dtype.kind == "b" else 0
        plain = values.to_numpy(dtype=values.dtype.numpy_dtype, na_value=filler)  # type: ignore[union-attr]
    else:
        plain = values.to_numpy()
    if column.kind == "float" and missing is not None and not column.nullable:
        exact = _exact(plain, column, None).copy()
        exact[missing] = numpy.nan
        return _masked(column, exact, None)
    if column.kind in ("integer", "link") and plain.dtype.kind == "f":
        missing = numpy.isnan(plain) if missing is None else missing
        plain = numpy.where(missing, 0, plain)
    valid = None if missing is None or not missing.any() else ~missing
    return _masked(column, _exact(plain, column, valid), valid)


def _is_masked(values: pandas.Series[Any]) -> bool:
    return isinstance(values.dtype, pandas.api.extensions.ExtensionDtype)


def _absent(column: Column, rows: int) -> list[Encoded]:
    if column.kind == "string":
        return _words(pandas.Series([None] * rows, dtype=pandas.StringDtype()), column)
    if column.kind == "timestamp":
        return [Encoded(column, "values", numpy.full(rows, numpy.iinfo("i8").min, "<i8"))]
    if column.kind == "float" and not column.nullable:
        return _masked(column, numpy.full(rows, numpy.nan, column.dtype), None)
    values = numpy.zeros((rows, *column.shape), column.dtype)
    return _masked(column, values, numpy.zeros(rows, bool))


def _masked(
    column: Column, values: NDArray[Any], valid: NDArray[numpy.bool_] | None
) -> list[Encoded]:
    if valid is not None and valid.all():
        valid = None
    stored = values if values.dtype.kind == "b" else narrowed(values)
    parts = [Encoded(column, "values", stored)]
    if valid is not None:
        parts.append(Encoded(column, "valid", numpy.ascontiguousarray(valid)))
    return parts


def _exact(
    values: NDArray[Any], column: Column, valid: NDArray[numpy.bool_] | None
) -> NDArray[Any]:
    """`values` as little-endian `column.dtype`, refused where that changes one."""
    dtype = numpy.dtype(column.dtype).newbyteorder("<")
    if values.dtype == dtype:
        return numpy.ascontiguousarray(values)
    if (values.dtype.kind == "b") != (dtype.kind == "b"):
        raise Invalid(f"holds {values.dtype} values, but the table's column is {column.dtype}")
    with numpy.errstate(all="ignore"):
        cast = values.astype(dtype)
        same = cast == values
    if dtype.kind == "f" and values.dtype.kind == "f":
        same |= numpy.isnan(values)
    else:
        # Near 2**63 a float and a whole number compare equal though they are not.
        whole = cast if dtype.kind in "iu" else values
        if "f" in (dtype.kind, values.dtype.kind) and whole.dtype.itemsize == 8:
            same &= numpy.abs(cast.astype(float)) < 2.0**53
    if valid is not None:
        same |= ~valid
    if not same.all():
        where = numpy.unravel_index(int(numpy.argmin(same)), same.shape)
        raise Invalid(
            f"has {values[where]} in row {int(where[0])}, which the table's {column.dtype} "
            "cannot hold exactly"
        )
    return numpy.ascontiguousarray(cast)


def _microseconds(values: pandas.Series[Any]) -> NDArray[Any]:
    """int64 microseconds since 1970, missing ones as numpy's NaT."""
    if isinstance(values.dtype, pandas.DatetimeTZDtype):
        values = values.dt.tz_convert("UTC").dt.tz_localize(None)
    times = values.to_numpy()
    cast = times.astype("M8[us]")
    same = (cast.astype(times.dtype) == times) | numpy.isnat(times)
    if not same.all():
        row = int(numpy.argmin(same))
        raise Invalid(f"has a time finer than a microsecond in row {row}; use .dt.floor('us')")
    return numpy.ascontiguousarray(cast.view("<i8"))


def _words(values: pandas.Series[Any], column: Column) -> list[Encoded]:
    try:
        text = pyarrow.array(values, pyarrow.large_string(), from_pandas=True)
    except UnicodeEncodeError as error:
        raise Invalid("holds text that is not valid Unicode (a lone surrogate)") from error
    return _coded(text, column)


def _coded(text: Any, column: Column) -> list[Encoded]:
    if isinstance(text, pyarrow.ChunkedArray):
        text = text.combine_chunks()
    codes, words = sorted_codes(text)
    offsets = numpy.frombuffer(words.buffers()[1], "<i8", len(words) + 1)
    data = words.buffers()[2]
    letters = numpy.frombuffer(data, "u1", int(offsets[-1])) if data else numpy.empty(0, "u1")
    narrow = numpy.min_scalar_type(-max(len(words), 1)).newbyteorder("<")
    return [
        Encoded(column, "codes", codes.astype(narrow)),
        Encoded(column, "words", letters),
        Encoded(column, "word_offsets", offsets),
    ]


def sorted_codes(text: pyarrow.Array) -> tuple[NDArray[Any], pyarrow.Array]:
    """`text` as numbers into its sorted different words; -1 where it is missing.

    Words are sorted by code point, so codes compare as the words do.
    """
    if len(text) == 0:
        return numpy.empty(0, "i8"), pyarrow.array([], pyarrow.large_string()).take(
            pyarrow.array([], "int64")
        )
    found = text.dictionary_encode()
    order = pyarrow.compute.sort_indices(found.dictionary).to_numpy()
    rank = numpy.empty(len(order) + 1, "i8")
    rank[order] = numpy.arange(len(order))
    rank[-1] = -1
    indices = found.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    words = found.dictionary.take(pyarrow.array(order))
    return rank[indices], words
