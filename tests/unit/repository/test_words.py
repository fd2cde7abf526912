"""Search words as expressions for the index."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_jlab.errors import Invalid
from omero_jlab.repository.words import FIELDS, match_expression


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("nuclei", '("nuclei")'),
        ("tag:control nuclei", '(tag : "control") AND ("nuclei")'),
        ("TAG:Control", '(tag : "Control")'),
        ('"two words"', '("two words")'),
        ('name:"two words"*', '(name : "two words" *)'),
        ("mito*", '("mito" *)'),
        ("a AND b OR NOT c", '("a") AND ("AND") AND ("b") AND ("OR") AND ("NOT") AND ("c")'),
        ("DAPI & GFP", '("DAPI") AND ("GFP")'),
        ("12:30", '("12:30")'),
        ("http://example.org", '("http://example.org")'),
        ('unfinished "phrase', '("unfinished") AND ("phrase")'),
        ('say "tags:x"', '("say") AND ("tags:x")'),
        ("*word", '("*word")'),
    ],
)
def test_every_term_is_quoted(text: str, expression: str) -> None:
    assert match_expression(text) == expression


def test_what_cannot_be_searched_is_named() -> None:
    with pytest.raises(Invalid, match="no word"):
        match_expression("…")
    with pytest.raises(Invalid, match="no place 'colour'"):
        match_expression("colour:red")
    with pytest.raises(Invalid, match="1000"):
        match_expression("x" * 1001)
    with pytest.raises(Invalid, match="50"):
        match_expression("x " * 51)


@pytest.fixture(scope="module")
def index() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    db.execute(f"CREATE VIRTUAL TABLE words USING fts5({', '.join(FIELDS)})")
    yield db
    db.close()


@given(
    text=st.text(st.one_of(st.characters(), st.sampled_from('"*():^+-{}\0 AND NOR')), max_size=40)
)
def test_the_index_takes_every_expression(index: sqlite3.Connection, text: str) -> None:
    try:
        expression = match_expression(text)
    except Invalid:
        return
    index.execute("SELECT count(*) FROM words WHERE words MATCH ?", (expression,)).fetchone()
