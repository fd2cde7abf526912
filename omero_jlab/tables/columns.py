"""Which columns a DataFrame would be stored as."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy
import pandas

from ..errors import Invalid
from ..model import Column, LinkTarget
from .nearest import hint
from .normalise import Arrays, normalised

__all__ = ["ROW_ID", "by_name", "chosen", "columns_of", "kind_and_type", "row_bytes"]

ROW_ID = "row_id"
_LONGEST_NAME = 1000
_TEXT_BYTES = 64
_KEPT = 64


def columns_of(
    frame: pandas.DataFrame,
    units: Mapping[str, str] | None = None,
    descriptions: Mapping[str, str] | None = None,
    links: Mapping[str, LinkTarget] | None = None,
) -> tuple[Column, ...]:
    """The columns that `frame` would be stored as, in its order; its index is not stored.

    Columns named by `links` hold ids of objects of that kind, and may be missing.

    Text and times may always be missing, floats have NaN; other columns may be missing where
    pandas' type says so (`Int64`, `boolean`) or a value is.  A categorical column is stored as
    its values.  Times are UTC, or without zone, in microseconds.

    Raises
    ------
    Invalid
        A column cannot be stored, or `units`, `descriptions` or `links` name one that is not
        there; the message names it and the reason.
    """
    names = _names(frame)
    units, descriptions, links = units or {}, descriptions or {}, links or {}
    for what, given in (("unit", units), ("description", descriptions), ("link", links)):
        for name in given:
            if name not in names:
                raise Invalid(f"a {what} was given for {name!r}: {hint(name, names)}")
    found = []
    for position, name in enumerate(names):
        try:
            kind, dtype, shape, nullable = kind_and_type(normalised(frame.iloc[:, position]))
        except Invalid as error:
            raise Invalid(f"column {name!r} {error}") from error
        target = links.get(name)
        if target is not None:
            _check_link(frame.iloc[:, position], kind, target)
            kind, dtype, nullable = "link", "int64", True
        found.append(
            Column(
                name=name,
                kind=kind,
                dtype=dtype,
                shape=shape,
                nullable=nullable,
                unit=units.get(name, ""),
                description=descriptions.get(name, ""),
                target=target,
            )
        )
    return tuple(found)


def _check_link(series: pandas.Series[Any], kind: str, target: str) -> None:
    if target not in get_args(LinkTarget):
        known = hint(target, get_args(LinkTarget))
        raise Invalid(f"column {series.name!r} cannot link to {target!r}: {known}")
    whole = kind == "integer" or (kind == "float" and bool((series.dropna() % 1 == 0).all()))
    if not whole and not series.isna().all():
        raise Invalid(f"column {series.name!r} links to {target}, and so must hold ids")


def kind_and_type(values: pandas.Series[Any] | Arrays) -> tuple[Any, str, tuple[int, ...], bool]:
    """`kind`, `dtype`, `shape` and `nullable` of the column that holds `values`."""
    if isinstance(values, Arrays):
        return "array", values.values.dtype.name, values.values.shape[1:], values.valid is not None
    dtype = values.dtype
    if isinstance(dtype, pandas.StringDtype):
        return "string", "string", (), True
    if isinstance(dtype, pandas.DatetimeTZDtype):
        return "timestamp", "datetime64[us, UTC]", (), True
    if dtype.kind == "M":
        return "timestamp", "datetime64[us]", (), True
    kind = {"b": "bool", "i": "integer", "u": "integer", "f": "float"}[dtype.kind]
    masked = isinstance(dtype, pandas.api.extensions.ExtensionDtype)
    plain = numpy.dtype(dtype.numpy_dtype) if masked else dtype  # type: ignore[union-attr]
    return kind, plain.name, (), masked


_guard = threading.Lock()
_known: OrderedDict[int, tuple[tuple[Column, ...], dict[str, Column]]] = OrderedDict()


def by_name(columns: tuple[Column, ...]) -> dict[str, Column]:
    """`columns` by name; not to be changed.

    The last few answers are kept: to look at hundreds of columns takes as long as to read one.
    """
    with _guard:
        # As long as it is kept, nothing else has its id.
        if id(columns) not in _known:
            _known[id(columns)] = columns, {column.name: column for column in columns}
            while len(_known) > _KEPT:
                _known.popitem(last=False)
        return _known[id(columns)][1]


def chosen(columns: tuple[Column, ...], names: list[str]) -> list[Column]:
    """The columns called `names`, in that order and each once.

    Raises
    ------
    Invalid
        There is no such column; the message names the nearest one.
    """
    known = by_name(columns)
    for name in names:
        if name not in known:
            raise Invalid(f"the table has no column {name!r}: {hint(str(name), known)}")
    return [known[name] for name in dict.fromkeys(names)]


def row_bytes(columns: Sequence[Column]) -> int:
    """About how many bytes a row of `columns` takes; of text a guess."""
    width = 8
    for column in columns:
        if column.kind == "string":
            width += _TEXT_BYTES
        else:
            dtype = "int64" if column.kind == "timestamp" else column.dtype
            width += numpy.dtype(dtype).itemsize * math.prod(column.shape)
    return width


def _names(frame: pandas.DataFrame) -> list[str]:
    names: list[str] = []
    for name in frame.columns:
        if not isinstance(name, str):
            raise Invalid(
                f"the column name {name!r} is not text; "
                "use frame.columns = frame.columns.map(str), or join the levels of a MultiIndex"
            )
        if not name.strip() or len(name) > _LONGEST_NAME or "\0" in name:
            raise Invalid(
                f"the column name {name[:40]!r} cannot be stored: "
                f"it needs 1 to {_LONGEST_NAME} characters other than spaces, and no NUL"
            )
        if not name.isprintable() and any(0xD800 <= ord(letter) < 0xE000 for letter in name):
            raise Invalid(f"the column name {name!r} is not valid Unicode")
        if name == ROW_ID:
            raise Invalid(
                f"the column name {ROW_ID!r} is taken by the permanent number of each row; "
                "rename the column"
            )
        if name in names:
            raise Invalid(f"column {name!r} is there twice; rename one of them")
        names.append(name)
    if not names:
        raise Invalid("the frame has no columns; a table needs at least one")
    return names
