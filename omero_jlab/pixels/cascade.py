"""Levels made from a source: each block is read once and halved as often as it goes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from ..model.chunks import ChunkIndex, Codec, DocumentEntry, FileEntry, IndexHeader
from ..storage import fsync_file, fsync_folder, make_folders, writing
from .blocks import Elsewhere, Steps, write_blocks
from .decode import chunk_bytes
from .encode import CHUNK, codec_name
from .halve import Reduce
from .pieces import ChunksOf
from .reader import PixelReader
from .shards import ShardedLevel, Written
from .sources import LevelSource, Source

__all__ = [
    "Codecs",
    "documented",
    "index_of",
    "joined_levels",
    "level_count",
    "published",
    "sync_tree",
    "unfinished",
    "write_group",
    "write_levels",
]

# Halving ends where the longer side has at most so many pixels.
SMALLEST = 1024


def level_count(height: int, width: int) -> int:
    """How often a level is halved until its longer side has at most 1024 pixels."""
    count = 0
    while max(height, width) > SMALLEST:
        height, width, count = -(-height // 2), -(-width // 2), count + 1
    return count


@dataclass(frozen=True)
class Codecs:
    """How chunks are stored: those of a level that is copied, and those of levels that are made."""

    copied: Codec | None
    made: Codec | None


def write_levels(
    folder: Path,
    source: Source,
    number: int,
    copying: bool,
    reduce: Reduce,
    steps: Steps,
    last: int,
    codecs: Codecs,
    elsewhere: Elsewhere | None = None,
) -> list[Written]:
    """Write the levels after `number`, which is `source`, up to `last`; that too with `copying`.

    They become the Zarr arrays `folder`/1, 2, ...  Memory holds a few blocks, whatever the size
    of the image.
    """
    written: list[Written] = []
    first = True
    reader: PixelReader | None = None
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
                codecs.copied if copy and n == number else codecs.made,
            )
            for n in numbers
        ]
        wanted = ChunksOf(tuple(level.encoding for level in made), copy, reduce)
        steps.total = steps.done + _blocks_left(source, halvings, number, last)
        try:
            # Levels that were just written are small, and here.
            helped = elsewhere if first else None
            blocks = source.blocks(halvings, all(level.encoding.is_jpeg for level in made))
            write_blocks(blocks, source.group, made, wanted, steps, helped)
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


def joined_levels(base: ChunkIndex, kept: int, more: ChunkIndex) -> ChunkIndex:
    """The first `kept` levels of `base`, and behind them all those of `more`."""
    files = base.header.files
    numbers = tuple((file + len(files)).astype(file.dtype) for file in more.file)
    header = IndexHeader(
        files=files + more.header.files,
        levels=base.header.levels[:kept] + more.header.levels,
        documents=base.header.documents + more.header.documents,
    )
    return ChunkIndex(
        header,
        base.file[:kept] + numbers,
        base.offset[:kept] + more.offset,
        base.length[:kept] + more.length,
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


def unfinished(folder: Path) -> Path:
    """Where levels lie that will be in `folder` when they are complete."""
    return folder.with_name(f".{folder.name}.part")


@contextmanager
def published(folder: Path) -> Iterator[Path]:
    """A hidden folder beside `folder` that takes its place, durably, when the block ends well.

    What an earlier attempt left there is removed first, and everything when the block raises.
    """
    make_folders(folder.parent)
    part = unfinished(folder)
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


def write_group(folder: Path, numbers: Sequence[int], kind: str, levels: Sequence[Written]) -> None:
    """Describe the arrays in `folder` as one OME-Zarr 0.5 image, in pixels, and their codecs."""
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
    if kind == "majority":
        ome["image-label"] = {}
    stored = {
        str(number): {"codec": codec_name(level.layout), "stored": stored_part(level)}
        for number, level in zip(numbers, levels, strict=True)
    }
    attributes = {"ome": ome, "omero-jlab": {"levels": stored}}
    group = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    with writing(folder):
        (folder / "zarr.json").write_text(json.dumps(group, indent=1))


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


def stored_part(level: Written) -> float:
    """The stored part of a level's bytes, empty chunks not counted."""
    chunks = int(np.count_nonzero(level.length))
    whole = chunks * chunk_bytes(level.layout)
    return round(int(level.length.sum()) / whole, 3) if whole else 0.0


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
