"""Thumbnails as they are kept: a JPEG, and behind it the digest of its bytes.

Readers of JPEG end at its last marker, so that the files open anywhere.  A thumbnail can always
be drawn again: a damaged one is as good as none.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import xxhash

from ...errors import OmeroError
from ...storage import aside, reading, writing
from ..state import State

__all__ = ["keep_thumbnail", "kept_thumbnail", "verified_thumbnails"]

log = logging.getLogger(__name__)

_MAGIC = b"OJTHUMB1"
_TRAILER = len(_MAGIC) + 16
_END_OF_IMAGE = b"\xff\xd9"


def kept_thumbnail(path: Path) -> bytes | None:
    """The JPEG that is kept at `path`, or None where there is none that is whole."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return data[:-_TRAILER] if _is_whole(data) else None


def keep_thumbnail(state: State, picture: bytes, path: Path) -> None:
    """Keep a thumbnail; where that fails it is drawn again the next time, and no worse."""
    if state.why_read_only():
        return
    layout = state.layout
    try:
        with aside(layout.staging(layout.thumbnails)) as new, writing(path, len(picture)):
            path.parent.mkdir(parents=True, exist_ok=True)
            new.write_bytes(picture + _MAGIC + xxhash.xxh3_128_digest(picture))
            new.replace(path)
    except OmeroError as error:
        log.warning("a thumbnail is not kept: %s", error)
        state.disk_failed(error)


def verified_thumbnails(folder: Path) -> Iterator[tuple[Path, int, bool]]:
    """Path and size of each thumbnail in a folder, and whether it is damaged.

    Of one that the first release kept, without a digest, nobody can say.
    """
    for path in sorted(folder.glob("[!.]*.jpg")):
        try:
            with reading(path):
                data = path.read_bytes()
        except OmeroError:
            yield path, 0, True
            continue
        yield path, len(data), not (_is_whole(data) or data.endswith(_END_OF_IMAGE))


def _is_whole(data: bytes) -> bool:
    body, trailer = data[:-_TRAILER], data[-_TRAILER:]
    return trailer == _MAGIC + xxhash.xxh3_128_digest(body)
