"""Which rows fulfil a condition, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy
from numpy.typing import NDArray

from ..columns import ROW_ID
from ..conditions.evaluate import Cells, fulfilled
from ..conditions.nodes import Condition
from ..conditions.prune import possible
from ..segments.reader import SegmentFolder
from .groups import Group, Rows
from .opened import OpenGroup

__all__ = ["Piece", "matches", "window"]

# 1 MiB of float64: a block of several columns stays in the processor's cache.
_BLOCK = 1 << 17
_APART = 512
_FEW = 2048
# A piece has at least so many rows of a group, if there are: each is asked for column by column.
_HELD = 4096


@dataclass(frozen=True, eq=False, slots=True)
class Piece:
    """Some rows of a group: a slice with both ends, or ascending numbers."""

    group: Group
    rows: Rows
    count: int = field(init=False)

    def __post_init__(self) -> None:
        rows = self.rows
        count = rows.stop - rows.start if isinstance(rows, slice) else len(rows)
        object.__setattr__(self, "count", count)

    def __len__(self) -> int:
        return self.count

    @property
    def is_scant(self) -> bool:
        """Whether little is read at a place: it is few rows, or they lie far apart."""
        rows = self.rows
        if isinstance(rows, slice):
            return len(self) <= _FEW
        return int(rows[-1] - rows[0]) > _APART * len(rows)

    def part(self, start: int, stop: int) -> Piece:
        """The rows at places `start` to `stop` of this piece."""
        if isinstance(self.rows, slice):
            first = self.rows.start
            return Piece(self.group, slice(first + start, min(first + stop, self.rows.stop)))
        return Piece(self.group, self.rows[start:stop])

    def pick(self, places: NDArray[numpy.int64]) -> Piece:
        """The rows at ascending `places` of this piece."""
        rows = self.rows
        picked = places + rows.start if isinstance(rows, slice) else rows[places]
        return Piece(self.group, picked)

    def ids(self) -> NDArray[numpy.int64]:
        """The permanent numbers of the rows."""
        return self.group.numbers(self.rows)


class _Block:
    """A few consecutive rows of an open group."""

    def __init__(self, group: OpenGroup, rows: slice) -> None:
        self._group = group
        self._rows = rows
        self._read: dict[str, Cells] = {}
        self.rows = rows.stop - rows.start

    def cells(self, column: str) -> Cells:
        if column not in self._read:
            self._read[column] = self._group.cells(column, self._rows)
        return self._read[column]


def matches(
    folder: SegmentFolder, groups: Sequence[Group], condition: Condition | None
) -> Iterator[Piece]:
    """The rows that fulfil `condition`, ascending; all, where it is None."""
    for group in groups:
        if condition is None:
            for rows in group.runs():
                yield Piece(group, rows)
        elif possible(condition.root, group.bounds):
            with OpenGroup(folder, group) as opened:
                held: list[NDArray[numpy.int64]] = []
                for start in range(0, group.rows, _BLOCK):
                    rows = slice(start, min(start + _BLOCK, group.rows))
                    if not possible(condition.root, partial(_bounds, group, rows)):
                        continue
                    block = _Block(opened, rows)
                    found = numpy.flatnonzero(fulfilled(condition.root, block))
                    places = group.left(found + start)
                    if len(places):
                        held.append(places)
                    if sum(map(len, held)) >= _HELD:
                        yield _piece(group, held)
                        held = []
                if held:
                    yield _piece(group, held)


def _piece(group: Group, places: list[NDArray[numpy.int64]]) -> Piece:
    """Rows of a few blocks: a slice where they are consecutive, which is read faster."""
    rows = places[0] if len(places) == 1 else numpy.concatenate(places)
    first, last = int(rows[0]), int(rows[-1])
    return Piece(group, slice(first, last + 1) if last - first + 1 == len(rows) else rows)


def _bounds(group: Group, rows: slice, column: str) -> tuple[Any, Any]:
    """Those of the group, but for the numbers of the rows: those of these rows."""
    if column != ROW_ID or not group.is_gapless:
        return group.bounds(column)
    return group.first_row + rows.start, group.first_row + rows.stop - 1


def window(pieces: Iterable[Piece], limit: int | None, offset: int) -> Iterator[Piece]:
    """`pieces` without their first `offset` rows, and at most `limit` rows of the rest."""
    left = limit
    for piece in pieces:
        if left == 0:
            return
        if offset >= len(piece):
            offset -= len(piece)
            continue
        stop = len(piece) if left is None else min(len(piece), offset + left)
        yield piece if stop - offset == len(piece) else piece.part(offset, stop)
        if left is not None:
            left -= stop - offset
        offset = 0
