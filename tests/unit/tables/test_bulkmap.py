"""Configurations of OMERO's `bulkmap`: what is made of a row, and what is refused."""

from __future__ import annotations

import pytest

from omero_jlab.errors import Invalid
from omero_jlab.model import BULK_ANNOTATIONS
from omero_jlab.tables import bulkmap_of


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("columns: [", "no YAML: line 1"),
        ("- 1", "has names with values"),
        ("", "neither defaults nor columns"),
        ("colums: []\ndefaults: {include: yes}", "has no colums"),
        ("columns: [{name: Gen}]", r"no column 'Gen' \(did you mean 'Gene'"),
        ("columns: [{name: Gene, includes: yes}]", "no option includes"),
        ("columns: [{include: yes}]", "has no name"),
        ("columns: [{name: Gene, include: 3}]", "include is yes or no"),
        ("columns: [{name: Gene, position: a}]", "whole number"),
        ("columns: [{group: {namespace: x}}]", "a namespace and columns"),
        ("columns: [{group: {namespace: x, columns: []}}]", "has no columns"),
        ('columns: [{name: Gene, clientvalue: "{{ self }}"}]', "only value can stand there"),
        ('columns: [{name: Gene, clientvalue: "{{ value|attr }}"}]', "the filter 'attr'"),
        ('columns: [{name: Gene, clientvalue: "{% for x in y %}"}]', "no statements"),
        ("defaults: {include: no}\ncolumns: [{name: Gene, include: yes, position: 2}]", "is left"),
        ("a: &a [1]\nb: *a", r"Write out what \*a"),
        ("columns: " + "[" * 40 + "]" * 40, "nested more"),
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused(config: str, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        bulkmap_of(config).groups(["Gene", "Dose"])


def made(config: str, **row: str | None) -> dict[str, tuple[tuple[str, str], ...]]:
    groups = bulkmap_of(config).groups(list(row))
    return {group.namespace: group.pairs(list(row.values())) for group in groups}


def test_positions_come_first_and_gaps_are_filled() -> None:
    config = "columns: [{name: c, position: 3}, {name: b, position: 1}, {name: e, include: no}]"
    found = made(config, a="1", b="2", c="3", d="4", e="5")
    assert found == {BULK_ANNOTATIONS: (("b", "2"), ("a", "1"), ("c", "3"), ("d", "4"))}


def test_empty_values_stay_unless_they_are_omitted() -> None:
    plain = "defaults: {include: no}\ncolumns: [{name: a, include: yes, split: ','%s}]"
    assert made(plain % "", a=" x,, y") == {BULK_ANNOTATIONS: (("a", "x"), ("a", ""), ("a", "y"))}
    assert made(plain % ", omitempty: yes", a=" x,, y")[BULK_ANNOTATIONS] == (
        ("a", "x"), ("a", "y"),
    )  # fmt: skip
    assert made(plain % ", omitempty: yes", a=None) == {BULK_ANNOTATIONS: ()}
    assert made(plain % "", a=None) == {BULK_ANNOTATIONS: (("a", ""),)}
    assert made(plain % ", clientvalue: ''", a="x") == {BULK_ANNOTATIONS: (("a", ""),)}


def test_values_are_put_into_patterns_and_nothing_else_is() -> None:
    config = """columns: [{name: a, clientname: url, clientvalue: 'x/{{value|trim|urlencode}}'}]"""
    assert made(config, a=" ö {{ value }} ")[BULK_ANNOTATIONS] == (
        ("url", "x/%C3%B6%20%7B%7B%20value%20%7D%7D"),
    )


def test_what_changes_nothing_is_told() -> None:
    found = bulkmap_of("columns: [{name: a, includeclient: no}]")
    assert found.notes == ("includeclient changes nothing, as in OMERO: a are included",)
