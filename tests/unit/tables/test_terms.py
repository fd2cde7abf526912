"""What a condition on images asks of tables, and in which words it is refused."""

from __future__ import annotations

import pytest

from omero_jlab.errors import Invalid
from omero_jlab.tables import ImageCondition, Term
from omero_jlab.tables.conditions.terms import terms_of


def only(condition: str) -> Term:
    _, terms = terms_of(condition)
    assert len(terms) == 1
    return terms[0]


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        (
            "count(Nuclei[AreaShape_Area > 120]) >= 50",
            ("Nuclei", "count", "AreaShape_Area > 120", None),
        ),
        ("count(Nuclei) > 3", ("Nuclei", "count", None, None)),
        ("count(Nuclei.area) > 3", ("Nuclei", "count", None, "area")),
        ("mean(Nuclei.area) > 3", ("Nuclei", "mean", None, "area")),
        ("3 < std( Nuclei . area )", ("Nuclei", "std", None, "area")),
        (
            "max(`My cells`[well in ['A', 'B[1]'] & `x ]` > 1].`Mean Area`) > 3",
            ("My cells", "max", "well in ['A', 'B[1]'] & `x ]` > 1", "Mean Area"),
        ),
        ("fraction(12[flag]) > 0.2", ("12", "fraction", "flag", None)),
        ("count(`12`[flag]) > 2", ("12", "count", "flag", None)),
        ("Image.Count_Nuclei > 20", ("Image", None, None, "Count_Nuclei")),
        ("not Image.well.str.contains('A')", ("Image", None, None, "well")),
        ("isnull(Image.`a.b`)", ("Image", None, None, "a.b")),
        ("Image.max > 3", ("Image", None, None, "max")),
        ("count.area > 3", ("count", None, None, "area")),
    ],
)
def test_a_term(condition: str, wanted: tuple[str, ...]) -> None:
    term = only(condition)
    assert (term.table, term.function, term.condition, term.column) == wanted
    assert term.text in condition


def test_several_terms_are_kept_apart_and_the_rest_stays() -> None:
    rewritten, terms = terms_of("count(A[x > 1]) / count(A) > 0.5 and not `B b`.y in [1, 2]")
    assert [term.text for term in terms] == ["count(A[x > 1])", "count(A)", "`B b`.y"]
    assert rewritten == "`count(A[x > 1])` / `count(A)` > 0.5 and not ```B b``.y` in [ 1 , 2 ]"
    _, terms = terms_of("0.1 < quantile(A.x, 0.9) <= quantile(A.x, .95)")
    assert [term.quantile for term in terms] == [0.9, 0.95]
    _, terms = terms_of("mean(A.x) > 1 or mean(A.x) < 0")
    assert len(terms) == 1


REFUSED = [
    ("area > 3", "'area' names no column of a table; write Table.column > 3"),
    ("`area` > 3", "names no column of a table"),
    ("3 > 2", "it names no table"),
    ("", "it names no table"),
    ("avg(Nuclei.area) > 3", "there is no function 'avg'"),
    ("cuont(Nuclei) > 3", "did you mean 'count'?"),
    ("__import__('os')", "there is no function '__import__'"),
    ("mean(Nuclei) > 3", "mean takes a column: mean(Nuclei.column)"),
    ("mean(`a b`) > 3", "mean(`a b`.column)"),
    ("fraction(Nuclei) > 3", "fraction takes a condition in brackets"),
    ("count(Nuclei[]) > 3", "there is no condition in the brackets"),
    ("count(Nuclei[area > 3) > 3", "expected ']', but found the end"),
    ("count(Nuclei[area > 3]", "expected ')', but found the end"),
    ("count() > 3", "expected a table, but found ')'"),
    ("count(", "expected a table, but found the end"),
    ("mean(Nuclei.) > 3", "expected a column, but found ')'"),
    ("quantile(Nuclei.area) > 3", "expected ',', but found ')'"),
    ("quantile(Nuclei.area, 90) > 3", "a number from 0 to 1"),
    ("count(count(Nuclei)) > 3", "expected ')', but found '('"),
    (" & ".join(f"count(T{n}) > 1" for n in range(33)), "more than 32 values"),
    ("count(A) > " + "9" * 400, "400 characters"),
    ("count(A" + "[" * 3000, "expected ']'"),
    ("`" * 19_999, "a back-tick is not closed"),
    ("x" * 20_001, "20,000 are the most"),
]


@pytest.mark.parametrize(("condition", "says"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused_is_so_in_one_line(condition: str, says: str) -> None:
    with pytest.raises(Invalid) as caught:
        ImageCondition(condition)
    message = str(caught.value)
    assert says in message
    assert message.startswith("condition ") and message.isprintable() and len(message) < 700
