"""Rows on the wire: frames and batches to an Arrow IPC stream and back."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]

from ..errors import Invalid, OmeroError, Unavailable
from .wire import PIECE, pieces

__all__ = [
    "batch_pieces",
    "batches_from",
    "frame_from",
    "frame_in",
    "frame_of_batches",
    "frame_pieces",
]

_ROWS = 1 << 16
# A compressed batch that keeps more than this of its size costs more time than it saves.
_WORTH = 0.8


def frame_pieces(frame: Any) -> Iterator[bytes]:
    """A frame as an Arrow IPC stream, in pieces of at most 1 MB.

    Raises
    ------
    Invalid
        A column holds what Arrow has no type for, such as numbers and words together.
    """
    try:
        table = pa.Table.from_pandas(pd.DataFrame(frame))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise Invalid(f"The rows cannot be sent: {'; '.join(map(str, error.args))}") from error
    return _stream(table)


def _stream(table: pa.Table) -> Iterator[bytes]:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=_ROWS):
            writer.write_batch(batch)
            if sink.tell() >= PIECE:
                yield from pieces(sink.getvalue())
                sink.seek(0)
                sink.truncate()
    yield from pieces(sink.getvalue())


def frame_from(source: Any) -> Any:
    """The `pandas.DataFrame` in an Arrow IPC stream (bytes or a binary file).

    Raises
    ------
    Invalid
        It is none, or it ends early.
    """
    try:
        with pa.ipc.open_stream(source) as reader:
            table = reader.read_all()
        # Offsets are only numbers in the stream: unchecked, they lead anywhere in memory.
        table.validate(full=True)
        return table.to_pandas()
    except (pa.ArrowException, OSError) as error:
        raise Invalid(f"These are no rows in Arrow's stream format: {error}") from error
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise Invalid(f"The rows are described as pandas cannot read them: {error}") from error


def frame_in(path: Path, offset: int) -> Any:
    """The frame in the file at `path`, behind `offset` bytes."""
    with path.open("rb") as file:
        file.seek(offset)
        return frame_from(pa.PythonFile(file, "r"))


def batch_pieces(
    batches: Iterable[pa.RecordBatch], compression: str | None = None
) -> Iterator[bytes]:
    """`pyarrow.RecordBatch`es as an Arrow IPC stream, in pieces of at most 1 MB.

    They are compressed as `compression` says (`lz4`, `zstd`) if that makes the first one smaller.
    """
    sink = _Sink()
    writer = None
    for batch in batches:
        if writer is None:
            options = pa.ipc.IpcWriteOptions(compression=_worthwhile(batch, compression))
            writer = pa.ipc.new_stream(sink, batch.schema, options=options)
        writer.write_batch(batch)
        yield from sink.taken()
    if writer is not None:
        writer.close()
        yield from sink.taken()


class _Sink(io.RawIOBase):
    """What Arrow writes, copied once: when it is taken."""

    def __init__(self) -> None:
        self._parts: list[memoryview] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data)
        self._parts.append(view)
        return len(view)

    def taken(self) -> Iterator[bytes]:
        """What was written since this was last called, in pieces of at most 1 MB."""
        parts, self._parts = self._parts, []
        piece: list[memoryview] = []
        size = 0
        for part in parts:
            while len(part):
                some = part[: PIECE - size]
                part = part[len(some) :]
                piece.append(some)
                size += len(some)
                if size == PIECE:
                    yield b"".join(piece)
                    piece, size = [], 0
        if piece:
            yield b"".join(piece)


def _worthwhile(batch: pa.RecordBatch, compression: str | None) -> str | None:
    if compression is None:
        return None
    some = batch.slice(0, max(len(batch) // 16, 1))
    plain, small = (
        len(_written(some, pa.ipc.IpcWriteOptions(compression=each)))
        for each in (None, compression)
    )
    return compression if small < _WORTH * plain else None


def _written(batch: pa.RecordBatch, options: Any) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


class _Incoming(io.RawIOBase):
    """Pieces as they arrive, as a file."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = memoryview(next(self._source, b""))
        some = self._rest[: len(buffer)]
        buffer[: len(some)] = some
        self._rest = self._rest[len(some) :]
        return len(some)


def batches_from(source: Iterator[bytes]) -> Iterator[pa.RecordBatch]:
    """The batches in the pieces of an Arrow IPC stream, as they arrive.

    Raises
    ------
    Unavailable
        The stream ends early, or is none.
    """
    try:
        with pa.ipc.open_stream(io.BufferedReader(_Incoming(source), PIECE)) as reader:
            for batch in reader:
                # Offsets are only numbers in the stream: unchecked, they lead anywhere in memory.
                batch.validate(full=True)
                yield batch
    except OmeroError:
        # Some of ours are OSErrors, too: what the server said is passed on.
        raise
    except (pa.ArrowException, OSError) as error:
        raise Unavailable(f"The server's rows ended early: {error}") from error


def frame_of_batches(source: Iterator[bytes]) -> Any:
    """The `pandas.DataFrame` in the pieces of the Arrow IPC stream that a table sent.

    Raises
    ------
    Unavailable
        It is none, or it ends early.
    """
    from ..tables import frame_from_arrow

    return frame_from_arrow(batches_from(source), are_all=True)
