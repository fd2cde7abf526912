"""Counts, means, quantiles and the like of columns, over all rows or by group.

Rows are read block by block.  What is kept are a few numbers a group; only quantiles keep their
values, and refuse more than `MOST_KEPT` of them rather than to answer inexactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

from ...errors import Invalid
from ...model import Column
from ..columns import ROW_ID, chosen
from ..conditions.evaluate import Cells, missing_cells
from ..conditions.nodes import Name
from ..conditions.terms import unknown_function
from ..segments.reader import SegmentFolder
from .accumulate import Extremes, Kept, Moments, grown
from .frames import Values
from .keys import Keys
from .opened import OpenGroup
from .select import Piece

__all__ = [
    "FUNCTIONS",
    "MOST_GROUPS",
    "Aggregate",
    "Summary",
    "aggregated",
    "column_named",
    "measures_of",
]

MOST_GROUPS = 1_000_000
FUNCTIONS = ("count", "sum", "mean", "std", "min", "max", "median", "quantile")

_BLOCK = 1 << 17
_QUANTILE = re.compile(r"quantile\(\s*(\d*\.?\d+)\s*\)")
_ROW_IDS = Column(name=ROW_ID, kind="integer", dtype="int64")
_ROWS = Column(name="count", kind="integer", dtype="int64")


class Aggregate(NamedTuple):
    """One value a group: `function` of `column`, as it was asked for."""

    column: Column
    function: str
    quantile: float | None = None


class Summary(NamedTuple):
    """The groups' keys and measures, each with the column that it makes; as many rows as groups."""

    keys: list[tuple[Column, Values]]
    measures: list[tuple[Aggregate, Column, Values]]


def measures_of(
    columns: tuple[Column, ...], wanted: Mapping[str, str | Sequence[str]]
) -> list[Aggregate]:
    """What `{"area": ["mean", "quantile(0.9)"]}` asks of a table of `columns`.

    Raises
    ------
    Invalid
        A column or function is unknown, or the function has no meaning for the column's type.
    """
    found = []
    for name, functions in wanted.items():
        column = column_named(columns, name)
        for function in [functions] if isinstance(functions, str) else functions:
            found.append(_measure(column, function))
    return found


def column_named(columns: tuple[Column, ...], name: str) -> Column:
    """The column called `name`, `row_id` among them; the nearest is named where there is none."""
    return _ROW_IDS if name == ROW_ID else chosen(columns, [name])[0]


def _measure(column: Column, function: str) -> Aggregate:
    matched = _QUANTILE.fullmatch(function)
    plain = "quantile" if matched else function
    if plain not in FUNCTIONS:
        raise Invalid(unknown_function(function, (*FUNCTIONS[:-1], "quantile(0.9)")))
    kind = column.kind
    fits = {
        "array": (),
        "string": ("count", "min", "max"),
        "timestamp": ("count", "min", "max"),
        "link": ("count", "min", "max"),
        "bool": ("count", "sum", "mean", "std", "min", "max"),
    }.get(kind, FUNCTIONS)
    if plain not in (fits or ("count",)):
        raise Invalid(
            f"column {column.name!r} ({column.dtype}) has no {function}; "
            f"it has {', '.join(fits or ('count',))}"
        )
    if plain in ("median", "quantile"):
        place = float(matched[1]) if matched else 0.5
        if place > 1:
            raise Invalid(f"a quantile lies between 0 and 1, not at {place:g}")
        return Aggregate(column, function, place)
    return Aggregate(column, function)


def aggregated(
    folder: SegmentFolder,
    pieces: Iterable[Piece],
    measures: Sequence[Aggregate],
    by: Sequence[Column],
    most_groups: int = MOST_GROUPS,
) -> Summary:
    """The groups, ascending by their keys, and the measures of each; without `by`, of all rows.

    Without `measures`, it is the number of each group's rows.

    Rows that have no value in one of `by` belong to no group, and values that are missing or NaN
    count for nothing, as in pandas.  Of no values there is no mean, std, min, max or quantile,
    and the sum is 0; std is the sample's (ddof=1).

    Raises
    ------
    TooLarge
        There are more than `most_groups` groups, or more values than a quantile keeps.
    """
    keys = Keys(by, most_groups)
    needed = {each.column.name: each.column for each in measures}
    collected = {name: _Collected(column, measures) for name, column in needed.items()}
    rows: NDArray[numpy.int64] = numpy.zeros(1, "i8")
    for opened, piece in _blocks(folder, pieces):
        cells = [opened.cells(column.name, piece.rows) for column in by]
        groups = keys.numbers(cells, len(piece))
        rows = grown(rows, len(keys))
        rows[: len(keys)] += numpy.bincount(groups[groups >= 0], minlength=len(keys))
        for name, each in collected.items():
            each.add(opened.cells(name, piece.rows), groups, len(keys))
    order, values = keys.ordered()
    found = [(each, *collected[each.column.name].value(each, len(keys))) for each in measures] or [
        (Aggregate(_ROW_IDS, "count"), _ROWS, Values(grown(rows, len(keys))))
    ]
    return Summary(
        list(zip(by, values, strict=True)),
        [(measure, column, _picked(each, order)) for measure, column, each in found],
    )


def _blocks(folder: SegmentFolder, pieces: Iterable[Piece]) -> Iterator[tuple[OpenGroup, Piece]]:
    """`pieces` in parts of bounded size, each with its open files."""
    with ExitStack() as stack:
        opened: OpenGroup | None = None
        for piece in pieces:
            if opened is None or opened.group is not piece.group:
                stack.close()
                opened = stack.enter_context(OpenGroup(folder, piece.group))
            for start in range(0, len(piece), _BLOCK):
                yield opened, piece.part(start, min(start + _BLOCK, len(piece)))


def _picked(found: Values, order: NDArray[numpy.int64]) -> Values:
    valid = None if found.valid is None else found.valid[order]
    if isinstance(found.values, list):
        return Values([found.values[place] for place in order], valid)
    return Values(found.values[order], valid)


class _Collected:
    """What has to be known of a column for all that is asked of it."""

    def __init__(self, column: Column, measures: Sequence[Aggregate]) -> None:
        asked = [each for each in measures if each.column.name == column.name]
        functions = {each.function for each in asked}
        self._kind = Name(column).kind
        self._column = column
        spread = "std" in functions
        self._moments = Moments(column, spread, bool(functions & {"sum", "mean", "std"}))
        self._extremes = Extremes(column) if functions & {"min", "max"} else None
        self._kept = Kept() if any(each.quantile is not None for each in asked) else None

    def add(self, cells: Cells, groups: NDArray[numpy.int64], count: int) -> None:
        """Take in a block of `cells`, of which each row belongs to one of `count` groups."""
        there = (groups >= 0) & ~missing_cells(self._kind, cells)
        whole = bool(there.all())
        values = cells.values if whole else cells.values[there]
        groups = groups if whole else groups[there]
        self._moments.add(values, groups, count)
        if self._extremes is not None:
            self._extremes.add(Cells(values, None, cells.words), groups, count)
        if self._kept is not None:
            self._kept.add(values, groups)

    def value(self, measure: Aggregate, count: int) -> tuple[Column, Values]:
        """A measure of each of `count` groups and the column that it makes."""
        function = measure.function
        self._moments.counts = grown(self._moments.counts, count)
        if measure.quantile is not None:
            assert self._kept is not None
            found = self._kept.quantile(measure.quantile, self._moments.counts)
            return _result("float", "float64", found)
        if function in ("min", "max"):
            assert self._extremes is not None
            values = self._extremes.value(function, self._moments.counts)
            return _result(self._column.kind, self._column.dtype, values)
        values = self._moments.value(function)
        kinds = {"i": "integer", "u": "integer", "f": "float"}
        return _result(kinds[values.values.dtype.kind], values.values.dtype.name, values)


def _result(kind: Any, dtype: str, values: Values) -> tuple[Column, Values]:
    return Column(name="", kind=kind, dtype=dtype, nullable=values.valid is not None), values
