"""One level while it is written: a sharded Zarr v3 array whose chunk places we know."""

from __future__ import annotations

import json
import math
import os
import struct
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from ..model.chunks import Codec, FileEntry, LevelLayout, Shape6
from ..storage import fsync_file, writing
from .encode import CHUNK, JPEG_CHUNK, Encoding

__all__ = ["ShardedLevel", "Written"]

# Shards begin to travel to the disk when they are complete, so none should be a whole image.
_SHARD = 1 << 30
_MISSING = np.uint64(0xFFFFFFFFFFFFFFFF)
Shape5 = tuple[int, int, int, int, int]
_LITTLE = Codec(name="bytes", configuration={"endian": "little"})
_CHECKSUM = Codec(name="crc32c")


@dataclass(frozen=True)
class Written:
    """A finished level; `file` counts into `files`, whose paths are relative to the array."""

    layout: LevelLayout
    files: tuple[FileEntry, ...]
    file: NDArray[np.int32]
    offset: NDArray[np.int64]
    length: NDArray[np.int64]


@dataclass
class _Shard:
    number: int
    path: Path
    descriptor: int
    table: NDArray[np.uint64]
    end: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)


class ShardedLevel:
    """A level of shape `shape` (TCZYX) that takes its chunks in any order, from many threads.

    A shard holds whole planes, as many as fit into 1 GiB, and ends with the index of its chunks;
    it is forced to the disk when its last chunk has come.
    """

    def __init__(
        self, folder: Path, shape: Shape5, dtype: np.dtype[Any], group: int, codec: Codec | None
    ) -> None:
        """Make `folder` with the array's metadata; `group` channels share a chunk."""
        self._folder = folder
        self._shape = shape
        stored = dtype.newbyteorder("<")
        side = JPEG_CHUNK if codec is not None and codec.name == "jpeg" else CHUNK
        self._chunk: Shape5 = (1, group, 1, min(side, shape[3]), min(side, shape[4]))
        self.encoding = Encoding(self._chunk, stored, codec)
        grid = [-(-n // k) for n, k in zip(shape, self._chunk, strict=True)]
        self._grid: Shape5 = (grid[0], grid[1], grid[2], grid[3], grid[4])
        self._in_shard = self._chunks_in_shard()
        self._shards: dict[Shape5, _Shard] = {}
        self._left: dict[Shape5, int] = {}
        self._files: dict[int, FileEntry] = {}
        self._begun = 0
        self._guard = threading.Lock()
        grid6 = (*self._grid, 1)
        self._file = np.zeros(grid6, np.int32)
        self._offset = np.zeros(grid6, np.int64)
        self._length = np.zeros(grid6, np.int64)
        with writing(folder):
            folder.mkdir()
            (folder / "zarr.json").write_text(json.dumps(self._metadata(), indent=1))

    def put(self, t: int, c: int, z: int, y: int, x: int, planes: NDArray[Any]) -> None:
        """Store the chunk whose first pixel is at `t`, `c`, `z`, `y`, `x`; for `planes` see
        `Encoding.encode`.
        """
        self.store(t, c, z, y, x, self.encoding.encode(planes))

    def store(
        self, t: int, c: int, z: int, y: int, x: int, data: bytes | memoryview | None
    ) -> None:
        """Store a chunk that is encoded already; None where it is empty."""
        _, group, _, height, width = self._chunk
        at = (t, c // group, z, y // height, x // width)
        shard_at, inside = self._place(at)
        if data is not None:
            checksum = _checksum(data)
            length = len(data) + len(checksum)
            shard = self._shard(shard_at)
            with shard.guard:
                offset = shard.end
                shard.end += length
            with writing(shard.path, length):
                _write(shard.descriptor, data, offset)
                _write(shard.descriptor, checksum, offset + len(data))
            shard.table[inside] = offset, length
            self._file[at] = shard.number
            self._offset[at], self._length[at] = offset, length
        with self._guard:
            left = self._left.setdefault(shard_at, self._expected(shard_at)) - 1
            self._left[shard_at] = left
            done = self._shards.pop(shard_at, None) if left == 0 else None
        if done is not None:
            self._finish(done)

    def finish(self) -> Written:
        """What was written; every chunk must have been put."""
        if self._shards:
            raise RuntimeError(f"{self._folder}: chunks are missing")
        layout = self._layout()
        files = tuple(self._files[number] for number in range(len(self._files)))
        return Written(layout, files, self._file, self._offset, self._length)

    def abandon(self) -> None:
        """Close what is open."""
        for shard in self._shards.values():
            os.close(shard.descriptor)
        self._shards.clear()

    def _chunks_in_shard(self) -> Shape5:
        t, c, z, y, x = self._grid
        planes = max(1, _SHARD // (math.prod(self._chunk) * y * x * self.encoding.dtype.itemsize))
        in_z = min(z, planes)
        in_c = min(c, planes // in_z)
        return (min(t, planes // (in_z * in_c)), in_c, in_z, y, x)

    def _place(self, at: Shape5) -> tuple[Shape5, Shape5]:
        t, c, z, y, x = (i // n for i, n in zip(at, self._in_shard, strict=True))
        a, b, d, e, f = (i % n for i, n in zip(at, self._in_shard, strict=True))
        return (t, c, z, y, x), (a, b, d, e, f)

    def _expected(self, shard_at: Shape5) -> int:
        return math.prod(
            min(n, size - i * n)
            for i, n, size in zip(shard_at, self._in_shard, self._grid, strict=True)
        )

    def _shard(self, shard_at: Shape5) -> _Shard:
        with self._guard:
            shard = self._shards.get(shard_at)
            if shard is None:
                path = self._folder.joinpath("c", *map(str, shard_at))
                with writing(path):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                    descriptor = os.open(path, flags, 0o600)
                table = np.full((*self._in_shard, 2), _MISSING, np.uint64)
                shard = _Shard(self._begun, path, descriptor, table)
                self._shards[shard_at] = shard
                self._begun += 1
            return shard

    def _finish(self, shard: _Shard) -> None:
        index = shard.table.astype("<u8").tobytes()
        index += _checksum(index)
        try:
            with writing(shard.path, len(index)):
                _write(shard.descriptor, index, shard.end)
                fsync_file(shard.descriptor)
                found = os.fstat(shard.descriptor)
        finally:
            os.close(shard.descriptor)
        path = shard.path.relative_to(self._folder).as_posix()
        entry = FileEntry(root="pixels", path=path, size=found.st_size, mtime_ns=found.st_mtime_ns)
        with self._guard:
            self._files[shard.number] = entry

    def _layout(self) -> LevelLayout:
        t, c, z, y, x = self._shape
        codec = self.encoding.codec
        codecs = (_LITTLE, *(() if codec is None else (codec,)), _CHECKSUM)
        shape: Shape6 = (t, c, z, y, x, 1)
        chunk: Shape6 = (*self._chunk, 1)
        if self.encoding.is_jpeg:
            # The channels of a chunk are the samples of its picture.
            _, group, _, height, width = self._chunk
            codecs = codecs[1:]
            shape, chunk = (t, c // group, z, y, x, group), (1, 1, 1, height, width, group)
        return LevelLayout(shape=shape, chunk=chunk, dtype=self.encoding.dtype.name, codecs=codecs)

    def _metadata(self) -> dict[str, Any]:
        sharding = {
            "chunk_shape": self._chunk,
            "codecs": [codec.model_dump() for codec in self._zarr_codecs()],
            "index_codecs": [_LITTLE.model_dump(), {"name": "crc32c"}],
            "index_location": "end",
        }
        shard = [n * k for n, k in zip(self._in_shard, self._chunk, strict=True)]
        kind = self.encoding.dtype.kind
        fills = {"b": False, "f": 0.0, "c": [0.0, 0.0]}
        return {
            "zarr_format": 3,
            "node_type": "array",
            "shape": self._shape,
            "data_type": self.encoding.dtype.name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": shard}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": fills.get(kind, 0),
            "codecs": [{"name": "sharding_indexed", "configuration": sharding}],
            "attributes": {},
            "dimension_names": ["t", "c", "z", "y", "x"],
        }

    def _zarr_codecs(self) -> tuple[Codec, ...]:
        codec = self.encoding.codec
        if codec is None or not self.encoding.is_jpeg:
            return (_LITTLE, *(() if codec is None else (codec,)), _CHECKSUM)
        told = codec.configuration
        jpeg = {"level": told["quality"], "subsampling": told["subsampling"]}
        return (
            Codec(name="transpose", configuration={"order": [0, 2, 3, 4, 1]}),
            Codec(name="imagecodecs_jpeg", configuration=jpeg),
            _CHECKSUM,
        )


def _checksum(data: bytes | memoryview) -> bytes:
    view: Any = np.frombuffer(data, np.uint8)
    view.flags.writeable = False
    return struct.pack("<I", google_crc32c.value(view))


def _write(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    rest = memoryview(data)
    while rest:
        done = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[done:], offset + done
