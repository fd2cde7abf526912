"""Files are made in a hidden folder and appear in their place whole, or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from ..errors import Conflict, Invalid
from .disk import writing
from .durable import make_folders, write_new
from .platform import fsync_file, fsync_folder

__all__ = ["Stage", "aside", "remove", "replace_file", "sweep", "sweep_unfinished"]

# What this process is about: a sweep leaves it alone.
_in_use: set[Path] = set()


@contextmanager
def aside(folder: Path, name: str | None = None) -> Iterator[Path]:
    """A path in a staging or trash folder, which is made; what is left at it goes at the end."""
    make_folders(folder)
    path = folder / (name or secrets.token_hex(8))
    _in_use.add(path)
    try:
        yield path
    finally:
        # On a disk that is gone it stays, until `sweep`.
        with suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
        _in_use.discard(path)


def replace_file(path: Path, data: bytes | memoryview, staging: Path) -> None:
    """Write a file as `write_file` does, unfinished in the hidden folder `staging`.

    For a file that no intent names: whatever ends the program, nothing lies beside it afterwards.
    """
    with aside(staging) as part, writing(path, len(data)):
        write_new(part, data)
        part.replace(path)
        fsync_folder(path.parent)


class Stage:
    """A folder to make files in; what was not published is removed at the end.

    Parameters
    ----------
    staging
        The hidden folder of a top-level folder, on the file system of what will be published.
    name
        Names the stage, so that whoever finds it after a crash knows what it was for.

    Examples
    --------
    >>> with Stage(layout.staging(layout.pixels), "intent-17") as stage:
    ...     write_file(stage.path / "index", data)
    ...     stage.publish(layout.pixels / shard(17))
    """

    def __init__(self, staging: Path, name: str | None = None) -> None:
        self.path = staging / (name or secrets.token_hex(8))
        if self.path.parent != staging or self.path.name in ("", ".", ".."):
            raise Invalid(f"{name!r} cannot name a stage: give a plain file name.")

    def __enter__(self) -> Stage:
        make_folders(self.path.parent)
        with writing(self.path):
            self.path.mkdir(mode=0o700)
        _in_use.add(self.path)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        _in_use.discard(self.path)

    def publish(self, target: Path) -> None:
        """Rename the whole stage to `target` once all of it is on the disk.

        An empty folder at `target` is replaced: that is how a path is reserved beforehand.

        Raises
        ------
        Conflict
            There is something at `target`.
        Full, Unavailable
            The disk is full, or failed.
        """
        if os.path.lexists(target) and (target.is_symlink() or not target.is_dir()):
            raise Conflict(f"{target} is there already and is not overwritten.")
        _fsync_tree(self.path)
        self._rename(self.path, target)

    def publish_file(self, name: str, target: Path) -> None:
        """Rename one file of the stage to `target` once it is on the disk; errors as `publish`."""
        if os.path.lexists(target):
            raise Conflict(f"{target} is there already and is not overwritten.")
        _fsync_one(self.path / name)
        self._rename(self.path / name, target)

    def _rename(self, source: Path, target: Path) -> None:
        make_folders(target.parent)
        with writing(target):
            source.rename(target)
            fsync_folder(target.parent)
            fsync_folder(source.parent)


def remove(path: Path, trash: Path) -> None:
    """Remove a file or a folder: it is gone from its place at once, and whole.

    It is renamed into `trash`, a folder of the same file system, and removed there; what a
    crash leaves in `trash` is for `sweep`.  A path that is not there is no error.
    """
    if not os.path.lexists(path):
        return
    with aside(trash) as away:
        with writing(path):
            path.rename(away)
            fsync_folder(path.parent)
        _delete(away)


def sweep(folder: Path, keep: Collection[str] = ()) -> tuple[str, ...]:
    """Remove what a crash or a lost disk left in a staging or trash folder; returns the names.

    The names in `keep` stay, and what this process is working with.
    """
    if not folder.is_dir():
        return ()
    there = (each for each in folder.iterdir() if each not in _in_use)
    gone = sorted(each.name for each in there if each.name not in keep)
    for name in gone:
        _delete(folder / name)
    return tuple(gone)


def sweep_unfinished(folder: Path, name: str = "*") -> None:
    """Remove what a crash left of files that `write_file` wrote into `folder` under `name`."""
    for each in folder.glob(f".{name}.*.tmp"):
        with writing(each):
            each.unlink(missing_ok=True)


def _delete(path: Path) -> None:
    with writing(path):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _fsync_tree(folder: Path) -> None:
    for each in folder.iterdir():
        if each.is_dir() and not each.is_symlink():
            _fsync_tree(each)
        else:
            _fsync_one(each)
    with writing(folder):
        fsync_folder(folder)


def _fsync_one(path: Path) -> None:
    if path.is_symlink():
        # The link itself is part of its folder; what it leads to is not ours to force.
        return
    with writing(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fsync_file(descriptor)
        finally:
            os.close(descriptor)
