"""Whether a disk that failed keeps what is written to it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from ..errors import Unavailable
from .disk import writing
from .durable import write_new
from .platform import drop_cached, fsync_folder
from .staging import aside

__all__ = ["probe_disk"]

_SIZE = 1 << 20


def probe_disk(folder: Path) -> None:
    """Write, force, rename and read back a file in `folder`, which is empty of it afterwards.

    Raises
    ------
    Unavailable, Full
        That is not possible, or what comes back is something else.
    """
    data = secrets.token_bytes(_SIZE)
    with aside(folder, f".{secrets.token_hex(8)}.tmp") as place, writing(place, _SIZE):
        first = place.with_name(f".{secrets.token_hex(8)}.tmp")
        try:
            write_new(first, data)
            first.rename(place)
        finally:
            first.unlink(missing_ok=True)
        fsync_folder(folder)
        descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        try:
            drop_cached(descriptor)
            found = os.pread(descriptor, _SIZE + 1, 0)
        finally:
            os.close(descriptor)
        if found != data:
            raise Unavailable(f"{folder} gives back something else than what was written there.")
        place.unlink()
        fsync_folder(folder)
