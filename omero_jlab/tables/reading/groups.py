"""The segments of a table, grouped by the rows they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from types import TracebackType
from typing import Any, Self

import numpy
from numpy.typing import NDArray

from ...errors import Invalid
from ...model import Column, ColumnPart, Segment
from ..columns import ROW_ID
from ..conditions.evaluate import NAT, Cells
from ..conditions.words import Words
from ..segments.reader import SegmentFile, SegmentFolder

__all__ = ["Group", "OpenGroup", "groups_of"]

Rows = slice | NDArray[numpy.int64]


@dataclass(eq=False)
class Group:
    """Some consecutive rows, and the segments that hold columns of them."""

    first_row: int
    rows: int
    columns: dict[str, Column]
    segments: list[Segment] = field(default_factory=list)

    @cached_property
    def parts(self) -> dict[tuple[str, str], tuple[Segment, ColumnPart]]:
        """Each array of each column, and the segment it lies in."""
        return {
            (part.column, part.part): (segment, part)
            for segment in self.segments
            for part in segment.parts
        }

    def bounds(self, column: str) -> tuple[Any, Any]:
        """The smallest and largest value of `column`, None where not known."""
        if column == ROW_ID:
            return self.first_row, self.first_row + self.rows - 1
        for kind in ("values", "codes"):
            if (column, kind) in self.parts:
                part = self.parts[column, kind][1]
                return part.minimum, part.maximum
        return None, None


def groups_of(columns: Sequence[Column], segments: Sequence[Segment]) -> list[Group]:
    """`segments` grouped by rows, ascending.

    Raises
    ------
    Invalid
        Rows of two groups overlap.
    """
    known = {column.name: column for column in columns}
    groups: dict[tuple[int, int], Group] = {}
    for segment in segments:
        key = segment.first_row, segment.rows
        if segment.rows:
            groups.setdefault(key, Group(*key, known)).segments.append(segment)
    ordered = sorted(groups.values(), key=lambda group: group.first_row)
    for one, following in pairwise(ordered):
        if one.first_row + one.rows > following.first_row:
            raise Invalid(
                f"two segments hold row {following.first_row}: the rows from {one.first_row} "
                f"and those from {following.first_row}"
            )
    return ordered


def _check(segment: Segment, part: ColumnPart, column: Column) -> None:
    """Whether `part` is what `column` says."""
    if part.part in ("words", "word_offsets"):
        return
    shape = (segment.rows, *column.shape) if part.part == "values" else (segment.rows,)
    wanted = "int64" if column.kind == "timestamp" else column.dtype
    if part.shape != shape or (part.part == "values" and numpy.dtype(part.dtype) != wanted):
        raise Invalid(
            f"segment {segment.path} holds {part.part} of column {part.column!r} as "
            f"{part.dtype} {part.shape}, but {wanted} {shape} is wanted"
        )


class OpenGroup:
    """A group whose files are open, each from when it is first needed."""

    def __init__(self, folder: SegmentFolder, group: Group) -> None:
        self.group = group
        self._folder = folder
        self._files: dict[str, SegmentFile] = {}
        self._words: dict[str, Words] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files.values():
            file.close()

    def cells(self, column: str, rows: Rows, out: NDArray[Any] | None = None) -> Cells:
        """The values of `column` in `rows`, a slice or ascending numbers.

        Numbers and times are read straight into `out`, if it is given.
        """
        if column == ROW_ID:
            every = numpy.arange(self.group.first_row, self.group.first_row + self.group.rows)
            return Cells(every[rows])
        about = self.group.columns[column]
        if about.kind == "string":
            if (column, "codes") not in self.group.parts:
                return Cells(numpy.full(_count(rows), -1), None, _NO_WORDS)
            return Cells(self._part(column, "codes", rows), None, self.words(column))
        if (column, "values") not in self.group.parts:
            return _absent(about, _count(rows))
        values = self._part(column, "values", rows, out)
        if (column, "valid") not in self.group.parts:
            return Cells(values)
        return Cells(values, self._part(column, "valid", rows))

    def words(self, column: str) -> Words:
        """The dictionary of the text `column`."""
        if column not in self._words:
            letters = self._part(column, "words", slice(None))
            offsets = self._part(column, "word_offsets", slice(None))
            self._words[column] = Words(letters, offsets)
        return self._words[column]

    def _part(
        self, column: str, kind: str, rows: Rows, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        segment, part = self.group.parts[column, kind]
        _check(segment, part, self.group.columns[column])
        if segment.path not in self._files:
            self._files[segment.path] = SegmentFile(self._folder, segment)
        file = self._files[segment.path]
        if isinstance(rows, slice):
            start, stop, _ = rows.indices(part.shape[0])
            out = _room(part, stop - start) if out is None else out
            file.read(part, start, out)
        else:
            out = _room(part, len(rows)) if out is None else out
            file.take(part, rows, out)
        return out


_NO_WORDS = Words(numpy.empty(0, "u1"), numpy.zeros(1, "i8"))


def _room(part: ColumnPart, count: int) -> NDArray[Any]:
    return numpy.empty((count, *part.shape[1:]), part.dtype)


def _count(rows: Rows) -> int:
    return rows.stop - rows.start if isinstance(rows, slice) else len(rows)


def _absent(column: Column, count: int) -> Cells:
    if column.kind == "timestamp":
        return Cells(numpy.full(count, NAT))
    values = numpy.zeros((count, *column.shape), column.dtype)
    return Cells(values, numpy.zeros(count, bool))
