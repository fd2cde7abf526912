"""Who is asked about the files that pixels and rows are read from, and told of damage in them."""

from __future__ import annotations

import os
from typing import Protocol

from ..errors import Damaged, Unreadable

__all__ = ["NOBODY", "Stamp", "Watch", "damaged", "stamp_of"]

Stamp = tuple[int, int, int, int, int]


class Watch(Protocol):
    """What a repository knows of its files, by their whole path."""

    def check(self, path: str) -> None:
        """Raise `Damaged` where a file is known to be damaged."""
        ...

    def touched(self, path: str, mtime_ns: int, found: os.stat_result) -> None:
        """Return where a file whose time of change was `mtime_ns` still holds what it held.

        Raises
        ------
        Damaged, Unreadable
            It does not, or nobody can say.
        Unavailable
            That is being found out.
        """
        ...

    def damaged(self, path: str, detail: str) -> Damaged:
        """Note that a file is damaged; the error to raise."""
        ...


class _Nobody:
    def check(self, path: str) -> None:
        """Nothing is known."""

    def touched(self, path: str, mtime_ns: int, found: os.stat_result) -> None:
        raise Unreadable(
            f"{path} was changed after it was registered. Put the original back with its time of "
            f"change, or import the file again."
        )

    def damaged(self, path: str, detail: str) -> Damaged:
        return damaged(path, detail)


NOBODY: Watch = _Nobody()


def damaged(path: str, detail: str) -> Damaged:
    """The error that says that a file is damaged, and what to do."""
    error = Damaged(
        f"{path} is damaged: {detail}. Restore it from the backup, then run `omero-jlab admin "
        f"scrub`; whatever does not need this file can still be read."
    )
    error.path = path
    return error


def stamp_of(found: os.stat_result) -> Stamp:
    """What changes whenever a file is written to or replaced, even where its time was set back."""
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
