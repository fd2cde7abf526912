"""Putting a chunk index together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import Unreadable
from ..model.chunks import ChunkIndex, FileEntry, IndexHeader, LevelLayout

__all__ = ["FileTable", "LevelChunks", "make_index"]


class FileTable:
    """The files of an index, numbered in the order in which they are first named."""

    def __init__(self, root: Path, kind: Literal["fileset", "pixels"] = "fileset") -> None:
        self._root = root
        self._kind = kind
        self._numbers: dict[str, int] = {}
        self._entries: list[FileEntry] = []

    def number(self, path: str) -> int:
        """The number of `path`, which is relative to the root and uses `/`."""
        if path not in self._numbers:
            found = (self._root / path).stat()
            self._numbers[path] = len(self._entries)
            self._entries.append(
                FileEntry(
                    root=self._kind, path=path, size=found.st_size, mtime_ns=found.st_mtime_ns
                )
            )
        return self._numbers[path]

    def size(self, number: int) -> int:
        """The size of file `number` in bytes."""
        return self._entries[number].size

    @property
    def entries(self) -> tuple[FileEntry, ...]:
        return tuple(self._entries)


@dataclass(frozen=True)
class LevelChunks:
    """A level: its layout and, over the chunk grid, file number, offset and length."""

    layout: LevelLayout
    file: NDArray[np.int32]
    offset: NDArray[np.int64]
    length: NDArray[np.int64]

    @classmethod
    def empty(cls, layout: LevelLayout) -> LevelChunks:
        """A level with nothing stored yet, to be filled in."""
        grid = layout.grid
        return cls(
            layout, np.zeros(grid, np.int32), np.zeros(grid, np.int64), np.zeros(grid, np.int64)
        )


def make_index(levels: Sequence[LevelChunks], files: FileTable) -> ChunkIndex:
    """The index of `levels`, after a check that every chunk lies inside its file.

    Raises
    ------
    Unreadable
        A file ends before a chunk does: it is truncated.
    """
    sizes = np.array([entry.size for entry in files.entries] or [0], np.int64)
    for level in levels:
        _check_inside(level, sizes, files)
    header = IndexHeader(files=files.entries, levels=tuple(level.layout for level in levels))
    return ChunkIndex(
        header,
        tuple(level.file for level in levels),
        tuple(level.offset for level in levels),
        tuple(level.length for level in levels),
    )


def _check_inside(level: LevelChunks, sizes: NDArray[Any], files: FileTable) -> None:
    end = level.offset + level.length
    wrong = (level.length < 0) | (level.offset < 0) | (end > sizes[level.file])
    if wrong.any():
        first = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        entry = files.entries[int(level.file[first])]
        raise Unreadable(
            f"{entry.path} is truncated or damaged: it has {entry.size} bytes, and pixels "
            f"should end at byte {int(end[first])}."
        )
