"""Chunk indexes of files that the tests write, made from what tifffile says of their pages."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from omero_jlab.model.chunks import ChunkIndex, Codec, FileEntry, IndexHeader, LevelLayout

_COMPRESSIONS = {
    1: None, 5: "lzw", 32773: "packbits", 8: "deflate", 32946: "deflate", 50000: "zstd", 7: "jpeg",
}  # fmt: skip
_COLORS = {1: "gray", 2: "RGB", 6: "YCbCr"}


def entry_of(path: Path, folder: Path, root: Any = "fileset") -> FileEntry:
    found = path.stat()
    return FileEntry(
        root=root,
        path=path.relative_to(folder).as_posix(),
        size=found.st_size,
        mtime_ns=found.st_mtime_ns,
    )


def make_index(
    files: Sequence[FileEntry],
    levels: Sequence[tuple[LevelLayout, Sequence[int], Sequence[int]]],
) -> ChunkIndex:
    """Levels as (layout, offsets, lengths), chunk by chunk, in the first file."""
    header = IndexHeader(files=tuple(files), levels=tuple(layout for layout, _, _ in levels))
    return ChunkIndex(
        header,
        tuple(np.zeros(layout.grid, np.int32) for layout, _, _ in levels),
        tuple(np.array(offset, np.int64).reshape(layout.grid) for layout, offset, _ in levels),
        tuple(np.array(length, np.int64).reshape(layout.grid) for layout, _, length in levels),
    )


def index_of_tiff(path: Path, count: int | None = None) -> ChunkIndex:
    """Pages become Z, planar samples channels, interleaved ones samples."""
    with tifffile.TiffFile(path) as tiff:
        pages = [page.aspage() for page in tiff.pages[:count]]
        page = pages[0]
        order = tiff.byteorder
        samples = page.samplesperpixel
        planar = page.planarconfig == 2 and samples > 1
        c, s = (samples, 1) if planar else (1, samples)
        height, width = page.imagelength, page.imagewidth
        if page.is_tiled:
            ky, kx = page.tilelength, page.tilewidth
        else:
            ky, kx = min(page.rowsperstrip, height), width
        codecs = _codecs(page, order, planar)
        layout = LevelLayout(
            shape=(1, c, len(pages), height, width, s),
            chunk=(1, 1, 1, ky, kx, s),
            dtype=page.dtype.newbyteorder(order).str,
            edge="full" if page.is_tiled else "cut",
            codecs=codecs,
        )
        per_plane = math.prod(layout.grid[3:])
        offsets = np.array([p.dataoffsets for p in pages]).reshape(len(pages), c, per_plane)
        lengths = np.array([p.databytecounts for p in pages]).reshape(len(pages), c, per_plane)
    return make_index(
        [entry_of(path, path.parent)],
        [(layout, offsets.transpose(1, 0, 2).ravel(), lengths.transpose(1, 0, 2).ravel())],
    )


def _codecs(page: tifffile.TiffPage, order: str, planar: bool) -> tuple[Codec, ...]:
    found = []
    if page.predictor == 2:
        found.append(Codec(name="predictor", configuration={"kind": "horizontal"}))
    elif page.predictor == 3:
        found.append(Codec(name="predictor", configuration={"kind": "float"}))
    if page.bitspersample < 8 * page.dtype.itemsize:
        found.append(Codec(name="bits", configuration={"depth": page.bitspersample}))
    else:
        endian = "little" if order == "<" else "big"
        found.append(Codec(name="bytes", configuration={"endian": endian}))
    name = _COMPRESSIONS[int(page.compression)]
    if name == "jpeg":
        color = "gray" if planar else _COLORS[int(page.photometric)]
        configuration: dict[str, Any] = {"color": color}
        if page.jpegtables is not None:
            configuration["tables"] = base64.b64encode(page.jpegtables).decode()
        return (Codec(name="jpeg", configuration=configuration),)
    if name is not None:
        found.append(Codec(name=name))
    return tuple(found)


@pytest.fixture
def tiff_index() -> Callable[..., ChunkIndex]:
    return index_of_tiff


@pytest.fixture
def new_index() -> Callable[..., ChunkIndex]:
    """`new_index(path, layout, offsets, lengths)`: one level in one file."""

    def made(
        path: Path, layout: LevelLayout, offsets: Sequence[int], lengths: Sequence[int]
    ) -> ChunkIndex:
        return make_index([entry_of(path, path.parent)], [(layout, offsets, lengths)])

    return made


@pytest.fixture
def picture() -> Callable[..., np.ndarray]:
    """`picture(shape, dtype)`: smooth with noise, so that every codec has work, no two alike."""

    def made(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
        random = np.random.default_rng(seed)
        y, x = np.indices(shape[-2:])
        values = 60 + 40 * np.sin(x / 7) + 30 * np.cos(y / 5) + random.normal(0, 5, shape)
        kind = np.dtype(dtype)
        if kind.kind == "f":
            return (values / 100).astype(kind)
        scale = {1: 1, 2: 100, 4: 10_000, 8: 10**9}[kind.itemsize]
        if kind.kind == "i":
            return ((values - 100) * scale / 2).astype(kind)
        return (np.clip(values, 0, 250) * scale).astype(kind)

    return made
