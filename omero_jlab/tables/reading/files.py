"""Rows as files for other programs: CSV and Parquet, piece by piece."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow  # type: ignore[import-untyped]
import pyarrow.compute  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]

__all__ = ["csv_pieces", "parquet_pieces"]

# A spreadsheet runs a cell that begins so.
_FORMULA = r"^([=+\-@\t\r])"
_APART = r"'\1"
_ROW_GROUP_BYTES = 32 << 20

Batches = Iterable[pyarrow.RecordBatch]


def csv_pieces(batches: Batches, safe: bool = True) -> Iterator[bytes]:
    """`batches` as UTF-8 CSV with a header, about a piece a batch.

    Missing values and NaN are empty, an empty text is `""`, times are ISO 8601, and an array is
    JSON in its cell.

    Parameters
    ----------
    safe : put an apostrophe before texts and column names that begin with = + - @, a tab or a
        carriage return, which spreadsheets take for formulas; numbers stay as they are
    """
    headed = False
    for batch in batches:
        if not headed:
            headed = True
            yield _joined(_text_cells(_texts(batch.schema.names), safe), ",")
        cells = [_cells(column, safe) for column in batch.columns]
        if batch.num_rows and cells:
            yield _joined(_rows(cells), "\n")


def _rows(cells: list[pyarrow.Array]) -> pyarrow.Array:
    """The lines of columns of cells."""
    comma = pyarrow.scalar(",", pyarrow.large_string())
    return pyarrow.compute.binary_join_element_wise(
        *cells, comma, null_handling="replace", null_replacement=""
    )


def _joined(texts: pyarrow.Array, between: str) -> bytes:
    whole = pyarrow.LargeListArray.from_arrays(pyarrow.array([0, len(texts)], "int64"), texts)
    found = pyarrow.compute.binary_join(whole, pyarrow.scalar(between, pyarrow.large_string()))
    return bytes(found[0].as_buffer().to_pybytes()) + b"\n"


def _cells(cells: pyarrow.Array, safe: bool) -> pyarrow.Array:
    """The column as texts that can stand in the file."""
    types = pyarrow.types
    if types.is_large_string(cells.type):
        return _text_cells(cells, safe)
    if types.is_timestamp(cells.type):
        form = "%Y-%m-%dT%H:%M:%S" + ("Z" if cells.type.tz else "")
        return _large(pyarrow.compute.strftime(cells, format=form))
    if types.is_fixed_size_list(cells.type):
        listed = (None if each is None else json.dumps(each) for each in cells.to_pylist())
        return _quoted(_texts(listed))
    if types.is_floating(cells.type):
        missing = pyarrow.compute.is_nan(cells)
        cells = pyarrow.compute.if_else(missing, pyarrow.scalar(None, cells.type), cells)
    return _large(cells)


def _texts(texts: Iterable[str | None]) -> pyarrow.Array:
    return pyarrow.array(list(texts), pyarrow.large_string())


def _large(cells: pyarrow.Array) -> pyarrow.Array:
    return cells.cast(pyarrow.large_string())


def _text_cells(texts: pyarrow.Array, safe: bool) -> pyarrow.Array:
    return _quoted(_without_formulas(texts) if safe else texts)


def _quoted(texts: pyarrow.Array) -> pyarrow.Array:
    """`texts` in quotation marks where CSV needs them, and where they are empty."""
    needed = pyarrow.compute.match_substring_regex(texts, r'^$|[",\r\n]')
    if not pyarrow.compute.any(needed).as_py():
        return texts
    doubled = pyarrow.compute.replace_substring(texts, '"', '""')
    mark = pyarrow.scalar('"', pyarrow.large_string())
    between = pyarrow.scalar("", pyarrow.large_string())
    marked = pyarrow.compute.binary_join_element_wise(mark, doubled, mark, between)
    return pyarrow.compute.if_else(needed, marked, texts)


def _without_formulas(texts: pyarrow.Array) -> pyarrow.Array:
    return pyarrow.compute.replace_substring_regex(texts, _FORMULA, _APART)


class _Pipe(io.RawIOBase):
    """A file whose bytes are taken away while it is written."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._held.append(piece)
        self._at += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._at

    def taken(self) -> bytes:
        """What was written since this was last called."""
        held, self._held = self._held, []
        return b"".join(held)


def parquet_pieces(batches: Batches) -> Iterator[bytes]:
    """`batches` as a Parquet file (zstd), a row group for every 32 MB of values."""
    pipe = _Pipe()
    writer: pyarrow.parquet.ParquetWriter | None = None
    held: list[pyarrow.RecordBatch] = []
    size = 0
    for batch in batches:
        if writer is None:
            writer = pyarrow.parquet.ParquetWriter(pipe, batch.schema, compression="zstd")
        held.append(batch)
        size += batch.nbytes
        if size >= _ROW_GROUP_BYTES:
            writer.write_table(pyarrow.Table.from_batches(held))
            held, size = [], 0
            yield pipe.taken()
    if writer is not None:
        writer.write_table(pyarrow.Table.from_batches(held, writer.schema))
        writer.close()
        yield pipe.taken()
