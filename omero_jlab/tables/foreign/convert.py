"""A foreign table → an Arrow file of ours.  It runs in a confined process, which may be lost."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

import pyarrow  # type: ignore[import-untyped]
import pyarrow.ipc  # type: ignore[import-untyped]

from ...errors import Damaged, Invalid, Unreadable
from ...model import Column, Record
from ..reading.frames import arrow_schema
from .columnar import ColumnarTable
from .delimited import DelimitedTable, header_of
from .omero_reading import OmeroTable
from .roles import HEADER, Role, roles_of, types_of
from .source import TableSource

__all__ = ["IMPORTED", "LINE", "Conversion", "Converted", "convert_in_worker", "converted_batches"]

_OMERO = (".h5", ".hdf5", ".hdf")
_TEXT = (".csv", ".tsv", ".tab", ".txt")
_COLUMNAR = (".parquet", ".pq", ".feather", ".arrow")
IMPORTED = (*_OMERO, *_TEXT, *_COLUMNAR)
"""How the names of files may end that hold a table."""
LINE = "line of the file"
_LONGEST_CELL = 1 << 26


class Conversion(Record):
    """How a file is to be read.

    `links` is whether ids of objects in an OMERO.tables file become links.  A `bulk` file is a
    text file of annotations, whose first line may be a `# header` line; `allow_nan` is whether
    numbers may be missing in it.  A column `LINE` then tells the line of each row.
    """

    links: bool = True
    delimiter: str | None = None
    bulk: bool = False
    allow_nan: bool = False


class Converted(Record):
    """What a file holds: its columns, and the rows that lie in the Arrow file beside.

    `roles` say what the columns of a bulk file are.
    """

    format: Literal["OMERO.tables", "text", "Parquet or Arrow"]
    columns: tuple[Column, ...]
    rows: int
    metadata: dict[str, str | int | float | bool]
    notes: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()


def convert_in_worker(path: str, out: str, conversion: str) -> bytes:
    """Write the rows of the foreign table at `path` to the Arrow stream `out`.

    Answers the JSON of a `Converted`.
    """
    # Reserving no address space beforehand, so that the worker's limit is one of memory.
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    pyarrow.set_cpu_count(1)
    csv.field_size_limit(_LONGEST_CELL)
    asked = Conversion.model_validate_json(conversion)
    made = _convert(Path(path), Path(out), asked)
    return made.model_dump_json().encode()


def _convert(path: Path, out: Path, asked: Conversion) -> Converted:
    suffix = path.suffix.lower()
    source: TableSource
    roles: tuple[Role, ...] = ()
    if asked.bulk:
        if suffix not in _TEXT:
            raise Invalid(f"{path.name} is no text: it may end with {', '.join(_TEXT)}.")
        source, roles = _bulk(path, asked)
    elif suffix in _OMERO:
        source = OmeroTable(path, asked.links)
    elif suffix in _TEXT:
        source = DelimitedTable(path, delimiter=asked.delimiter)
    elif suffix in _COLUMNAR:
        source = ColumnarTable(path)
    else:
        raise Invalid(
            f"{path.name} names no format of tables: it may end with {', '.join(IMPORTED)}."
        )
    columns = source.columns
    lines: Iterator[int] | None = None
    if isinstance(source, DelimitedTable) and asked.bulk:
        columns = (*columns, Column(name=LINE, kind="integer", dtype="int64"))
        lines = source.lines()
    schema = arrow_schema(columns, with_row_id=False)
    rows = 0
    try:
        with pyarrow.OSFile(str(out), "wb") as file, pyarrow.ipc.new_stream(file, schema) as writer:
            for arrays in source.batches():
                if lines is not None:
                    arrays.append(pyarrow.array(list(islice(lines, len(arrays[0])))))
                cast = [a.cast(kind) for a, kind in zip(arrays, schema.types, strict=True)]
                batch = pyarrow.RecordBatch.from_arrays(cast, schema=schema)
                writer.write_batch(batch)
                rows += batch.num_rows
    finally:
        source.close()
    formats: dict[bool, Literal["OMERO.tables", "text"]] = {True: "OMERO.tables", False: "text"}
    return Converted(
        format="Parquet or Arrow" if suffix in _COLUMNAR else formats[suffix in _OMERO],
        columns=columns,
        rows=rows,
        metadata=source.metadata,
        notes=source.notes,
        roles=roles,
    )


def _bulk(path: Path, asked: Conversion) -> tuple[TableSource, tuple[Role, ...]]:
    first = header_of(path, asked.delimiter)
    told = None
    if first[0].strip().lower().startswith(HEADER):
        told = [first[0].strip()[len(HEADER) :], *first[1:]]
    skip = told is not None
    names = header_of(path, asked.delimiter, skipped=int(skip))
    roles = roles_of(names, told)
    source = DelimitedTable(path, types_of(roles), asked.delimiter, skip, not asked.allow_nan)
    return source, roles


def converted_batches(path: Path, made: Converted) -> Iterator[pyarrow.RecordBatch]:
    """The rows that a worker wrote: it read foreign bytes, so that nothing of it is believed.

    Raises
    ------
    Unreadable
        They are not what the worker said.
    """
    expected = arrow_schema(made.columns, with_row_id=False)
    rows = 0
    try:
        with pyarrow.OSFile(str(path)) as file, pyarrow.ipc.open_stream(file) as reader:
            if not reader.schema.equals(expected):
                raise Damaged("The rows that were read are not of the columns that were said.")
            for batch in reader:
                batch.validate(full=True)
                rows += batch.num_rows
                yield batch.replace_schema_metadata(expected.metadata)
    except pyarrow.ArrowException as error:
        raise Unreadable(f"The rows that were read are damaged: {error}") from error
    if rows != made.rows:
        raise Damaged(f"{made.rows:,} rows were read, and {rows:,} came back.")
