"""One value an image of each term of a condition, and which images fulfil it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy

from ...errors import Invalid
from ...model import Column
from ..columns import ROW_ID, chosen
from ..conditions.evaluate import NAT, Cells, fulfilled
from ..conditions.grammar import of_condition, parse
from ..conditions.nodes import Condition
from ..conditions.terms import Term, terms_of
from ..conditions.words import Words
from ..nearest import hint
from .frames import Values
from .view import TableView

__all__ = ["ImageCondition", "fulfilling", "term_values"]

_NUMBERS = ("bool", "integer", "float", "link")


class ImageCondition:
    """A condition on images: `terms` are what it asks of their tables.

    Raises
    ------
    Invalid
        It is no such condition; one line says why.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._rewritten, self.terms = terms_of(text)
        except Invalid as error:
            raise of_condition(text, error) from None

    def parsed(
        self, tables: Mapping[str, Sequence[tuple[Column, ...]]]
    ) -> tuple[Condition, list[Column]]:
        """What it means for tables of these columns, by the tables' names in the condition.

        The columns are those of the terms: an image is a row of them.

        Raises
        ------
        Invalid
            None of the tables has a column, or an inner condition has no meaning for any.
        """
        try:
            columns = [_column(term, tables[term.table]) for term in self.terms]
        except Invalid as error:
            raise of_condition(self.text, error) from None
        return parse(self._rewritten, columns, written=self.text), columns

    def fits(self, term: Term, columns: tuple[Column, ...]) -> bool:
        """Whether a table of `columns` can answer `term`."""
        try:
            _column(term, [columns])
        except Invalid:
            return False
        return True


def _column(term: Term, tables: Sequence[tuple[Column, ...]]) -> Column:
    """The column that holds a term's values."""
    wrong: Invalid | None = None
    kinds = []
    for columns in dict.fromkeys(tables):
        try:
            kinds.append(_kind(term, columns))
        except Invalid as error:
            wrong = wrong or error
    if not kinds:
        raise wrong or Invalid(f"there is no table {term.table[:80]!r}")
    first = kinds[0]
    if all(kind in _NUMBERS for kind, _ in kinds):
        same = len({kind for kind, _ in kinds}) == 1
        dtype = {"bool": "bool", "integer": "int64", "link": "int64"}.get(first[0], "float64")
        first = (first[0], dtype) if same else ("float", "float64")
    elif len(set(kinds)) > 1:
        raise Invalid(
            f"{term.text[:80]} is of another type in other tables called {term.table[:80]!r}: "
            "name one of them by its number, in back-ticks"
        )
    return Column(name=term.text, kind=first[0], dtype=first[1], nullable=True)


def _kind(term: Term, columns: tuple[Column, ...]) -> tuple[Any, str]:
    """Kind and type of a term's values in a table of `columns`."""
    if term.condition is not None:
        parse(term.condition, columns, written=term.condition)
    if term.column is not None:
        column = _named(columns, term.column, term.table)
        if column.kind == "array":
            raise Invalid(f"column {term.column!r} of table {term.table!r} holds arrays")
        if term.function not in (None, "min", "max", "count") and column.kind not in (
            ("bool", "integer", "float") if term.function in ("sum", "mean", "std")
            else ("integer", "float")
        ):  # fmt: skip
            raise Invalid(
                f"column {term.column!r} of table {term.table!r} ({column.dtype}) has no "
                f"{term.function}"
            )
        if term.function in (None, "min", "max"):
            return column.kind, column.dtype
    return ("integer", "int64") if term.function == "count" else ("float", "float64")


def _named(columns: tuple[Column, ...], name: str, table: str) -> Column:
    if name == ROW_ID:
        return Column(name=ROW_ID, kind="integer", dtype="int64")
    if all(column.name != name for column in columns):
        known = [column.name for column in columns]
        raise Invalid(f"table {table!r} has no column {name!r}; {hint(name, known)}")
    return chosen(columns, [name])[0]


def term_values(
    view: TableView, terms: Sequence[Term], by: str | None
) -> list[dict[int | None, Any]]:
    """The value of each term by what column `by` holds; by None for all rows, without it.

    Each condition is read once, whatever is asked of its rows.  A value that is not there is
    None, and a link whose rows do not fulfil a term's condition is not there.

    Raises
    ------
    Invalid
        A term without a function meets several rows of one image.
    """
    asked: dict[str | None, dict[str, list[str]]] = {}
    for term in terms:
        wanted = asked.setdefault(term.condition, {})
        if term.column is not None:
            names = wanted.setdefault(term.column, [])
            names += [term.aggregate] if term.aggregate not in names else []
        if term.function == "fraction":
            asked.setdefault(None, {})
        if term.column is None or term.function is None:
            wanted.setdefault(ROW_ID, [])
            if "count" not in wanted[ROW_ID]:
                wanted[ROW_ID].append("count")
    found = {
        condition: _answers(view, wanted, by, condition) for condition, wanted in asked.items()
    }
    return [_of_term(term, found) for term in terms]


Answers = dict[tuple[str, str], dict[int | None, Any]]


def _answers(
    view: TableView, wanted: dict[str, list[str]], by: str | None, condition: str | None
) -> Answers:
    wanted = wanted or {ROW_ID: ["count"]}
    summary = view.aggregate(wanted, () if by is None else (by,), condition)
    keys: list[Any] = [None] if by is None else summary.keys[0][1].values.tolist()
    return {
        (measure.column.name, measure.function): dict(zip(keys, _cells(values), strict=True))
        for measure, _, values in summary.measures
    }


def _cells(values: Values) -> list[Any]:
    cells = values.values if isinstance(values.values, list) else values.values.tolist()
    if values.valid is None:
        return list(cells)
    there = values.valid.tolist()
    return [cell if known else None for cell, known in zip(cells, there, strict=True)]


def _of_term(term: Term, found: dict[str | None, Answers]) -> dict[int | None, Any]:
    mine = found[term.condition]
    counts = mine.get((ROW_ID, "count"), {})
    if term.function == "fraction":
        every = found[None][ROW_ID, "count"]
        return {key: counts.get(key, 0) / total if total else None for key, total in every.items()}
    if term.column is None:
        return counts
    if term.function is None:
        several = next((key for key, count in counts.items() if count > 1), None)
        if several is not None or max(counts.values(), default=0) > 1:
            where = "" if several is None else f" for {several}"
            raise Invalid(
                f"{term.text[:80]} is compared as it is, but table {term.table[:80]!r} has "
                f"{max(counts.values()):,} rows{where}: say which, with "
                f"mean({term.text[:80]}), max({term.text[:80]}) or "
                f"count({term.table[:80]}[{term.column[:80]} > 3])"
            )
    return mine[term.column, term.aggregate]


class _Images:
    """Images as the rows of a block."""

    def __init__(self, columns: Mapping[str, Column], values: Mapping[str, Sequence[Any]]) -> None:
        self._columns = columns
        self._values = values
        self.rows = len(next(iter(values.values())))

    def cells(self, column: str) -> Cells:
        about, values = self._columns[column], self._values[column]
        valid = numpy.array([value is not None for value in values], bool)
        if about.kind == "string":
            words = Words.of({value for value in values if value is not None})
            codes = [-1 if value is None else words.find(value) for value in values]
            return Cells(numpy.array(codes, "i8"), None, words)
        if about.kind == "timestamp":
            return Cells(numpy.array([NAT if value is None else value for value in values], "i8"))
        plain = [0 if value is None else value for value in values]
        return Cells(numpy.array(plain, about.dtype), None if valid.all() else valid)


def fulfilling(
    condition: Condition,
    columns: Iterable[Column],
    images: Sequence[int],
    values: Mapping[str, Mapping[int, Any]],
) -> list[int]:
    """Those of `images` that fulfil `condition`; `values` are those of each term by image."""
    if not images:
        return []
    known = {column.name: column for column in columns}
    block = _Images(known, {name: [values[name].get(i) for i in images] for name in known})
    found = fulfilled(condition.root, block)
    return [image for image, is_one in zip(images, found.tolist(), strict=True) if is_one]
