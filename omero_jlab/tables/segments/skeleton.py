"""An HDF5 file with room for columns, which PyTables opens as its own."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from typing import Any, NamedTuple

import h5py  # type: ignore[import-untyped]
import numpy

__all__ = ["Room", "make_skeleton", "node_name"]

# PyTables calls any other name unnatural; c0007 is what a column gets that has no natural one.
_NATURAL = re.compile(r"(?!c\d{4,}\Z)[A-Za-z][A-Za-z0-9_]{0,254}", re.ASCII)
_ALIGNMENT = 64


class Room(NamedTuple):
    """The space for one array of a column."""

    group: str
    name: str
    title: str
    dtype: numpy.dtype[Any]
    shape: tuple[int, ...]


def node_name(column: str, position: int) -> str:
    """How the node of the column at `position` is called; its TITLE is the column's own name."""
    if _NATURAL.fullmatch(column) and not keyword.iskeyword(column):
        return column
    return f"c{position:04d}"


def make_skeleton(path: Path, rooms: list[Room]) -> list[int]:
    """The offset in the new file `path` of each of `rooms`, 0 for one without a byte.

    Nothing is written into the rooms.  PyTables (3.11, format 2.1) knows an array by the
    attributes CLASS, VERSION, TITLE and FLAVOR, and booleans as 8-bit fields.

    Raises
    ------
    OSError
        The file cannot be made.
    """
    try:
        return _made(path, rooms)
    except RuntimeError as error:  # what h5py makes of a failed write of its metadata
        raise OSError(f"cannot make {path.name}: {error}") from error


def _made(path: Path, rooms: list[Room]) -> list[int]:
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_alignment(1, _ALIGNMENT)
    raw = h5py.h5f.create(bytes(path), h5py.h5f.ACC_EXCL, fapl=access)
    with h5py.File(raw) as file:
        _describe(file, CLASS="GROUP", VERSION="1.0", TITLE="rows", PYTABLES_FORMAT_VERSION="2.1")
        for group in dict.fromkeys(room.group for room in rooms):
            _describe(file.create_group(group), CLASS="GROUP", VERSION="1.0", TITLE=group)
        return [_allocate(file[room.group], room) for room in rooms]


def _allocate(group: h5py.Group, room: Room) -> int:
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_layout(h5py.h5d.CONTIGUOUS)
    plan.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    plan.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    kind = h5py.h5t.STD_B8LE if room.dtype.kind == "b" else h5py.h5t.py_create(room.dtype)
    space = h5py.h5s.create_simple(room.shape)
    made = h5py.h5d.create(group.id, room.name.encode(), kind, space, plan)
    attributes = {"CLASS": "ARRAY", "VERSION": "2.4", "TITLE": room.title, "FLAVOR": "numpy"}
    _describe(h5py.Dataset(made), **attributes)
    return made.get_offset() or 0


def _describe(node: h5py.HLObject, **attributes: str) -> None:
    # As text: PyTables unpickles an attribute of bytes that ends with a dot, so a column's name
    # could run code on the machine of whoever opens the file.
    for name, value in attributes.items():
        text = value.encode()
        kind = h5py.string_dtype("utf-8", len(text))
        node.attrs.create(name, numpy.array(text, kind), dtype=kind)
