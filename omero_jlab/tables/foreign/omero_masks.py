"""Mask columns of OMERO.tables: seven numbers in one field, and the bits in an array beside.

As OMERO.py's `MaskColumn` has them.  Here, each of the numbers is a column, and so are the bits.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy
import pandas
from numpy.typing import NDArray

from ...errors import Invalid
from ...model import Column

__all__ = ["BITS", "PARTS", "RECORD", "Mask", "bits_of", "mask_among", "text_of"]

PARTS = {"i": "image", "z": "z", "t": "t", "x": "x", "y": "y", "w": "width", "h": "height"}
"""The members of the field, and the last word of the name of each one's column."""
RECORD = numpy.dtype(
    [("i", "<i8"), ("z", "<i4"), ("t", "<i4"), *((name, "<f8") for name in ("x", "y", "w", "h"))]
)
BITS = "bytes"
"""The last word of the name of the column with the bits, which are text in base64."""


class Mask(NamedTuple):
    """The columns of a mask, by member; `bits` is None where the table has none."""

    name: str
    members: Mapping[str, Column]
    bits: Column | None

    def folded(self, columns: Sequence[Column]) -> tuple[tuple[Column, ...], int]:
        """`columns` with one that is called as the mask in place of its own; and at which place."""
        own = {column.name for column in (*self.members.values(), self.bits) if column is not None}
        place = next(i for i, column in enumerate(columns) if column.name in own)
        one = columns[place].model_copy(update={"name": self.name})
        rest = [column for column in columns[place:] if column.name not in own]
        return (*columns[:place], one, *rest), place


def mask_among(columns: Sequence[Column]) -> Mask | None:
    """The only mask among `columns`: OMERO.tables has one array for the bits of all columns."""
    by_name = {column.name: column for column in columns}
    ending = f" {PARTS['i']}"
    named = [name.removesuffix(ending) for name in by_name if name.endswith(ending)]
    found = [mask for name in named if (mask := _mask(name, by_name)) is not None]
    return found[0] if len(found) == 1 else None


def _mask(name: str, by_name: Mapping[str, Column]) -> Mask | None:
    members = {part: by_name.get(f"{name} {word}") for part, word in PARTS.items()}
    there = {part: column for part, column in members.items() if _fits(part, column)}
    if len(there) < len(PARTS):
        return None
    bits = by_name.get(f"{name} {BITS}")
    return Mask(
        name,
        {part: column for part, column in there.items() if column is not None},
        bits if bits is not None and bits.kind == "string" else None,
    )


def _fits(part: str, column: Column | None) -> bool:
    if column is None:
        return False
    if part == "i":
        return column.target == "image" or column.dtype == "int64"
    kinds = ("integer",) if part in "zt" else ("integer", "float")
    return column.kind in kinds and numpy.can_cast(column.dtype, RECORD[part], "safe")


def text_of(bits: NDArray[numpy.uint8]) -> str:
    """Bits as text."""
    return base64.b64encode(bytes(bits)).decode()


def bits_of(texts: pandas.Series[str]) -> list[NDArray[numpy.uint8]]:
    """The bits of each row; none where there is no text.

    Raises
    ------
    Invalid
        A text is no base64.
    """
    found = []
    for row, text in texts.items():
        try:
            data = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
        except (binascii.Error, ValueError) as error:
            raise Invalid(
                f"column {texts.name!r} holds bits of masks as base64, but in row {row} "
                f"{text[:20]!r}: {error}; rename the column to have it written as text"
            ) from error
        found.append(numpy.frombuffer(data, "u1"))
    return found
