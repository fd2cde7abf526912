"""The files of an output: those in its folder, and none that a link leads to."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

__all__ = ["files_at"]

_MOST = 100_000


def files_at(path: Path) -> list[Path]:
    """The file `path`, or all files in the folder `path` and below, in order of their names."""
    if path.is_file():
        return [path]
    top = path.resolve()
    return sorted(
        file
        for file in islice(path.rglob("*"), _MOST)
        if file.is_file() and not file.is_symlink() and file.resolve().is_relative_to(top)
    )
