"""Open images: a few hundred chunk indexes kept at hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import Damaged, OmeroError, Unreadable
from ..model.chunks import VERSION, ChunkIndex
from ..pixels import PixelReader
from ..storage import Watch
from .recent import Recent

__all__ = ["INDEX", "PROFILE", "Readers"]

INDEX = "index"
PROFILE = "profile.icc"
"""The colour profile of a picture, beside the index; like it, never changed."""
_KEPT = 256


class Readers:
    """Readers by folder and version; the least recently used is forgotten first."""

    def __init__(self, watch: Watch, lost: Callable[[Path, str], OmeroError]) -> None:
        """`lost`, given a folder and why its index is of no use, answers the error to raise."""
        self._watch = watch
        self._lost = lost
        self._open: Recent[tuple[str, int], PixelReader] = Recent(_KEPT)

    def get(self, folder: Path, version: int, fileset: Path | None = None) -> PixelReader:
        """The reader of one version of the image whose index lies in `folder`.

        Raises
        ------
        Unreadable
            The index is missing, and cannot be made again.
        Unavailable
            It is missing or of an older version, and is being made again.
        Damaged
            It is not what was written.
        """
        # Text, and not a path: this is done for every tile.
        path = f"{folder}/{INDEX}"
        self._watch.check(path)
        known = self._open.get((path, version))
        if known is not None:
            return known
        try:
            data = Path(path).read_bytes()
        except FileNotFoundError:
            raise self._lost(folder, f"The chunk index in {folder} is missing") from None
        except OSError as error:
            raise Unreadable(f"The chunk index {path} cannot be read: {error.strerror}.") from error
        try:
            index = ChunkIndex.from_bytes(data)
        except Damaged:
            raise self._watch.damaged(path, "it is not what was written") from None
        if index.header.version < VERSION:
            raise self._lost(folder, f"The chunk index in {folder} is of an older version")
        roots = {"pixels": folder} | ({} if fileset is None else {"fileset": fileset})
        return self._open.put((path, version), PixelReader(index, roots, self._watch))

    def forget(self) -> None:
        """Remember no reader; who has one may use it to the end."""
        self._open.clear()

    def close(self) -> None:
        """Close every reader."""
        for reader in self._open.values():
            reader.close()
