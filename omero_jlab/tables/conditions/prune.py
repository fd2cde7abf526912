"""Whether any row between a minimum and a maximum can fulfil a condition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from . import nodes
from .nodes import Node

__all__ = ["Bounds", "possible"]

# The smallest and largest value of a column as stored, None where they are not known.
Bounds = Callable[[str], tuple[Any, Any]]


def possible(node: Node, bounds: Bounds) -> bool:
    """False only if no row of the segment with these `bounds` can fulfil the condition `node`."""
    match node:
        case nodes.All(parts):
            return all(possible(part, bounds) for part in parts)
        case nodes.Any(parts):
            return any(possible(part, bounds) for part in parts)
        case nodes.Comparison(sign, nodes.Name(column), nodes.Constant(value, _)):
            return _compares(sign, *_typed(column.dtype, *bounds(column.name)), value)
        case nodes.Inside(x, y, corners, log_x, log_y):
            return all(
                _reaches(side, [corner[i] for corner in corners], is_log, bounds)
                for i, (side, is_log) in enumerate(((x, log_x), (y, log_y)))
            )
        case nodes.Member(nodes.Name(column), values):
            low, high = _typed(column.dtype, *bounds(column.name))
            return any(_compares("==", low, high, value) for value in values)
    return True


def _reaches(side: Node, corners: list[float], is_log: bool, bounds: Bounds) -> bool:
    """Whether values of a column may lie between the outermost corners of a polygon."""
    if is_log or not isinstance(side, nodes.Name):
        return True
    low, high = bounds(side.column.name)
    return (low is None or bool(low <= max(corners))) and (
        high is None or bool(high >= min(corners))
    )


def _typed(dtype: str, low: Any, high: Any) -> tuple[Any, Any]:
    """The bounds as the column has them: float32 and 0.1 compare in float32."""
    if dtype.startswith("float"):
        kind = numpy.dtype(dtype).type
        return (None if low is None else kind(low)), (None if high is None else kind(high))
    return low, high


def _compares(sign: str, low: Any, high: Any, value: Any) -> bool:
    if sign in ("<", "<=") and low is not None:
        return bool(low < value if sign == "<" else low <= value)
    if sign in (">", ">=") and high is not None:
        return bool(high > value if sign == ">" else high >= value)
    if sign == "==":
        return (low is None or bool(low <= value)) and (high is None or bool(high >= value))
    return True
