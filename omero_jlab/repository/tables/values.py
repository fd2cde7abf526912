"""What is given to a change of rows, put into a frame by row number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy
import pandas
from numpy.typing import NDArray
from pydantic import JsonValue

from ...errors import Invalid
from ...model import Column
from ...tables import ROW_ID

__all__ = ["constants", "numbered"]

Numbers = NDArray[numpy.int64]


def numbered(frame: Any, every: Callable[[], Numbers] | None = None) -> pandas.DataFrame:
    """`frame` with the rows' numbers as its index, ascending.

    They stand in its column `row_id` or in its index.  Where `every` is given, a frame that has
    a value for every row and an index of its own has them in the rows' order.

    Raises
    ------
    Invalid
        There are none, or one is there twice.
    """
    if not isinstance(frame, pandas.DataFrame):
        raise Invalid(f"Rows are given as a pandas.DataFrame, not as {type(frame).__name__}.")
    if ROW_ID in frame.columns:
        frame = frame.set_index(ROW_ID)
    elif every is not None and frame.index.name != ROW_ID:
        numbers = every()
        if len(numbers) != len(frame):
            raise Invalid(
                f"There are {len(frame):,} values for {len(numbers):,} rows: give one for each "
                f"row, or name the rows by an index or column {ROW_ID!r}."
            )
        frame = frame.set_axis(pandas.Index(numbers, name=ROW_ID), axis=0)
    if frame.index.nlevels > 1 or frame.index.dtype.kind not in "iu":
        raise Invalid(
            f"The rows to change are named by an index or column {ROW_ID!r} of whole numbers, as "
            f"a query answers them; this index holds {frame.index.dtype}."
        )
    rows: pandas.DataFrame = frame.set_axis(frame.index.astype("int64"), axis=0)
    if not rows.index.is_monotonic_increasing:
        rows = rows.sort_index()
    if rows.index.has_duplicates:
        twice = rows.index[rows.index.duplicated()][0]
        raise Invalid(f"Row {twice} is given twice: give each row once.")
    return rows


def constants(
    values: Mapping[str, JsonValue], columns: Sequence[Column], numbers: Numbers
) -> pandas.DataFrame:
    """A frame with the same values in each of the rows.

    Raises
    ------
    Invalid
        A value is none that its column holds.
    """
    made = {}
    for column in columns:
        one = pandas.Series([_value(column, values[column.name])])
        if column.kind == "timestamp":
            one = _time(column, values[column.name])
        made[column.name] = one.iloc[numpy.zeros(len(numbers), "i8")].array
    return pandas.DataFrame(made, index=pandas.Index(numbers, name=ROW_ID))


def _value(column: Column, value: JsonValue) -> Any:
    if isinstance(value, dict):
        raise Invalid(f"Column {column.name!r} cannot hold an object: give one value.")
    return value


def _time(column: Column, value: JsonValue) -> pandas.Series[Any]:
    try:
        found = pandas.to_datetime(pandas.Series([value]), utc=column.dtype.endswith("UTC]"))
    except (TypeError, ValueError) as error:
        raise Invalid(
            f"Column {column.name!r} holds times, and {value!r} is none; write it as "
            "'2024-03-01T14:30:00'."
        ) from error
    return found
