"""A disk on which one write, fsync or rename fails: the n-th that touches the repository."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import current_thread
from typing import Any

import pytest

_BY_DESCRIPTOR = ("write", "pwrite", "fsync")
_BY_PATH = ("rename", "replace", "mkdir")


class BrokenDisk:
    """Counts what is done to the files below `root`, and fails once at number `fail_at`."""

    def __init__(self, root: Path, fail_at: int, code: int) -> None:
        self.root = root
        self.fail_at = fail_at
        self.code = code
        self.done = 0
        self.failed_call = ""

    def step(self, name: str, path: Path) -> None:
        """Count a call, and raise where it is the one to fail."""
        # The thread that looks at the disk does so whenever it likes.
        if not path.is_relative_to(self.root) or current_thread().name == "omero-jlab-disk":
            return
        self.done += 1
        if self.done == self.fail_at:
            self.failed_call = f"{name} {path}"
            raise OSError(self.code, os.strerror(self.code), str(path))


@contextmanager
def too_many_files(root: Path, fail_at: int) -> Iterator[BrokenDisk]:
    """One file below `root` cannot be opened inside the block, since too many are."""
    disk = BrokenDisk(root, fail_at, errno.EMFILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", _with_path(disk, "open", os.open))
        yield disk


@contextmanager
def broken_disk(root: Path, fail_at: int, code: int) -> Iterator[BrokenDisk]:
    """The disk of `root` fails once with errno `code` inside the block."""
    disk = BrokenDisk(root, fail_at, code)
    with pytest.MonkeyPatch.context() as patch:
        for name in _BY_DESCRIPTOR:
            patch.setattr(os, name, _with_descriptor(disk, name, getattr(os, name)))
        for name in _BY_PATH:
            patch.setattr(os, name, _with_path(disk, name, getattr(os, name)))
        yield disk


def _with_descriptor(disk: BrokenDisk, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(descriptor: int, *rest: Any) -> Any:
        disk.step(name, Path(f"/proc/self/fd/{descriptor}").readlink())
        return real(descriptor, *rest)

    return call


def _with_path(disk: BrokenDisk, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(path: Any, *rest: Any, **more: Any) -> Any:
        disk.step(name, Path(path).absolute())
        return real(path, *rest, **more)

    return call
