"""Which type the words of a column are: looked for over all of them, a batch at a time."""

from __future__ import annotations

from typing import Any, Literal

import pyarrow  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from ...model import Column

__all__ = ["MISSING", "WordKind", "Words", "column_of", "converted"]

WordKind = Literal["empty", "bool", "integer", "uint64", "float", "time", "time UTC", "text"]

MISSING = (
    "NA", "N/A", "n/a", "<NA>", "#N/A", "#N/A N/A", "NULL", "null", "None", "none", "-",
)  # fmt: skip
"""Words for a missing value among numbers, truth values and times; among text they are text."""

# What begins with a zero is no number but a name, such as 007, and stays what it is.
_WHOLE = r"^[+-]?(0|[1-9][0-9]*)$"
_NUMBER = (
    r"^[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
    r"|^[+-]?(?i:nan|inf|infinity)$"
)
_COMMA = r"^[+-]?((0|[1-9][0-9]*)(,[0-9]*)?|,[0-9]+)([eE][+-]?[0-9]+)?$|^[+-]?(?i:nan|inf)$"
_TRUTH = r"^(?i:true|false)$"
_DAY = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = rf"^{_DAY}([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{{1,6}})?)?)?$"
_ZONED = (
    rf"^{_DAY}[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{{1,6}})?)?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})$"
)
_EXACT = 2**53
_TRUE = ("true", "yes", "t", "y", "1")
_FALSE = ("false", "no", "f", "n", "0")


class Words:
    """What the words of one column can be, as far as they were seen.

    Parameters
    ----------
    comma : whether numbers have a comma where others have a point
    """

    def __init__(self, comma: bool = False) -> None:
        self.comma = comma
        self.absent = False
        self._seen = False
        self._numbers = True
        self._wholes = True
        self._fractions = False
        self._truths = True
        self._times = True
        self._zoned = True
        self._signed = False
        self._largest = 0

    def see(self, words: pyarrow.Array) -> None:
        """Look at the next words; an empty one is a missing value."""
        if not (self._numbers or self._truths or self._times or self._zoned):
            return
        words, missing = _present(words)
        self.absent |= missing
        if not len(words):
            return
        self._seen = True
        self._truths = self._truths and _all(words, _TRUTH)
        self._times = self._times and _all(words, _TIME) and _are_times(words, None)
        self._zoned = self._zoned and _all(words, _ZONED) and _are_times(words, "UTC")
        self._numbers = self._numbers and _all(words, _COMMA if self.comma else _NUMBER)
        if self._numbers:
            self._see_numbers(words)

    def _see_numbers(self, words: pyarrow.Array) -> None:
        whole = pc.match_substring_regex(words, _WHOLE)
        self._fractions |= not pc.all(whole).as_py()
        wholes = words.filter(whole)
        if not len(wholes):
            return
        plain = _without_plus(wholes)
        self._signed |= bool(pc.any(pc.starts_with(plain, "-")).as_py())
        longest = pc.max(pc.utf8_length(plain)).as_py()
        if longest > 20:
            self._largest = max(self._largest, 10**30)
            return
        if longest < 16:
            # Only how large the largest is matters, and these are below all limits.
            self._largest = max(self._largest, 1)
            return
        long = plain.filter(pc.greater_equal(pc.utf8_length(plain), 16))
        self._largest = max(self._largest, *(_magnitude(text) for text in long.to_pylist()))

    def kind(self) -> WordKind:
        """The narrowest type that holds every word exactly."""
        if not self._seen:
            return "empty"
        if self._truths:
            return "bool"
        if self._numbers:
            if self._fractions:
                return "float" if self._largest <= _EXACT else "text"
            if self._largest <= 2**63 - 1:
                return "integer"
            return "uint64" if self._largest < 2**64 and not self._signed else "text"
        if self._times:
            return "time"
        return "time UTC" if self._zoned else "text"


def _present(words: pyarrow.Array) -> tuple[pyarrow.Array, bool]:
    """The words that stand for a value, without the spaces around them; and whether some do not."""
    trimmed = pc.utf8_trim_whitespace(words)
    held = pc.and_(pc.not_equal(trimmed, ""), pc.invert(pc.is_in(trimmed, pyarrow.array(MISSING))))
    found = trimmed.filter(held)
    return found, len(found) < len(words)


def _all(words: pyarrow.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(words, pattern)).as_py())


def _are_times(words: pyarrow.Array, zone: str | None) -> bool:
    try:
        _times(words, zone)
    except (pyarrow.ArrowInvalid, ValueError, OverflowError):
        # There is no 30th of February.
        return False
    return True


def _times(words: pyarrow.Array, zone: str | None) -> pyarrow.Array:
    if zone is None:
        return words.cast(pyarrow.timestamp("us"))
    return words.cast(pyarrow.timestamp("us", zone))


def _truths(words: pyarrow.Array) -> pyarrow.Array:
    true = pc.is_in(words, pyarrow.array(_TRUE))
    known = pc.or_(true, pc.is_in(words, pyarrow.array(_FALSE)))
    for word in words.filter(pc.invert(pc.or_(known, pc.is_null(words)))):
        raise pyarrow.ArrowInvalid(f"{word.as_py()!r} is no truth value")
    return pc.if_else(pc.is_null(words), None, true)


def _without_plus(words: pyarrow.Array) -> pyarrow.Array:
    return pc.replace_substring_regex(words, r"^\+", "")


def _magnitude(text: str) -> int:
    value = int(text)
    return value if value >= 0 else -value - (value == -(2**63))


def column_of(name: str, kind: WordKind, absent: bool) -> Column:
    """The column called `name` that holds words of a kind, some of which may be missing."""
    told: dict[WordKind, dict[str, Any]] = {
        "bool": {"kind": "bool", "dtype": "bool", "nullable": absent},
        "integer": {"kind": "integer", "dtype": "int64", "nullable": absent},
        "uint64": {"kind": "integer", "dtype": "uint64", "nullable": absent},
        "float": {"kind": "float", "dtype": "float64"},
        "time": {"kind": "timestamp", "dtype": "datetime64[us]", "nullable": True},
        "time UTC": {"kind": "timestamp", "dtype": "datetime64[us, UTC]", "nullable": True},
        "text": {"kind": "string", "dtype": "string", "nullable": True},
        "empty": {"kind": "string", "dtype": "string", "nullable": True},
    }
    return Column(name=name, **told[kind])


def converted(words: pyarrow.Array, kind: WordKind, comma: bool = False) -> pyarrow.Array:
    """The values that `words` stand for; an empty word is missing, and NaN among numbers.

    Raises
    ------
    pyarrow.ArrowInvalid
        A word is of another kind.
    """
    if kind in ("text", "empty"):
        return pc.if_else(pc.equal(words, ""), None, words).cast(pyarrow.large_string())
    trimmed = pc.utf8_trim_whitespace(words)
    missing = pc.or_(pc.equal(trimmed, ""), pc.is_in(trimmed, pyarrow.array(MISSING)))
    held = pc.if_else(missing, None, trimmed)
    match kind:
        case "bool":
            return _truths(pc.utf8_lower(held))
        case "integer" | "uint64":
            return _without_plus(held).cast(kind.replace("integer", "int64"))
        case "float":
            plain = _without_plus(held)
            if comma:
                plain = pc.replace_substring(plain, ",", ".")
            # Arrow knows nan and inf, in any case, and no other word.
            plain = pc.replace_substring_regex(plain, "(?i)infinity", "inf")
            return pc.fill_null(plain.cast(pyarrow.float64()), float("nan"))
        case "time":
            return _times(held, None)
    return _times(held, "UTC")
