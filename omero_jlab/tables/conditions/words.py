"""Search in the sorted dictionary of a text column, without decoding it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

import numpy
import pyarrow  # type: ignore[import-untyped]
from numpy.typing import NDArray

__all__ = ["Words"]


class Words:
    """The different words of a column, ascending by code point; a code is a place among them.

    Parameters
    ----------
    letters : shape (bytes,), uint8; the words as UTF-8, one after the other
    offsets : shape (words + 1,), int64; where each begins, and the end
    """

    def __init__(self, letters: NDArray[Any], offsets: NDArray[Any]) -> None:
        self._letters = letters
        self._offsets = offsets
        self._bytes: bytes | None = None

    @classmethod
    def of(cls, words: Iterable[str]) -> Words:
        """These different words."""
        letters = sorted(word.encode() for word in words)
        offsets = numpy.cumsum([0, *map(len, letters)])
        return cls(numpy.frombuffer(b"".join(letters), "u1"), offsets)

    def __len__(self) -> int:
        return max(len(self._offsets) - 1, 0)

    def __getitem__(self, code: int) -> bytes:
        if code >= len(self):
            raise IndexError(code)
        return self._letters[self._offsets[code] : self._offsets[code + 1]].tobytes()

    def arrow(self) -> pyarrow.Array:
        """The words as Arrow text, sharing memory."""
        if not len(self):
            return pyarrow.array([], pyarrow.large_string())
        buffers = [None, pyarrow.py_buffer(self._offsets), pyarrow.py_buffer(self._letters)]
        return pyarrow.LargeStringArray.from_buffers(len(self), *buffers[1:])

    def before(self, word: str) -> int:
        """How many words sort before `word`."""
        return bisect_left(self, word.encode())

    def find(self, word: str) -> int | None:
        """The code of `word`, or None where no row has it."""
        code = self.before(word)
        return code if code < len(self) and self[code] == word.encode() else None

    def containing(self, text: str) -> NDArray[numpy.bool_]:
        """shape (words,): which of them contain `text`."""
        return self._with(text.encode(), at_end=False)

    def starting(self, text: str) -> NDArray[numpy.bool_]:
        """shape (words,): which of them start with `text`."""
        wanted = text.encode()
        first = bisect_left(self, wanted)
        last = bisect_left(self, True, lo=first, key=lambda word: not word.startswith(wanted))
        found = numpy.zeros(len(self), bool)
        found[first:last] = True
        return found

    def ending(self, text: str) -> NDArray[numpy.bool_]:
        """shape (words,): which of them end with `text`."""
        return self._with(text.encode(), at_end=True)

    def _with(self, wanted: bytes, at_end: bool) -> NDArray[numpy.bool_]:
        if not wanted:
            return numpy.ones(len(self), bool)
        if self._bytes is None:
            self._bytes = self._letters.tobytes()
        starts = []
        place = self._bytes.find(wanted)
        while place >= 0:
            starts.append(place)
            place = self._bytes.find(wanted, place + 1)
        begins = numpy.array(starts, "i8")
        ends = begins + len(wanted)
        codes = numpy.searchsorted(self._offsets, begins, side="right") - 1
        limits = self._offsets[codes + 1] if len(codes) else codes
        found = numpy.zeros(len(self), bool)
        found[codes[ends == limits if at_end else ends <= limits]] = True
        return found
