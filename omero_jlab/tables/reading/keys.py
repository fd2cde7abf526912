"""Which group each row belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
from numpy.typing import NDArray

from ...errors import Invalid, TooLarge
from ...model import Column
from ..conditions.evaluate import Cells, missing_cells
from ..conditions.nodes import Name
from ..conditions.words import Words
from .frames import Values

__all__ = ["Keys"]

Numbers = NDArray[numpy.int64]


class Keys:
    """Numbers for the combinations of values of `by`, in the order in which they are met.

    Without `by`, every row is in group 0.

    Raises
    ------
    Invalid
        One of `by` holds arrays.
    """

    def __init__(self, by: Sequence[Column], most: int) -> None:
        for column in by:
            if column.kind == "array":
                raise Invalid(f"rows cannot be grouped by column {column.name!r}: it holds arrays")
        self._by = by
        self._most = most
        self._columns = [_Numbered(column) for column in by]
        self._groups: dict[tuple[int, ...], int] = {}

    def __len__(self) -> int:
        return len(self._groups) if self._by else 1

    def numbers(self, cells: Sequence[Cells], rows: int) -> Numbers:
        """shape (rows,): the group of each row, -1 where one of its values is missing."""
        if not self._by:
            return numpy.zeros(rows, "i8")
        codes = [column.numbers(each) for column, each in zip(self._columns, cells, strict=True)]
        together = codes[0]
        there = together >= 0
        for each in codes[1:]:
            there &= each >= 0
            # Renumbered before each step: a product of three columns' numbers may overflow.
            together = numpy.unique(together, return_inverse=True)[1] * (each.max() + 2) + each
        found = numpy.full(rows, -1)
        _, first, inverse = unique(together[there])
        met = [each[there][first].tolist() for each in codes]
        known = self._groups
        table = [known.setdefault(group, len(known)) for group in zip(*met, strict=True)]
        if len(known) > self._most:
            names = ", ".join(repr(column.name) for column in self._by)
            raise TooLarge(
                f"There are more than {self._most:,} groups by {names}: group by a column that "
                "repeats, or ask with a condition."
            )
        found[there] = numpy.array(table, "i8")[inverse]
        return found

    def ordered(self) -> tuple[Numbers, list[Values]]:
        """The groups' numbers in the order of their values, and those values by column."""
        if not self._by:
            return numpy.zeros(1, "i8"), []
        members = list(self._groups)
        ranks = [numpy.array(column.ranks(), "i8") for column in self._columns]
        each = numpy.array(members, "i8").reshape(len(members), len(ranks)).T
        order = numpy.lexsort([rank[of] for rank, of in zip(ranks, each, strict=True)][::-1])
        values = [column.values(of[order]) for column, of in zip(self._columns, each, strict=True)]
        return order, values


class _Numbered:
    """The values of one column, numbered as they are met."""

    def __init__(self, column: Column) -> None:
        self._column = column
        self._kind = Name(column).kind
        self._known: dict[Any, int] = {}
        self._words: Words | None = None
        self._codes: Numbers = numpy.empty(0, "i8")

    def numbers(self, cells: Cells) -> Numbers:
        missing = missing_cells(self._kind, cells)
        found = numpy.full(len(missing), -1)
        if self._kind == "text":
            found[~missing] = self._of_words(cells)[cells.values[~missing]]
            return found
        values, _, inverse = unique(cells.values[~missing])
        table = [self._known.setdefault(value, len(self._known)) for value in values.tolist()]
        found[~missing] = numpy.array(table, "i8")[inverse]
        return found

    def _of_words(self, cells: Cells) -> Numbers:
        """The number of each word that occurs, by its code."""
        assert cells.words is not None
        if self._words is not cells.words:
            self._words = cells.words
            self._codes = numpy.full(len(cells.words), -1)
        occurring = numpy.unique(cells.values[cells.values >= 0])
        for code in occurring[self._codes[occurring] < 0].tolist():
            word = cells.words[code].decode()
            self._codes[code] = self._known.setdefault(word, len(self._known))
        return self._codes

    def ranks(self) -> list[int]:
        """The place of each number's value among all, ascending."""
        ranks = [0] * len(self._known)
        for rank, value in enumerate(sorted(self._known)):
            ranks[self._known[value]] = rank
        return ranks

    def values(self, numbers: Numbers) -> Values:
        """The values of `numbers`: of text a list, of times microseconds."""
        every = list(self._known)
        found = [every[number] for number in numbers.tolist()]
        if self._kind == "text":
            return Values(found)
        dtype = "int64" if self._kind == "time" else self._column.dtype
        return Values(numpy.array(found, dtype))


def unique(values: NDArray[Any]) -> tuple[NDArray[Any], Numbers, Numbers]:
    """The different `values`, where each is first, and the place of each row's among them."""
    if values.dtype.kind in "iu" and len(values):
        low, high = int(values.min()), int(values.max())
        if high - low <= 4 * len(values):
            # No sorting where the numbers lie close together, as wells and images do.
            places = (values - values.dtype.type(low)).astype("i8")
            first = numpy.full(high - low + 1, -1)
            first[places[::-1]] = numpy.arange(len(values))[::-1]
            there = numpy.flatnonzero(first >= 0)
            table = numpy.empty(high - low + 1, "i8")
            table[there] = numpy.arange(len(there))
            return values[first[there]], first[there], table[places]
    found, first, inverse = numpy.unique(values, return_index=True, return_inverse=True)
    return found, first, inverse
