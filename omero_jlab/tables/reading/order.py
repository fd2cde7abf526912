"""Rows in the order of a column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
from numpy.typing import NDArray

from ...errors import Invalid
from ...model import Column
from ..conditions.evaluate import NAT
from ..segments.encode import sorted_codes
from ..segments.reader import SegmentFolder
from .frames import Values
from .gather import gather, picked
from .select import Piece

__all__ = ["ordered"]


def ordered(
    folder: SegmentFolder,
    pieces: Sequence[Piece],
    key: Column | None,
    descending: bool,
    limit: int | None,
    offset: int,
) -> tuple[list[Piece], NDArray[numpy.int64]]:
    """The rows `offset` to `offset + limit` of `pieces` ordered by `key`, None for row numbers.

    Rows without a value, and NaN, come last either way; equal rows stay as they were.

    Returns
    -------
    Pieces that hold those rows, and the order to put their rows in.
    """
    rows = sum(len(piece) for piece in pieces)
    stop = None if limit is None else offset + limit
    if key is None:
        places = numpy.arange(rows)[:: -1 if descending else 1]
    else:
        values, absent = _key(key, gather(folder, pieces, [key]).values[0])
        places = _places(values, absent, descending)
    return picked(pieces, places[offset:stop])


def _key(column: Column, data: Values) -> tuple[NDArray[Any], NDArray[numpy.bool_]]:
    """Values that sort as the column does, and where there is none."""
    if column.kind == "array":
        raise Invalid(f"rows cannot be ordered by column {column.name!r}: it holds arrays")
    if column.kind == "string":
        codes, _ = sorted_codes(data.values.combine_chunks())
        return codes, codes < 0
    if column.kind == "timestamp":
        return data.values, data.values == NAT
    absent = numpy.zeros(len(data.values), bool) if data.valid is None else ~data.valid
    if column.kind == "float":
        absent = absent | numpy.isnan(data.values)
    return data.values, absent


def _places(
    values: NDArray[Any], absent: NDArray[numpy.bool_], descending: bool
) -> NDArray[numpy.int64]:
    there = numpy.flatnonzero(~absent)
    present = values[there]
    if descending:
        # Reversed twice, so that equal rows keep their order.
        found = (len(present) - 1 - numpy.argsort(present[::-1], kind="stable"))[::-1]
    else:
        found = numpy.argsort(present, kind="stable")
    return numpy.concatenate([there[found], numpy.flatnonzero(absent)])
