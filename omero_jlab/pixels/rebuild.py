"""Where the chunks lie in arrays that we wrote, from what stands in these themselves."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import xxhash
from numpy.typing import NDArray

from ..errors import Damaged, Unreadable
from ..model.chunks import ChunkIndex, Codec, DocumentEntry, FileEntry, IndexHeader, LevelLayout
from .encode import jpeg_codec

__all__ = ["found_levels"]

_MISSING = np.uint64(0xFFFFFFFFFFFFFFFF)


def found_levels(root: Path, folder: str = "") -> ChunkIndex:
    """The index of the arrays directly below `folder` of `root`, as levels in their order.

    Arrays are named by numbers, or are one called `image-N`.  Every `zarr.json` below `folder` is
    among its documents; an index without levels is answered where there is none.

    Raises
    ------
    Damaged
        An array is not what was written.
    """
    place = root / folder
    arrays = [path.parent for path in place.glob("*/zarr.json") if _is_array(path)]
    numbered = sorted((path for path in arrays if path.name.isdecimal()), key=_number)
    chosen = numbered or [path for path in arrays if path.name.startswith("image-")][:1]
    if folder and (place / "zarr.json").is_file() and _is_array(place / "zarr.json"):
        chosen = [place]
    files: list[FileEntry] = []
    levels = [_level(root, path, files) for path in chosen]
    documents = []
    if chosen:
        beside = place / "zarr.json"
        described = [path / "zarr.json" for path in chosen]
        for path in sorted({*described, *([beside] if beside.is_file() else ())}):
            data = path.read_bytes()
            name = path.relative_to(root).as_posix()
            digest = xxhash.xxh3_128_hexdigest(data)
            documents.append(DocumentEntry(path=name, size=len(data), digest=digest))
    header = IndexHeader(
        files=tuple(files), levels=tuple(level[0] for level in levels), documents=tuple(documents)
    )
    return ChunkIndex(
        header,
        tuple(level[1] for level in levels),
        tuple(level[2] for level in levels),
        tuple(level[3] for level in levels),
    )


def _number(path: Path) -> int:
    return int(path.name)


def _is_array(path: Path) -> bool:
    return _described(path).get("node_type") == "array"


def _described(path: Path) -> dict[str, Any]:
    try:
        described: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Damaged(f"{path} cannot be read: {error}.") from error
    return described


def _level(
    root: Path, folder: Path, files: list[FileEntry]
) -> tuple[LevelLayout, NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    told = _described(folder / "zarr.json")
    try:
        shape = tuple(int(n) for n in told["shape"])
        shard = tuple(int(n) for n in told["chunk_grid"]["configuration"]["chunk_shape"])
        inner = told["codecs"][0]["configuration"]
        chunk = tuple(int(n) for n in inner["chunk_shape"])
        codecs = tuple(Codec.model_validate(codec) for codec in inner["codecs"])
        dtype = np.dtype(told["data_type"]).name
    except (LookupError, TypeError, ValueError) as error:
        raise Damaged(f"{folder}/zarr.json describes no array of ours: {error}.") from error
    grid = tuple(-(-n // k) for n, k in zip(shape, chunk, strict=True))
    inside = tuple(n // k for n, k in zip(shard, chunk, strict=True))
    file, offset, length = (np.zeros(grid, kind) for kind in (np.int32, np.int64, np.int64))
    for path in sorted((folder / "c").rglob("*")):
        if not path.is_file():
            continue
        at = tuple(int(part) for part in path.relative_to(folder / "c").parts)
        found = path.stat()
        table = _table(path, found.st_size, inside)
        here = tuple(slice(i * n, (i + 1) * n) for i, n in zip(at, inside, strict=True))
        cut = tuple(slice(0, length[here].shape[axis]) for axis in range(len(grid)))
        stored = table[..., 1] != _MISSING
        offset[here] = np.where(stored, table[..., 0], 0).astype(np.int64)[cut]
        length[here] = np.where(stored, table[..., 1], 0).astype(np.int64)[cut]
        file[here] = len(files)
        name = path.relative_to(root).as_posix()
        size, mtime_ns = found.st_size, found.st_mtime_ns
        files.append(FileEntry(root="pixels", path=name, size=size, mtime_ns=mtime_ns))
    layout = _layout(shape, chunk, dtype, codecs)
    final = layout.grid
    return layout, file.reshape(final), offset.reshape(final), length.reshape(final)


def _layout(
    shape: tuple[int, ...], chunk: tuple[int, ...], dtype: str, codecs: tuple[Codec, ...]
) -> LevelLayout:
    if len(shape) == 6:
        return LevelLayout.model_validate(
            {"shape": shape, "chunk": chunk, "dtype": dtype, "codecs": codecs}
        )
    t, c, z, y, x = shape
    _, group, _, height, width = chunk
    jpeg = next((codec for codec in codecs if codec.name == "imagecodecs_jpeg"), None)
    if jpeg is None:
        return LevelLayout(
            shape=(t, c, z, y, x, 1), chunk=(1, group, 1, height, width, 1), dtype=dtype,
            codecs=codecs,
        )  # fmt: skip
    lossy: Any = jpeg.configuration
    kept = tuple(codec for codec in codecs if codec.name == "crc32c")
    return LevelLayout(
        shape=(t, c // group, z, y, x, group), chunk=(1, 1, 1, height, width, group), dtype=dtype,
        codecs=(jpeg_codec(lossy["level"], lossy["subsampling"]), *kept),
    )  # fmt: skip


def _table(path: Path, size: int, inside: tuple[int, ...]) -> NDArray[Any]:
    """Offset and length of every chunk of a shard, from the index at its end."""
    length = 16 * math.prod(inside) + 4
    try:
        with path.open("rb") as file:
            file.seek(max(0, size - length))
            tail = file.read()
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}.") from error
    if len(tail) != length or google_crc32c.value(tail[:-4]) != struct.unpack("<I", tail[-4:])[0]:
        raise Damaged(f"{path} does not end with an index of its chunks: it is damaged.")
    return np.frombuffer(tail[:-4], "<u8").reshape(*inside, 2)
