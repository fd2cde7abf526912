"""Sums, spreads, extremes and quantiles of groups, from blocks of rows that come one by one."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

from ...errors import TooLarge
from ...model import Column
from ..conditions.evaluate import Cells
from .frames import Values

__all__ = ["MOST_KEPT", "Extremes", "Kept", "Moments", "grown"]

MOST_KEPT = 1 << 25
"""So many values a quantile keeps, 256 MiB of them; it is exact for so many, or refused."""

Groups = NDArray[numpy.int64]
# Above it a sum of whole numbers might have wrapped, and is a float.
_LARGEST = 2.0**63


class Moments:
    """How many values, their sum and, where `spread` is asked for, the sum of squared deviations.

    Deviations are taken from each block's own mean and joined after Chan, Golub and LeVeque
    (1979), so that large means do not swallow small spreads.
    """

    def __init__(self, column: Column, spread: bool, summed: bool) -> None:
        whole = column.kind in ("integer", "bool")
        wide = "u8" if column.dtype == "uint64" else "i8"
        self._spread, self._summed = spread, summed
        self.counts: Groups = numpy.zeros(0, "i8")
        self._exact = numpy.zeros(0, wide) if whole else None
        self._sums = numpy.zeros(0)
        # Means count from the first value, whose digits they need not carry.
        self._origin: float | None = None
        self._means = numpy.zeros(0)
        self._squares = numpy.zeros(0)

    def add(self, values: NDArray[Any], groups: Groups, count: int) -> None:
        """Take in `values`, none missing, of which each belongs to one of `count` groups."""
        self.counts = grown(self.counts, count)
        here = numpy.bincount(groups, minlength=count)
        if self._summed:
            self._add(values, groups, here, count)
        self.counts += here

    def _add(self, values: NDArray[Any], groups: Groups, here: Groups, count: int) -> None:
        self._sums, self._means, self._squares = (
            grown(each, count) for each in (self._sums, self._means, self._squares)
        )
        if self._exact is not None:
            self._exact = grown(self._exact, count)
            numpy.add.at(self._exact, groups, values.astype(self._exact.dtype))
        with numpy.errstate(all="ignore"):
            numbers = values.astype("f8", copy=False)
            self._sums += _sums(numbers, groups, count)
            if self._spread:
                if self._origin is None:
                    self._origin = next(iter(numbers[numpy.isfinite(numbers)].tolist()), None)
                near = numbers - (self._origin or 0.0)
                means = numpy.where(here > 0, _sums(near, groups, count) / here, 0.0)
                squares = _sums((near - means[groups]) ** 2, groups, count)
                both = numpy.maximum(self.counts + here, 1)
                apart = numpy.where(here > 0, means - self._means, 0.0)
                self._squares += squares + apart**2 * self.counts * here / both
                self._means += apart * here / both

    def value(self, function: str) -> Values:
        """count, sum, mean or std of each group."""
        if function == "count":
            return Values(self.counts)
        sums, squares = (grown(each, len(self.counts)) for each in (self._sums, self._squares))
        if function == "sum":
            if self._exact is None or not bool((numpy.abs(sums) < _LARGEST).all()):
                return Values(sums)
            return Values(grown(self._exact, len(sums)))
        least = 1 if function == "mean" else 2
        enough = self.counts >= least
        with numpy.errstate(all="ignore"):
            if function == "mean":
                found = sums / self.counts
            else:
                found = numpy.sqrt(squares / (self.counts - 1))
        return Values(numpy.where(enough, found, numpy.nan), enough)


class Extremes:
    """The smallest and the largest value of each group; of times microseconds, of text words."""

    def __init__(self, column: Column) -> None:
        self._kind = column.kind
        self._dtype = numpy.dtype("i8" if column.kind == "timestamp" else "f8")
        if column.kind in ("bool", "integer", "float"):
            self._dtype = numpy.dtype("u1" if column.kind == "bool" else column.dtype)
        is_float = self._dtype.kind == "f"
        limits = numpy.finfo(self._dtype) if is_float else numpy.iinfo(self._dtype)
        self._from = {
            "min": numpy.inf if is_float else limits.max,
            "max": -numpy.inf if is_float else limits.min,
        }
        self._found = {name: numpy.empty(0, self._dtype) for name in self._from}
        self._words: dict[str, dict[int, str]] = {"min": {}, "max": {}}

    def add(self, cells: Cells, groups: Groups, count: int) -> None:
        """Take in `cells`, none missing, of which each belongs to one of `count` groups."""
        if self._kind == "string":
            self._add_words(cells, groups, count)
            return
        values = cells.values.astype(self._dtype, copy=False)
        for name, compare in (("min", numpy.minimum), ("max", numpy.maximum)):
            found = grown(self._found[name], count, self._from[name])
            compare.at(found, groups, values)
            self._found[name] = found

    def _add_words(self, cells: Cells, groups: Groups, count: int) -> None:
        assert cells.words is not None
        # Codes compare as the words of this block do, but not as those of another.
        for name, choose, compare in (("min", min, numpy.minimum), ("max", max, numpy.maximum)):
            start = len(cells.words) if name == "min" else -1
            codes = numpy.full(count, start)
            compare.at(codes, groups, cells.values.astype("i8"))
            known = self._words[name]
            for group in numpy.flatnonzero(codes != start).tolist():
                word = cells.words[int(codes[group])].decode()
                known[group] = choose(known.get(group, word), word)

    def value(self, function: str, counts: Groups) -> Values:
        """min or max of each group; of text a list."""
        there = counts > 0
        if self._kind == "string":
            known = self._words[function]
            return Values([known.get(group) for group in range(len(counts))], there)
        found = grown(self._found[function], len(counts), self._from[function])
        return Values(found.astype(bool) if self._kind == "bool" else found, there)


class Kept:
    """Every value, for what cannot be told without."""

    def __init__(self) -> None:
        self._values: list[NDArray[Any]] = []
        self._groups: list[Groups] = []
        self._count = 0
        self._sorted: tuple[NDArray[Any], Groups] | None = None

    def add(self, values: NDArray[Any], groups: Groups) -> None:
        """Take in `values`, none missing, of the given groups.

        Raises
        ------
        TooLarge
            They are more than are kept.
        """
        self._count += len(values)
        if self._count > MOST_KEPT:
            raise TooLarge(
                f"A median or quantile is taken of at most {MOST_KEPT:,} values: ask with a "
                "condition, or read the column in parts."
            )
        self._values.append(values.astype("f8"))
        self._groups.append(groups.astype("i4"))

    def quantile(self, place: float, counts: Groups) -> Values:
        """The value at `place` of each group, between two neighbours linearly."""
        if self._sorted is None:
            self._sorted = self._in_order(), numpy.cumsum(counts) - counts
        values, starts = self._sorted
        there = counts > 0
        at = place * numpy.maximum(counts - 1, 0)
        low = numpy.floor(at).astype("i8")
        high = numpy.minimum(low + 1, numpy.maximum(counts - 1, 0))
        found = numpy.full(len(counts), numpy.nan)
        if len(values):
            one, other = values[(starts + low)[there]], values[(starts + high)[there]]
            with numpy.errstate(all="ignore"):
                part = (at - low)[there]
                between = one + (other - one) * part
                between = numpy.where(
                    numpy.isfinite(between), between, one * (1 - part) + other * part
                )
            found[there] = numpy.where((one == other) | (at == low)[there], one, between)
        return Values(found, there)

    def _in_order(self) -> NDArray[Any]:
        """All values by group, ascending in each."""
        values = numpy.concatenate([numpy.empty(0), *self._values])
        groups = numpy.concatenate([numpy.empty(0, "i4"), *self._groups])
        self._values, self._groups = [], []
        if not len(groups) or groups.max() == 0:
            values.sort()
            return values
        order = numpy.argsort(values)
        return values[order[numpy.argsort(groups[order], kind="stable")]]


def _sums(values: NDArray[Any], groups: Groups, count: int) -> NDArray[Any]:
    if count == 1:
        return numpy.array([values.sum()])
    return numpy.bincount(groups, values, count)


def grown(values: NDArray[Any], count: int, filler: Any = 0) -> NDArray[Any]:
    """`values` with `filler` behind them, so that there are `count`."""
    if len(values) >= count:
        return values
    return numpy.concatenate([values, numpy.full(count - len(values), filler, values.dtype)])
