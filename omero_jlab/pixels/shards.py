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
import imagecodecs
import numpy as np
from numpy.typing import NDArray

from ..model.chunks import Codec, FileEntry, LevelLayout
from ..storage import fsync_file, writing

__all__ = ["CHUNK", "ShardedLevel", "Written", "fastest_codec"]

CHUNK = 512
# Shards begin to travel to the disk when they are complete, so none should be a whole image.
_SHARD = 1 << 30
_MISSING = np.uint64(0xFFFFFFFFFFFFFFFF)
_ENOUGH = 0.8
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


def fastest_codec(samples: list[NDArray[Any]]) -> Codec | None:
    """The fastest codec that stores chunks like `samples` in ≤ 0.8 of their bytes, or none."""
    total = sum(sample.nbytes for sample in samples)
    for codec in _codecs(samples[0].dtype.itemsize) if samples else ():
        stored = sum(len(_encode(sample, codec)) for sample in samples)
        if stored <= _ENOUGH * total:
            return codec
    return None


def _codecs(typesize: int) -> list[Codec]:
    # Fastest first: on fluorescence images 1500 to 2800 and 600 to 900 MB/s a core.
    return [
        Codec(
            name="blosc",
            configuration={
                "typesize": typesize,
                "cname": compressor,
                "clevel": 1,
                "shuffle": "bitshuffle",
                "blocksize": 0,
            },
        )
        for compressor in ("lz4", "zstd")
    ]


def _encode(chunk: NDArray[Any], codec: Codec | None) -> bytes | memoryview:
    # As integers, for buffers know no half floats.  The encoder takes the size of a pixel from
    # the array, whatever it is told, and without it the shuffling would do nothing.
    pixels: Any = chunk.reshape(-1).view(f"u{chunk.dtype.itemsize}")
    if codec is None:
        return memoryview(pixels.view(np.uint8).data)
    return bytes(
        imagecodecs.blosc_encode(
            pixels, 1, compressor=str(codec.configuration["cname"]), shuffle=2, numthreads=1
        )
    )


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
        self._dtype = dtype.newbyteorder("<")
        self._codec = codec
        self._codecs = (_LITTLE, *(() if codec is None else (codec,)), _CHECKSUM)
        self._chunk: Shape5 = (1, group, 1, min(CHUNK, shape[3]), min(CHUNK, shape[4]))
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

    @property
    def chunk(self) -> Shape5:
        """Shape TCZYX of a chunk."""
        return self._chunk

    def put(self, t: int, c: int, z: int, y: int, x: int, planes: NDArray[Any]) -> None:
        """Store the chunk whose first pixel is at `t`, `c`, `z`, `y`, `x`.

        `planes` has shape (group, height, width), smaller than a chunk at the edges only.
        """
        _, group, _, height, width = self._chunk
        at = (t, c // group, z, y // height, x // width)
        shard_at, inside = self._place(at)
        view = planes.view(np.uint8) if planes.dtype == np.bool_ else planes
        if view.dtype.kind == "f":
            # Minus zero is not the fill value.
            empty = not view.view(f"u{view.dtype.itemsize}").any()
        else:
            empty = not view.any()
        shard = None
        if not empty:
            if planes.shape != (group, height, width):
                whole = np.zeros((group, height, width), self._dtype)
                whole[:, : planes.shape[1], : planes.shape[2]] = planes
                planes = whole
            data = _encode(np.ascontiguousarray(planes, self._dtype), self._codec)
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
        layout = LevelLayout(
            shape=(*self._shape, 1),
            chunk=(*self._chunk, 1),
            dtype=self._dtype.name,
            codecs=self._codecs,
        )
        files = tuple(self._files[number] for number in range(len(self._files)))
        return Written(layout, files, self._file, self._offset, self._length)

    def abandon(self) -> None:
        """Close what is open."""
        for shard in self._shards.values():
            os.close(shard.descriptor)
        self._shards.clear()

    def _chunks_in_shard(self) -> Shape5:
        t, c, z, y, x = self._grid
        planes = max(1, _SHARD // (math.prod(self._chunk) * y * x * self._dtype.itemsize))
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

    def _metadata(self) -> dict[str, Any]:
        sharding = {
            "chunk_shape": self._chunk,
            "codecs": [codec.model_dump() for codec in self._codecs],
            "index_codecs": [_LITTLE.model_dump(), {"name": "crc32c"}],
            "index_location": "end",
        }
        shard = [n * k for n, k in zip(self._in_shard, self._chunk, strict=True)]
        kind = self._dtype.kind
        return {
            "zarr_format": 3,
            "node_type": "array",
            "shape": self._shape,
            "data_type": self._dtype.name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": shard}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": False if kind == "b" else 0.0 if kind == "f" else 0,
            "codecs": [{"name": "sharding_indexed", "configuration": sharding}],
            "attributes": {},
            "dimension_names": ["t", "c", "z", "y", "x"],
        }


def _checksum(data: bytes | memoryview) -> bytes:
    view: Any = np.frombuffer(data, np.uint8)
    view.flags.writeable = False
    return struct.pack("<I", google_crc32c.value(view))


def _write(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    rest = memoryview(data)
    while rest:
        done = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[done:], offset + done
