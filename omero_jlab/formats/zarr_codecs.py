"""Codecs of Zarr arrays as codecs of the index, or the reason why it has none for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import Unreadable
from ..model.chunks import Codec

__all__ = ["Pipeline", "pipeline_v2", "pipeline_v3"]

_COMPRESSORS = ("zlib", "gzip", "zstd", "blosc", "lz4")


@dataclass(frozen=True)
class Pipeline:
    """How chunks are encoded.  `order` is that of the array's own axes, None for C order.

    `trailer` counts bytes of a checksum behind each chunk.  With sharding, `inner` is the shape
    of a chunk, and the rest tells where and how a shard's index is stored.
    """

    codecs: tuple[Codec, ...] = ()
    order: tuple[int, ...] | None = None
    reason: str = ""
    trailer: int = 0
    inner: tuple[int, ...] | None = None
    index_first: bool = False
    index_checksum: bool = False


def _bytes(dtype: np.dtype[Any], endian: str) -> Codec:
    return Codec(name="bytes", configuration={"endian": endian if dtype.itemsize > 1 else "little"})


def pipeline_v2(said: dict[str, Any], dtype: np.dtype[Any], rank: int) -> Pipeline:
    """The pipeline of a `.zarray`, whose `dtype` carries the byte order."""
    compressor = said.get("compressor")
    order = tuple(reversed(range(rank))) if said.get("order") == "F" else None
    little = dtype.newbyteorder("<") == dtype
    codecs = [_bytes(dtype, "little" if little else "big")]
    if said.get("filters"):
        names = ", ".join(str(f.get("id")) for f in said["filters"])
        return Pipeline(reason=f"it uses the filters {names}")
    if compressor is not None:
        name = str(compressor.get("id"))
        if name not in _COMPRESSORS:
            return Pipeline(reason=f"it is compressed with {name}")
        codecs.append(Codec(name=name))
    return Pipeline(tuple(codecs), order)


def pipeline_v3(said: list[dict[str, Any]], dtype: np.dtype[Any], rank: int) -> Pipeline:
    """The pipeline of a `zarr.json`."""
    steps = [(str(step["name"]), step.get("configuration") or {}) for step in said]
    if [name for name, _ in steps] == ["sharding_indexed"]:
        return _sharded(steps[0][1], dtype, rank)
    codecs: list[Codec] = []
    order: tuple[int, ...] | None = None
    trailer = 0
    for number, (name, configuration) in enumerate(steps):
        if name == "transpose" and not codecs:
            given = configuration["order"]
            step = tuple(range(rank)) if given == "C" else tuple(int(i) for i in given)
            if sorted(step) != list(range(rank)):
                raise Unreadable(f"The axis order {given!r} of a Zarr array makes no sense.")
            order = step if order is None else tuple(order[i] for i in step)
        elif name == "bytes" and not codecs:
            codecs.append(_bytes(dtype, str(configuration.get("endian", "little"))))
        elif name == "crc32c" and number == len(steps) - 1:
            trailer = 4
        elif name in _COMPRESSORS and len(codecs) == 1:
            codecs.append(Codec(name=name))
        else:
            return Pipeline(reason=f"it uses the codec {name}")
    if not codecs:
        raise Unreadable("A Zarr array has no codec that makes bytes.")
    return Pipeline(tuple(codecs), order, trailer=trailer)


def _sharded(configuration: dict[str, Any], dtype: np.dtype[Any], rank: int) -> Pipeline:
    inner = tuple(configuration["chunk_shape"])
    if len(inner) != rank or not all(isinstance(n, int) and n > 0 for n in inner):
        raise Unreadable(f"The chunks of a shard have shape {inner}, which makes no sense.")
    of_chunks = pipeline_v3(configuration["codecs"], dtype, rank)
    index = [str(step["name"]) for step in configuration.get("index_codecs", [])]
    if of_chunks.inner or index not in (["bytes"], ["bytes", "crc32c"]):
        return replace(of_chunks, inner=inner, reason="it uses shards inside of shards")
    return replace(
        of_chunks,
        inner=inner,
        index_first=configuration.get("index_location") == "start",
        index_checksum="crc32c" in index,
    )
