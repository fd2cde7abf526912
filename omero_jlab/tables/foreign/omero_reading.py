"""Rows of an OMERO.tables file, versions 1 and 2: read by h5py, in a process that may be lost.

PyTables would unpickle the attributes of a foreign file.  Nothing that lies outside of the file is
followed, and nothing is read of which the file claims more than it holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py  # type: ignore[import-untyped]
import numpy
import pyarrow  # type: ignore[import-untyped]
from numpy.typing import NDArray

from ...errors import Newer, Unreadable
from ...model import Column
from .omero_columns import ICE, LINKED
from .omero_masks import BITS, PARTS, text_of
from .source import Notes, TableSource, unique_names

__all__ = ["OmeroTable"]

_BATCH = 8 << 20
_WIDEST = 16 << 20
_LARGEST_CHUNK = 64 << 20
_MOST_COLUMNS = 20_000
# Deflate makes at most about a thousand bytes of one.
_MOST_SQUEEZED = 1100
_FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32"}
_TARGETS = {kind: target for target, kind in LINKED.items()}
_OURS = ("CLASS", "VERSION", "TITLE", "FLAVOR", "NROWS", "FILTERS", "version")
_SMALL = 1 << 16


class _Member(NamedTuple):
    """A column, and where its values are: a field of the record, and a part of a mask's field."""

    column: Column
    field: str
    part: str = ""


class OmeroTable(TableSource):
    """The table of an open OMERO.tables file.

    Image, well, plate, dataset and ROI columns become links, in which a negative id is none.  A
    mask becomes nine columns; its bytes are text in base64.

    Raises
    ------
    Unreadable
        It is no such file, refers to others, or claims more than it holds.
    Newer
        OMERO wrote it in a version after 2.
    """

    def __init__(self, path: Path, links: bool = True) -> None:
        if not h5py.is_hdf5(path):
            raise Unreadable(f"{path.name} is no HDF5 file, as its name says.")
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            raise Unreadable(
                f"{path.name} cannot be opened as HDF5; it is damaged or was cut: {error}."
            ) from error
        self._notes = Notes()
        self._links = links
        group = _node(self._file, "OME", h5py.Group, path.name)
        self._table = _dataset(group, "Measurements")
        self._check_table()
        self._check_version()
        self._masks = (
            _dataset(group, "Measurements_masks") if "Measurements_masks" in group else None
        )
        self._members = self._read_members(group)
        self.columns = tuple(member.column for member in self._members)
        self.rows = int(self._table.shape[0])
        self.metadata = self._read_metadata()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the table does not keep of the file."""
        return self._notes.lines

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def batches(self) -> Iterator[list[pyarrow.Array]]:
        """The columns' values, a bounded number of rows at a time."""
        step = max(_BATCH // self._table.dtype.itemsize, 1)
        for start in range(0, self.rows, step):
            stop = min(start + step, self.rows)
            records = self._table[start:stop]
            yield [self._values(member, records, start) for member in self._members]

    def _check_table(self) -> None:
        table = self._table
        if table.dtype.names is None or table.ndim != 1:
            raise Unreadable("/OME/Measurements is no table of records.")
        width, rows = table.dtype.itemsize, int(table.shape[0])
        if width > _WIDEST or len(table.dtype.names) > _MOST_COLUMNS:
            raise Unreadable(
                f"A row of /OME/Measurements has {len(table.dtype.names):,} columns and "
                f"{width:,} bytes, more than is read."
            )
        _check_storage(table, rows * width)

    def _check_version(self) -> None:
        attributes = self._table.attrs
        told = _text(attributes, "__version") or _text(attributes, "version")
        if told is None:
            self._notes.add("the file does not say which version of OMERO.tables wrote it")
        elif told.removeprefix("v") not in ("1", "2"):
            raise Newer(f"OMERO.tables wrote this file in version {told[:20]!r}; 1 and 2 are read.")

    def _read_members(self, group: h5py.Group) -> list[_Member]:
        names = self._table.dtype.names
        types = _texts(_dataset(group, "ColumnTypes"))
        about = _texts(_dataset(group, "ColumnDescriptions"))
        if len(types) != len(names):
            raise Unreadable(
                f"/OME/ColumnTypes has {len(types)} types for {len(names)} columns of "
                f"/OME/Measurements."
            )
        about += [""] * (len(names) - len(about))
        found: list[_Member] = []
        for name, kind, description in zip(names, types, about, strict=False):
            found += self._read_member(name, kind.removeprefix(ICE), description)
        unique = unique_names([member.column.name for member in found], self._notes)
        return [
            member._replace(column=member.column.model_copy(update={"name": name}))
            for member, name in zip(found, unique, strict=True)
        ]

    def _read_member(self, name: str, kind: str, description: str) -> list[_Member]:
        dtype = self._table.dtype.fields[name][0]
        if dtype.names is not None:
            return self._read_mask(name, dtype, description)
        base, shape = dtype.base, dtype.shape
        truth = h5py.check_enum_dtype(base) is not None or _is_truth(self._table, name)
        if base.kind not in "biufS" or base.itemsize == 0 or (base.kind == "S" and shape):
            raise Unreadable(f"Column {name!r} is of type {dtype}, which OMERO.tables has not.")
        if base.kind == "f" and base.itemsize > 8:
            raise Unreadable(f"Column {name!r} has numbers of {base.itemsize} bytes.")
        target = _TARGETS.get(kind.removesuffix("Column"))
        if base.kind == "S":
            told: dict[str, Any] = {"kind": "string", "dtype": "string", "nullable": True}
        elif shape:
            told = {"kind": "array", "dtype": base.name, "shape": shape}
        elif truth:
            told = {"kind": "bool", "dtype": "bool"}
        elif target is not None and base.kind in "iu" and self._links:
            told = {"kind": "link", "dtype": "int64", "target": target, "nullable": True}
        else:
            told = {"kind": "float" if base.kind == "f" else "integer", "dtype": base.name}
        return [_Member(Column(name=name, description=description, **told), name)]

    def _read_mask(self, name: str, dtype: numpy.dtype[Any], description: str) -> list[_Member]:
        parts = dtype.names or ()
        if not set(parts) <= set(PARTS) or dtype.shape:
            raise Unreadable(f"Column {name!r} is a record of {', '.join(parts)[:100]}.")
        found = []
        for part in parts:
            base = dtype[part]
            if base.kind not in "iuf" or base.shape:
                raise Unreadable(f"Part {part!r} of the mask column {name!r} is of type {base}.")
            told: dict[str, Any] = {"kind": "float" if base.kind == "f" else "integer"}
            told["dtype"] = base.name
            if part == "i" and self._links:
                told = {"kind": "link", "dtype": "int64", "target": "image", "nullable": True}
            column = Column(name=f"{name} {PARTS[part]}", description=description, **told)
            found.append(_Member(column, name, part))
        if self._masks is not None:
            column = Column(
                name=f"{name} {BITS}",
                kind="string",
                dtype="string",
                nullable=True,
                description="a mask's bits, in base64",
            )
            found.append(_Member(column, name, BITS))
        self._notes.add(f"column {name!r} holds masks: it became {len(found)} columns")
        return found

    def _values(self, member: _Member, records: NDArray[Any], start: int) -> pyarrow.Array:
        column = member.column
        if member.part == BITS:
            return self._mask_bytes(start, len(records))
        values = records[member.field]
        if member.part:
            values = values[member.part]
        values = numpy.ascontiguousarray(values)
        if not values.dtype.isnative:
            values = values.astype(values.dtype.newbyteorder("="))
        if column.kind == "string":
            return pyarrow.array(self._decoded(column.name, values), pyarrow.large_string())
        if column.kind == "bool":
            return pyarrow.array(values.astype(bool))
        if column.kind == "link":
            whole = values.astype("i8")
            return pyarrow.array(whole, mask=whole < 0)
        if column.kind == "array":
            flat = pyarrow.array(values.reshape(-1))
            length = int(numpy.prod(column.shape))
            return pyarrow.FixedSizeListArray.from_arrays(flat, length)
        return pyarrow.array(values)

    def _decoded(self, name: str, values: NDArray[numpy.bytes_]) -> list[str]:
        try:
            return [value.decode() for value in values.tolist()]
        except UnicodeDecodeError:
            self._notes.add(f"column {name!r} has text that is not UTF-8; it was read as Latin-1")
        found = []
        for value in values.tolist():
            try:
                found.append(value.decode())
            except UnicodeDecodeError:
                found.append(value.decode("latin-1"))
        return found

    def _mask_bytes(self, start: int, count: int) -> pyarrow.Array:
        assert self._masks is not None
        masks = self._masks
        stop = min(start + count, int(masks.shape[0]))
        found: list[str | None] = []
        for row in range(start, stop):
            found.append(text_of(numpy.asarray(masks[row], "u1")))
        found += [None] * (count - len(found))
        return pyarrow.array(found, pyarrow.large_string())

    def _read_metadata(self) -> dict[str, str | int | float | bool]:
        found: dict[str, str | int | float | bool] = {}
        attributes = self._table.attrs
        for key in attributes:
            if key.startswith(("__", "FIELD_")) or key in _OURS:
                continue
            value = _attribute(attributes, key)
            if isinstance(value, bytes):
                # Of bytes, what ends with a dot may be a pickle of PyTables'.
                odd = value.endswith(b".") and (b"\n" in value or b"\x80" in value)
                pickled = odd and not _is_unicode(attributes, key)
                value = None if pickled else _decoded(value)
            if isinstance(value, bool | numpy.bool_):
                found[key] = bool(value)
            elif isinstance(value, int | numpy.integer):
                found[key] = int(value)
            elif isinstance(value, float | numpy.floating):
                found[key] = float(value)
            elif isinstance(value, str):
                found[key] = value
            else:
                self._notes.add(f"metadata {key!r} is neither text nor a number, and was left out")
        return found


def _node(group: h5py.Group, name: str, kind: type[Any], where: str) -> Any:
    """The node `name` that lies in the file itself."""
    link = group.get(name, getlink=True)
    if link is None:
        held = ", ".join(sorted(group)[:5]) or "nothing"
        raise Unreadable(
            f"{where} is no OMERO.tables file: it has no {name!r}, but {held}. Read it with "
            f"pandas or PyTables and attach the DataFrame."
        )
    if not isinstance(link, h5py.HardLink):
        raise Unreadable(f"{name} in {where} is a link to elsewhere, which is not followed.")
    node = group[name]
    if not isinstance(node, kind):
        raise Unreadable(f"{name} in {where} is not what OMERO.tables has there.")
    return node


def _dataset(group: h5py.Group, name: str) -> h5py.Dataset:
    found = _node(group, name, h5py.Dataset, group.name)
    plan = found.id.get_create_plist()
    if plan.get_layout() == h5py.h5d.VIRTUAL or plan.get_external_count():
        raise Unreadable(f"{found.name} keeps its values in another file, which is not followed.")
    for number in range(plan.get_nfilters()):
        code = plan.get_filter(number)[0]
        if code not in _FILTERS:
            raise Unreadable(
                f"{found.name} is packed by HDF5's filter {code}; {', '.join(_FILTERS.values())} "
                f"are read: `ptrepack --complib=zlib` converts the file."
            )
    return found


def _check_storage(dataset: h5py.Dataset, claimed: int) -> None:
    if dataset.chunks is not None:
        chunk = int(numpy.prod(dataset.chunks)) * dataset.dtype.itemsize
        if chunk > _LARGEST_CHUNK:
            raise Unreadable(f"{dataset.name} has chunks of {chunk:,} bytes.")
    packed = dataset.id.get_create_plist().get_nfilters() > 0
    stored = dataset.id.get_storage_size()
    if claimed > stored * (_MOST_SQUEEZED if packed else 1):
        raise Unreadable(
            f"{dataset.name} claims {claimed:,} bytes of rows, but stores {stored:,}: "
            f"the file is damaged or was cut."
        )


def _texts(dataset: h5py.Dataset) -> list[str]:
    """A short list of texts."""
    if dataset.dtype.kind != "S" or dataset.ndim != 1:
        raise Unreadable(f"{dataset.name} is no list of texts.")
    claimed = int(dataset.shape[0]) * dataset.dtype.itemsize
    if dataset.shape[0] > _MOST_COLUMNS or claimed > _LARGEST_CHUNK:
        raise Unreadable(f"{dataset.name} claims {dataset.shape[0]:,} texts.")
    _check_storage(dataset, claimed)
    return [_decoded(value) for value in dataset[:].tolist()]


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _is_truth(table: h5py.Dataset, name: str) -> bool:
    """Whether a field has PyTables' truth values, of 8 bits; h5py reads them as numbers."""
    kind = table.id.get_type()
    member = kind.get_member_type(kind.get_member_index(name.encode()))
    if isinstance(member, h5py.h5t.TypeArrayID):
        return False
    return isinstance(member, h5py.h5t.TypeBitfieldID)


def _attribute(attributes: h5py.AttributeManager, key: str) -> Any:
    """A small attribute's value, None for any other."""
    if attributes.get_id(key).get_storage_size() > _SMALL or attributes.get_id(key).shape != ():
        return None
    value = attributes[key]
    return b"" if isinstance(value, h5py.Empty) else value


def _is_unicode(attributes: h5py.AttributeManager, key: str) -> bool:
    kind = attributes.get_id(key).get_type()
    return isinstance(kind, h5py.h5t.TypeStringID) and kind.get_cset() == h5py.h5t.CSET_UTF8


def _text(attributes: h5py.AttributeManager, key: str) -> str | None:
    value = _attribute(attributes, key) if key in attributes else None
    if isinstance(value, bytes):
        return _decoded(value)
    return value if isinstance(value, str) else None
