"""Columns as read → what pandas and Arrow users hold, and Arrow → pandas."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import numpy
import pandas
import pyarrow  # type: ignore[import-untyped]
from numpy.typing import NDArray

from ...errors import Invalid
from ...model import Column
from ..columns import ROW_ID

__all__ = ["Values", "arrow_schema", "as_arrow", "as_frame", "block_type", "frame_from_arrow"]

_KEY = b"omero_jlab"
_PIECE = 1 << 16
_PLAIN = ("bool", "integer", "float", "link")
_TEXT = pandas.Series(["text"]).dtype
# What pandas 3 makes of a list of texts; pandas 2 made objects of it.
TEXT_TYPE = _TEXT if isinstance(_TEXT, pandas.StringDtype) else pandas.StringDtype("pyarrow")


class Values(NamedTuple):
    """A column's values: of text Arrow's, of times int64 microseconds, else as stored."""

    values: Any
    valid: NDArray[numpy.bool_] | None = None


def block_type(columns: Sequence[Column]) -> numpy.dtype[Any] | None:
    """The type of an array that could hold all of `columns`, each as it is; None for no such."""
    if len({column.dtype for column in columns}) != 1:
        return None
    if any(column.nullable or column.kind not in _PLAIN for column in columns):
        return None
    return numpy.dtype(columns[0].dtype)


@lru_cache(128)
def _names(names: tuple[str, ...]) -> pandas.Index[Any]:
    return pandas.Index(names)


def as_frame(
    columns: Sequence[Column],
    values: Sequence[Values],
    index: pandas.Index[Any] | None,
    block: NDArray[Any] | None = None,
) -> pandas.DataFrame:
    """A DataFrame of `values`, which lie in `block` as its rows where that is given.

    Text has pandas' own text type; whole numbers and booleans that may be missing have the
    nullable types `Int64` and `boolean`; arrays are objects.
    """
    if block is not None:
        # A frame may rename its columns' index: each has its own.
        names = _names(tuple(column.name for column in columns)).view()
        return pandas.DataFrame(block.T, index=index, columns=names, copy=False)
    made = {
        column.name: _pandas(column, each) for column, each in zip(columns, values, strict=True)
    }
    frame = pandas.DataFrame(made, index=index, copy=False)
    if not columns and index is None:
        return pandas.DataFrame()
    return frame


def _pandas(column: Column, data: Values) -> Any:
    if column.kind == "string":
        return pandas.array(data.values, dtype=TEXT_TYPE)
    if column.kind == "timestamp":
        times = pandas.DatetimeIndex(data.values.view("M8[us]"))
        return (times.tz_localize("UTC") if column.dtype.endswith("UTC]") else times).array
    if column.kind == "array":
        cells = numpy.empty(len(data.values), object)
        for row, value in enumerate(data.values):
            cells[row] = value if data.valid is None or data.valid[row] else None
        return cells
    if not column.nullable:
        return data.values
    mask = numpy.zeros(len(data.values), bool) if data.valid is None else ~data.valid
    if column.kind == "bool":
        return pandas.arrays.BooleanArray(data.values, mask)
    if column.kind in ("integer", "link"):
        return pandas.arrays.IntegerArray(data.values, mask)
    if data.values.dtype.itemsize == 2:
        return pandas.arrays.FloatingArray(data.values.astype("f4"), mask)
    return pandas.arrays.FloatingArray(data.values, mask)


def arrow_schema(
    columns: Sequence[Column], with_row_id: bool, rows: int | None = None
) -> pyarrow.Schema:
    """The schema of `columns`; its metadata hold them whole, for `frame_from_arrow`.

    `rows` says how many rows will come, where that is known.
    """
    fields = [pyarrow.field(ROW_ID, pyarrow.int64(), nullable=False)] if with_row_id else []
    fields += [pyarrow.field(column.name, _arrow_type(column)) for column in columns]
    about: dict[str, Any] = {
        "columns": [column.model_dump(mode="json") for column in columns],
        "row_id": with_row_id,
    }
    if rows is not None:
        about["rows"] = rows
    return pyarrow.schema(fields, metadata={_KEY: json.dumps(about)})


def _arrow_type(column: Column) -> pyarrow.DataType:
    if column.kind == "string":
        return pyarrow.large_string()
    if column.kind == "timestamp":
        return pyarrow.timestamp("us", "UTC" if column.dtype.endswith("UTC]") else None)
    plain = pyarrow.from_numpy_dtype(numpy.dtype(column.dtype))
    return pyarrow.list_(plain, math.prod(column.shape)) if column.kind == "array" else plain


def as_arrow(column: Column, data: Values) -> pyarrow.Array:
    """`data` as one Arrow array; NaN stays a number, missing values are null."""
    if column.kind == "string":
        return data.values.combine_chunks()
    mask = None if data.valid is None else ~data.valid
    if column.kind == "timestamp":
        return pyarrow.array(data.values.view("M8[us]")).cast(_arrow_type(column))
    if column.kind == "array":
        flat = pyarrow.array(numpy.ascontiguousarray(data.values).reshape(-1))
        nulls = None if mask is None else pyarrow.array(mask)
        return pyarrow.FixedSizeListArray.from_arrays(flat, type=_arrow_type(column), mask=nulls)
    return pyarrow.array(data.values, mask=mask, from_pandas=False)


def frame_from_arrow(
    batches: Iterable[pyarrow.RecordBatch], are_all: bool = False
) -> pandas.DataFrame:
    """The DataFrame that `TableView.read` gives, from what `TableView.arrow` gave.

    Where these `are_all` batches, numbers of one type, of rows whose count was known beforehand,
    are put in their place as they come.

    Raises
    ------
    Invalid
        The batches are none, or not of a table.
    """
    coming = iter(batches)
    first = next(coming, None)
    if first is None:
        raise Invalid("there is no batch, so the columns are unknown; a table sends at least one")
    about = json.loads((first.schema.metadata or {}).get(_KEY, b"null"))
    if about is None:
        raise Invalid("these batches do not come from a table: their schema does not say so")
    columns = [Column.model_validate_json(json.dumps(each)) for each in about["columns"]]
    coming = chain((first,), coming)
    dtype = block_type(columns)
    if are_all and dtype is not None and isinstance(about.get("rows"), int):
        return _in_place(coming, columns, dtype, about["rows"], about["row_id"])
    table = pyarrow.Table.from_batches(list(coming))
    index = None
    if about["row_id"]:
        index = row_index(table.column(0).to_numpy())
    values = [
        _from_arrow(column, table.column(position + about["row_id"]))
        for position, column in enumerate(columns)
    ]
    if not columns:
        return pandas.DataFrame(index=index)
    return as_frame(columns, values, index)


def _in_place(
    batches: Iterable[pyarrow.RecordBatch],
    columns: Sequence[Column],
    dtype: numpy.dtype[Any],
    rows: int,
    with_row_id: bool,
) -> pandas.DataFrame:
    """The frame of columns of one type, each batch copied once."""
    try:
        block = numpy.empty((len(columns), max(rows, 0)), dtype)
        ids = numpy.empty(block.shape[1] if with_row_id else 0, "i8")
    except (MemoryError, ValueError) as error:
        raise Invalid(
            f"{rows:,} rows of {len(columns)} columns do not fit into memory: ask for "
            "fewer columns, with a condition, or for one batch after the other"
        ) from error
    start = 0
    for batch in batches:
        stop = start + len(batch)
        if stop > block.shape[1]:
            raise Invalid(f"more rows came than the {rows:,} that were announced")
        if with_row_id:
            ids[start:stop] = batch.column(0)
        for target, column in zip(block, batch.columns[with_row_id:], strict=True):
            target[start:stop] = column.to_numpy(zero_copy_only=False)
        start = stop
    block = block[:, :start]
    index = row_index(ids[:start]) if with_row_id else None
    return as_frame(columns, [Values(each) for each in block], index, block)


def row_index(ids: NDArray[numpy.int64]) -> pandas.Index[Any]:
    """An index of row numbers, a range where they are one."""
    if len(ids) and ids[-1] - ids[0] + 1 == len(ids) and _ascends(ids):
        return pandas.RangeIndex.from_range(range(int(ids[0]), int(ids[-1]) + 1), name=ROW_ID)
    return pandas.Index(ids, name=ROW_ID)


def _ascends(ids: NDArray[numpy.int64]) -> bool:
    pieces = (ids[start : start + _PIECE + 1] for start in range(0, len(ids), _PIECE))
    return all(bool((piece[1:] > piece[:-1]).all()) for piece in pieces)


def _from_arrow(column: Column, data: pyarrow.ChunkedArray) -> Values:
    if column.kind == "string":
        return Values(data)
    valid = data.is_valid().to_numpy() if data.null_count else None
    if column.kind == "timestamp":
        return Values(data.to_numpy().astype("M8[us]").view("i8"))
    if column.kind == "array":
        whole = data.combine_chunks()
        flat = whole.values.to_numpy(zero_copy_only=False)
        start = whole.offset * math.prod(column.shape)
        flat = flat[start : start + len(whole) * math.prod(column.shape)]
        return Values(flat.reshape(len(whole), *column.shape), valid)
    if valid is None:
        return Values(data.to_numpy())
    filler = False if column.kind == "bool" else 0
    return Values(data.fill_null(filler).to_numpy(), valid)
