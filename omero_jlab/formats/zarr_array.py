"""Zarr arrays, versions 2 and 3: their layout as a level, and where every chunk lies."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from ..errors import TooLarge, Unreadable
from ..model.chunks import Codec, LevelLayout, Shape6
from .damage import check_chunks, reading
from .index import FileTable, LevelChunks
from .reader import Fileset
from .zarr_codecs import Pipeline, pipeline_v2, pipeline_v3

__all__ = ["ZarrArray", "read_json"]

_MAX_JSON = 16 << 20
_AXES = "tczyxs"
_NOT_STORED = (1 << 64) - 1


def read_json(path: Path, name: str) -> dict[str, Any]:
    """The JSON object in the file `path`, called `name` in errors."""
    with reading(name):
        with path.open("rb") as file:
            data = file.read(_MAX_JSON + 1)
        if len(data) > _MAX_JSON:
            raise TooLarge(f"{name} has more than {_MAX_JSON >> 20} MiB of JSON.")
        said = json.loads(data)
    if not isinstance(said, dict):
        raise Unreadable(f"{name} is damaged: it is no JSON object.")
    return said


@dataclass(frozen=True)
class ZarrArray:
    """An array of a store: its shape along its own axes, and how chunks are found and encoded.

    `shard` is the shape of a stored file where that holds many chunks, else None.
    """

    path: str
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    shard: tuple[int, ...] | None
    dtype: np.dtype[Any]
    fill: float
    pipeline: Pipeline
    separator: str
    prefix: str

    @classmethod
    def open(cls, fileset: Fileset, path: str) -> ZarrArray:
        """The array at `path` of the store; `Unreadable` if there is none or it is damaged."""
        for metadata, make in ((".zarray", _from_v2), ("zarr.json", _from_v3)):
            name = f"{path}/{metadata}"
            if name in fileset.plan.files:
                said = read_json(fileset.path(name), name)
                with reading(name):
                    return make(path, said)
        raise Unreadable(f"{fileset.plan.name} has no array at {path!r}, which its metadata names.")

    def level(self, axes: str, fileset: Fileset, files: FileTable) -> LevelChunks:
        """The array as a level, its axes named by `axes`, letters of "tczyx" and "s"."""
        shape, chunk = _six(self.shape, axes), _six(self.chunk, axes)
        order = _order(axes, self.pipeline.order)
        codecs = self.pipeline.codecs
        if order != tuple(range(6)):
            codecs = (Codec(name="transpose", configuration={"order": list(order)}), *codecs)
        layout = LevelLayout(
            shape=shape, chunk=chunk, dtype=self.dtype.name, fill=self.fill, codecs=codecs
        )
        check_chunks(self.path, chunk, layout.grid, self.dtype.itemsize)
        chunks = LevelChunks.empty(layout)
        if self.shard is None:
            self._whole_files(axes, fileset, files, chunks)
        else:
            self._shards(axes, fileset, files, chunks)
        return chunks

    def _key(self, place: Sequence[int]) -> str:
        parts = [*([self.prefix] if self.prefix else []), *(str(i) for i in place)]
        return f"{self.path}/{self.separator.join(parts) or '0'}"

    def _whole_files(
        self, axes: str, fileset: Fileset, files: FileTable, chunks: LevelChunks
    ) -> None:
        grid = [-(-n // k) for n, k in zip(self.shape, self.chunk, strict=True)]
        present = frozenset(fileset.plan.files)
        for place in np.ndindex(*grid):
            key = self._key(place)
            if key not in present:
                continue
            at = _six(place, axes, 0)
            number = files.number(key)
            chunks.file[at] = number
            chunks.length[at] = max(0, files.size(number) - self.pipeline.trailer)

    def _shards(self, axes: str, fileset: Fileset, files: FileTable, chunks: LevelChunks) -> None:
        assert self.shard is not None
        inner = tuple(s // k for s, k in zip(self.shard, self.chunk, strict=True))
        grid = [-(-n // k) for n, k in zip(self.shape, self.shard, strict=True)]
        present = frozenset(fileset.plan.files)
        for place in np.ndindex(*grid):
            key = self._key(place)
            if key not in present:
                continue
            table = _shard_index(fileset.path(key), key, inner, self.pipeline)
            number = files.number(key)
            for sub in np.ndindex(*inner):
                offset, length = int(table[(*sub, 0)]), int(table[(*sub, 1)])
                at = _six([p * n + i for p, n, i in zip(place, inner, sub, strict=True)], axes, 0)
                beyond = any(i >= n for i, n in zip(at, chunks.layout.grid, strict=True))
                if beyond or offset == _NOT_STORED:
                    continue
                if max(offset, length) >= 1 << 62:
                    raise Unreadable(f"{key} is damaged: its index points outside the file.")
                chunks.file[at] = number
                chunks.offset[at] = offset
                chunks.length[at] = max(0, length - self.pipeline.trailer)


def _shard_index(
    path: Path, name: str, inner: tuple[int, ...], pipeline: Pipeline
) -> NDArray[np.uint64]:
    """Offset and length of each chunk in a shard, shape (*inner, 2)."""
    size = 16 * math.prod(inner)
    stored = size + (4 if pipeline.index_checksum else 0)
    with path.open("rb") as file:
        if not pipeline.index_first:
            file.seek(max(0, path.stat().st_size - stored))
        data = file.read(stored)
    if len(data) != stored:
        raise Unreadable(f"{name} is truncated: it is shorter than its index.")
    if pipeline.index_checksum:
        (checksum,) = struct.unpack_from("<I", data, size)
        if google_crc32c.value(data[:size]) != checksum:
            raise Unreadable(f"{name} is damaged: the checksum of its index is wrong.")
    return np.frombuffer(data[:size], "<u8").reshape(*inner, 2)


def _six(values: Sequence[int], axes: str, missing: int = 1) -> Shape6:
    given = dict(zip(axes, values, strict=True))
    t, c, z, y, x, s = (int(given.get(axis, missing)) for axis in _AXES)
    return (t, c, z, y, x, s)


def _order(axes: str, stored: tuple[int, ...] | None) -> tuple[int, ...]:
    """The order of the six axes in a stored chunk; absent axes have size 1 and go first."""
    ours = [_AXES.index(axis) for axis in axes]
    if stored is not None:
        ours = [ours[i] for i in stored]
    order = tuple([i for i in range(6) if i not in ours] + ours)
    present = [i for i in order if i in ours]
    return tuple(range(6)) if present == sorted(present) else order


def _fill(value: object) -> float:
    if value is None or isinstance(value, bool):
        return float(bool(value))
    if isinstance(value, (int, float, str)):
        try:
            return float(value)
        except ValueError:
            pass
    raise Unreadable(f"The fill value {value!r} is no number.")


def _sizes(values: object, name: str) -> tuple[int, ...]:
    sizes = tuple(values) if isinstance(values, list) else ()
    if not sizes or not all(isinstance(n, int) and 0 < n < 1 << 40 for n in sizes):
        raise Unreadable(f"{name} of a Zarr array is {values!r}, which is no size.")
    return sizes


def _number_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype.kind not in "uifcb":
        raise Unreadable(f"Its values are {dtype}, which are no pixels.")
    return np.dtype("uint8") if dtype.kind == "b" else dtype


def _from_v2(path: str, said: dict[str, Any]) -> ZarrArray:
    dtype = _number_type(np.dtype(said["dtype"]))
    shape = _sizes(said["shape"], "The shape")
    return ZarrArray(
        path=path,
        shape=shape,
        chunk=_sizes(said["chunks"], "The chunk shape"),
        shard=None,
        dtype=dtype.newbyteorder("="),
        fill=_fill(said.get("fill_value")),
        pipeline=pipeline_v2(said, dtype, len(shape)),
        separator=str(said.get("dimension_separator", ".")),
        prefix="",
    )


def _from_v3(path: str, said: dict[str, Any]) -> ZarrArray:
    dtype = _number_type(np.dtype(str(said["data_type"])))
    if said.get("node_type") != "array" or said["chunk_grid"]["name"] != "regular":
        raise Unreadable(f"{path} is no Zarr array with a regular grid.")
    shape = _sizes(said["shape"], "The shape")
    stored = _sizes(said["chunk_grid"]["configuration"]["chunk_shape"], "The chunk shape")
    pipeline = pipeline_v3(said["codecs"], dtype, len(shape))
    chunk = pipeline.inner or stored
    if len(chunk) != len(shape) or any(s % k for s, k in zip(stored, chunk, strict=True)):
        raise Unreadable(f"{path}: its shards of {stored} do not hold chunks of {chunk}.")
    encoding = said.get("chunk_key_encoding") or {}
    default = encoding.get("name", "default") == "default"
    separator = (encoding.get("configuration") or {}).get("separator", "/" if default else ".")
    return ZarrArray(
        path=path,
        shape=shape,
        chunk=chunk,
        shard=stored if pipeline.inner else None,
        dtype=dtype,
        fill=_fill(said.get("fill_value")),
        pipeline=pipeline,
        separator=str(separator),
        prefix="c" if default else "",
    )
