"""Open images: a few hundred chunk indexes kept at hand."""

from __future__ import annotations

from pathlib import Path

from ..errors import Unreadable
from ..model.chunks import ChunkIndex
from ..pixels import PixelReader
from .recent import Recent

__all__ = ["INDEX", "Readers"]

INDEX = "index"
_KEPT = 256


class Readers:
    """Readers by folder and version; the least recently used is forgotten first."""

    def __init__(self) -> None:
        self._open: Recent[tuple[Path, int], PixelReader] = Recent(_KEPT)

    def get(self, folder: Path, version: int, fileset: Path | None = None) -> PixelReader:
        """The reader of one version of the image whose index lies in `folder`."""
        known = self._open.get((folder, version))
        if known is not None:
            return known
        try:
            data = (folder / INDEX).read_bytes()
        except FileNotFoundError:
            raise Unreadable(
                f"The chunk index in {folder} is missing: ask the repository's administrator to "
                f"restore it from the backup."
            ) from None
        roots = {"pixels": folder} | ({} if fileset is None else {"fileset": fileset})
        made = PixelReader(ChunkIndex.from_bytes(data), roots)
        return self._open.put((folder, version), made)

    def close(self) -> None:
        """Close every reader."""
        for reader in self._open.values():
            reader.close()
