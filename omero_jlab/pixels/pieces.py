"""What a block of pixels becomes: the chunks of each level that is made of it, encoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .encode import Encoding
from .halve import Reduce, halved
from .sources import Block

__all__ = ["ChunksOf", "EncodedPiece", "encoded_block", "pieces"]

# Number of the level among those that are made, first row, first column, bytes.
EncodedPiece = tuple[int, int, int, bytes | None]
# `read(t, c, z, y, x, height, width)` answers pixels of one channel, shape (height, width).
Read = Callable[[int, int, int, int, int, int, int], NDArray[Any]]


@dataclass(frozen=True)
class ChunksOf:
    """What is made of blocks: levels in `encodings`, the first with `copy` of the pixels as they
    are, each further one by `reduce` of the one before.
    """

    encodings: tuple[Encoding, ...]
    copy: bool
    reduce: Reduce


def pieces(block: Block, wanted: ChunksOf) -> Iterator[tuple[int, int, int, NDArray[Any]]]:
    """Every chunk that is made of a block: its level, its first row and column, its planes."""
    y, x = block.y, block.x
    if wanted.copy:
        pixels = block.rows(0, block.height)
    else:
        y, x = y // 2, x // 2
        pixels = _halved_rows(block, wanted.reduce)
    for i, encoding in enumerate(wanted.encodings):
        if i > 0:
            y, x = y // 2, x // 2
            pixels = halved(pixels, wanted.reduce)
        _, _, _, height, width = encoding.chunk
        for top in range(0, pixels.shape[1], height):
            for left in range(0, pixels.shape[2], width):
                yield i, y + top, x + left, pixels[:, top : top + height, left : left + width]


def encoded_block(
    read: Read, at: tuple[int, ...], group: int, row_step: int, wanted: ChunksOf
) -> list[EncodedPiece]:
    """The encoded chunks of a block that another process reads.

    `at` is t, c, z, y, x, height, width; `group` channels from `c` on share a chunk.
    """
    t, c, z, y, x, height, width = at

    def rows(first: int, count: int) -> NDArray[Any]:
        channels = range(c, c + group)
        return np.stack([read(t, one, z, y + first, x, count, width) for one in channels])

    block = Block(t, c, z, y, x, height, width, rows, row_step)
    found = []
    for i, top, left, planes in pieces(block, wanted):
        data = wanted.encodings[i].encode(planes)
        found.append((i, top, left, None if data is None else bytes(data)))
    return found


def _halved_rows(block: Block, reduce: Reduce) -> NDArray[Any]:
    halves = []
    for first in range(0, block.height, block.row_step):
        rows = block.rows(first, min(block.row_step, block.height - first))
        halves.append(halved(rows, reduce))
    return halves[0] if len(halves) == 1 else np.concatenate(halves, axis=1)
