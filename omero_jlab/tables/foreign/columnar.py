"""Parquet, Feather and Arrow files: types are said there, and rows come in batches."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pyarrow  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.ipc  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]

from ...errors import Invalid, Unreadable
from ...model import Column
from ..columns import ROW_ID
from .source import Notes, TableSource, unique_names

__all__ = ["ColumnarTable"]

_ROWS = 1 << 16
_BYTES = 16 << 20
_MOST_COLUMNS = 20_000
_UNNAMED = "__index_level_"
_TEXTS = (
    pyarrow.types.is_string,
    pyarrow.types.is_large_string,
    pyarrow.types.is_string_view,
    pyarrow.types.is_null,
)
# Where an exported file keeps what its columns were in the table: see `arrow_schema`.
_OWN = b"omero_jlab"


class ColumnarTable(TableSource):
    """The table of a Parquet, Feather (version 2) or Arrow file.

    A missing number among floats is NaN, as for pandas; times are in UTC or without zone, in
    microseconds; dictionaries are their values, dates are midnights.

    Raises
    ------
    Invalid
        A column's type is none that a table holds; it is named.
    Unreadable
        It is no such file.
    """

    def __init__(self, path: Path) -> None:
        self._notes = Notes()
        self._path = path
        self._read, schema = _opened(path)
        own = _own_columns(schema)
        named = [
            (position, field)
            for position, field in enumerate(schema)
            if not field.name.startswith(_UNNAMED) and not (own and field.name == ROW_ID)
        ]
        if any(name.startswith(_UNNAMED) for name in schema.names):
            self._notes.add("pandas' index, which has no name, was left out")
        if not named:
            raise Invalid(f"{path.name} has no columns; a table needs at least one.")
        if len(named) > _MOST_COLUMNS:
            raise Invalid(f"{path.name} has {len(named):,} columns; at most {_MOST_COLUMNS:,}.")
        names = unique_names([field.name for _, field in named], self._notes)
        self._places = [position for position, _ in named]
        self.metadata: dict[str, str | int | float | bool] = {}
        made = [
            self._column(name, field, own.get(field.name))
            for name, (_, field) in zip(names, named, strict=True)
        ]
        self._casts = [cast for _, cast in made]
        self.columns, self.rows = self._looked([column for column, _ in made])

    @property
    def notes(self) -> tuple[str, ...]:
        """What was changed."""
        return self._notes.lines

    def close(self) -> None:
        """Nothing is held open."""

    def batches(self) -> Iterator[list[pyarrow.Array]]:
        """The columns' values, a bounded number of rows at a time."""
        for batch in self._batches():
            yield [
                self._converted(column, batch.column(place), cast)
                for column, place, cast in zip(self.columns, self._places, self._casts, strict=True)
            ]

    def _batches(self) -> Iterator[pyarrow.RecordBatch]:
        try:
            for batch in self._read():
                step = max(_ROWS // max(batch.nbytes // _BYTES, 1), 1)
                for start in range(0, batch.num_rows, step):
                    yield batch.slice(start, step)
        except (pyarrow.ArrowException, OSError) as error:
            raise Unreadable(f"{self._path.name} cannot be read: {error}") from error

    def _column(
        self, name: str, field: pyarrow.Field, own: Column | None
    ) -> tuple[Column, pyarrow.DataType]:
        kind, types = field.type, pyarrow.types
        if types.is_dictionary(kind):
            kind = kind.value_type
        told: dict[str, Any] = {}
        if (
            types.is_string(kind)
            or types.is_large_string(kind)
            or types.is_string_view(kind)
            or types.is_null(kind)
        ):
            told |= {"kind": "string", "dtype": "string", "nullable": True}
            cast = pyarrow.large_string()
        elif types.is_boolean(kind):
            told |= {"kind": "bool", "dtype": "bool"}
            cast = kind
        elif types.is_integer(kind) or types.is_floating(kind):
            plain = numpy.dtype(kind.to_pandas_dtype())
            told |= {"kind": "float" if plain.kind == "f" else "integer", "dtype": plain.name}
            cast = kind
        elif types.is_timestamp(kind) or types.is_date(kind):
            zone = getattr(kind, "tz", None)
            if zone not in (None, "UTC"):
                self._notes.add(f"column {name!r} has times of {zone}; they are kept in UTC")
            dtype = "datetime64[us]" if zone is None else "datetime64[us, UTC]"
            told |= {"kind": "timestamp", "dtype": dtype, "nullable": True}
            cast = pyarrow.timestamp("us", None if zone is None else "UTC")
        elif types.is_decimal(kind):
            self._notes.add(f"column {name!r} has decimal numbers; they are kept as float64")
            told |= {"kind": "float", "dtype": "float64"}
            cast = pyarrow.float64()
        elif types.is_fixed_size_list(kind) and _is_number(kind.value_type):
            plain = numpy.dtype(kind.value_type.to_pandas_dtype())
            told |= {"kind": "array", "dtype": plain.name, "shape": (kind.list_size,)}
            cast = kind
        else:
            raise Invalid(
                f"column {name!r} is of type {kind}, which a table cannot hold: numbers, truth "
                f"values, text, times and fixed-size lists of numbers can be; leave it out"
            )
        return _as_own(Column(name=name, **told), own), cast

    def _looked(self, columns: list[Column]) -> tuple[tuple[Column, ...], int]:
        """The columns, which may be missing where a value is; and how many rows there are."""
        absent = [False] * len(columns)
        rows = 0
        for batch in self._batches():
            rows += batch.num_rows
            for number, place in enumerate(self._places):
                absent[number] |= batch.column(place).null_count > 0
        made = [
            column.model_copy(update={"nullable": True})
            if missing and column.kind in ("bool", "integer", "array")
            else column
            for column, missing in zip(columns, absent, strict=True)
        ]
        return tuple(made), rows

    def _converted(
        self, column: Column, values: pyarrow.Array, cast: pyarrow.DataType
    ) -> pyarrow.Array:
        if pyarrow.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        if column.kind == "timestamp" and values.type != cast:
            return self._times(column, values, cast)
        if column.kind == "array":
            return _whole_lists(values, cast)
        if values.type != cast:
            values = values.cast(cast, safe=not pyarrow.types.is_decimal(values.type))
        return pc.fill_null(values, float("nan")) if column.kind == "float" else values

    def _times(
        self, column: Column, values: pyarrow.Array, cast: pyarrow.DataType
    ) -> pyarrow.Array:
        if not pyarrow.types.is_timestamp(values.type):
            return values.cast(pyarrow.timestamp("ms")).cast(cast)
        zone = values.type.tz
        try:
            return values.cast(pyarrow.timestamp("us", zone)).cast(cast)
        except pyarrow.ArrowInvalid:
            self._notes.add(f"column {column.name!r} has times finer than a microsecond; cut off")
            return values.cast(pyarrow.timestamp("us", zone), safe=False).cast(cast)


def _opened(
    path: Path,
) -> tuple[Callable[[], Iterator[pyarrow.RecordBatch]], pyarrow.Schema]:
    with path.open("rb") as file:
        start = file.read(8)
    try:
        if start.startswith(b"PAR1"):
            schema = pyarrow.parquet.ParquetFile(path, pre_buffer=False).schema_arrow
            return lambda: _of_parquet(path), schema
        if start.startswith(b"ARROW1"):
            with pyarrow.ipc.open_file(path) as reader:
                return lambda: _of_file(path), reader.schema
        if start.startswith(b"FEA1"):
            raise Unreadable(
                f"{path.name} is of Feather's version 1: pandas.read_feather reads it, and "
                f"to_feather writes version 2."
            )
        with pyarrow.ipc.open_stream(path) as stream:
            return lambda: _of_stream(path), stream.schema
    except (pyarrow.ArrowException, OSError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(f"{path.name} is no Parquet or Arrow file: {error}") from error


def _of_parquet(path: Path) -> Iterator[pyarrow.RecordBatch]:
    with pyarrow.parquet.ParquetFile(path, pre_buffer=False) as file:
        yield from file.iter_batches(batch_size=_ROWS, use_threads=False)


def _of_file(path: Path) -> Iterator[pyarrow.RecordBatch]:
    with pyarrow.ipc.open_file(path) as reader:
        for number in range(reader.num_record_batches):
            yield _checked(reader.get_batch(number))


def _of_stream(path: Path) -> Iterator[pyarrow.RecordBatch]:
    with pyarrow.ipc.open_stream(path) as reader:
        for batch in reader:
            yield _checked(batch)


def _checked(batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
    # Offsets are only numbers in the file: unchecked, they lead anywhere in memory.
    batch.validate(full=True)
    return batch


def _whole_lists(values: pyarrow.Array, kind: pyarrow.DataType) -> pyarrow.Array:
    """Lists without a missing value in them: NaN among floats, else refused."""
    flat = values.flatten() if values.null_count == 0 else values.values.slice(
        values.offset * kind.list_size, len(values) * kind.list_size
    )  # fmt: skip
    if flat.null_count:
        filler = float("nan") if pyarrow.types.is_floating(flat.type) else 0
        if filler == 0 and values.null_count == 0:
            raise Invalid("an array of whole numbers lacks one of them, which cannot be stored")
        flat = pc.fill_null(flat, filler)
    mask = values.is_null() if values.null_count else None
    return pyarrow.FixedSizeListArray.from_arrays(flat, kind.list_size, mask=mask)


def _is_number(kind: pyarrow.DataType) -> bool:
    types = pyarrow.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))


def _own_columns(schema: pyarrow.Schema) -> dict[str, Column]:
    """What a file that was exported from a table says of its columns."""
    try:
        about = json.loads((schema.metadata or {}).get(_OWN, b"{}"))
        columns = [Column.model_validate_json(json.dumps(each)) for each in about["columns"]]
    except (ValueError, KeyError, TypeError):
        return {}
    return {column.name: column for column in columns}


def _as_own(column: Column, own: Column | None) -> Column:
    """`column` with the unit, the description, the shape and the links that it had in a table."""
    if own is None:
        return column
    told: dict[str, Any] = {"unit": own.unit, "description": own.description}
    if own.kind == "link" and column.dtype == own.dtype and own.target is not None:
        told |= {"kind": "link", "target": own.target, "nullable": True}
    if own.kind == column.kind == "array" and math.prod(own.shape) == math.prod(column.shape):
        told["shape"] = own.shape
    return column.model_copy(update=told)
