"""What a user types into a search box, as an expression that the full-text index takes."""

from __future__ import annotations

import re
import unicodedata

from ..errors import Invalid

__all__ = ["FIELDS", "match_expression"]

FIELDS = ("name", "description", "tag", "key", "comment", "file", "channel")
"""The places where words are looked for, in the order of the index's columns."""

_TERM = re.compile(
    r"""(?:(?P<field>[A-Za-z]+):(?=[\w"]))?  # tag:
        (?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))(?P<star>\*)?""",
    re.VERBOSE,
)
_LONGEST, _MOST_TERMS = 1000, 50


def match_expression(text: str) -> str:
    """An FTS5 expression for the rows that hold every term of `text`.

    Whatever the user wrote is quoted, so that it can neither be a syntax error nor an operator.

    Raises
    ------
    Invalid
        There is no word to look for, there are too many, or a place has an unknown name.
    """
    if len(text) > _LONGEST:
        raise Invalid(f"A search has at most {_LONGEST} characters; this one has {len(text)}.")
    terms = [term for term in map(_term, _TERM.finditer(text)) if term]
    if not terms:
        raise Invalid(
            f'{text!r} has no word to look for: give words, "a phrase", begin* or tag:word.'
        )
    if len(terms) > _MOST_TERMS:
        raise Invalid(f"A search has at most {_MOST_TERMS} terms; this one has {len(terms)}.")
    return " AND ".join(terms)


def _term(match: re.Match[str]) -> str:
    field, phrase, word = match["field"], match["phrase"], match["word"]
    words = phrase if word is None else word
    is_start = match["star"] is not None or words.endswith("*")
    words = words.rstrip("*")
    if not any(map(_is_letter, words)):
        return ""
    if field is not None and field.lower() not in FIELDS:
        places = ", ".join(f"{known}:" for known in FIELDS)
        raise Invalid(
            f"There is no place {field!r} to search in: use {places} or put "
            f'"{field}:{words}" in quotes to look for these words.'
        )
    place = "" if field is None else f"{field.lower()} : "
    # Neither NUL nor half a surrogate pair can be handed to SQLite.
    quoted = words.replace('"', '""').replace("\0", " ").encode("utf-8", "replace").decode()
    return f'({place}"{quoted}"{" *" if is_start else ""})'


def _is_letter(character: str) -> bool:
    """Whether the index keeps a character; a term without any would match nothing at all."""
    return unicodedata.category(character)[0] in "LN" or unicodedata.category(character) == "Co"
