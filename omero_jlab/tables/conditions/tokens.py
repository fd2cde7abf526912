"""A condition's text → its words, one at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ...errors import Invalid

__all__ = ["LONGEST_CONDITION", "Token", "tokens"]

LONGEST_CONDITION = 20_000
_LONGEST_TEXT = 1_000
_LONGEST_NUMBER = 64
_LARGEST = 2**64

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<quoted>`(?:[^`]|``)*`)
  | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
  | (?P<name>[^\W\d]\w*)
  | (?P<text>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
  | (?P<symbol><=|>=|==|!=|&&|\|\||\*\*|//|<>|:=|[-+*/<>=&|~()\[\],.])
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "t": "\t"}
_INSTEAD = {
    "&&": "write & or and",
    "||": "write | or or",
    "**": "powers are not offered; multiply instead",
    "//": "whole-number division is not offered",
    "<>": "write !=",
    ":=": "a condition assigns nothing",
    "=": "write == to compare",
    "@": "variables are not offered; put the value itself in",
    "%": "remainders are not offered",
    "^": "write | for or, & for and",
    "`": "a back-tick is not closed",
    "'": "a quote is not closed",
    '"': "a quote is not closed",
}


class Token(NamedTuple):
    """`kind` is name, quoted, number, text, symbol or end; `value` what it stands for.

    It begins at the character `start` of the condition.
    """

    kind: str
    text: str
    value: str | int | float
    start: int


def tokens(condition: str) -> Iterator[Token]:
    """The tokens of `condition`, with an end.

    Raises
    ------
    Invalid
        The condition is too long, or has a character, number or text that cannot be one.
        Only the reason is said.
    """
    if len(condition) > LONGEST_CONDITION:
        raise Invalid(f"it has {len(condition):,} characters; {LONGEST_CONDITION:,} are the most")
    place = 0
    while place < len(condition):
        found = _TOKEN.match(condition, place)
        if found is None or found.group() in _INSTEAD:
            text = found.group() if found else condition[place]
            reason = _INSTEAD.get(text, "it has no meaning here")
            raise Invalid(f"{text!r} at position {place + 1}: {reason}")
        place = found.end()
        kind = found.lastgroup or ""
        if kind != "space":
            yield Token(kind, found.group(), _value(kind, found.group()), found.start())
    yield Token("end", "", "", len(condition))


def _value(kind: str, text: str) -> str | int | float:
    if kind == "quoted":
        return text[1:-1].replace("``", "`")
    if kind == "text":
        return _unescaped(text[1:-1])
    if kind == "number":
        return _number(text)
    return text


def _number(text: str) -> int | float:
    if len(text) > _LONGEST_NUMBER or not text.isascii():
        raise Invalid(f"the number {text[:12]}… has {len(text)} characters")
    value = int(text) if text.isdigit() else float(text)
    if value == float("inf") or (isinstance(value, int) and value >= _LARGEST):
        raise Invalid(f"the number {text} is too large")
    return value


def _unescaped(text: str) -> str:
    if len(text) > _LONGEST_TEXT:
        raise Invalid(f"the text {text[:12]!r}… has {len(text):,} characters; "
                      f"{_LONGEST_TEXT:,} are the most")  # fmt: skip
    for escape in _ESCAPE.finditer(text):
        if escape.group(1) not in _ESCAPES:
            raise Invalid(f"{escape.group()!r} in a text has no meaning; write \\\\ for one \\")
    if any(0xD800 <= ord(letter) < 0xE000 for letter in text):
        raise Invalid("a text is not valid Unicode")
    return _ESCAPE.sub(lambda escape: _ESCAPES[escape.group(1)], text)
