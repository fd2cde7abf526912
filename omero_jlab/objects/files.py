"""A file attached to an object."""

from __future__ import annotations

from pathlib import Path

from ..errors import Invalid
from ..model import FileAnnotation
from ..operations import AnySession

__all__ = ["AttachedFile"]


class AttachedFile:
    """A file attached to an object."""

    def __init__(self, session: AnySession, record: FileAnnotation) -> None:
        self._session = session
        self.record = record

    @property
    def name(self) -> str:
        """The file's name."""
        return self.record.name

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return self.record.size

    def read(self) -> bytes:
        """All of its bytes."""
        _, pieces = self._session.file(self.record.file_id)
        return b"".join(pieces)

    def download(self, folder: str | Path = ".") -> Path:
        """Write the file into a folder of this machine; answers its path there.

        Raises
        ------
        Invalid
            There is a file of that name already.
        """
        target = Path(folder) / Path(self.name).name
        if target.exists():
            raise Invalid(f"{target} is there already: name another folder.")
        _, pieces = self._session.file(self.record.file_id)
        with target.open("xb") as out:
            for piece in pieces:
                out.write(piece)
        return target

    def __repr__(self) -> str:
        return f"<AttachedFile {self.name!r}, {self.size:,} bytes>"
