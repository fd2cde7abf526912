"""The language of conditions.

It means what `pandas.DataFrame.query` means, in a part of its grammar and a little more:

    area > 120 & eccentricity < 0.5          & | are `and` `or`; parentheses are not needed
    not flagged, ~flagged, ~(area > 120)     ~ binds tightly
    1 < area <= 5                            comparisons chain
    `Predicted Class` == "nucleus"           names that are no identifiers, in back-ticks
    well in ["A01", "B02"], well not in [..] also well == [..] and well.isin([..])
    area between 1 and 5                     both ends included; also area.between(1, 5)
    file contains "blue"                     plain text; also startswith, endswith, and
                                             file.str.contains("blue")
    isnull(area), notnull(area)              also area.isnull(), .isna(), .notnull(), .notna()
    2 * (major - minor) / major > -0.5       + - * / and unary minus
    acquired >= "2024-03-01"                 times as ISO 8601 text, UTC where it names no zone
    row_id between 1000 and 1999             the permanent number of each row
    inside(area, ecc, [x1, y1, x2, y2, ...]) in a polygon; with "log x", "log y" or "log xy" as a
                                             last word its edges are straight on such axes
    gate("big") & ~gate("round")             the gates that are kept with the table

Missing values as pandas' nullable types have them: a comparison with one is unknown, which stays
unknown under `not`, and only true rows come back; `in`, and `==` or `!=` with a text, take a
missing value as different from everything.  NaN and missing times compare as in numpy.  Whole
numbers are added and multiplied in 64 bits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from ...errors import Invalid
from ...model import Column
from ..columns import ROW_ID
from ..nearest import hint
from . import typed
from .nodes import Condition, Constant, Name, Node
from .tokens import Token, tokens

__all__ = ["DEEPEST", "LONGEST_LIST", "MOST_NODES", "Gates", "no_gates", "of_condition", "parse"]

DEEPEST = 32
MOST_NODES = 256
LONGEST_LIST = 2_000

_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_TESTS = ("contains", "startswith", "endswith")
_INFIX = ("in", "between", *_TESTS)
_FUNCTIONS = ("inside", "gate")
_RESERVED = ("and", "or", "not", "in")
_NULL = {"isnull": True, "isna": True, "notnull": False, "notna": False}
_PATTERN = re.compile(r"[\\^$.|?*+(){}\[\]]")


Gates = Callable[[], Mapping[str, str]]
"""The conditions of a table's gates by their names; asked for only where a condition names one."""


def no_gates() -> Mapping[str, str]:
    """The gates of a table that has none."""
    return {}


def parse(
    condition: str,
    columns: Sequence[Column],
    gates: Gates = no_gates,
    written: str | None = None,
) -> Condition:
    """What `condition` means for a table of `columns` and `gates`; errors show what was `written`.

    Raises
    ------
    Invalid
        It is no condition, names an unknown column (the nearest is named), compares what cannot
        be compared, or is longer, deeper or larger than allowed.  One line says which.
    """
    try:
        parser = _Parser(condition, columns, gates)
        root = parser.condition()
        parser.expect("end", "")
        if root.kind != "truth":
            raise Invalid(f"{typed.describe(root)} is no condition; compare it with something")
        if not parser.names:
            raise Invalid("it names no column")
    except Invalid as error:
        raise of_condition(condition if written is None else written, error) from None
    return Condition(condition, root, tuple(parser.names))


def of_condition(condition: str, error: Invalid) -> Invalid:
    """`error`, saying which condition it is about."""
    shown = condition if len(condition) <= 80 else condition[:77] + "..."
    return Invalid(f"condition {shown!r}: {error}")


class _Parser:
    """Recursive descent, one method a level of binding, loosest first."""

    def __init__(
        self,
        condition: str,
        columns: Sequence[Column],
        gates: Gates,
        within: tuple[str, ...] = (),
    ) -> None:
        self._gates = gates
        self._within = within
        self._columns = {column.name: column for column in columns}
        self._columns.setdefault(ROW_ID, Column(name=ROW_ID, kind="integer", dtype="int64"))
        self._tokens = tokens(condition)
        self.names: dict[str, None] = {}
        self._depth = 0
        self._nodes = 0
        self._token = next(self._tokens)

    def condition(self) -> Node:
        parts = [self._and()]
        while self._took("symbol", "|") or self._took("name", "or"):
            parts.append(self._and())
        return typed.joined(parts, "or")

    def expect(self, kind: str, text: str) -> None:
        if not self._took(kind, text):
            wanted = repr(text) if text else "the end"
            raise Invalid(f"expected {wanted}, but found {self._found()}")

    def _and(self) -> Node:
        parts = [self._not()]
        while self._took("symbol", "&") or self._took("name", "and"):
            parts.append(self._not())
        return typed.joined(parts, "and")

    def _not(self) -> Node:
        if self._took("name", "not"):
            return typed.opposite(self._deeper(self._not), "not")
        return self._comparison()

    def _comparison(self) -> Node:
        operands = [self._sum()]
        operators: list[str] = []
        while self._token.kind == "symbol" and self._token.text in _COMPARISONS:
            operator = self._next().text
            if operator in ("==", "!=") and self._token.text == "[" and not operators:
                found = typed.member(operands[0], self._list())
                return found if operator == "==" else typed.opposite(found, "not")
            operators.append(operator)
            operands.append(self._sum())
        if operators:
            return typed.chain(operands, operators)
        negated = self._took("name", "not")
        if self._token.kind == "name" and self._token.text in _INFIX:
            found = self._infix(operands[0], self._next().text)
            return typed.opposite(found, "not") if negated else found
        if negated:
            raise Invalid(f"expected one of {', '.join(_INFIX)}, but found {self._found()}")
        return operands[0]

    def _infix(self, operand: Node, word: str) -> Node:
        if word == "in":
            return typed.member(operand, self._list())
        if word == "between":
            low = self._sum()
            self.expect("name", "and")
            return typed.between(operand, low, self._sum())
        return typed.text_test(_test(word), operand, self._sum())

    def _sum(self) -> Node:
        left = self._product()
        while self._token.kind == "symbol" and self._token.text in ("+", "-"):
            left = typed.arithmetic(self._next().text, left, self._product())
        return left

    def _product(self) -> Node:
        left = self._unary()
        while self._token.kind == "symbol" and self._token.text in ("*", "/"):
            left = typed.arithmetic(self._next().text, left, self._unary())
        return left

    def _unary(self) -> Node:
        if self._took("symbol", "-"):
            return typed.negative(self._deeper(self._unary))
        if self._took("symbol", "+"):
            return self._deeper(self._unary)
        if self._took("symbol", "~"):
            operand = self._deeper(self._unary)
            if operand.kind != "truth":
                raise Invalid(
                    f"'~' binds tighter than comparisons and takes a condition, but got "
                    f"{typed.describe(operand)}; write ~(...) around the whole comparison, or not"
                )
            return typed.opposite(operand, "~")
        return self._methods(self._value())

    def _value(self) -> Node:
        token = self._next()
        self._count()
        if token.kind == "number":
            return Constant(token.value, "number")
        if token.kind == "text":
            return Constant(token.value, "text")
        if token.kind == "symbol" and token.text == "(":
            inner = self._deeper(self.condition)
            self.expect("symbol", ")")
            return inner
        if token.kind == "quoted":
            return self._column(str(token.value))
        if token.kind == "name" and token.text not in _RESERVED:
            return self._name(token.text)
        raise Invalid(f"expected a column or a value, but found {_shown(token)}")

    def _name(self, name: str) -> Node:
        if name in ("True", "False") and name not in self._columns:
            return Constant(name == "True", "truth")
        if self._token.text == "(" and self._token.kind == "symbol":
            if name not in (*_NULL, *_FUNCTIONS):
                raise Invalid(
                    f"there is no function {name[:40]!r}; there are "
                    f"{', '.join((*_NULL, *_FUNCTIONS))}, and the words {', '.join(_INFIX)}"
                )
            self._next()
            if name in _FUNCTIONS:
                found = self._inside() if name == "inside" else self._gate()
                self.expect("symbol", ")")
                return found
            operand = self._deeper(self._sum)
            self.expect("symbol", ")")
            return self._null(name, operand)
        return self._column(name)

    def _inside(self) -> Node:
        x = self._deeper(self._sum)
        self.expect("symbol", ",")
        y = self._deeper(self._sum)
        self.expect("symbol", ",")
        corners = self._list()
        scale = self._text("a scale") if self._took("symbol", ",") else ""
        return typed.inside(x, y, corners, scale)

    def _gate(self) -> Node:
        name, gates = self._text("the name of a gate"), self._gates()
        if name not in gates:
            known = hint(name, gates) if gates else "the table has no gates"
            raise Invalid(f"there is no gate {name[:80]!r}; {known}")
        if name in self._within:
            raise Invalid(f"gate {name[:80]!r} is made of itself")
        inner = _Parser(gates[name], list(self._columns.values()), self._gates,
                        (*self._within, name))  # fmt: skip
        # Gates made of gates made of gates must not become large or deep by that.
        inner._nodes, inner._depth = self._nodes, self._depth
        try:
            root = inner._deeper(inner.condition)
            inner.expect("end", "")
        except Invalid as error:
            if str(error).startswith("gate "):
                raise
            raise Invalid(f"gate {name[:80]!r}: {error}") from None
        if root.kind != "truth":
            raise Invalid(f"gate {name[:80]!r} is no condition")
        self._nodes = inner._nodes
        self.names |= inner.names
        return root

    def _text(self, what: str) -> str:
        token = self._next()
        if token.kind != "text":
            raise Invalid(f"expected {what} in quotes, but found {_shown(token)}")
        return str(token.value)

    def _column(self, name: str) -> Node:
        if name not in self._columns:
            if self._token.text == "." and any(c.startswith(f"{name}.") for c in self._columns):
                raise Invalid(f"there is no column {name!r}; one with a dot goes in back-ticks")
            shown = name if len(name) <= 80 else name[:77] + "..."
            raise Invalid(f"there is no column {shown!r}; {hint(name, self._columns)}")
        self.names[name] = None
        return Name(self._columns[name])

    def _methods(self, operand: Node) -> Node:
        while self._took("symbol", "."):
            self._count()
            name = self._word()
            of_text = name == "str"
            if of_text:
                self.expect("symbol", ".")
                name = self._word()
            if name not in (_TESTS if of_text else (*_NULL, "between", "isin")):
                raise Invalid(
                    f"there is no method {name[:40]!r}; there are .isnull() .notnull() .between() "
                    ".isin() and .str.contains() .str.startswith() .str.endswith()"
                )
            self.expect("symbol", "(")
            operand = self._call(name, operand)
            self.expect("symbol", ")")
        return operand

    def _call(self, name: str, operand: Node) -> Node:
        if name in _NULL:
            return self._null(name, operand)
        if name == "isin":
            return typed.member(operand, self._list())
        first = self._deeper(self._sum)
        if name == "between":
            self.expect("symbol", ",")
            return typed.between(operand, first, self._deeper(self._sum))
        if name == "contains" and isinstance(first, Constant) and _PATTERN.search(str(first.value)):
            raise Invalid(
                ".str.contains would read that text as a pattern in pandas; "
                "patterns are not offered, and for the plain text write: name contains '...'"
            )
        return typed.text_test(_test(name), operand, first)

    def _null(self, name: str, operand: Node) -> Node:
        found = typed.missing(operand)
        return found if _NULL[name] else typed.opposite(found, "not")

    def _list(self) -> list[Constant]:
        close = ")" if self._took("symbol", "(") else "]"
        if close == "]":
            self.expect("symbol", "[")
        items: list[Constant] = []
        while not self._took("symbol", close):
            if items:
                self.expect("symbol", ",")
                if self._took("symbol", close):
                    break
            items.append(self._item())
            if len(items) > LONGEST_LIST:
                raise Invalid(f"a list has more than {LONGEST_LIST:,} values")
        return items

    def _item(self) -> Constant:
        minus = self._took("symbol", "-")
        token = self._next()
        if token.kind == "number":
            value = token.value
            return Constant(-value if minus else value, "number")  # type: ignore[operator]
        if token.kind == "text" and not minus:
            return Constant(token.value, "text")
        if token.text in ("True", "False") and token.kind == "name" and not minus:
            return Constant(token.text == "True", "truth")
        raise Invalid(f"a list holds numbers or texts, but found {_shown(token)}")

    def _count(self) -> None:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise Invalid(f"it has more than {MOST_NODES} names, values and calls")

    def _deeper(self, level: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise Invalid(f"it is nested deeper than {DEEPEST} levels")
        found = level()
        self._depth -= 1
        return found

    def _word(self) -> str:
        token = self._next()
        if token.kind != "name":
            raise Invalid(f"expected a method after '.', but found {_shown(token)}")
        return token.text

    def _took(self, kind: str, text: str) -> bool:
        if self._token.kind == kind and self._token.text == text:
            if kind != "end":
                self._next()
            return True
        return False

    def _next(self) -> Token:
        token = self._token
        if token.kind != "end":
            self._token = next(self._tokens)
        return token

    def _found(self) -> str:
        return _shown(self._token)


def _shown(token: Token) -> str:
    if token.kind == "end":
        return "the end"
    return repr(token.text if len(token.text) <= 40 else token.text[:37] + "...")


def _test(word: str) -> Literal["contains", "startswith", "endswith"]:
    match word:
        case "contains" | "startswith" | "endswith":
            return word
    raise AssertionError(word)
