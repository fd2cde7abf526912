"""Pixels of an image by arithmetic, positioned reads and a decoder."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid, Unreadable
from ..model.chunks import ChunkIndex
from ..storage import NOBODY, Watch, for_each, stamp_of
from .files import FILES, read_exactly
from .interleaved import empty_planes, put_samples
from .kept import KEPT
from .level import Chunk, LevelChunks
from .plain import copy_plain, read_checked
from .scatter import read_scattered
from .zstd_frame import is_one_frame

__all__ = ["PixelReader"]

# Below this a second thread costs more than it saves.
_WORTH_DECODING = 1 << 20
_WORTH_COPYING = 32 << 20
_PIECE = 1 << 18


class PixelReader:
    """Reads regions of the image that `index` describes; many threads may use one reader.

    Files are opened when they are needed and stay open for a while, few of them in the whole
    process.  A reader can be pickled.
    """

    def __init__(self, index: ChunkIndex, roots: Mapping[str, Path], watch: Watch = NOBODY) -> None:
        """Check the index; no file is opened.

        Parameters
        ----------
        roots
            The folders that file entries are relative to: `fileset`, `pixels`.
        watch
            Who knows of damaged files.  A pickled reader has nobody.

        Raises
        ------
        Unreadable
            The index contradicts itself, or leads out of the folders.
        Invalid
            A folder that the index needs is missing in `roots`.
        """
        self.index = index
        self.roots = dict(roots)
        self._watch = watch
        self._paths = [self._path(entry.root, entry.path) for entry in index.header.files]
        self._levels = [LevelChunks(index, level) for level in range(len(index.header.levels))]
        if not self._levels:
            raise Unreadable("The chunk index has no level: build it again.")
        if any(
            level.dtype != self.dtype or level.sizes[:3] != self._levels[0].sizes[:3]
            for level in self._levels
        ):
            raise Unreadable("The levels of an image differ in type or in sizes T, C, Z.")

    def __reduce__(self) -> tuple[Any, ...]:
        return (PixelReader, (self.index, self.roots))

    @property
    def levels(self) -> int:
        """How many levels there are; level 0 is full resolution."""
        return len(self._levels)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the pixels, in this machine's byte order."""
        return self._levels[0].dtype

    def sizes(self, level: int = 0) -> tuple[int, int, int, int, int]:
        """Sizes TCZYX of a level; the samples of an RGB picture are channels."""
        return self.level(level).sizes

    def level(self, level: int) -> LevelChunks:
        """The chunks of one level; `Invalid` where there is no such level."""
        if not 0 <= level < len(self._levels):
            raise Invalid(f"The image has levels 0 to {len(self._levels) - 1}, no level {level}.")
        return self._levels[level]

    def region(
        self, level: int, t: int, c: int, z: int, y: int, x: int, height: int, width: int
    ) -> NDArray[Any]:
        """Pixels of one plane, shape (height, width); raises as `planes`."""
        result: NDArray[Any] = self.planes(level, t, (c,), z, y, x, height, width)[0]
        return result

    def planes(
        self,
        level: int,
        t: int,
        channels: Sequence[int],
        z: int,
        y: int,
        x: int,
        height: int,
        width: int,
        *,
        interleaved: bool = False,
    ) -> NDArray[Any]:
        """The same region of several channels, shape (C, height, width).

        A chunk that holds several of the channels is decoded once.  With `interleaved` the
        channels of a pixel lie side by side in memory.

        Raises
        ------
        Invalid
            The region does not lie inside the level.
        Unreadable
            A file is missing or was changed, or its codec is not decoded here.
        Damaged
            A file is not what was written.
        Unavailable
            The process has too many open files.
        """
        chunks = self.level(level)
        _check_inside(chunks.sizes, level, t, channels, z, y, x, height, width)
        out = empty_planes(len(channels), height, width, self.dtype, interleaved)
        touched = chunks.touched(t, channels, z, y, x, height, width)

        worth = _WORTH_COPYING if chunks.pipeline.plain else _WORTH_DECODING
        if len(touched) > 1 and sum(chunk.length != 0 for chunk in touched) > 1:
            decoded = len(touched) * chunks.nbytes(touched[0])
            if decoded >= worth:
                for_each(lambda chunk: self._fill(chunks, (chunk,), out), touched)
                return out
        self._fill(chunks, touched, out)
        return out

    def stored(self, level: int, chunk: Chunk) -> bytes:
        """The bytes of a stored chunk as they lie in their file, but for a checksum at their end.

        Raises as `planes`.
        """
        pipeline = self.level(level).pipeline
        path, entry = self._paths[chunk.file], self.index.header.files[chunk.file]
        with FILES.using(path, entry, self._watch, pipeline.checked) as (descriptor, _):
            data = read_exactly(descriptor, chunk.offset, chunk.length, path)
        with self._saying_where(chunk):
            return pipeline.without_checksum(data)

    def pieces(self, chunk: Chunk) -> Iterator[bytes]:
        """The bytes of a stored chunk as they lie in their file, some at a time.

        Raises as `planes`.
        """
        path, entry = self._paths[chunk.file], self.index.header.files[chunk.file]
        end = chunk.offset + chunk.length
        for at in range(chunk.offset, end, _PIECE):
            with FILES.using(path, entry, self._watch, False) as (descriptor, _):
                data = read_exactly(descriptor, at, min(_PIECE, end - at), path)
            yield data

    def failed(self, chunk: Chunk, reason: str) -> Unreadable:
        """The error that says that a chunk does not decode: one that we wrote is damaged."""
        path = self._paths[chunk.file]
        if self.index.header.files[chunk.file].root == "pixels":
            reason = reason.rstrip(".")
            return self._watch.damaged(path, f"at byte {chunk.offset:,}, {reason}")
        return Unreadable(f"{path}, byte {chunk.offset:,}: {reason}")

    def as_stored(
        self,
        level: int,
        t: int,
        c: int,
        z: int,
        y: int,
        x: int,
        height: int,
        width: int,
        encodings: Collection[str] = (),
    ) -> tuple[bytes, str] | None:
        """The little-endian pixels of a region as they lie in a file, and what they are coded as.

        That is empty, or one of `encodings`, as HTTP calls them.  None where they do not lie so.

        Raises as `planes`.
        """
        chunks = self.level(level)
        encoding = chunks.pipeline.encoding
        if encoding is None or (encoding and encoding not in encodings):
            return None
        _check_inside(chunks.sizes, level, t, (c,), z, y, x, height, width)
        touched = chunks.touched(t, (c,), z, y, x, height, width)
        chunk = touched[0]
        if len(touched) > 1 or not chunk.length or chunk.shape != (1, 1, 1, height, width, 1):
            return None
        data, size = self.stored(level, chunk), height * width * self.dtype.itemsize
        fits = is_one_frame(data, size) if encoding else len(data) == size
        return (data, encoding) if fits else None

    def picture(
        self, level: int, t: int, z: int, y: int, x: int, height: int, width: int
    ) -> bytes | None:
        """The region as the JPEG that is stored of it, or None where it is not stored so.

        Raises as `planes`.
        """
        chunks = self.level(level)
        if chunks.sizes[1] != 3 or chunks.layout.shape[5] != 3:
            return None
        _check_inside(chunks.sizes, level, t, (0, 1, 2), z, y, x, height, width)
        touched = chunks.touched(t, (0, 1, 2), z, y, x, height, width)
        chunk = touched[0]
        if len(touched) > 1 or chunk.length == 0 or chunk.shape != (1, 1, 1, height, width, 3):
            return None
        data = self.stored(level, chunk)
        with self._saying_where(chunk):
            return chunks.pipeline.picture(data, chunk.shape)

    def close(self) -> None:
        """Close the files of this image that nobody reads from; a later read opens them again."""
        for path, entry in zip(self._paths, self.index.header.files, strict=True):
            FILES.forget(path, entry)

    def _path(self, root: str, path: str) -> str:
        if root not in self.roots:
            raise Invalid(f"The image needs the folder {root!r}; given: {sorted(self.roots)}.")
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or "\0" in path:
            raise Unreadable(f"The chunk index names {path!r}, which lies outside of its folder.")
        return str(self.roots[root] / pure)

    def _fill(self, level: LevelChunks, touched: Iterable[Chunk], out: NDArray[Any]) -> None:
        for file, chunks in groupby(touched, _file_of):
            if file is None:
                for chunk in chunks:
                    for target in _targets(chunk, out):
                        target[...] = level.fill
                continue
            path, entry = self._paths[file], self.index.header.files[file]
            pipeline = level.pipeline
            with FILES.using(path, entry, self._watch, pipeline.checked) as opened:
                some = tuple(chunks)
                at_once = pipeline.plain and not pipeline.checked
                if at_once and read_scattered(opened[0], some, path, pipeline.stored, out):
                    continue
                for chunk in some:
                    self._copy(level, chunk, *opened, out)

    def _copy(
        self,
        level: LevelChunks,
        chunk: Chunk,
        descriptor: int,
        found: os.stat_result,
        out: NDArray[Any],
    ) -> None:
        path, pipeline = self._paths[chunk.file], level.pipeline
        if pipeline.plain:
            stamp = stamp_of(found)
            known = not pipeline.checked or level.verified.has(chunk.number, chunk.file, stamp)
            if known:
                copy_plain(descriptor, path, chunk, pipeline.stored, out, pipeline.checked)
                return
            whole = read_checked(descriptor, path, chunk, pipeline.stored)
            if whole is None:
                raise self.failed(chunk, "its checksum (CRC-32C) is wrong")
            level.verified.add(chunk.number, chunk.file, stamp)
            pixels = whole
        else:
            whole = _whole(chunk, out) if pipeline.fills else None
            if whole is not None:
                data = read_exactly(descriptor, chunk.offset, chunk.length, path)
                with self._saying_where(chunk):
                    pipeline.fill(data, whole)
                return
            pixels = self._decoded(level, chunk, descriptor)
        inside = pixels[:, :, :, chunk.y0 : chunk.y1, chunk.x0 : chunk.x1]
        area = out[:, chunk.top :, chunk.left :][:, : inside.shape[3], : inside.shape[4]]
        for place, parts in groupby(chunk.parts, itemgetter(1, 2, 3)):
            put_samples(inside[place], tuple(parts), area)

    def _decoded(self, level: LevelChunks, chunk: Chunk, descriptor: int) -> NDArray[Any]:
        path, entry = self._paths[chunk.file], self.index.header.files[chunk.file]
        # The codecs count too: another index may describe the same bytes in another way.
        key = (path, entry.mtime_ns, chunk.offset, chunk.length, level.identity)
        asked = len(chunk.parts) * (chunk.y1 - chunk.y0) * (chunk.x1 - chunk.x0)
        partial = 2 * asked * self.dtype.itemsize < level.nbytes(chunk)
        kept = KEPT.get(key) if partial else None
        if kept is not None:
            return kept
        data = read_exactly(descriptor, chunk.offset, chunk.length, path)
        with self._saying_where(chunk):
            pixels = level.pipeline.decode(data, chunk.shape)
        if partial:
            KEPT.put(key, pixels)
        return pixels

    @contextmanager
    def _saying_where(self, chunk: Chunk) -> Iterator[None]:
        try:
            yield
        except Unreadable as error:
            raise self.failed(chunk, str(error)) from error


def _file_of(chunk: Chunk) -> int | None:
    return chunk.file if chunk.length else None


def _targets(chunk: Chunk, out: NDArray[Any]) -> list[NDArray[Any]]:
    """The places in `out` of what each part takes out of a chunk."""
    rows = slice(chunk.top, chunk.top + chunk.y1 - chunk.y0)
    columns = slice(chunk.left, chunk.left + chunk.x1 - chunk.x0)
    return [out[part.target, rows, columns] for part in chunk.parts]


def _whole(chunk: Chunk, out: NDArray[Any]) -> NDArray[Any] | None:
    """The place in `out` that is a whole chunk, byte for byte; None where there is none."""
    targets = _targets(chunk, out)
    if len(targets) > 1 or chunk.shape != (1, 1, 1, *targets[0].shape, 1):
        return None
    return targets[0] if targets[0].flags.c_contiguous else None


def _check_inside(
    sizes: tuple[int, int, int, int, int],
    level: int,
    t: int,
    channels: Sequence[int],
    z: int,
    y: int,
    x: int,
    height: int,
    width: int,
) -> None:
    size_t, size_c, size_z, size_y, size_x = sizes
    inside = (
        0 <= t < size_t
        and all(0 <= c < size_c for c in channels)
        and 0 <= z < size_z
        and 0 <= y < y + height <= size_y
        and 0 <= x < x + width <= size_x
    )
    if not inside:
        asked = f"t={t}, c={list(channels)}, z={z}, y={y}, x={x}, height={height}, width={width}"
        raise Invalid(
            f"The region {asked} does not lie inside level {level}, whose sizes are T={size_t}, "
            f"C={size_c}, Z={size_z}, Y={size_y}, X={size_x}."
        )
