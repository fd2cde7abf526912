"""Which of OMERO.tables' column types holds a column, and what it cannot hold of it.

Types and their HDF5 fields are those of OMERO.py's `columns.py`: whole numbers are int64, numbers
float64, text is a field of so many bytes of UTF-8, arrays have one axis.  Nothing can be missing
but a number, as NaN.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy

from ...errors import Invalid
from ...model import Column

__all__ = ["ICE", "LINKED", "NO_OBJECT", "Field", "Found", "field_names", "field_of"]

ICE = "::omero::grid::"
"""What the name of every column type begins with."""
LINKED = {"image": "Image", "well": "Well", "plate": "Plate", "dataset": "Dataset", "roi": "Roi"}
"""The column type of each kind of object that OMERO.tables links to."""
NO_OBJECT = -1
"""What a link column holds where there is no object."""
_EXACT = 2**53
_LONGEST_TEXT = 1 << 24


class Found(NamedTuple):
    """What a look at all rows showed: is a value missing, the longest text's bytes, the largest."""

    absent: bool = False
    bytes: int = 0
    largest: int = 0


class Field(NamedTuple):
    """A column of the file: OMERO's type, numpy's, its length where it is an array, and losses."""

    type: str
    dtype: numpy.dtype[Any]
    length: int = 0
    notes: tuple[str, ...] = ()


def field_of(column: Column, found: Found) -> Field:
    """The field that holds `column`, of whose values `found` is known.

    Raises
    ------
    Invalid
        OMERO.tables has no type that holds its values.
    """
    match column.kind:
        case "string":
            return _text(column, found)
        case "timestamp":
            zone = " in UTC" if column.dtype.endswith("UTC]") else ""
            note = f"times are text in ISO 8601{zone}, since OMERO.tables has no times"
            notes = (note, *(["a missing time is empty"] if found.absent else []))
            return Field("String", numpy.dtype("S32"), notes=notes)
        case "link":
            return _link(column, found)
        case "array":
            return _array(column, found)
        case "bool":
            if found.absent:
                note = "is a number, 1, 0 or NaN, since OMERO.tables has no missing truth values"
                return Field("Double", numpy.dtype("<f8"), notes=(note,))
            return Field("Bool", numpy.dtype("?"))
        case "float":
            lost = ("missing values are NaN",) if column.nullable and found.absent else ()
            return Field("Double", numpy.dtype("<f8"), notes=lost)
        case _:
            return _whole(column, found)


def _text(column: Column, found: Found) -> Field:
    if found.bytes > _LONGEST_TEXT:
        raise Invalid(
            f"column {column.name!r} has a text of {found.bytes:,} bytes; each row would take so "
            f"many, and at most {_LONGEST_TEXT:,} are written: leave the column out"
        )
    notes = ("a missing text is empty",) if found.absent else ()
    return Field("String", numpy.dtype(f"S{max(found.bytes, 1)}"), notes=notes)


def _link(column: Column, found: Found) -> Field:
    notes = [f"{NO_OBJECT} where there is no object"] if found.absent else []
    target = column.target or ""
    if target not in LINKED:
        notes.append(f"ids are plain numbers, since OMERO.tables does not link to a {target}")
    return Field(LINKED.get(target, "Long"), numpy.dtype("<i8"), notes=tuple(notes))


def _whole(column: Column, found: Found) -> Field:
    if not found.absent:
        if found.largest < 2**63:
            return Field("Long", numpy.dtype("<i8"))
        raise Invalid(
            f"column {column.name!r} has {found.largest:,}, and OMERO.tables holds whole numbers "
            f"below 2**63 only: leave the column out, or make it text"
        )
    if found.largest > _EXACT:
        raise Invalid(
            f"column {column.name!r} has missing values and numbers beyond 2**53, which "
            f"OMERO.tables has no type for: leave the column out, or make it text"
        )
    note = "is float64 with NaN where a value is missing, since whole numbers cannot be missing"
    return Field("Double", numpy.dtype("<f8"), notes=(note,))


def _array(column: Column, found: Found) -> Field:
    dtype = numpy.dtype(column.dtype)
    length = math.prod(column.shape)
    notes = []
    if len(column.shape) > 1:
        notes.append(f"arrays of shape {column.shape} are rows of {length} values")
    if dtype.kind == "f" and dtype.itemsize <= 4:
        made = Field("FloatArray", numpy.dtype("<f4"), length)
    elif dtype.kind == "f" or found.absent:
        made = Field("DoubleArray", numpy.dtype("<f8"), length)
    else:
        made = Field("LongArray", numpy.dtype("<i8"), length)
    if found.absent:
        notes.append("a missing array is NaN throughout")
    if found.largest > (_EXACT if made.dtype.kind == "f" else 2**63 - 1):
        raise Invalid(
            f"column {column.name!r} has arrays with {found.largest:,}, which OMERO.tables cannot "
            f"hold exactly: leave the column out"
        )
    if dtype.kind == "b":
        notes.append("truth values in arrays are 1 and 0")
    return made._replace(notes=tuple(notes))


def field_names(columns: tuple[Column, ...]) -> list[str]:
    """What each column is called in the file: its own name where OMERO and PyTables take it.

    They take none that begins with two underscores or `_v_`, and none with a slash.
    """
    names: list[str] = []
    for column in columns:
        name = column.name.replace("/", "|")
        if name.startswith(("__", "_v_", "_f_", "_g_")):
            name = name.lstrip("_") or "column"
        if name == ".":
            name = "dot"
        made, number = name, 2
        taken = {*names, *(other.name for other in columns if other is not column)}
        while made in taken:
            made, number = f"{name} ({number})", number + 1
        names.append(made)
    return names
