"""Write a segment so that it is there as a whole or not at all, and check one."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy
import pandas
import xxhash
from numpy.typing import NDArray

from ...errors import Full, Invalid, Unreadable
from ...model import Column, ColumnPart, Segment
from ..columns import ROW_ID, row_bytes
from .encode import Encoded, encoded_columns
from .reader import SegmentFile, SegmentFolder, bytes_of
from .skeleton import Room, make_skeleton, node_name
from .verified import BLOCK

__all__ = ["SegmentKind", "in_segments", "segment_rows", "verify", "write_parts", "write_segment"]

_WRITE = 16 * BLOCK
_LONGEST_BOUND = 256
_LARGEST = 512 * BLOCK
# An array of 8 bytes a row is held while it is written.
_MOST_ROWS = 4 << 20
_NUMBERS = Column(name=ROW_ID, kind="integer", dtype="int64")

SegmentKind = Literal["rows", "patch", "deletion"]


def segment_rows(columns: Sequence[Column], nbytes: int | None = None) -> int:
    """How many rows of `columns` a segment of at most about `nbytes` holds; 512 MB by default."""
    rows = (_LARGEST if nbytes is None else nbytes) // row_bytes(columns)
    return min(max(rows, 1), _MOST_ROWS)


def in_segments(frame: pandas.DataFrame, columns: tuple[Column, ...]) -> Iterator[pandas.DataFrame]:
    """`frame` cut into as many frames as it needs segments of at most about 512 MB."""
    step = segment_rows(columns)
    for start in range(0, max(len(frame), 1), step):
        yield frame.iloc[start : start + step]


def write_segment(
    folder: Path,
    name: str,
    frame: pandas.DataFrame,
    columns: tuple[Column, ...],
    first_row: int,
    since: int = 1,
) -> Segment:
    """The rows of `frame`, numbered from `first_row` on, stored in the new file `name`.

    See `write_parts`.

    Raises
    ------
    Invalid
        `frame` does not fit `columns`; see `columns_of`.
    """
    numbers = numpy.arange(first_row, first_row + len(frame))
    encoded = encoded_columns(frame, columns)
    for column, part, array in (each for parts in encoded for each in parts):
        if part == "valid" and not column.nullable:
            row = int(numpy.argmin(array))
            raise Invalid(
                f"column {column.name!r} has no value in row {row}, but needs one in every row"
            )
    return write_parts(folder, name, encoded, columns, numbers, first_row, "rows", since)


def write_parts(
    folder: Path,
    name: str,
    encoded: Sequence[Sequence[Encoded]],
    columns: Sequence[Column],
    numbers: NDArray[numpy.int64],
    first_row: int,
    kind: SegmentKind,
    since: int,
) -> Segment:
    """Columns stored durably in the new file `name` of `folder`.

    On return the file and its name have reached the disk.  On any failure nothing is left.

    Parameters
    ----------
    encoded : the arrays of each column, of some of `columns`
    numbers : shape (rows,), ascending; the numbers of the rows
    first_row : the first of them, or where the first would be

    Raises
    ------
    Full
        No room is left on the disk.
    OSError
        The disk failed; no retry is safe.
    """
    if not name or Path(name).name != name or name.startswith("."):
        raise Invalid(f"a segment cannot be called {name!r}")
    positions = {column.stored_as: position for position, column in enumerate(columns)}
    parts = [part for parts in encoded for part in parts]
    if kind == "deletion" or (len(numbers) and int(numbers[-1]) - first_row + 1 != len(numbers)):
        parts.insert(0, Encoded(_NUMBERS, "values", numpy.ascontiguousarray(numbers, "<i8")))
    path = folder / f".{name}.{secrets.token_hex(4)}"
    try:
        size, stored, frame_checksum = _write(path, parts, positions)
        if (folder / name).exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
        path = path.rename(folder / name)
        _sync_folder(folder)
    except OSError as error:
        path.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Full(
                f"no room for {sum(part.array.nbytes for part in parts):,} bytes of table rows "
                f"in {folder}: {error.strerror}"
            ) from error
        raise
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Segment(
        path=name,
        kind=kind,
        since=since,
        first_row=first_row,
        rows=len(numbers),
        size=size,
        parts=stored,
        frame_checksum=frame_checksum,
    )


def _write(
    path: Path, parts: list[Encoded], positions: dict[str, int]
) -> tuple[int, tuple[ColumnPart, ...], str]:
    rooms = []
    for column, part, array in parts:
        key = column.stored_as
        name = key if key == ROW_ID else node_name(key, positions[key])
        rooms.append(Room(part, name, key, array.dtype, array.shape))
    offsets = make_skeleton(path, rooms)
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        with _hashing(parts) as described:
            for (_, _, array), offset in zip(parts, offsets, strict=True):
                _write_array(file, array, offset)
        os.fsync(file)
        size = os.fstat(file).st_size
    finally:
        os.close(file)
    stored = tuple(
        part.model_copy(update={"offset": offset})
        for part, offset in zip(described(), offsets, strict=True)
    )
    return size, stored, _frame_checksum(path, size, stored)


@contextmanager
def _hashing(parts: list[Encoded]) -> Iterator[Callable[[], list[ColumnPart]]]:
    """Describe and hash `parts` meanwhile, by a second thread where that pays; then answer them."""
    count = range(len(parts))
    if sum(part.array.nbytes for part in parts) < BLOCK:
        yield lambda: [_described(parts, index) for index in count]
        return
    with ThreadPoolExecutor(1, "table-hash") as second:
        jobs = [second.submit(_described, parts, index) for index in count]
        yield lambda: [job.result() for job in jobs]


def _frame_checksum(path: Path, size: int, parts: tuple[ColumnPart, ...]) -> str:
    """The checksum of the bytes between the parts."""
    state = xxhash.xxh3_128()
    start = 0
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for part in sorted(parts, key=lambda part: part.offset):
            state.update(os.pread(file, max(part.offset - start, 0), start))
            start = max(start, part.offset + part.nbytes)
        state.update(os.pread(file, size - start, start))
    finally:
        os.close(file)
    return state.hexdigest()


def _write_array(file: int, array: NDArray[Any], offset: int) -> None:
    view = bytes_of(array)
    done = 0
    while done < len(view):
        done += os.pwrite(file, view[done : done + _WRITE], offset + done)


def _described(parts: list[Encoded], index: int) -> ColumnPart:
    column, part, array = parts[index]
    view = bytes_of(array)
    low, high = _bounds(parts, index)
    return ColumnPart(
        column=column.stored_as,
        part=part,
        dtype=array.dtype.str,
        shape=array.shape,
        offset=0,
        nbytes=len(view),
        minimum=low,
        maximum=high,
        checksums=tuple(
            xxhash.xxh3_128_hexdigest(view[start : start + BLOCK])
            for start in range(0, len(view), BLOCK)
        ),
    )


def _bounds(parts: list[Encoded], index: int) -> tuple[Any, Any]:
    """Smallest and largest valid value; None where there is none or it could not travel."""
    column, part, array = parts[index]
    if part == "codes":
        letters, offsets = parts[index + 1].array, parts[index + 2].array
        if len(offsets) < 2:
            return None, None
        ends = (0, 1), (-2, -1)
        words = [bytes(letters[offsets[a] : offsets[b]]).decode() for a, b in ends]
        low, high = (word if len(word) <= _LONGEST_BOUND else None for word in words)
        return low, high
    if part != "values" or column.kind == "array" or len(array) == 0:
        return None, None
    if index + 1 < len(parts) and parts[index + 1].part == "valid":
        array = array[parts[index + 1].array]
    elif column.kind == "timestamp":
        array = array[array != numpy.iinfo("i8").min]
    if len(array) == 0:
        return None, None
    low, high = array.min(), array.max()
    if array.dtype.kind != "f":
        return int(low), int(high)
    if numpy.isnan(low):
        low, high = numpy.fmin.reduce(array), numpy.fmax.reduce(array)
    # Infinity and NaN would come back from JSON as text.
    return tuple(float(v) if numpy.isfinite(v) else None for v in (low, high))  # type: ignore[return-value]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def verify(
    folder: Path, segment: Segment, pace: Callable[[int], object] = lambda size: None
) -> list[str]:
    """The columns of `segment` whose stored bytes are not those that were written.

    All of them, where the file is missing, of another size or damaged between its columns.
    `pace` is called with the number of bytes of each piece that was read.
    """
    every = list(dict.fromkeys(part.column for part in segment.parts))
    try:
        with SegmentFile(SegmentFolder(folder), segment) as file:
            damaged = {part.column for part in segment.parts if not _is_whole(file, part, pace)}
        found = _frame_checksum(folder / segment.path, segment.size, segment.parts)
    except (Unreadable, OSError):
        return every
    if segment.frame_checksum not in ("", found):
        return every or [""]
    return [name for name in every if name in damaged]


def _is_whole(file: SegmentFile, part: ColumnPart, pace: Callable[[int], object]) -> bool:
    buffer = numpy.empty(BLOCK, "u1")
    for number, expected in enumerate(part.checksums):
        start = number * BLOCK
        piece = buffer[: min(BLOCK, part.nbytes - start)]
        try:
            file.fill(piece, part.offset + start)
        except (Unreadable, OSError):
            return False
        pace(len(piece))
        if xxhash.xxh3_128_hexdigest(piece.data) != expected:
            return False
    return True
