"""Comparing single files of the repository with their checksums, at whatever pace is wanted."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from ...errors import Unreadable
from ...storage import drop_cached, opened_original, reading, stamp_of

__all__ = ["Pace", "sha256_of"]

Pace = Callable[[int], object]
_BLOCK = 1 << 20


def sha256_of(path: Path, pace: Pace, from_disk: bool = False) -> tuple[str, os.stat_result]:
    """The SHA-256 of a file, and its state while it was read.

    `pace` is called with the number of bytes of each block, and may wait.  With `from_disk`, no
    cached bytes count, and none are left.

    Raises
    ------
    NotFound
        There is no such file.
    Unreadable
        It is no regular file, cannot be read, or was written to meanwhile.
    """
    digest = hashlib.sha256()
    with opened_original(path) as (descriptor, before):
        if from_disk:
            drop_cached(descriptor)
        while True:
            with reading(path):
                block = os.read(descriptor, _BLOCK)
            if not block:
                break
            digest.update(block)
            pace(len(block))
        if from_disk:
            drop_cached(descriptor)
        after = os.fstat(descriptor)
        if stamp_of(after) != stamp_of(before):
            raise Unreadable(f"{path} was written to while it was verified.")
    return digest.hexdigest(), after
