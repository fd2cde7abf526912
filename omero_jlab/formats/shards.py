"""Pixels in another form: Zarr v3, one sharded file per plane, each tile compressed with zstd."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import google_crc32c
import imagecodecs
import numpy as np
import xxhash
from numpy.typing import NDArray

from ..errors import Unreadable
from ..model.chunks import ChunkIndex, Codec, DocumentEntry, LevelLayout
from .damage import check_chunks
from .index import FileTable, LevelChunks, make_index
from .reader import Source

__all__ = ["transcode"]

_SIDE = 512


def transcode(source: Source, out_folder: Path, name: str) -> ChunkIndex:
    """Write the pixels of `source` as Zarr array `name` below `out_folder`; its index.

    One row of tiles is held at a time.  The entries of the index have the root `pixels`.
    """
    sizes, samples = source.image.sizes, source.samples
    groups = max(1, sizes.c // samples)
    dtype = np.dtype(source.image.dtype).newbyteorder("<")
    side_y, side_x = min(_SIDE, sizes.y), min(_SIDE, sizes.x)
    layout = LevelLayout(
        shape=(sizes.t, groups, sizes.z, sizes.y, sizes.x, samples),
        chunk=(1, 1, 1, side_y, side_x, samples),
        dtype=dtype.name,
        codecs=(
            Codec(name="bytes", configuration={"endian": "little"}),
            Codec(name="zstd"),
            Codec(name="crc32c"),
        ),
    )
    check_chunks(source.image.name, layout.chunk, layout.grid, dtype.itemsize)
    folder = out_folder / name
    folder.mkdir(parents=True)
    document = json.dumps(_metadata(layout, dtype)).encode()
    (folder / "zarr.json").write_bytes(document)
    chunks, files = LevelChunks.empty(layout), FileTable(out_folder, "pixels")
    for t, c, z in np.ndindex(sizes.t, groups, sizes.z):
        path = f"{name}/c/{t}/{c}/{z}/0/0/0"
        (out_folder / path).parent.mkdir(parents=True, exist_ok=True)
        table = _write_plane(source, (t, c, z), out_folder / path, layout, dtype)
        chunks.file[t, c, z] = files.number(path)
        chunks.offset[t, c, z, :, :, 0] = table[..., 0]
        chunks.length[t, c, z, :, :, 0] = table[..., 1]
    index = make_index([chunks], files)
    digest = xxhash.xxh3_128_hexdigest(document)
    entry = DocumentEntry(path=f"{name}/zarr.json", size=len(document), digest=digest)
    return replace(index, header=index.header.model_copy(update={"documents": (entry,)}))


def _write_plane(
    source: Source,
    plane: tuple[int, int, int],
    path: Path,
    layout: LevelLayout,
    dtype: np.dtype[Any],
) -> NDArray[np.int64]:
    """Write one plane; offset and length of its tiles, shape (rows of tiles, tiles, 2)."""
    height, width = layout.shape[3:5]
    side_y = layout.chunk[3]
    table = np.zeros((*layout.grid[3:5], 2), np.int64)
    band = np.zeros((side_y, width, layout.shape[5]), dtype)
    filled, row, y = 0, 0, 0
    with path.open("wb") as file:
        for block in source.rows(*plane):
            if block.shape[1:] != band.shape[1:]:
                raise Unreadable(f"{source.image.name}: a plane decodes to {block.shape[1:]}.")
            while len(block) and y < height:
                taken = min(side_y - filled, len(block), height - y)
                band[filled : filled + taken] = block[:taken]
                block, filled, y = block[taken:], filled + taken, y + taken
                if filled == side_y or y == height:
                    band[filled:] = 0
                    _write_band(file, band, layout, table[row])
                    filled, row = 0, row + 1
        if y != height:
            raise Unreadable(f"{source.image.name} is damaged: {y} of {height} rows decode.")
        index = table.astype("<u8").tobytes()
        file.write(index + _checksum(index))
    return table


def _write_band(
    file: Any, band: NDArray[Any], layout: LevelLayout, table: NDArray[np.int64]
) -> None:
    side_x = layout.chunk[4]
    for column in range(len(table)):
        tile = band[:, column * side_x : (column + 1) * side_x]
        if tile.shape[1] < side_x:
            tile = np.pad(tile, ((0, 0), (0, side_x - tile.shape[1]), (0, 0)))
        data = bytes(imagecodecs.zstd_encode(np.ascontiguousarray(tile).tobytes(), level=1))
        data += _checksum(data)
        table[column] = file.tell(), len(data)
        file.write(data)


def _checksum(data: bytes) -> bytes:
    return struct.pack("<I", google_crc32c.value(data))


def _metadata(layout: LevelLayout, dtype: np.dtype[Any]) -> dict[str, object]:
    shard = [1, 1, 1]
    for chunk, grid in zip(layout.chunk[3:], layout.grid[3:], strict=True):
        shard.append(chunk * grid)
    little = {"name": "bytes", "configuration": {"endian": "little"}}
    zstd = {"name": "zstd", "configuration": {"level": 1, "checksum": False}}
    sharding = {
        "chunk_shape": list(layout.chunk),
        "codecs": [little, zstd, {"name": "crc32c"}],
        "index_codecs": [little, {"name": "crc32c"}],
        "index_location": "end",
    }
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(layout.shape),
        "data_type": dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": shard}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": [0.0, 0.0] if dtype.kind == "c" else 0,
        "codecs": [{"name": "sharding_indexed", "configuration": sharding}],
        "attributes": {},
        "dimension_names": ["t", "c", "z", "y", "x", "s"],
    }
