"""A table as a file of OMERO.tables, which OMERO and PyTables open as their own.

The layout is that of OMERO.py's `hdfstorageV2.py` and of PyTables' tables, version 2.7.  It is
written by h5py, because PyTables would store names and words as bytes, and unpickles an attribute
of bytes that ends with a dot: such a name would run code on the machine of whoever opens the file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy
import pandas
import pyarrow  # type: ignore[import-untyped]
import pyarrow.compute  # type: ignore[import-untyped]
from numpy.typing import NDArray

from ...errors import Invalid
from ...model import Column
from .omero_columns import ICE, NO_OBJECT, Field, Found, field_names, field_of
from .omero_masks import RECORD, Mask, bits_of, mask_among

__all__ = ["MEASUREMENTS", "Pages", "write_omero"]

MEASUREMENTS = "/OME/Measurements"
Pages = Callable[[Sequence[str]], Iterable[pandas.DataFrame]]
"""All rows of a table in frames of bounded size, with the columns that are named."""

_VERSION = "2"
_CHUNK = 1 << 17
_MASKS_IN_CHUNK = 1 << 10
_MASK = Field("Mask", RECORD)
_NO_BITS = numpy.empty(0, "u1")
# An HDF5 message has at most 64 KiB; the old form of a record's type takes more than the new one.
_MESSAGE = 65_400
_OLD_MEMBER, _NEW_MEMBER = 90, 26


def write_omero(
    path: Path,
    columns: tuple[Column, ...],
    pages: Pages,
    metadata: Mapping[str, str | int | float | bool] | None = None,
) -> tuple[str, ...]:
    """Write a table to the new file `path`; answers a line for everything that was lost.

    Rows are read twice: first the columns of which the file must know how long their texts are,
    how large their numbers, and whether a value is missing.  The columns that a mask became when
    it was read are a mask again.

    Raises
    ------
    Invalid
        A column's values have no type in OMERO.tables, or there are too many columns.
    """
    asked = [column.name for column in columns]
    found = _looked(columns, pages)
    mask = mask_among(columns)
    columns, place = (columns, None) if mask is None else mask.folded(columns)
    fields = [
        _MASK if i == place else field_of(column, found[column.name])
        for i, column in enumerate(columns)
    ]
    names = field_names(columns)
    _check_size(names)
    notes = _notes(columns, names, fields)
    old = sum(_OLD_MEMBER + len(name.encode()) for name in names) <= _MESSAGE
    with h5py.File(path, "x", libver="earliest" if old else ("v110", "v110")) as file:
        _describe(file, CLASS="GROUP", VERSION="1.0", PYTABLES_FORMAT_VERSION="2.1")
        _describe(file, TITLE="OMERO HDF Measurement Storage")
        group = file.create_group("OME")
        _describe(group, CLASS="GROUP", VERSION="1.0", TITLE="")
        record = _record(names, fields)
        table = _table(group, record, names, fields, metadata or {})
        _texts(group, "ColumnTypes", [f"{ICE}{field.type}Column" for field in fields])
        _texts(group, "ColumnDescriptions", [_described(column) for column in columns])
        masks = None if mask is None else _masks(group)
        rows = 0
        for page in pages(asked):
            records = _records(page, columns, fields, record, mask)
            _append(table, records, rows)
            if mask is not None and masks is not None:
                _append_masks(masks, page, mask, rows)
            rows += len(records)
        table.attrs.modify("NROWS", numpy.int64(rows))
    return notes


def _looked(columns: tuple[Column, ...], pages: Pages) -> dict[str, Found]:
    """What is to be known of the columns' values before the first row is written."""
    found = {column.name: Found() for column in columns}
    looked = [c for c in columns if c.nullable or c.kind in ("string", "timestamp") or _wide(c)]
    if not looked:
        return found
    for page in pages([column.name for column in looked]):
        for column in looked:
            before, now = found[column.name], _found(page[column.name], column)
            found[column.name] = Found(
                before.absent or now.absent,
                max(before.bytes, now.bytes),
                max(before.largest, now.largest),
            )
    return found


def _wide(column: Column) -> bool:
    return column.dtype == "uint64" or (column.kind == "array" and column.dtype == "int64")


def _found(values: pandas.Series[Any], column: Column) -> Found:
    absent = bool(values.isna().any())
    if column.kind == "string":
        text = pyarrow.array(values, pyarrow.large_string(), from_pandas=True)
        longest = pyarrow.compute.max(pyarrow.compute.binary_length(text)).as_py()
        return Found(absent, longest or 0)
    if column.kind not in ("integer", "array"):
        return Found(absent)
    present = values[values.notna()]
    if not len(present):
        return Found(absent)
    if column.kind == "array":
        stacked = numpy.stack(list(present))
        whole = stacked.dtype.kind in "iu"
        ends = (int(stacked.max()), int(stacked.min())) if whole else (0, 0)
    else:
        ends = int(present.max()), int(present.min())
    return Found(absent, largest=max(ends[0], -ends[1] - (ends[1] == -(2**63))))


def _check_size(names: Sequence[str]) -> None:
    if sum(_NEW_MEMBER + len(name.encode()) for name in names) > _MESSAGE:
        raise Invalid(
            f"the table has {len(names):,} columns, more than an HDF5 record can name: "
            f"choose some with columns=[…]"
        )


def _notes(
    columns: tuple[Column, ...], names: Sequence[str], fields: Sequence[Field]
) -> tuple[str, ...]:
    notes = []
    for column, name, field in zip(columns, names, fields, strict=True):
        notes += [f"column {column.name!r}: {note}" for note in field.notes]
        if name != column.name:
            notes.append(f"column {column.name!r} is called {name!r}")
    return tuple(notes)


def _described(column: Column) -> str:
    """A column's description, with its unit where that is not part of it."""
    if not column.unit or column.unit in column.description:
        return column.description
    return f"{column.description} [{column.unit}]".strip()


def _record(names: Sequence[str], fields: Sequence[Field]) -> numpy.dtype[Any]:
    parts: list[Any] = []
    for name, field in zip(names, fields, strict=True):
        dtype = numpy.dtype("u1") if field.dtype.kind == "b" else field.dtype
        parts.append((name, dtype, (field.length,)) if field.length else (name, dtype))
    return numpy.dtype(parts)


def _stored(record: numpy.dtype[Any], fields: Sequence[Field]) -> h5py.h5t.TypeID:
    """The record's type in the file: truth values are 8 bits, as PyTables has them."""
    made = h5py.h5t.create(h5py.h5t.COMPOUND, record.itemsize)
    for name, field in zip(record.names or (), fields, strict=True):
        dtype, offset = record.fields[name][:2]  # type: ignore[index]
        is_bool = field.dtype.kind == "b"
        member = h5py.h5t.STD_B8LE if is_bool else h5py.h5t.py_create(dtype)
        made.insert(name.encode(), offset, member)
    return made


def _table(
    group: h5py.Group,
    record: numpy.dtype[Any],
    names: Sequence[str],
    fields: Sequence[Field],
    metadata: Mapping[str, str | int | float | bool],
) -> h5py.Dataset:
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk((max(_CHUNK // record.itemsize, 1),))
    if len(names) > 8:
        # Attributes beyond a few lie in a heap where the file's version has one.
        plan.set_attr_phase_change(0, 0)
    space = h5py.h5s.create_simple((0,), (h5py.h5s.UNLIMITED,))
    made = h5py.h5d.create(group.id, b"Measurements", _stored(record, fields), space, plan)
    table = h5py.Dataset(made)
    _describe(table, CLASS="TABLE", VERSION="2.7", TITLE="")
    for position, name in enumerate(names):
        _describe(table, **{f"FIELD_{position}_NAME": name})
    # PyTables counts the members of a field behind all other fields.
    plain = [field.dtype for field in fields if field.dtype.names is None]
    inner = [field.dtype[name] for field in fields for name in field.dtype.names or ()]
    for position, dtype in enumerate([*plain, *inner]):
        if dtype.kind == "S":
            table.attrs.create(f"FIELD_{position}_FILL", numpy.bytes_(b""), dtype="S1")
        else:
            kind = "u1" if dtype.kind == "b" else dtype
            table.attrs[f"FIELD_{position}_FILL"] = numpy.zeros((), kind)[()]
    table.attrs["NROWS"] = numpy.int64(0)
    for key, value in metadata.items():
        _add_metadata(table, key, value)
    _describe(table, __version=_VERSION)
    table.attrs["__initialized"] = time.time()
    return table


def _add_metadata(table: h5py.Dataset, key: str, value: str | int | float | bool) -> None:
    if not key or key.startswith("__") or key in table.attrs or "\0" in key:
        return
    if isinstance(value, str):
        _describe(table, **{key: value})
    elif isinstance(value, float):
        table.attrs[key] = numpy.float64(value)
    elif -(2**63) <= value < 2**63:
        table.attrs[key] = numpy.int64(value)
    else:
        _describe(table, **{key: str(value)})


def _texts(group: h5py.Group, name: str, texts: Sequence[str]) -> None:
    data = numpy.array([text.encode() for text in texts])
    node = group.create_dataset(name, data=data)
    _describe(node, CLASS="ARRAY", VERSION="2.4", TITLE="", FLAVOR="python")


def _describe(node: h5py.HLObject, **attributes: str) -> None:
    for name, value in attributes.items():
        text = value.encode()
        kind = h5py.string_dtype("utf-8", max(len(text), 1))
        node.attrs.create(name, numpy.array(text, kind), dtype=kind)


def _records(
    page: pandas.DataFrame,
    columns: tuple[Column, ...],
    fields: Sequence[Field],
    record: numpy.dtype[Any],
    mask: Mask | None,
) -> NDArray[Any]:
    records = numpy.zeros(len(page), record)
    for name, column, field in zip(record.names or (), columns, fields, strict=True):
        if field is not _MASK:
            records[name] = _values(page[column.name], column, field)
            continue
        for part, member in mask.members.items() if mask is not None else ():
            own = Field("", RECORD[part])
            records[name][part] = _values(page[member.name], member, own)
    return records


def _masks(group: h5py.Group) -> h5py.Dataset:
    """Room for the bits of masks, as PyTables' arrays of rows of any length."""
    made = group.create_dataset(
        "Measurements_masks",
        (0,),
        h5py.vlen_dtype(numpy.dtype("u1")),
        maxshape=(None,),
        chunks=(_MASKS_IN_CHUNK,),
    )
    _describe(made, CLASS="VLARRAY", VERSION="1.4", TITLE="")
    return made


def _append_masks(masks: h5py.Dataset, page: pandas.DataFrame, mask: Mask, rows: int) -> None:
    if not len(page):
        return
    masks.resize((rows + len(page),))
    every = [_NO_BITS] * len(page) if mask.bits is None else bits_of(page[mask.bits.name])
    # Row by row: h5py takes some of one length for an array of two axes.
    for row, bits in enumerate(every, rows):
        masks[row] = bits


def _values(values: pandas.Series[Any], column: Column, field: Field) -> Any:
    if column.kind == "string":
        return [b"" if text is None else text.encode() for text in _text_or_none(values)]
    if column.kind == "timestamp":
        return _iso(values)
    if column.kind == "array":
        return _arrays(values, field)
    if field.dtype.kind == "f":
        return values.to_numpy(dtype="float64", na_value=numpy.nan)
    missing = NO_OBJECT if column.kind == "link" else 0
    dtype = "bool" if field.dtype.kind == "b" else "int64"
    if values.dtype.kind == "f":
        # Whole numbers that pandas had to make floats, for a missing one among them.
        return values.fillna(missing).to_numpy().astype(dtype)
    return values.to_numpy(dtype=dtype, na_value=missing)


def _text_or_none(values: pandas.Series[Any]) -> Iterator[str | None]:
    for value in values:
        yield value if isinstance(value, str) else None


def _iso(values: pandas.Series[Any]) -> list[bytes]:
    """`2024-05-01T12:00:00.000000`, with a Z where it is UTC."""
    zone = isinstance(values.dtype, pandas.DatetimeTZDtype)
    if zone:
        values = values.dt.tz_convert("UTC").dt.tz_localize(None)
    texts = numpy.datetime_as_string(values.to_numpy().astype("M8[us]"))
    end = "Z" if zone else ""
    return [b"" if text == "NaT" else f"{text}{end}".encode() for text in texts]


def _arrays(values: pandas.Series[Any], field: Field) -> NDArray[Any]:
    stacked = numpy.full((len(values), field.length), numpy.nan if field.dtype.kind == "f" else 0)
    stacked = stacked.astype(field.dtype)
    for row, value in enumerate(values):
        if isinstance(value, numpy.ndarray | list | tuple):
            stacked[row] = numpy.asarray(value).reshape(-1)
    return stacked


def _append(table: h5py.Dataset, records: NDArray[Any], rows: int) -> None:
    if not len(records):
        return
    table.id.set_extent((rows + len(records),))
    space = table.id.get_space()
    space.select_hyperslab((rows,), (len(records),))
    # As the file has it: HDF5 does not convert a number to PyTables' truth values.
    kind = table.id.get_type()
    table.id.write(h5py.h5s.create_simple((len(records),)), space, records, mtype=kind)
