"""Byte ranges behave as the sets of bytes that they stand for."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from omero_jlab.storage.ranges import Ranges

SIZE = 40
SPAN = st.tuples(st.integers(0, SIZE), st.integers(0, SIZE))


@given(st.lists(st.tuples(st.booleans(), SPAN), max_size=30), SPAN)
def test_they_are_sets(changes: list[tuple[bool, tuple[int, int]]], span: tuple[int, int]) -> None:
    ranges, model = Ranges(), set[int]()
    for adds, (start, end) in changes:
        if adds:
            ranges.add(start, end)
            model |= set(range(start, end))
        else:
            ranges.remove(start, end)
            model -= set(range(start, end))
    spans = list(ranges)
    assert {n for a, b in spans for n in range(a, b)} == model
    assert all(a < b for a, b in spans)
    assert all(b < c for (_, b), (c, _) in itertools.pairwise(spans))
    assert ranges.total == len(model)
    start, end = span
    asked = set(range(start, end))
    assert ranges.overlaps(start, end) == bool(model & asked)
    assert {n for a, b in ranges.within(start, end) for n in range(a, b)} == model & asked
    missing = {n for a, b in ranges.missing(SIZE) for n in range(a, b)}
    assert missing == set(range(SIZE)) - model
