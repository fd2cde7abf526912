"""Put the parts of a condition together, refusing what has no meaning."""

from __future__ import annotations

import math
import operator as operators
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal

from ...errors import Invalid
from .nodes import (
    All,
    Any,
    Arithmetic,
    Comparison,
    Constant,
    Inside,
    Kind,
    Member,
    Missing,
    Name,
    Negative,
    Node,
    Not,
    Text,
)

__all__ = [
    "arithmetic", "between", "chain", "describe", "inside", "joined", "member", "missing",
    "negative", "opposite", "text_test",
]  # fmt: skip

_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_WORDS: dict[Kind, str] = {
    "truth": "true or false",
    "number": "a number",
    "text": "text",
    "time": "a time",
    "array": "an array",
}
_COMPUTE: dict[str, Callable[[int | float, int | float], int | float]] = {
    "+": operators.add,
    "-": operators.sub,
    "*": operators.mul,
    "/": operators.truediv,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def describe(node: Node) -> str:
    """How an error calls `node`."""
    match node:
        case Name(column):
            return f"column {column.name!r} ({_WORDS[node.kind]})"
        case Constant(value, "text"):
            return f"the text {_shortened(repr(value))}"
        case Constant(value, kind):
            return f"{_WORDS[kind] if kind == 'time' else value}"
    return f"an expression ({_WORDS[node.kind]})"


def joined(parts: list[Node], word: Literal["and", "or"]) -> Node:
    """`parts` that all, or any of which, must be true."""
    if len(parts) == 1:
        return parts[0]
    for part in parts:
        _truth(part, word)
    return All(tuple(parts)) if word == "and" else Any(tuple(parts))


def opposite(operand: Node, word: str) -> Node:
    """not `operand`."""
    _truth(operand, word)
    return Not(operand)


def _truth(node: Node, word: str) -> None:
    if node.kind != "truth":
        raise Invalid(
            f"{word!r} takes conditions such as area > 120, but got {describe(node)}; "
            "put the comparison in parentheses"
        )


def negative(operand: Node) -> Node:
    """-`operand`."""
    _number(operand, "-")
    if isinstance(operand, Constant):
        return Constant(-operand.value, "number")  # type: ignore[operator]
    return Negative(operand)


def arithmetic(operator: str, left: Node, right: Node) -> Node:
    """`left` + - * / `right`; of two constants a constant."""
    for side in (left, right):
        _number(side, operator)
    if isinstance(left, Constant) and isinstance(right, Constant):
        return _folded(operator, left.value, right.value)  # type: ignore[arg-type]
    return Arithmetic(operator, left, right)


def _folded(operator: str, left: int | float, right: int | float) -> Constant:
    if operator == "/" and right == 0:
        raise Invalid("it divides by zero")
    try:
        value = _COMPUTE[operator](left, right)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value) or (isinstance(value, int) and not -(2**63) <= value < 2**64):
        raise Invalid(f"{_shortened(str(left))} {operator} {_shortened(str(right))} is too large")
    return Constant(value, "number")


def _number(node: Node, operator: str) -> None:
    if node.kind != "number":
        raise Invalid(f"{operator!r} takes numbers, but got {describe(node)}")


def chain(operands: list[Node], operators: list[str]) -> Node:
    """`a < b <= c`: each neighbouring pair is compared, and all must hold."""
    pairs = zip(operators, operands, operands[1:], strict=False)
    compared = [_comparison(operator, left, right) for operator, left, right in pairs]
    return joined(compared, "and")


def _comparison(operator: str, left: Node, right: Node) -> Node:
    if isinstance(left, Constant):
        left, right, operator = right, left, _FLIPPED[operator]
    if isinstance(left, Constant):
        raise Invalid(f"{describe(right)} {operator} {describe(left)} names no column")
    right = _suited(right, left)
    order = operator not in ("==", "!=")
    if "array" in (left.kind, right.kind):
        raise Invalid(f"{describe(left)} cannot be compared; conditions take single values")
    if left.kind == "truth" and right.kind == "truth" and order:
        raise Invalid(f"{operator!r} has no meaning between conditions; use == or !=")
    return Comparison(operator, left, right)


def _suited(constant: Node, to: Node) -> Node:
    """`constant` made a time where `to` is one; refused where the two cannot be compared."""
    if to.kind == "time" and isinstance(constant, Constant) and constant.kind == "text":
        return Constant(_microseconds(str(constant.value), to), "time")
    numeric = {"truth", "number"}
    if to.kind != constant.kind and not {to.kind, constant.kind} <= numeric:
        raise Invalid(f"{describe(to)} cannot be compared with {describe(constant)}")
    if isinstance(to, Name) and isinstance(constant, Name) and to.kind == "time":
        types = {to.column.dtype, constant.column.dtype}
        if len(types) > 1:
            raise Invalid(f"{describe(to)} and {describe(constant)}: only one has a time zone")
    return constant


def _microseconds(text: str, column: Node) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(
            f"{describe(column)} is compared with {_shortened(repr(text))}, which is no time; "
            "write it as '2024-03-01' or '2024-03-01T14:30:00+00:00'"
        ) from None
    naive = isinstance(column, Name) and column.column.dtype == "datetime64[us]"
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    elif naive:
        raise Invalid(f"{describe(column)} has no time zone, but {text!r} has")
    passed = moment - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def member(operand: Node, items: Sequence[Constant]) -> Node:
    """`operand` in `items`."""
    if operand.kind == "array" or isinstance(operand, Constant):
        raise Invalid(f"'in' takes a column on its left, but got {describe(operand)}")
    values = []
    for item in items:
        suited = _suited(item, operand)
        assert isinstance(suited, Constant)
        values.append(suited.value)
    return Member(operand, tuple(dict.fromkeys(values)))


def between(operand: Node, low: Node, high: Node) -> Node:
    """`low` <= `operand` <= `high`."""
    return joined([_comparison(">=", operand, low), _comparison("<=", operand, high)], "and")


def text_test(
    test: Literal["contains", "startswith", "endswith"], operand: Node, wanted: Node
) -> Node:
    """`operand` contains, starts or ends with the text `wanted`."""
    if operand.kind != "text" or isinstance(operand, Constant):
        raise Invalid(f"{test!r} looks into a column of text, but got {describe(operand)}")
    if not isinstance(wanted, Constant) or wanted.kind != "text":
        raise Invalid(f"{test!r} looks for a text in quotes, but got {describe(wanted)}")
    return Text(test, operand, str(wanted.value))


def inside(x: Node, y: Node, numbers: Sequence[Constant], scale: str) -> Node:
    """(`x`, `y`) inside of the polygon with corners x1, y1, x2, y2 …; `scale` names log axes."""
    for side in (x, y):
        if side.kind != "number" or isinstance(side, Constant):
            raise Invalid(f"inside takes two columns of numbers, but got {describe(side)}")
    if scale not in ("", "log x", "log y", "log xy"):
        raise Invalid(f"inside knows the scales 'log x', 'log y', 'log xy', not {scale[:20]!r}")
    if len(numbers) < 6 or len(numbers) % 2 or any(each.kind != "number" for each in numbers):
        raise Invalid(
            "inside takes the corners of a polygon as [x1, y1, x2, y2, x3, y3, ...], three or more"
        )
    values = [float(each.value) for each in numbers]
    log_x, log_y = "x" in scale, "y" in scale
    corners = [values[0::2], values[1::2]]
    for axis, is_log in enumerate((log_x, log_y)):
        if is_log and min(corners[axis]) <= 0:
            raise Invalid("inside takes corners above 0 where an axis is logarithmic")
        if is_log:
            corners[axis] = [math.log10(value) for value in corners[axis]]
    return Inside(x, y, tuple(zip(*corners, strict=True)), log_x, log_y)


def missing(operand: Node) -> Node:
    """Whether `operand` has no value."""
    if isinstance(operand, Constant):
        raise Invalid(f"isnull takes a column, but got {describe(operand)}")
    return Missing(operand)


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
