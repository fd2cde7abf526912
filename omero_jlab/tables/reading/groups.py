"""The segments of a table, grouped by the rows they hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

from ...errors import Invalid
from ...model import Column, ColumnPart, Segment
from ..columns import ROW_ID
from ..segments.reader import SegmentFolder
from .numbers import numbers_of

__all__ = ["Group", "Layer", "Rows", "groups_of"]

Rows = slice | NDArray[numpy.int64]
Parts = dict[tuple[str, str], tuple[Segment, ColumnPart]]

# So many rows that are gone leave runs of rows that are read faster than single ones.
_FEW_GONE = 256


class Layer(NamedTuple):
    """Values of a column in some rows of a group: what the group began with, or a patch."""

    segment: Segment
    parts: Parts
    is_patch: bool

    def covers(self, first_row: int, stop_row: int) -> bool:
        """Whether it says something of every row between two numbers."""
        segment = self.segment
        if not self.is_patch:
            return True
        dense = segment.numbers is None
        return dense and segment.first_row <= first_row and stop_row <= segment.stop_row


@dataclass(eq=False)
class Group:
    """Some rows, ascending, and the segments that hold columns of them.

    Attributes
    ----------
    first_row, rows : the number of the first, and how many there are, those gone included
    columns : of the table, by name
    folder : where the segments lie
    segments : what the rows began with
    patches : what gave some of them other values, in the order in which that came
    deletions : what named rows that are gone
    """

    first_row: int
    rows: int
    columns: dict[str, Column]
    folder: SegmentFolder
    segments: list[Segment] = field(default_factory=list)
    patches: list[Segment] = field(default_factory=list)
    deletions: list[Segment] = field(default_factory=list)

    @property
    def is_gapless(self) -> bool:
        """Whether the numbers of its rows are consecutive, those gone included."""
        return self.segments[0].numbers is None

    @property
    def stop_row(self) -> int:
        """One more than the highest number of a row."""
        return self.first_row + self.rows if self.is_gapless else self.segments[0].stop_row

    @property
    def parts(self) -> Parts:
        """Each array of each column that its rows began with, by the column's stored name."""
        return self.segments[0].placed if len(self.segments) == 1 else self._joined

    @cached_property
    def _joined(self) -> Parts:
        return {key: found for segment in self.segments for key, found in segment.placed.items()}

    def layers(self, column: Column) -> list[Layer]:
        """What holds values of `column`, those first that others replace; as few as can be."""
        key, parts = column.stored_as, self.parts
        found = []
        own = parts.get((key, "values")) or parts.get((key, "codes"))
        if own is not None:
            found.append(Layer(own[0], parts, is_patch=False))
        for patch in self.patches:
            if any(part.column == key for part in patch.parts):
                layer = Layer(patch, patch.placed, is_patch=True)
                if layer.covers(self.first_row, self.stop_row):
                    found.clear()
                found.append(layer)
        return found

    def numbers(self, rows: Rows) -> NDArray[numpy.int64]:
        """The permanent numbers of the rows at `rows`, a slice with both ends or places."""
        if not self.is_gapless:
            return numbers_of(self.folder, self.segments[0])[rows]
        if isinstance(rows, slice):
            return numpy.arange(self.first_row + rows.start, self.first_row + rows.stop)
        return rows + self.first_row

    def places(self, numbers: NDArray[numpy.int64]) -> NDArray[numpy.int64]:
        """Where those of the ascending `numbers` are that belong to rows of the group."""
        first, last = numpy.searchsorted(numbers, (self.first_row, self.stop_row))
        wanted = numbers[first:last]
        if self.is_gapless:
            return wanted - self.first_row
        ours = numbers_of(self.folder, self.segments[0])
        places = numpy.searchsorted(ours, wanted)
        return places[ours[places] == wanted] if len(wanted) else places

    @cached_property
    def gone(self) -> NDArray[numpy.int64]:
        """Places of rows that were deleted, ascending."""
        if not self.deletions:
            return _NONE
        found = [self.places(numbers_of(self.folder, each)) for each in self.deletions]
        return numpy.unique(numpy.concatenate(found))

    def runs(self) -> Iterator[Rows]:
        """The rows that are there: slices where few are gone, else places."""
        if not self.deletions:
            yield slice(0, self.rows)
            return
        gone = self.gone
        if len(gone) > _FEW_GONE:
            left = numpy.ones(self.rows, bool)
            left[gone] = False
            if left.any():
                yield numpy.flatnonzero(left)
            return
        start = 0
        for place in (*gone.tolist(), self.rows):
            if place > start:
                yield slice(start, place)
            start = place + 1

    def left(self, places: NDArray[numpy.int64]) -> NDArray[numpy.int64]:
        """Those of ascending `places` whose rows were not deleted."""
        gone = self.gone
        if not len(gone) or not len(places):
            return places
        found = numpy.searchsorted(gone, places)
        left: NDArray[numpy.int64] = places[
            (found == len(gone)) | (gone[found % len(gone)] != places)
        ]
        return left

    def bounds(self, column: str) -> tuple[Any, Any]:
        """The smallest and largest value of `column`, None where not known."""
        if column == ROW_ID:
            return self.first_row, self.stop_row - 1
        low: list[Any] = []
        high: list[Any] = []
        for layer in self.layers(self.columns[column]):
            for kind in ("values", "codes"):
                found = layer.parts.get((self.columns[column].stored_as, kind))
                if found is not None:
                    low.append(found[1].minimum)
                    high.append(found[1].maximum)
        return (
            None if not low or None in low else min(low),
            None if not high or None in high else max(high),
        )


_NONE = numpy.empty(0, "i8")


def groups_of(
    folder: SegmentFolder,
    columns: dict[str, Column],
    segments: Sequence[Segment],
    stop_row: int | None = None,
) -> list[Group]:
    """`segments` grouped by rows, ascending; without the rows from `stop_row` on.

    `columns` are those of the table, by name.

    Raises
    ------
    Invalid
        Rows of two groups overlap.
    """
    groups: dict[tuple[int, int], Group] = {}
    for segment in segments:
        key = segment.first_row, segment.rows
        if segment.kind == "rows" and segment.rows:
            groups.setdefault(key, Group(*key, columns, folder)).segments.append(segment)
    ordered = sorted(groups.values(), key=lambda group: group.first_row)
    for one, following in pairwise(ordered):
        if one.stop_row > following.first_row:
            raise Invalid(
                f"two segments hold row {following.first_row}: the rows from {one.first_row} "
                f"and those from {following.first_row}"
            )
    if stop_row is not None:
        ordered = [group for group in ordered if group.first_row < stop_row]
        for group in ordered:
            if group.is_gapless:
                group.rows = min(group.rows, stop_row - group.first_row)
    _lay_over(ordered, segments)
    return ordered


def _lay_over(groups: list[Group], segments: Sequence[Segment]) -> None:
    """Give each group the patches and deletions that may speak of its rows."""
    changes = [segment for segment in segments if segment.kind != "rows" and segment.rows]
    if not changes:
        return
    starts = numpy.array([group.first_row for group in groups])
    for segment in sorted(changes, key=lambda segment: segment.since):
        first = max(int(numpy.searchsorted(starts, segment.first_row, "right")) - 1, 0)
        for group in groups[first : int(numpy.searchsorted(starts, segment.stop_row))]:
            if group.stop_row > segment.first_row:
                which = group.patches if segment.kind == "patch" else group.deletions
                which.append(segment)
