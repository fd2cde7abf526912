"""Sending files to the repository's machine, as one user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ...errors import OmeroError
from ...model import FileToUpload, Upload, UploadedFile
from ...storage import Piece
from ..work import Work

__all__ = ["Uploads"]


class Uploads:
    """The asking user's uploads; those of others are missing."""

    def __init__(self, session: Work) -> None:
        self._session = session
        self._all = session.store.uploads

    def begin(self, key: str = "", size: int = 0) -> Upload:
        """A new upload, or the open one that you began under the same key."""
        with self._writing() as user:
            return self._all.begin(user, key, size)

    def list(self) -> tuple[Upload, ...]:
        """Your uploads that were not imported yet, or are being so, the oldest first."""
        return self._all.list(self._user)

    def get(self, upload: str) -> Upload:
        """One of your uploads."""
        return self._all.get(self._user, upload)

    def abort(self, upload: str) -> None:
        """Forget an upload and its files; their room is free at once."""
        with self._freeing() as user:
            self._all.abort(user, upload)

    def declare(self, upload: str, files: Sequence[FileToUpload]) -> tuple[UploadedFile, ...]:
        """Announce files and keep their room free; what was declared before goes on."""
        with self._writing() as user:
            return self._all.declare(user, upload, files)

    def files(self, upload: str, after: int = 0, limit: int = 1000) -> tuple[UploadedFile, ...]:
        """The files whose number is larger than `after`, in the order of their numbers."""
        return self._all.files(self._user, upload, after, limit)

    def file(self, upload: str, number: int) -> UploadedFile:
        """One file, and which of its bytes are there."""
        return self._all.file(self._user, upload, number)

    def complete(self, upload: str, number: int, checksum: str | None = None) -> UploadedFile:
        """Verify a file whose bytes are all there; asked again while it is `verifying`."""
        with self._freeing() as user:
            return self._all.complete(user, upload, number, checksum)

    def drop(self, upload: str, number: int) -> None:
        """Forget one file of an upload."""
        with self._freeing() as user:
            self._all.drop(user, upload, number)

    def piece(self, upload: str, number: int, start: int, end: int, checksum: str | None) -> Piece:
        """Let bytes of a file come; room was made for them when it was declared."""
        with self._freeing() as user:
            return self._all.piece(user, upload, number, start, end, checksum)

    def check_batch(self, upload: str, size: int) -> None:
        """Raise where no `size` bytes of small files may come."""
        with self._writing() as user:
            self._all.check_batch(user, upload, size)

    def add_whole(
        self, upload: str, files: Sequence[FileToUpload], source: Path, offset: int
    ) -> tuple[UploadedFile, ...]:
        """Keep small files that lie one after the other in `source`, from `offset` on."""
        with self._writing() as user:
            return self._all.add_whole(user, upload, files, source, offset)

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Let the repository know what the disk says inside the block."""
        try:
            yield
        except OmeroError as error:
            self._session.store.disk_failed(error)
            raise

    @property
    def _user(self) -> str:
        # Somebody without an account has no uploads, whatever they are called.
        return self._session.access.actor.user_name

    @contextmanager
    def _writing(self) -> Iterator[str]:
        user = self._user
        self._session.store.check_writable("imports")
        with self.failing():
            yield user

    @contextmanager
    def _freeing(self) -> Iterator[str]:
        user = self._user
        self._session.store.disk.check_place()
        with self.failing():
            yield user
