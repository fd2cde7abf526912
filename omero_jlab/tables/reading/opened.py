"""Read the columns of a group of rows, each value from the newest segment that has one."""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from types import TracebackType
from typing import Any, Self

import numpy
import pyarrow  # type: ignore[import-untyped]
import pyarrow.compute  # type: ignore[import-untyped]
from numpy.typing import NDArray

from ...errors import Invalid
from ...model import Column, ColumnPart, Segment
from ..columns import ROW_ID
from ..conditions.evaluate import NAT, Cells
from ..conditions.words import Words
from ..segments.reader import SegmentFile, SegmentFolder
from .groups import Group, Layer, Rows
from .numbers import numbers_of

__all__ = ["OpenGroup"]

_WINDOW = 1 << 19


class OpenGroup:
    """A group whose files are open, each from when it is first needed.

    Threads may read different columns at once.
    """

    def __init__(self, folder: SegmentFolder, group: Group) -> None:
        self.group = group
        self._folder = folder
        self._guard = threading.Lock()
        self._files: dict[str, SegmentFile] = {}
        self._layers: dict[str, list[Layer]] = {}
        self._words: dict[str, tuple[Words, list[NDArray[numpy.int64]]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what was opened."""
        for file in self._files.values():
            file.close()

    def cells(self, column: str, rows: Rows, out: NDArray[Any] | None = None) -> Cells:
        """The values of `column` in `rows`, a slice with both ends or ascending places.

        Numbers and times are read straight into `out`, if it is given.
        """
        if column == ROW_ID:
            return Cells(self.group.numbers(rows))
        about = self.group.columns[column]
        layers = self._layers_of(about)
        if about.kind == "string":
            return self._texts(about, layers, rows)
        if layers and not _is_partial(self.group, layers[0]):
            found = self._read(about, layers[0], _within(self.group, layers[0], rows), out)
            layers = layers[1:]
        else:
            found = _absent(about, _count(rows), out)
        return self._patched(about, found, layers, rows) if layers else found

    def plain(self, column: Column) -> tuple[Segment, ColumnPart] | None:
        """The one array that is all there is of a column of numbers; None for any other."""
        layers = self._layers_of(column)
        key = column.stored_as
        if column.kind == "string" or len(layers) != 1 or layers[0].is_patch:
            return None
        parts = layers[0].parts
        return None if (key, "valid") in parts else parts[key, "values"]

    def take_each(
        self, columns: Sequence[Column], rows: Rows, outs: Sequence[NDArray[Any]]
    ) -> list[int]:
        """Read `rows`, few or far apart, of those columns that are `plain`; which are not.

        Raises
        ------
        Invalid
            A column is not what the segment holds.
        """
        alike: dict[tuple[str, int], list[tuple[ColumnPart, NDArray[Any]]]] = defaultdict(list)
        rest = []
        for position, (column, out) in enumerate(zip(columns, outs, strict=True)):
            found = self.plain(column)
            if found is None:
                rest.append(position)
                continue
            segment, part = found
            _check(segment, part, column)
            alike[segment.path, part.nbytes].append((part, out))
            if segment.path not in self._files:
                self._open(segment)
        for (path, _), taken in alike.items():
            parts, targets = zip(*taken, strict=True)
            self._files[path].take_each(parts, rows, targets)
        return rest

    def words(self, column: str) -> Words:
        """The dictionary of the text `column`."""
        about = self.group.columns[column]
        return self._dictionary(about, self._layers_of(about))[0]

    def _layers_of(self, about: Column) -> list[Layer]:
        found = self._layers.get(about.name)
        if found is None:
            found = self._layers[about.name] = self.group.layers(about)
        return found

    def _texts(self, about: Column, layers: list[Layer], rows: Rows) -> Cells:
        words, meaning = self._dictionary(about, layers)
        if len(layers) == 1 and not _is_partial(self.group, layers[0]):
            codes = self._part(about, layers[0], "codes", _within(self.group, layers[0], rows))
            return Cells(codes, None, words)
        codes = numpy.full(_count(rows), -1)
        for layer, codes_here in zip(layers, meaning, strict=True):
            if not _is_partial(self.group, layer):
                found = self._part(about, layer, "codes", _within(self.group, layer, rows))
                codes = codes_here[found]
                continue
            places, theirs = self._matching(layer, rows)
            if len(places):
                codes[places] = codes_here[self._part(about, layer, "codes", theirs)]
        return Cells(codes, None, words)

    def _dictionary(
        self, about: Column, layers: list[Layer]
    ) -> tuple[Words, list[NDArray[numpy.int64]]]:
        """The words of all layers, and what the codes of each stand for among them."""
        if about.name not in self._words:
            own = [self._own_words(about, layer) for layer in layers]
            if len(own) == 1 and not _is_partial(self.group, layers[0]):
                self._words[about.name] = own[0], []
            else:
                self._words[about.name] = _joined(own)
        return self._words[about.name]

    def _own_words(self, about: Column, layer: Layer) -> Words:
        letters = self._part(about, layer, "words", slice(None))
        offsets = self._part(about, layer, "word_offsets", slice(None))
        return Words(letters, offsets)

    def _patched(self, about: Column, found: Cells, layers: list[Layer], rows: Rows) -> Cells:
        values, valid = found.values, found.valid
        for layer in layers:
            places, theirs = self._matching(layer, rows)
            if not len(places):
                continue
            other = self._read(about, layer, theirs, None)
            values[places] = other.values
            if valid is None and other.valid is not None:
                valid = numpy.ones(len(values), bool)
            if valid is not None:
                valid[places] = True if other.valid is None else other.valid
        return Cells(values, valid)

    def _matching(
        self, layer: Layer, rows: Rows
    ) -> tuple[NDArray[numpy.int64], NDArray[numpy.int64]]:
        """Which of `rows` a patch speaks of, as places among them, and its own rows for them."""
        group, segment = self.group, layer.segment
        numbers = group.numbers(rows)
        if segment.numbers is None:
            first, last = numpy.searchsorted(numbers, (segment.first_row, segment.stop_row))
            return numpy.arange(first, last), numbers[first:last] - segment.first_row
        theirs = numbers_of(group.folder, segment)
        if not len(numbers):
            return numpy.empty(0, "i8"), numpy.empty(0, "i8")
        first, last = numpy.searchsorted(theirs, (numbers[0], numbers[-1] + 1))
        wanted = theirs[first:last]
        places = numpy.searchsorted(numbers, wanted)
        same = numbers[places] == wanted if len(wanted) else numpy.empty(0, bool)
        return places[same], (numpy.flatnonzero(same) + first).astype("i8")

    def _read(self, about: Column, layer: Layer, rows: Rows, out: NDArray[Any] | None) -> Cells:
        values = self._part(about, layer, "values", rows, out)
        if (about.stored_as, "valid") not in layer.parts:
            return Cells(values)
        return Cells(values, self._part(about, layer, "valid", rows))

    def _part(
        self,
        about: Column,
        layer: Layer,
        kind: str,
        rows: Rows,
        out: NDArray[Any] | None = None,
    ) -> NDArray[Any]:
        segment, part = layer.parts[about.stored_as, kind]
        dtype = _check(segment, part, about)
        file = self._files.get(segment.path) or self._open(segment)
        if isinstance(rows, slice):
            start, stop, _ = rows.indices(part.shape[0])
            rows, count = slice(start, stop), stop - start
        else:
            count = len(rows)
        if out is None:
            out = numpy.empty((count, *part.shape[1:]), dtype)
        if part.dtype != dtype.str:
            _widen(file, part, rows, out)
        elif isinstance(rows, slice):
            file.read(part, rows.start, out)
        else:
            file.take(part, rows, out)
        return out

    def _open(self, segment: Segment) -> SegmentFile:
        with self._guard:
            if segment.path not in self._files:
                self._files[segment.path] = SegmentFile(self._folder, segment)
            return self._files[segment.path]


def _widen(file: SegmentFile, part: ColumnPart, rows: Rows, out: NDArray[Any]) -> None:
    """Read into `out`, of a wider type, where there is much of it by way of a small buffer."""
    width = max(numpy.dtype(part.dtype).itemsize * math.prod(part.shape[1:]), 1)
    if not isinstance(rows, slice):
        some = numpy.empty(out.shape, part.dtype)
        file.take(part, rows, some)
        out[...] = some
        return
    # It stays in the processor's cache.
    step = max(_WINDOW // width, 1)
    buffer = numpy.empty((min(step, len(out)), *part.shape[1:]), part.dtype)
    for start in range(0, len(out), step):
        target = out[start : start + step]
        some = buffer[: len(target)]
        file.read(part, rows.start + start, some)
        target[...] = some


def _check(segment: Segment, part: ColumnPart, column: Column) -> numpy.dtype[Any]:
    """The type of the column's values, whether `part` is what `column` says."""
    if part.part != "values":
        if part.part in ("valid", "codes") and part.shape != (segment.rows,):
            raise Invalid(f"segment {segment.path} holds {part.part} of shape {part.shape}")
        return numpy.dtype(part.dtype)
    wanted, fits = _types(part.dtype, "int64" if column.kind == "timestamp" else column.dtype)
    shape = (segment.rows, *column.shape)
    if part.shape != shape or not fits:
        raise Invalid(
            f"segment {segment.path} holds {part.part} of column {column.name!r} as "
            f"{part.dtype} {part.shape}, but {wanted} {shape} is wanted"
        )
    return wanted


@cache
def _types(stored: str, wanted: str) -> tuple[numpy.dtype[Any], bool]:
    """The type that is wanted, and whether it holds each value of the one that is stored."""
    return numpy.dtype(wanted), numpy.can_cast(numpy.dtype(stored), numpy.dtype(wanted), "safe")


def _is_partial(group: Group, layer: Layer) -> bool:
    return layer.is_patch and not layer.covers(group.first_row, group.stop_row)


def _within(group: Group, layer: Layer, rows: Rows) -> Rows:
    """Rows of a group as rows of a layer that covers all of them."""
    if not layer.is_patch:
        return rows
    if not group.is_gapless:
        return group.numbers(rows) - layer.segment.first_row
    offset = group.first_row - layer.segment.first_row
    if isinstance(rows, slice):
        return slice(rows.start + offset, rows.stop + offset)
    return rows + offset


def _joined(dictionaries: list[Words]) -> tuple[Words, list[NDArray[numpy.int64]]]:
    texts = [words.arrow() for words in dictionaries]
    every = pyarrow.chunked_array(texts, pyarrow.large_string()).unique()
    words = every.take(pyarrow.compute.sort_indices(every))
    if not len(words):
        return _NO_WORDS, [numpy.full(1, -1) for _ in dictionaries]
    offsets = numpy.frombuffer(words.buffers()[1], "<i8", len(words) + 1)
    data = words.buffers()[2]
    letters = numpy.frombuffer(data, "u1", int(offsets[-1])) if data else numpy.empty(0, "u1")
    # Code -1 takes the last, which says that there is no word.
    meaning = [
        numpy.append(pyarrow.compute.index_in(text, words).to_numpy(zero_copy_only=False), -1)
        for text in texts
    ]
    return Words(letters, offsets), [codes.astype("i8") for codes in meaning]


_NO_WORDS = Words(numpy.empty(0, "u1"), numpy.zeros(1, "i8"))


def _count(rows: Rows) -> int:
    return rows.stop - rows.start if isinstance(rows, slice) else len(rows)


def _absent(column: Column, count: int, out: NDArray[Any] | None) -> Cells:
    dtype = "i8" if column.kind == "timestamp" else column.dtype
    values = numpy.empty((count, *column.shape), dtype) if out is None else out
    if column.kind == "timestamp":
        values[...] = NAT
        return Cells(values)
    if column.kind == "float" and not column.nullable:
        values[...] = numpy.nan
        return Cells(values)
    values[...] = 0
    return Cells(values, numpy.zeros(count, bool))
