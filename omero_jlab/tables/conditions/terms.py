"""What a condition on images asks of their tables.

    count(Nuclei[AreaShape_Area > 120]) >= 50      rows of the table that fulfil a condition
    fraction(Nuclei[AreaShape_Area > 120]) > 0.2   of all its rows
    mean(Nuclei.AreaShape_Area) > 90               also sum, std, min, max, median and
    mean(Nuclei[flag].`Mean Area`) > 90            quantile(Nuclei.AreaShape_Area, 0.9)
    Image.Count_Nuclei > 20                        of a table with one row an image or well
    count(`12`) > 5 and not Image.Well == "A01"    a table by its number; and or not, in, between

A table is named, or numbered in back-ticks.  Each of these terms is one value an image, and all
else is the language of `grammar`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import Invalid
from ..nearest import nearest
from .tokens import Token, tokens

__all__ = ["TERMS", "Term", "terms_of", "unknown_function"]

TERMS = ("count", "fraction", "sum", "mean", "std", "min", "max", "median", "quantile")
_MOST_TERMS = 32
_WORDS = {
    "and", "or", "not", "in", "between", "contains", "startswith", "endswith", "isnull", "isna",
    "notnull", "notna", "True", "False", "inside",
}  # fmt: skip


@dataclass(frozen=True)
class Term:
    """One value an image: `function` of `column` in the rows of `table` that meet `condition`.

    Without a function it is the value in the table's only row.  `text` is how it was written.
    """

    text: str
    table: str
    function: str | None
    condition: str | None = None
    column: str | None = None
    quantile: float | None = None

    @property
    def aggregate(self) -> str:
        """The function as `TableView.aggregate` calls it."""
        if self.quantile is not None:
            return f"quantile({self.quantile!r})"
        return self.function or "max"


def terms_of(condition: str) -> tuple[str, tuple[Term, ...]]:
    """`condition` with a column's name in place of each term, and the terms so named.

    Raises
    ------
    Invalid
        A term is not written as one, or a name belongs to none.  Only the reason is said.
    """
    reading = _Reading(condition)
    written: list[str] = []
    found: dict[str, Term] = {}
    while reading.token.kind != "end":
        term = reading.term()
        if term is None:
            written.append(reading.next().text)
            continue
        found[term.text] = term
        quoted = term.text.replace("`", "``")
        written.append(f"`{quoted}`")
        if len(found) > _MOST_TERMS:
            raise Invalid(f"it asks tables for more than {_MOST_TERMS} values")
    if not found:
        raise Invalid("it names no table; write count(Table[area > 3]) >= 50 or Table.column > 3")
    return " ".join(written).replace(" . ", "."), tuple(found.values())


class _Reading:
    def __init__(self, condition: str) -> None:
        self._condition = condition
        self._tokens = list(tokens(condition))
        self._at = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._at]

    def next(self) -> Token:
        token = self.token
        if token.kind != "end":
            self._at += 1
        return token

    def term(self) -> Term | None:
        """The term that begins here, or None for a token that stands for itself."""
        token = self.token
        if token.kind not in ("name", "quoted") or self._follows("."):
            return None
        if token.kind == "name" and self._is(1, "("):
            if token.text in TERMS:
                return self._aggregate()
            if token.text not in _WORDS:
                raise Invalid(unknown_function(token.text, TERMS))
            return None
        if self._is(1, ".") and not self._is_method(2):
            start = token.start
            table = self._name("a table")
            self._take(".")
            column = self._name("a column")
            return Term(self._text(start), table, None, None, column)
        if token.kind == "name" and token.text in _WORDS:
            return None
        raise Invalid(
            f"{str(token.value)[:40]!r} names no column of a table; write Table.column > 3 for a "
            "table with one row an image, or count(Table[column > 3]) >= 50"
        )

    def _aggregate(self) -> Term:
        start = self.token.start
        function = self.next().text
        self._take("(")
        table = self._name("a table")
        condition = self._bracket() if self._is(0, "[") else None
        column = None
        if self._is(0, "."):
            self._take(".")
            column = self._name("a column")
        quantile = self._place() if function == "quantile" else None
        self._take(")")
        if function == "fraction" and (condition is None or column is not None):
            raise Invalid("fraction takes a condition in brackets: fraction(Table[area > 3]) > 0.2")
        if function not in ("count", "fraction") and column is None:
            raise Invalid(
                f"{function} takes a column: {function}({_shown(table)}.column), or "
                f"{function}({_shown(table)}[area > 3].column)"
            )
        return Term(self._text(start), table, function, condition, column, quantile)

    def _bracket(self) -> str:
        begin = self.next().start + 1
        depth = 1
        while depth:
            token = self.next()
            if token.kind == "end":
                raise Invalid("expected ']', but found the end")
            if token.kind == "symbol":
                depth += (token.text == "[") - (token.text == "]")
        inside = self._condition[begin : self._tokens[self._at - 1].start].strip()
        if not inside:
            raise Invalid("there is no condition in the brackets")
        return inside

    def _place(self) -> float:
        self._take(",")
        token = self.next()
        if token.kind != "number" or not 0 <= float(token.value) <= 1:
            raise Invalid("quantile takes a number from 0 to 1: quantile(Table.column, 0.9)")
        return float(token.value)

    def _name(self, what: str) -> str:
        token = self.next()
        if token.kind not in ("name", "quoted", "number"):
            found = repr(token.text[:40]) if token.text else "the end"
            raise Invalid(f"expected {what}, but found {found}")
        return token.text if token.kind == "number" else str(token.value)

    def _take(self, symbol: str) -> None:
        if not self._is(0, symbol):
            found = repr(self.token.text[:40]) if self.token.text else "the end"
            raise Invalid(f"expected {symbol!r}, but found {found}")
        self._at += 1

    def _is(self, ahead: int, symbol: str) -> bool:
        place = min(self._at + ahead, len(self._tokens) - 1)
        return self._tokens[place].kind == "symbol" and self._tokens[place].text == symbol

    def _follows(self, symbol: str) -> bool:
        before = self._tokens[self._at - 1]
        return self._at > 0 and before.kind == "symbol" and before.text == symbol

    def _is_method(self, ahead: int) -> bool:
        """Whether `.isnull(` or `.str.contains(` stands there, and no column."""
        place = min(self._at + ahead, len(self._tokens) - 1)
        if self._tokens[place].kind != "name":
            return False
        return self._is(ahead + 1, "(") or (
            self._tokens[place].text == "str"
            and self._is(ahead + 1, ".")
            and self._is(ahead + 3, "(")
        )

    def _text(self, start: int) -> str:
        last = self._tokens[self._at - 1]
        return self._condition[start : last.start + len(last.text)]


def _shown(table: str) -> str:
    return table if table.isidentifier() else f"`{table[:40]}`"


def unknown_function(name: str, known: Sequence[str]) -> str:
    """What is said of a function that is none of `known`."""
    meant = nearest(name, known)
    guess = f"; did you mean {meant!r}?" if meant else "."
    return f"there is no function {name[:40]!r}{guess} There are {', '.join(known)}"
