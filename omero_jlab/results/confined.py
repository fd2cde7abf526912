"""Reading foreign files in a process that sees nothing else, and bringing home what was read."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
from numpy.typing import NDArray

from ..errors import Unreadable

__all__ = [
    "SEVERAL", "Confined", "call_here", "frame_from_bytes", "frame_to_bytes", "pack", "several",
    "several_from_bytes", "unpack",
]  # fmt: skip


SEVERAL = f"{__name__}:several"
_SEVERAL_BYTES = 256 << 20


class Confined(Protocol):
    """Calls `function`, named as "module:function", for a file that it may read, and no other."""

    def __call__(self, function: str, path: Path, *arguments: object) -> bytes:
        """What the function returns for the path as text and for `arguments`, which JSON has."""


def call_here(function: str, path: Path, *arguments: object) -> bytes:
    """The same call in this process: for files that are trusted."""
    module, _, name = function.partition(":")
    answer = getattr(importlib.import_module(module), name)(str(path), *arguments)
    assert isinstance(answer, bytes)
    return answer


def pack(facts: Mapping[str, Any], **arrays: NDArray[Any]) -> bytes:
    """`facts`, which JSON has, and numeric arrays as bytes; `unpack` answers both."""
    listed = [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()]
    header = json.dumps([dict(facts), listed]).encode()
    parts = [len(header).to_bytes(8, "little"), header]
    parts += [np.ascontiguousarray(array).tobytes() for array in arrays.values()]
    return b"".join(parts)


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What `pack` packed; the arrays are views of `data`."""
    try:
        at = 8 + int.from_bytes(data[:8], "little")
        facts, listed = json.loads(data[8:at])
        arrays = {}
        for name, code, shape in listed:
            dtype = np.dtype(str(code))
            if dtype.kind not in "biuf":
                raise ValueError(f"{dtype} is no kind of number")
            count = int(np.prod(shape, dtype=np.int64))
            arrays[str(name)] = np.frombuffer(data, dtype, count, at).reshape(shape)
            at += count * dtype.itemsize
    except (ValueError, TypeError) as error:
        raise Unreadable(f"The process that read the file answered nonsense: {error}") from error
    return facts, arrays


def several(function: str, paths: Sequence[str]) -> bytes:
    """What a confined process answers for `function`, called with the first `paths` in turn.

    It ends early where the answers become large; `several_from_bytes` takes them apart.
    """
    module, _, name = function.partition(":")
    call = getattr(importlib.import_module(module), name)
    parts: list[bytes] = []
    size = 0
    for path in paths:
        answer = call(path)
        size += len(answer)
        if size > _SEVERAL_BYTES and parts:
            break
        parts += [len(answer).to_bytes(8, "little"), answer]
    return b"".join(parts)


def several_from_bytes(data: bytes) -> list[bytes]:
    """The answers that `several` joined."""
    answers = []
    at = 0
    while at < len(data):
        end = at + 8 + int.from_bytes(data[at : at + 8], "little")
        answers.append(data[at + 8 : end])
        at = end
    if at != len(data):
        raise Unreadable("The process that read the files answered nonsense: it ends too early.")
    return answers


def frame_to_bytes(frame: pd.DataFrame) -> bytes:
    """A table as an Arrow stream."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def frame_from_bytes(data: bytes) -> pd.DataFrame:
    """The table that `frame_to_bytes` wrote."""
    try:
        with pa.ipc.open_stream(data) as reader:
            frame: pd.DataFrame = reader.read_all().to_pandas()
    except pa.ArrowInvalid as error:
        raise Unreadable(f"The process that read the file answered nonsense: {error}") from error
    return frame
