"""Whatever a DataFrame's column is made of → one of the few types that a table stores."""

from __future__ import annotations

from typing import Any

import numpy
import pandas
import pyarrow  # type: ignore[import-untyped]
from numpy.typing import NDArray
from pandas.api.types import infer_dtype

from ..errors import Invalid

__all__ = ["Arrays", "normalised"]

_MIXED = "holds values of several types ({}); make it one, for instance with .astype(str)"
_REFUSED = {
    "bytes": "holds bytes; decode them to text, for instance with .str.decode('utf-8')",
    "date": "holds dates without a time; use pandas.to_datetime",
    "timedelta": "holds durations; use .dt.total_seconds() for numbers of seconds",
    "timedelta64": "holds durations; use .dt.total_seconds() for numbers of seconds",
    "complex": "holds complex numbers; store real and imaginary part as two columns",
    "decimal": "holds decimal numbers; use .astype(float)",
}


class Arrays:
    """A column of arrays, stacked.

    `values` has shape (rows, ...); `valid` says where there is an array, None for everywhere.
    """

    def __init__(self, values: NDArray[Any], valid: NDArray[numpy.bool_] | None) -> None:
        self.values = values
        self.valid = valid


def normalised(series: pandas.Series[Any]) -> pandas.Series[Any] | Arrays:
    """`series` as numpy numbers, masked numbers, text or times, or as stacked arrays.

    Raises
    ------
    Invalid
        The column cannot be stored; the message is the reason, without the column's name.
    """
    dtype = series.dtype
    if isinstance(dtype, pandas.CategoricalDtype):
        return _without_categories(series)
    if isinstance(dtype, pandas.SparseDtype):
        return normalised(pandas.Series(numpy.asarray(series)))
    if isinstance(dtype, pandas.ArrowDtype):
        return _without_arrow(series, dtype)
    if isinstance(dtype, pandas.StringDtype | pandas.DatetimeTZDtype):
        return series
    if isinstance(dtype, pandas.api.extensions.ExtensionDtype):
        if dtype.kind in "biuf":
            return series
        raise Invalid(f"is of type {dtype}, which a table cannot hold; try .astype(str)")
    if dtype.kind == "O":
        return _from_objects(series)
    if dtype.kind in "biuM":
        return series
    if dtype.kind == "f":
        if dtype.itemsize > 8:
            raise Invalid(f"is of type {dtype}, which is wider than 64 bits; use .astype(float)")
        return series
    reason = {"m": _REFUSED["timedelta"], "c": _REFUSED["complex"]}
    raise Invalid(reason.get(dtype.kind, f"is of type {dtype}, which a table cannot hold"))


def _without_categories(series: pandas.Series[Any]) -> pandas.Series[Any] | Arrays:
    categories = series.cat.categories
    codes = series.cat.codes.to_numpy()
    if (codes >= 0).all():
        return normalised(pandas.Series(categories.take(codes)))
    values = normalised(pandas.Series(categories))
    if isinstance(values, Arrays):
        raise Invalid("has arrays as categories, some missing; use .astype(object)")
    if isinstance(values.dtype, numpy.dtype) and values.dtype.kind in "biu":
        values = values.astype(_masked_type(values.dtype))
    return pandas.Series(values.array.take(codes, allow_fill=True))


def _without_arrow(
    series: pandas.Series[Any], dtype: pandas.ArrowDtype
) -> pandas.Series[Any] | Arrays:
    kind = dtype.pyarrow_dtype
    types = pyarrow.types
    if types.is_string(kind) or types.is_large_string(kind):
        return series.astype(pandas.StringDtype())
    if types.is_boolean(kind):
        return series.astype("boolean")
    if types.is_integer(kind) or types.is_floating(kind):
        return series.astype(_masked_type(numpy.dtype(kind.to_pandas_dtype())))
    return normalised(pandas.Series(pyarrow.array(series).to_pandas()))


def _masked_type(dtype: Any) -> Any:
    """pandas' nullable type for the numbers of numpy's `dtype`."""
    if dtype.kind == "f":
        return pandas.Float64Dtype() if dtype.itemsize == 8 else pandas.Float32Dtype()
    if dtype.kind == "b":
        return pandas.BooleanDtype()
    return pandas.api.types.pandas_dtype(dtype.name.replace("i", "I").replace("u", "U"))


def _from_objects(series: pandas.Series[Any]) -> pandas.Series[Any] | Arrays:
    present = series[series.notna()] if len(series) else series
    if len(present) and isinstance(present.iloc[0], numpy.ndarray | list | tuple):
        return _stacked(series)
    kind = infer_dtype(series, skipna=True)
    if kind == "empty":
        return pandas.Series([None] * len(series), dtype=pandas.StringDtype())
    if kind == "string":
        try:
            return series.astype(pandas.StringDtype())
        except UnicodeEncodeError as error:
            raise Invalid("holds text that is not valid Unicode (a lone surrogate)") from error
    if kind == "boolean":
        return series.astype("boolean")
    if kind == "integer":
        return _integers(series, complete=len(present) == len(series))
    if kind in ("floating", "mixed-integer-float"):
        return series.astype("float64")
    if kind in ("datetime", "datetime64"):
        return _times(series, present)
    if kind in _REFUSED:
        raise Invalid(_REFUSED[kind])
    names = sorted({type(value).__name__ for value in present})
    if len(names) == 1:
        raise Invalid(f"holds values of type {names[0]}, which a table cannot hold")
    raise Invalid(_MIXED.format(", ".join(names)))


def _integers(series: pandas.Series[Any], complete: bool) -> pandas.Series[Any]:
    for name in ("int64", "uint64"):
        dtype = numpy.dtype(name)
        try:
            return series.astype(dtype if complete else _masked_type(dtype))
        except (OverflowError, TypeError, ValueError):
            continue
    raise Invalid("holds whole numbers that do not fit into 64 bits")


def _times(series: pandas.Series[Any], present: pandas.Series[Any]) -> pandas.Series[Any]:
    aware = {pandas.Timestamp(value).tzinfo is not None for value in present}
    if len(aware) > 1:
        raise Invalid("holds times with and without a time zone; use pandas.to_datetime(utc=True)")
    try:
        return pandas.to_datetime(series, utc=aware == {True})
    except (ValueError, OverflowError) as error:
        raise Invalid("holds times that cannot be represented") from error


def _stacked(series: pandas.Series[Any]) -> Arrays:
    arrays = []
    valid = numpy.ones(len(series), bool)
    for row, value in enumerate(series):
        if value is None or value is pandas.NA or (isinstance(value, float) and value != value):
            valid[row] = False
            continue
        try:
            array = numpy.asarray(value)
        except ValueError as error:
            raise Invalid("holds ragged nested lists; every row needs the same shape") from error
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8 or array.ndim == 0:
            raise Invalid("holds lists of something other than numbers")
        arrays.append(array)
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        found = ", ".join(str(shape) for shape in sorted(shapes)[:3])
        raise Invalid(f"holds arrays of different shapes ({found}); every row needs the same")
    if 0 in arrays[0].shape:
        raise Invalid("holds arrays without a value")
    kinds = {array.dtype for array in arrays}
    dtype = numpy.result_type(*kinds)
    if dtype.kind == "f" and any(kind.kind in "iu" and kind.itemsize == 8 for kind in kinds):
        exact = all(
            (array.astype(float).astype(array.dtype) == array).all()
            for array in arrays
            if array.dtype.kind in "iu"
        )
        if not exact:
            raise Invalid("holds arrays of numbers that no one type holds exactly")
    values = numpy.zeros((len(series), *arrays[0].shape), dtype)
    values[valid] = numpy.stack(arrays)
    return Arrays(values, None if valid.all() else valid)
