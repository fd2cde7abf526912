"""An HDF5 file with room for columns, which PyTables opens as its own."""

from __future__ import annotations

import keyword
import math
import os
import re
import secrets
import zlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import h5py  # type: ignore[import-untyped]
import numpy

__all__ = ["Room", "make_skeleton", "node_name"]

# PyTables calls any other name unnatural; c0007 is what a column gets that has no natural one.
_NATURAL = re.compile(r"(?!c\d{4,}\Z)[A-Za-z][A-Za-z0-9_]{0,254}", re.ASCII)
_ALIGNMENT = 64
# A small file costs more to make by HDF5 than to write.
_LARGEST_KEPT = 1 << 20
_MOST_KEPT = 128
_IN_MEMORY = 1 << 16


class Room(NamedTuple):
    """The space for one array of a column."""

    group: str
    name: str
    title: str
    dtype: numpy.dtype[Any]
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """How large it is."""
        return math.prod(self.shape) * self.dtype.itemsize


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
        if sum(room.nbytes for room in rooms) > _LARGEST_KEPT:
            access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
            with _created(bytes(path), access) as file:
                return _filled(file, rooms)
        offsets, packed = _kept(tuple(rooms))
        _write(path, zlib.decompress(packed))
        return list(offsets)
    except RuntimeError as error:  # what h5py makes of a failed write of its metadata
        raise OSError(f"cannot make {path.name}: {error}") from error


@lru_cache(maxsize=_MOST_KEPT)
def _kept(rooms: tuple[Room, ...]) -> tuple[tuple[int, ...], bytes]:
    """The offsets of `rooms` and a whole file, packed: many small tables are alike in both."""
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fapl_core(_IN_MEMORY, False)
    # HDF5 takes two open files of one name for the same one.
    name = f"rows-{secrets.token_hex(8)}".encode()
    with _created(name, access) as file:
        offsets = tuple(_filled(file, rooms))
        file.flush()
        return offsets, zlib.compress(file.id.get_file_image(), 1)


def _write(path: Path, data: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        done = 0
        while done < len(data):
            done += os.pwrite(file, data[done:], done)
    finally:
        os.close(file)


def _created(name: bytes, access: Any) -> h5py.File:
    access.set_alignment(1, _ALIGNMENT)
    return h5py.File(h5py.h5f.create(name, h5py.h5f.ACC_EXCL, fapl=access))


def _filled(file: h5py.File, rooms: Sequence[Room]) -> list[int]:
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
