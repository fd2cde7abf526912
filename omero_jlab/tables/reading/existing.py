"""Which row numbers a table has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy
from numpy.typing import NDArray

from .groups import Group

__all__ = ["existing"]


def existing(groups: Sequence[Group], numbers: NDArray[numpy.int64]) -> NDArray[numpy.int64]:
    """Those of the ascending `numbers` whose rows are there."""
    found = [numpy.empty(0, "i8")]
    for group in groups:
        first, last = numpy.searchsorted(numbers, (group.first_row, group.stop_row))
        if last > first:
            found.append(group.numbers(group.left(group.places(numbers[first:last]))))
    return numpy.concatenate(found)
