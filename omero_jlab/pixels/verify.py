"""Comparing what we wrote in a folder of pixels with its checksums, all of it."""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import xxhash
from numpy.typing import NDArray

from ..errors import OmeroError, Unreadable
from ..model.chunks import ChunkIndex, LevelLayout, Shape6
from ..storage import drop_cached
from .decode import Pipeline
from .files import read_exactly

__all__ = ["verified_pixels", "verified_without_index"]

Pace = Callable[[int], object]
# A chunk's number, offset and length.
_Places = NDArray[np.int64]


def verified_pixels(index: ChunkIndex, folder: Path, pace: Pace) -> Iterator[tuple[str, str]]:
    """Path, relative to `folder`, of each file below it, and how it is not what was written.

    Every chunk, the index of every shard and every `zarr.json` is read; `pace` is called with
    the number of bytes of each piece.  Chunks of the first release have no checksum: where they
    are compressed they must decode.  A whole file has no fault, a missing one "missing".
    """
    for number, entry in enumerate(index.header.files):
        if entry.root == "pixels":
            yield entry.path, _fault(folder / entry.path, entry.size, index, number, pace)
    listed = index.header.documents
    for document in listed:
        try:
            data = (folder / document.path).read_bytes()
        except OSError as error:
            yield document.path, _said(error)
            continue
        pace(len(data))
        whole = xxhash.xxh3_128_hexdigest(data) == document.digest
        yield document.path, "" if whole else "its checksum (XXH3-128) is wrong"
    for path in sorted({*folder.rglob("zarr.json")} - {folder / one.path for one in listed}):
        fault = ""
        try:
            json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            fault = f"it is no JSON: {error}"
        yield path.relative_to(folder).as_posix(), fault


def verified_without_index(folder: Path, pace: Pace) -> Iterator[tuple[str, str]]:
    """What `verified_pixels` tells, as far as the files themselves say it."""
    for document in sorted(folder.rglob("zarr.json")):
        name = document.relative_to(folder).as_posix()
        try:
            described = json.loads(document.read_bytes())
            inner = described["codecs"][0]["configuration"] if "codecs" in described else None
        except (OSError, ValueError, LookupError, TypeError) as error:
            yield name, f"it describes no array: {error}"
            continue
        yield name, ""
        if inner is not None:
            shard = described["chunk_grid"]["configuration"]["chunk_shape"]
            count = math.prod(n // k for n, k in zip(shard, inner["chunk_shape"], strict=True))
            checked = inner["codecs"][-1]["name"] == "crc32c"
            for path in sorted(document.parent.joinpath("c").rglob("*")):
                if path.is_file():
                    fault = _fault_alone(path, count, checked, pace)
                    yield path.relative_to(folder).as_posix(), fault


def _fault_alone(path: Path, count: int, checked: bool, pace: Pace) -> str:
    """What is wrong with a shard of so many chunks, by the index at its end."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        return _said(error)
    try:
        drop_cached(descriptor)
        size, length = os.fstat(descriptor).st_size, 16 * count + 4
        if size < length:
            return f"it has only {size:,} bytes"
        tail = read_exactly(descriptor, size - length, length, str(path))
        if not _is_whole(tail):
            return "its shard index is not what was written"
        for offset, nbytes in _stored(tail).tolist():
            data = read_exactly(descriptor, offset, nbytes, str(path))
            pace(nbytes)
            if checked and not _is_whole(data):
                return f"the chunk at byte {offset:,} is not what was written"
    except Unreadable as error:
        return f"it cannot be read: {error}"
    finally:
        os.close(descriptor)
    return ""


def _is_whole(data: bytes) -> bool:
    """Whether bytes end with their CRC-32C."""
    return bool(google_crc32c.value(data[:-4]) == struct.unpack("<I", data[-4:])[0])


def _stored(tail: bytes) -> NDArray[np.int64]:
    """Offset and length of the chunks that a shard's index names, by offset: shape (chunks, 2)."""
    table: Any = np.frombuffer(tail[:-4], "<u8").reshape(-1, 2)
    stored = table[table[:, 1] != np.uint64(0xFFFFFFFFFFFFFFFF)].astype(np.int64)
    ordered: NDArray[np.int64] = stored[np.argsort(stored[:, 0])]
    return ordered


def _said(error: OSError) -> str:
    return "missing" if isinstance(error, FileNotFoundError) else f"it cannot be read: {error}"


def _fault(path: Path, size: int, index: ChunkIndex, number: int, pace: Pace) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        return _said(error)
    try:
        found = os.fstat(descriptor).st_size
        if found != size:
            return f"it has {found:,} bytes, and must have {size:,}"
        drop_cached(descriptor)
        end = 0
        for level, layout in enumerate(index.header.levels):
            places = _places(index, level, number)
            if len(places):
                fault = _wrong_chunk(descriptor, path, layout, places, pace)
                if fault:
                    return fault
                end = max(end, int((places[:, 1] + places[:, 2]).max()))
                fault = _wrong_table(descriptor, path, places, end, size)
                if fault:
                    return fault
        drop_cached(descriptor)
    except Unreadable as error:
        return f"it cannot be read: {error}"
    finally:
        os.close(descriptor)
    return ""


def _places(index: ChunkIndex, level: int, file: int) -> _Places:
    """The stored chunks of one level in one file, by offset: shape (chunks, 3)."""
    stored = (index.file[level] == file) & (index.length[level] > 0)
    numbers = np.flatnonzero(stored)
    offsets = index.offset[level].reshape(-1)[numbers]
    lengths = index.length[level].reshape(-1)[numbers]
    places: _Places = np.stack([numbers, offsets, lengths], axis=1)
    return places[np.argsort(offsets)]


def _wrong_chunk(
    descriptor: int, path: Path, layout: LevelLayout, places: _Places, pace: Pace
) -> str:
    pipeline = Pipeline(layout)
    for _, offset, length in places.tolist():
        data = read_exactly(descriptor, offset, length, str(path))
        pace(length)
        if pipeline.checked:
            whole = _is_whole(data)
        else:
            whole = pipeline.plain or _decodes(pipeline, data, layout.chunk)
        if not whole:
            return f"the chunk at byte {offset:,} is not what was written"
    return ""


def _decodes(pipeline: Pipeline, data: bytes, shape: Shape6) -> bool:
    try:
        pipeline.decode(data, shape)
    except OmeroError:
        return False
    return True


def _wrong_table(descriptor: int, path: Path, places: _Places, end: int, size: int) -> str:
    """What is wrong with the index at the end of a shard, as other readers use it."""
    tail = read_exactly(descriptor, end, size - end, str(path))
    if len(tail) % 16 != 4 or not _is_whole(tail):
        return "its shard index is not what was written"
    if not np.array_equal(_stored(tail), places[:, 1:]):
        return "its shard index names other chunks than the chunk index"
    return ""
