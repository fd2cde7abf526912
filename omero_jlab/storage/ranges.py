"""Which bytes of a file are there: half-open ranges that neither overlap nor touch."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

__all__ = ["Ranges"]


class Ranges:
    """A set of byte ranges, each from its first byte to the one after its last."""

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in spans:
            self.add(start, end)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(zip(self._starts, self._ends, strict=True))

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def total(self) -> int:
        """How many bytes are in it."""
        return sum(self._ends) - sum(self._starts)

    def add(self, start: int, end: int) -> None:
        """Put the bytes from `start` to before `end` in."""
        if start >= end:
            return
        first, last = bisect_left(self._ends, start), bisect_right(self._starts, end)
        if first < last:
            start = min(start, self._starts[first])
            end = max(end, self._ends[last - 1])
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]

    def remove(self, start: int, end: int) -> None:
        """Take the bytes from `start` to before `end` out."""
        first, last = bisect_right(self._ends, start), bisect_left(self._starts, end)
        if start >= end or first >= last:
            return
        left = [(a, min(b, start)) for a, b in self._span(first) if a < start]
        right = [(max(a, end), b) for a, b in self._span(last - 1) if b > end]
        self._starts[first:last] = [a for a, _ in (*left, *right)]
        self._ends[first:last] = [b for _, b in (*left, *right)]

    def overlaps(self, start: int, end: int) -> bool:
        """Whether any byte from `start` to before `end` is in it."""
        return start < end and bisect_right(self._ends, start) < bisect_left(self._starts, end)

    def within(self, start: int, end: int) -> Ranges:
        """What of it lies between `start` and `end`."""
        first, last = bisect_right(self._ends, start), bisect_left(self._starts, end)
        spans = zip(self._starts[first:last], self._ends[first:last], strict=True)
        return Ranges((max(a, start), min(b, end)) for a, b in spans)

    def missing(self, size: int) -> Ranges:
        """What of a file of `size` bytes is not in it."""
        found = Ranges([(0, size)])
        for start, end in self:
            found.remove(start, end)
        return found

    def _span(self, index: int) -> list[tuple[int, int]]:
        return [(self._starts[index], self._ends[index])]
