"""Rows on the wire: `pandas.DataFrame` to an Arrow IPC stream and back, index included."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]

from ..errors import Invalid
from .wire import PIECE, pieces

__all__ = ["frame_from", "frame_in", "frame_pieces"]

_ROWS = 1 << 16


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
