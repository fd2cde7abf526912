"""A table as one file in PyTables' own layout."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from ...errors import Invalid
from ...model import Column
from ..reading.frames import Values
from ..reading.gather import batches_of, gather
from ..reading.select import Piece, matches
from ..reading.view import TableView
from ..segments.skeleton import node_name

__all__ = ["export_pytables"]

# PyTables' copy of the HDF5 library is not safe for threads.
_LOCK = threading.Lock()
_EXACT = 2**53


def export_pytables(path: Path, view: TableView) -> None:
    """Write the rows of `view` to `/table` of the new file `path`, one record a row.

    Text is UTF-8 in fields as wide as the longest, a missing one empty.  Times are int64
    microseconds since 1970 in UTC, a missing one numpy's NaT.  Whole numbers and booleans of
    which one is missing are float64 with NaN.  A field is called as its column where that is an
    identifier, else `c0007`; the array `/columns` lists the columns' names.

    Raises
    ------
    Invalid
        A column of whole numbers has missing values and one beyond 2**53.
    FileExistsError
        `path` is there already.
    """
    import tables  # type: ignore[import-untyped]

    pieces = list(matches(view.place, view.groups, None))
    dtype = _record(view, pieces)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with _LOCK, tables.open_file(partial, "w", max_columns=len(view.columns)) as file:
            if path.exists():
                raise FileExistsError(f"{path} is there already; choose another name")
            filters = tables.Filters(complevel=0)
            table = file.create_table("/", "table", dtype, filters=filters, expectedrows=view.rows)
            file.create_array("/", "columns", [column.name.encode() for column in view.columns])
            for batch, _ in batches_of(pieces, view.columns):
                if batch:
                    table.append(_records(view, batch, dtype))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _record(view: TableView, pieces: list[Piece]) -> numpy.dtype[Any]:
    widths = [1] * len(view.columns)
    absent = [False] * len(view.columns)
    for batch, _ in batches_of(pieces, view.columns):
        for place, data in enumerate(gather(view.place, batch, view.columns)):
            column = view.columns[place]
            if column.kind == "string":
                widths[place] = max([widths[place], *map(len, _encoded(data))])
            elif data.valid is not None and not data.valid.all():
                absent[place] = True
    fields: list[Any] = []
    for place, column in enumerate(view.columns):
        name = node_name(column.name, place)
        if column.kind == "string":
            fields.append((name, f"S{widths[place]}"))
        elif column.kind == "timestamp":
            fields.append((name, "<i8"))
        elif absent[place] and column.kind != "float":
            fields.append((name, "<f8", column.shape))
        else:
            fields.append((name, numpy.dtype(column.dtype), column.shape))
    return numpy.dtype(fields)


def _records(view: TableView, batch: list[Piece], dtype: numpy.dtype[Any]) -> NDArray[Any]:
    records = numpy.zeros(sum(len(piece) for piece in batch), dtype)
    values = gather(view.place, batch, view.columns)
    for name, column, data in zip(dtype.names or (), view.columns, values, strict=True):
        records[name] = _field(column, data, dtype[name].base)
    return records


def _field(column: Column, data: Values, dtype: numpy.dtype[Any]) -> Any:
    if column.kind == "string":
        return _encoded(data)
    if data.valid is None or dtype.kind != "f":
        return data.values
    whole = data.values.dtype.kind in "iu"
    if whole and ((data.values > _EXACT) | (data.values < -_EXACT)).any():
        raise Invalid(
            f"column {column.name!r} has missing values and numbers beyond 2**53, which PyTables "
            "has no type for; export the rows where it is not null"
        )
    valid = data.valid.reshape(-1, *(1,) * len(column.shape))
    return numpy.where(valid, data.values.astype(dtype), numpy.nan)


def _encoded(data: Values) -> list[bytes]:
    return [b"" if text is None else text.encode() for text in data.values.to_pylist()]
