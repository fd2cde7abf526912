"""CSV and its kin: the delimiter, the encoding and each column's type are found in the whole file.

It is read twice, in blocks: once to learn what is in it, once to convert.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import pyarrow  # type: ignore[import-untyped]
import pyarrow.csv  # type: ignore[import-untyped]

from ...errors import Invalid, Unreadable
from .source import Notes, TableSource, unique_names
from .words import WordKind, Words, column_of, converted

__all__ = ["DelimitedTable", "header_of"]

# Arrow reads a few dozen blocks ahead.
_BLOCK = 1 << 20
_LARGEST_BLOCK = 64 << 20
_DELIMITERS = ",\t;|"
_LOOKED = 100
_MOST_COLUMNS = 20_000
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"),
          (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip


class DelimitedTable(TableSource):
    """A text file with a line of column names, and a line a row.

    Parameters
    ----------
    types : kinds of columns by position, where they are known; of others they are found
    skip_first : whether the first line is none of the table's
    absent_is_text : whether numbers, truth values and times of which one is missing are text

    Raises
    ------
    Invalid
        A row has more or fewer cells than there are columns, with its line; or there is no header.
    Unreadable
        It is no text.
    """

    def __init__(
        self,
        path: Path,
        types: Mapping[int, WordKind] | None = None,
        delimiter: str | None = None,
        skip_first: bool = False,
        absent_is_text: bool = False,
    ) -> None:
        self._path = path
        self._notes = Notes()
        self._encoding = _encoding_of(path, self._notes)
        self._skipped = int(skip_first)
        self._absent_is_text = absent_is_text
        self._delimiter = delimiter or _delimiter_of(path, self._encoding, self._skipped)
        header = self.first_line(path, self._encoding, self._delimiter, self._skipped)
        if len(header) > _MOST_COLUMNS:
            raise Invalid(f"{path.name} has {len(header):,} columns; at most {_MOST_COLUMNS:,}.")
        self.header = unique_names(header, self._notes)
        self.metadata: dict[str, str | int | float | bool] = {}
        self.rows = 0
        self._check_quotes()
        comma = self._delimiter == ";"
        self._words = [Words() for _ in header]
        self._commas = [Words(comma=True) if comma else None for _ in header]
        self._kinds: list[WordKind] = []
        self._look(types or {})
        self.columns = tuple(
            column_of(name, kind, words.absent)
            for name, kind, words in zip(self.header, self._kinds, self._words, strict=True)
        )

    @staticmethod
    def first_line(path: Path, encoding: str, delimiter: str, skipped: int = 0) -> list[str]:
        """The cells of the first line that is not skipped."""
        with _open(path, encoding) as file:
            for _ in range(skipped):
                next(file, None)
            for row in _rows(file, delimiter, path.name):
                if row:
                    return row
        raise Invalid(f"{path.name} is empty: its first line names the columns.")

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found out about the file, and what is called otherwise."""
        return self._notes.lines

    def close(self) -> None:
        """Nothing is held open."""

    def batches(self) -> Iterator[list[pyarrow.Array]]:
        """The columns' values, a block at a time."""
        for words in self._blocks():
            yield [self._converted(position, column) for position, column in enumerate(words)]

    def lines(self) -> Iterator[int]:
        """The line on which each row begins."""
        with _open(self._path, self._encoding) as file:
            for _ in range(self._skipped):
                next(file, None)
            reader = csv.reader(file, delimiter=self._delimiter)
            before, header = self._skipped, True
            for row in reader:
                if row and not header:
                    yield before + 1
                header = header and not row
                before = self._skipped + reader.line_num

    def _converted(self, position: int, words: pyarrow.Array) -> pyarrow.Array:
        comma = self._commas[position] is not None
        try:
            return converted(words, self._kinds[position], comma)
        except pyarrow.ArrowInvalid as error:
            raise Invalid(f"column {self.header[position]!r}: {error}") from error

    def _look(self, types: Mapping[int, WordKind]) -> None:
        for block in self._blocks():
            self.rows += len(block[0])
            for position, column in enumerate(block):
                self._words[position].see(column)
                comma = self._commas[position]
                if comma is not None:
                    comma.see(column)
        for position, words in enumerate(self._words):
            kind, comma = words.kind(), self._commas[position]
            if comma is not None:
                if kind == "text" and comma.kind() == "float":
                    kind, words.absent = "float", comma.absent
                    self._notes.add("numbers with a comma were read as with a point")
                else:
                    self._commas[position] = None
            told = types.get(position)
            if told is not None:
                kind = self._as_told(position, told, kind)
            elif words.absent and self._absent_is_text:
                kind = "text"
            self._kinds.append(kind)

    def _as_told(self, position: int, told: WordKind, found: WordKind) -> WordKind:
        name = self.header[position]
        if told == "text":
            return told
        if self._words[position].absent and self._absent_is_text:
            raise Invalid(
                f"column {name!r} is said to be {told}, and a value is missing: allow_nan admits "
                f"that, or let the header say that it is text"
            )
        wider = {"float": ("integer", "uint64"), "bool": ("integer", "text")}
        if told != found and found != "empty" and found not in wider.get(told, ()):
            raise Invalid(
                f"column {name!r} is said to be {told}, but holds {found}: correct the column, or "
                f"what the header says of it"
            )
        return told

    def _blocks(self) -> Iterator[list[pyarrow.Array]]:
        """One array of words a column; what is quoted and what is not are the same."""
        size = _BLOCK
        while True:
            try:
                yield from self._blocks_of(size)
                return
            except _TooSmall as error:
                # Before the first block, so that none comes twice.
                size *= 4
                if size > _LARGEST_BLOCK:
                    raise Unreadable(
                        f"{self._path.name} has a row of more than {_LARGEST_BLOCK >> 20} MiB; "
                        f"perhaps a quotation mark is not closed."
                    ) from error

    def _blocks_of(self, size: int) -> Iterator[list[pyarrow.Array]]:
        names = [str(position) for position in range(len(self.header))]
        begun = False
        try:
            with pyarrow.csv.open_csv(
                self._path,
                pyarrow.csv.ReadOptions(
                    use_threads=False,
                    block_size=size,
                    skip_rows=self._skipped,
                    skip_rows_after_names=1,
                    column_names=names,
                    encoding=self._encoding,
                ),
                pyarrow.csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True),
                pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pyarrow.large_string()),
                    strings_can_be_null=False,
                    quoted_strings_can_be_null=False,
                    check_utf8=True,
                ),
            ) as reader:
                for batch in reader:
                    begun = True
                    if batch.num_rows:
                        yield batch.columns
        except pyarrow.ArrowInvalid as error:
            text = str(error)
            if "straddling" in text and not begun:
                raise _TooSmall from error
            if "Empty CSV file" in text:
                return
            self._tell_ragged()
            raise Unreadable(f"{self._path.name} cannot be read as a table: {text}") from error
        except UnicodeDecodeError as error:
            raise Unreadable(f"{self._path.name} is no {self._encoding} text: {error}.") from error

    def _check_quotes(self) -> None:
        """Arrow takes a quotation mark that is not closed as the rest of the file."""
        marks = 0
        with _open(self._path, self._encoding) as file:
            while block := file.read(_BLOCK):
                marks += block.count('"')
        if marks % 2:
            self._tell_ragged()

    def _tell_ragged(self) -> None:
        """Raise `Invalid` with the line of the first row of other width, or with open quotes."""
        with _open(self._path, self._encoding) as file:
            for _ in range(self._skipped):
                next(file, None)
            reader = csv.reader(file, delimiter=self._delimiter, strict=True)
            before = self._skipped
            try:
                for row in reader:
                    if row and len(row) != len(self.header):
                        raise Invalid(
                            f"line {before + 1} of {self._path.name} has {len(row)} cells, and "
                            f"the header {len(self.header)}: nothing was read"
                        )
                    before = self._skipped + reader.line_num
            except csv.Error as error:
                line = self._skipped + reader.line_num
                raise Invalid(f"line {line} of {self._path.name}: {error}") from error


class _TooSmall(Exception):
    """A row is longer than a block."""


def _open(path: Path, encoding: str) -> IO[str]:
    return io.TextIOWrapper(path.open("rb"), encoding=encoding, newline="")


def _rows(file: IO[str], delimiter: str, name: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(file, delimiter=delimiter, strict=True)
    except csv.Error as error:
        raise Unreadable(f"{name} cannot be read as a table: {error}.") from error


def _encoding_of(path: Path, notes: Notes) -> str:
    """UTF-8 or UTF-16 where the whole file is, else Latin-1."""
    with path.open("rb") as file:
        start = file.read(4096)
        for mark, encoding in _MARKS:
            if start.startswith(mark):
                return encoding
        if b"\0" in start:
            halves = start[0::2].count(0), start[1::2].count(0)
            if max(halves) > len(start) // 4 and min(halves) <= len(start) // 20:
                return "utf-16-be" if halves[0] > halves[1] else "utf-16-le"
            raise Unreadable(f"{path.name} is no text: it has bytes that are zero.")
        decoder = codecs.getincrementaldecoder("utf-8")()
        file.seek(0)
        try:
            while block := file.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            notes.add("the file is not UTF-8; it was read as Latin-1: look at its umlauts")
            return "latin-1"
    return "utf-8"


def _delimiter_of(path: Path, encoding: str, skipped: int) -> str:
    """What cuts the first lines into the same number of cells, the most of them."""
    with _open(path, encoding) as file:
        lines = [line for _, line in zip(range(_LOOKED + skipped), file, strict=False)][skipped:]
    best, most = ",", (0, 0)
    for delimiter in _DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            continue
        if not widths or widths[0] < 2:
            continue
        alike = Counter(widths)[widths[0]]
        found = (int(100 * alike / len(widths)), widths[0])
        if found > most:
            best, most = delimiter, found
    return best


def header_of(path: Path, delimiter: str | None = None, skipped: int = 0) -> Sequence[str]:
    """The cells of the first line of a text file that is not skipped, however it is delimited."""
    encoding = _encoding_of(path, Notes())
    found = delimiter or _delimiter_of(path, encoding, skipped)
    return DelimitedTable.first_line(path, encoding, found, skipped)
