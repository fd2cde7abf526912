"""Levels made from a source: each block is read once and halved as often as it goes."""

from __future__ import annotations

import json
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from ..errors import OmeroError
from ..model.chunks import ChunkIndex, DocumentEntry, FileEntry, IndexHeader
from ..storage import fsync_file, fsync_folder, make_folders, writing
from .halve import Reduce
from .parallel import CORES
from .reader import PixelReader
from .shards import CHUNK, ShardedLevel, Written, fastest_codec
from .sources import Block, LevelSource, Source

__all__ = [
    "Cancelled",
    "Steps",
    "documented",
    "index_of",
    "level_count",
    "published",
    "sync_tree",
    "write_group",
    "write_levels",
]

# Halving ends where the longer side has at most so many pixels.
SMALLEST = 1024


class Cancelled(OmeroError):
    """The work was stopped because somebody asked for it; nothing of it is left."""


@dataclass
class Steps:
    """Tells how far the work has come, and asks whether it should go on."""

    progress: Callable[[int, int], None] | None
    cancelled: Callable[[], bool] | None
    total: int = 0
    done: int = 0

    def check(self) -> None:
        """Raise `Cancelled` where somebody asked for it."""
        if self.cancelled is not None and self.cancelled():
            raise Cancelled("Making the levels of an image was cancelled; nothing of them is left.")

    def step(self) -> None:
        """One more block is done."""
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, max(self.total, self.done))


def level_count(height: int, width: int) -> int:
    """How often a level is halved until its longer side has at most 1024 pixels."""
    count = 0
    while max(height, width) > SMALLEST:
        height, width, count = -(-height // 2), -(-width // 2), count + 1
    return count


def write_levels(
    folder: Path,
    source: Source,
    number: int,
    copying: bool,
    reduce: Reduce,
    steps: Steps,
    last: int,
) -> list[Written]:
    """Write the levels after `number`, which is `source`, up to `last`; that too with `copying`.

    They become the Zarr arrays `folder`/1, 2, ...  Memory holds a few blocks, whatever the size
    of the image.
    """
    written: list[Written] = []
    first = True
    reader: PixelReader | None = None
    codec = fastest_codec(source.samples())
    while first or number < last:
        copy = copying and first
        halvings = min(source.halvings(copy), last - number)
        numbers = range(number if copy else number + 1, number + halvings + 1)
        made = [
            ShardedLevel(
                folder / str(n),
                _halved(source.sizes, n - number),
                source.dtype,
                source.group,
                codec,
            )
            for n in numbers
        ]
        steps.total = steps.done + _blocks_left(source, halvings, number, last)
        try:
            _run(source, halvings, copy, made, reduce, steps)
            finished = [level.finish() for level in made]
        finally:
            for level in made:
                level.abandon()
            if reader is not None:
                reader.close()
        written += finished
        number += halvings
        if number < last:
            index = index_of(finished[-1:], [f"{number}/"])
            reader = PixelReader(index, {"pixels": folder})
            source = LevelSource(reader, 0)
        first = False
    return written


def index_of(levels: Sequence[Written], prefixes: Sequence[str]) -> ChunkIndex:
    """The index of written levels, each in a folder of its own."""
    files: list[FileEntry] = []
    numbers = []
    for level, prefix in zip(levels, prefixes, strict=True):
        numbers.append((level.file + len(files)).astype(np.int32))
        files += [entry.model_copy(update={"path": prefix + entry.path}) for entry in level.files]
    return ChunkIndex(
        IndexHeader(files=tuple(files), levels=tuple(level.layout for level in levels)),
        tuple(numbers),
        tuple(level.offset for level in levels),
        tuple(level.length for level in levels),
    )


def documented(index: ChunkIndex, folder: Path, prefix: str) -> ChunkIndex:
    """`index` with the digest of every `zarr.json` in `folder`, named `prefix` and its path."""
    found = []
    for path in sorted(folder.rglob("zarr.json")):
        data = path.read_bytes()
        name = prefix + path.relative_to(folder).as_posix()
        digest = xxhash.xxh3_128_hexdigest(data)
        found.append(DocumentEntry(path=name, size=len(data), digest=digest))
    documents = (*index.header.documents, *found)
    return replace(index, header=index.header.model_copy(update={"documents": documents}))


@contextmanager
def published(folder: Path) -> Iterator[Path]:
    """A hidden folder beside `folder` that takes its place, durably, when the block ends well.

    What an earlier attempt left there is removed first, and everything when the block raises.
    """
    make_folders(folder.parent)
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    with writing(part):
        part.mkdir(mode=0o700)
    try:
        yield part
        with writing(folder):
            sync_tree(part)
            if folder.exists():
                shutil.rmtree(folder)
            part.rename(folder)
            fsync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def write_group(folder: Path, numbers: Sequence[int], kind: str) -> None:
    """Describe the arrays in `folder` as one OME-Zarr 0.5 image, in pixels."""
    axes = [
        {"name": "t", "type": "time"},
        {"name": "c", "type": "channel"},
        *({"name": name, "type": "space"} for name in "zyx"),
    ]
    datasets = [
        {
            "path": str(number),
            "coordinateTransformations": [
                {"type": "scale", "scale": [1.0, 1.0, 1.0, 2.0**number, 2.0**number]}
            ],
        }
        for number in numbers
    ]
    multiscale = {"axes": axes, "datasets": datasets, "type": kind}
    ome: dict[str, Any] = {"version": "0.5", "multiscales": [multiscale]}
    if kind == "nearest":
        ome["image-label"] = {}
    group = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome}}
    with writing(folder):
        (folder / "zarr.json").write_text(json.dumps(group, indent=1))


def _run(
    source: Source,
    halvings: int,
    copy: bool,
    levels: Sequence[ShardedLevel],
    reduce: Reduce,
    steps: Steps,
) -> None:
    waiting: deque[Future[None]] = deque()
    with ThreadPoolExecutor(CORES, "levels") as pool:
        try:
            for block in source.blocks(halvings):
                steps.check()
                waiting.append(pool.submit(_write_block, block, copy, levels, reduce))
                # So many blocks are in memory, however fast they come.
                while len(waiting) > CORES:
                    waiting.popleft().result()
                    steps.step()
            while waiting:
                waiting.popleft().result()
                steps.step()
                steps.check()
        finally:
            for future in waiting:
                future.cancel()


def _write_block(block: Block, copy: bool, levels: Sequence[ShardedLevel], reduce: Reduce) -> None:
    y, x = block.y, block.x
    if copy:
        pixels = block.rows(0, block.height)
    else:
        y, x = y // 2, x // 2
        pixels = _halved_rows(block, reduce)
    for i, level in enumerate(levels):
        if i > 0:
            y, x = y // 2, x // 2
            pixels = np.stack([reduce(plane) for plane in pixels])
        _, _, _, height, width = level.chunk
        for top in range(0, pixels.shape[1], height):
            for left in range(0, pixels.shape[2], width):
                part = pixels[:, top : top + height, left : left + width]
                level.put(block.t, block.c, block.z, y + top, x + left, part)


def _halved_rows(block: Block, reduce: Reduce) -> NDArray[Any]:
    pieces = []
    for first in range(0, block.height, block.row_step):
        rows = block.rows(first, min(block.row_step, block.height - first))
        pieces.append(np.stack([reduce(plane) for plane in rows]))
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=1)


def _halved(sizes: tuple[int, int, int, int, int], times: int) -> tuple[int, int, int, int, int]:
    t, c, z, y, x = sizes
    return (t, c, z, -(-y // (1 << times)), -(-x // (1 << times)))


def _blocks_left(source: Source, halvings: int, number: int, last: int) -> int:
    count = source.count(halvings)
    number += halvings
    t, c, z, y, x = source.sizes
    while number < last:
        side = CHUNK << min(2, last - number) << halvings
        count += t * (c // source.group) * z * -(-y // side) * -(-x // side)
        halvings += min(2, last - number)
        number += min(2, last - number)
    return count


def sync_tree(folder: Path) -> None:
    """Force the metadata and the names in a folder of levels to the disk."""
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            if name == "zarr.json":
                descriptor = os.open(Path(parent, name), os.O_RDONLY | os.O_CLOEXEC)
                try:
                    with writing(Path(parent, name)):
                        fsync_file(descriptor)
                finally:
                    os.close(descriptor)
        with writing(Path(parent)):
            fsync_folder(Path(parent))
