"""Which rows of a block fulfil a condition."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy
from numpy.typing import NDArray

from . import nodes
from .nodes import Node
from .polygon import inside
from .words import Words

__all__ = ["NAT", "Block", "Cells", "fulfilled", "missing_cells"]

Mask = NDArray[numpy.bool_]

NAT = numpy.iinfo("i8").min
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_COMPUTE: dict[str, Callable[[Any, Any], Any]] = {
    "+": numpy.add,
    "-": numpy.subtract,
    "*": numpy.multiply,
    "/": numpy.true_divide,
}
# Above so many, sorting the candidates once beats comparing with each.
_FEW = 8


class Cells(NamedTuple):
    """The values of a column in some rows: of text its codes, of times int64 microseconds.

    `valid` says which rows have a value, None for all; codes and times say it themselves.
    """

    values: NDArray[Any]
    valid: Mask | None = None
    words: Words | None = None


class Block(Protocol):
    """Some rows of a table."""

    rows: int

    def cells(self, column: str) -> Cells: ...


class _Truth(NamedTuple):
    """Where a condition is true, and where it is known, None for everywhere."""

    true: Mask
    known: Mask | None = None


def fulfilled(root: Node, block: Block) -> Mask:
    """shape (rows,): where the condition `root` is true, neither false nor unknown."""
    with numpy.errstate(all="ignore"):
        return _truth(root, block).true


def missing_cells(kind: nodes.Kind, cells: Cells) -> Mask:
    """shape (rows,): where there is no value, or NaN."""
    if kind in ("text", "time"):
        absent: Mask = cells.values < 0 if kind == "text" else cells.values == NAT
        return absent
    absent = numpy.zeros(len(cells.values), bool) if cells.valid is None else ~cells.valid
    if cells.values.dtype.kind == "f" and cells.values.ndim == 1:
        absent |= numpy.isnan(cells.values)
    return absent


def _truth(node: Node, block: Block) -> _Truth:
    match node:
        case nodes.All(parts):
            found = _truth(parts[0], block)
            for part in parts[1:]:
                found = _and(found, _truth(part, block))
            return found
        case nodes.Any(parts):
            found = _not(_truth(parts[0], block))
            for part in parts[1:]:
                found = _and(found, _not(_truth(part, block)))
            return _not(found)
        case nodes.Not(operand):
            return _not(_truth(operand, block))
        case nodes.Comparison(sign, left, right):
            return _comparison(sign, left, right, block)
        case nodes.Member(operand, values):
            return _member(operand, values, block)
        case nodes.Text(test, operand, wanted):
            cells = _cells(operand, block)
            assert cells.words is not None
            test_words = {
                "contains": cells.words.containing,
                "startswith": cells.words.starting,
                "endswith": cells.words.ending,
            }[test]
            return _by_word(cells, test_words(wanted))
        case nodes.Missing(operand):
            return _Truth(missing_cells(operand.kind, _cells(operand, block)))
        case nodes.Inside():
            return _inside(node, block)
        case nodes.Constant(value, _):
            return _Truth(numpy.full(block.rows, bool(value)))
    cells = _cells(node, block)
    true = cells.values if cells.valid is None else cells.values & cells.valid
    return _Truth(true, cells.valid)


def _not(found: _Truth) -> _Truth:
    if found.known is None:
        return _Truth(~found.true)
    return _Truth(found.known & ~found.true, found.known)


def _and(left: _Truth, right: _Truth) -> _Truth:
    true = left.true & right.true
    if left.known is None and right.known is None:
        return _Truth(true)
    false = _not(left).true | _not(right).true
    return _Truth(true, true | false)


def _by_word(cells: Cells, found: Mask) -> _Truth:
    """What holds for words, for rows; code -1 takes the False put at the end."""
    known = cells.values >= 0
    return _Truth(numpy.append(found, False)[cells.values], None if bool(known.all()) else known)


def _cells(node: Node, block: Block) -> Cells:
    """The values of `node`, a column or an expression."""
    match node:
        case nodes.Name(column):
            return block.cells(column.name)
        case nodes.Negative(operand):
            cells = _cells(operand, block)
            return Cells(numpy.negative(_wide(cells.values)), cells.valid)
        case nodes.Arithmetic(sign, left, right):
            a, b = _pair(left, right, block)
            values = _COMPUTE[sign](_wide(a.values), _wide(b.values))
            return Cells(numpy.broadcast_to(values, (block.rows,)), _both(a.valid, b.valid))
        case nodes.Constant(value, _):
            return Cells(value)  # type: ignore[arg-type]
    truth = _truth(node, block)
    return Cells(truth.true, truth.known)


def _pair(left: Node, right: Node, block: Block) -> tuple[Cells, Cells]:
    return _cells(left, block), _cells(right, block)


def _both(left: Mask | None, right: Mask | None) -> Mask | None:
    if left is None or right is None:
        return right if left is None else left
    return left & right


def _wide(values: Any) -> Any:
    """Whole numbers as int64, or as float64 where they are too large, so that none wraps."""
    if isinstance(values, numpy.ndarray):
        if values.dtype.kind not in "iu":
            return values
        fits = values.dtype != "u8" or not len(values) or values.max() < 2**63
        return values.astype("i8" if fits else "f8", copy=False)
    return float(values) if isinstance(values, int) and values >= 2**63 else values


def _comparison(sign: str, left: Node, right: Node, block: Block) -> _Truth:
    if left.kind == "text":
        return _text_comparison(sign, left, right, block)
    a, b = _pair(left, right, block)
    if left.kind == "time":
        true = _COMPARE[sign](_times(a.values), _times(b.values))
    else:
        true = _COMPARE[sign](a.values, b.values)
    known = _both(a.valid, b.valid)
    return _Truth(true if known is None else true & known, known)


def _times(values: Any) -> Any:
    return numpy.asarray(values, "i8").view("M8[us]")


def _text_comparison(sign: str, left: Node, right: Node, block: Block) -> _Truth:
    a = _cells(left, block)
    assert a.words is not None
    codes = a.values
    if isinstance(right, nodes.Constant):
        word = str(right.value)
        if sign in ("==", "!="):
            found = _text_member(a, (word,))
            return found if sign == "==" else _not(found)
        before = a.words.before(word)
        upto = before + (a.words.find(word) is not None)
        limit = {"<": before, "<=": upto, ">": upto, ">=": before}[sign]
        known = codes >= 0
        true = known & (codes < limit) if sign in ("<", "<=") else codes >= limit
        return _Truth(true & known, known)
    b = _cells(right, block)
    assert b.words is not None
    theirs = b.words.arrow().to_numpy(zero_copy_only=False)
    ours = a.words.arrow().to_numpy(zero_copy_only=False)
    shared = numpy.unique(numpy.concatenate([ours, theirs]).astype(object))
    known = (codes >= 0) & (b.values >= 0)
    if not len(ours) or not len(theirs):
        return _Truth(known, known)
    true = _COMPARE[sign](
        numpy.searchsorted(shared, ours)[codes], numpy.searchsorted(shared, theirs)[b.values]
    )
    return _Truth(true & known, known)


def _text_member(cells: Cells, values: tuple[Any, ...]) -> _Truth:
    assert cells.words is not None
    codes = [code for code in (cells.words.find(str(v)) for v in values) if code is not None]
    if len(codes) <= 1:
        return _Truth(cells.values == (codes[0] if codes else -2))
    return _Truth(numpy.isin(cells.values, codes))


def _inside(node: nodes.Inside, block: Block) -> _Truth:
    a, b = _pair(node.x, node.y, block)
    x, y = (numpy.asarray(cells.values, "f8") for cells in (a, b))
    x, y = numpy.log10(x) if node.log_x else x, numpy.log10(y) if node.log_y else y
    known = _both(a.valid, b.valid)
    true = inside(x, y, node.corners)
    return _Truth(true if known is None else true & known, known)


def _member(operand: Node, values: tuple[Any, ...], block: Block) -> _Truth:
    cells = _cells(operand, block)
    if operand.kind == "text":
        return _text_member(cells, values)
    if len(values) <= _FEW:
        true = numpy.zeros(block.rows, bool)
        for value in values:
            true |= cells.values == value
    else:
        true = numpy.isin(cells.values, _candidates(values, cells.values.dtype))
    return _Truth(true if cells.valid is None else true & cells.valid)


def _candidates(values: tuple[Any, ...], dtype: numpy.dtype[Any]) -> NDArray[Any]:
    """Those of `values` that a column of `dtype` can hold, in that type."""
    if dtype.kind in "iu":
        limits = numpy.iinfo(dtype)
        whole = [int(v) for v in values if v == int(v)]
        return numpy.array([v for v in whole if limits.min <= v <= limits.max], dtype)
    return numpy.array(values, dtype)
