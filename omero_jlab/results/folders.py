"""The files of an output: those in its folder, and none that a link leads to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

__all__ = ["entries_at", "files_at", "is_store"]

_MOST = 100_000
_STORES = (".zarr", ".n5")


def files_at(path: Path) -> list[Path]:
    """The file `path`, or all files in the folder `path` and below, in order of their names."""
    return [entry for entry in entries_at(path) if not is_store(entry)]


def entries_at(path: Path) -> list[Path]:
    """The same with the stores (.zarr, .n5), each as one; what lies in a store is not named."""
    if path.is_file() or is_store(path):
        return [path]
    return sorted(islice(_walk(path), _MOST))


def is_store(path: Path) -> bool:
    """Whether it is a folder that is called as one array, or a group of them, in many files."""
    return path.suffix.casefold() in _STORES and path.is_dir()


def _walk(path: Path) -> Iterator[Path]:
    for folder, inner, names in os.walk(path, followlinks=False):
        place = Path(folder)
        stores = [name for name in inner if is_store(place / name)]
        inner[:] = sorted(name for name in inner if name not in stores)
        yield from (place / name for name in stores if not (place / name).is_symlink())
        for name in sorted(names):
            if (place / name).is_file() and not (place / name).is_symlink():
                yield place / name
