"""Where an upload lies: `parts/` holds what is not complete, `files/` what is, under its path."""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path, PurePosixPath

from ..errors import Conflict
from ..model import FileToUpload
from .disk import writing
from .durable import make_folders
from .incoming import Incoming
from .paths import below
from .platform import fsync_folder, reserve_blocks
from .upload_journal import UploadJournal

__all__ = ["JOURNAL", "PUBLISHED", "UploadFolder"]

JOURNAL = "journal"
PUBLISHED = "files"
_PARTS = "parts"
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class UploadFolder:
    """The folder of one upload; `journal` tells what happened in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = UploadJournal(path / JOURNAL)

    def make(self) -> None:
        """Make it, empty."""
        make_folders(self.path / _PARTS)
        make_folders(self.path / PUBLISHED)

    @property
    def published(self) -> Path:
        """The folder of the files that are complete."""
        return self.path / PUBLISHED

    def part(self, number: int) -> Path:
        """Where a file lies until it is complete."""
        return self.path / _PARTS / str(number)

    def new_part(self) -> Path:
        """Where a file may lie that has no number yet."""
        return self.path / _PARTS / f"{secrets.token_hex(8)}.new"

    def target(self, file: Incoming) -> Path:
        """Where a file lies when it is complete."""
        return below(self.published, PurePosixPath(file.declared.path))

    def made(self, number: int, file: FileToUpload) -> Incoming:
        """A file of which nothing has come; its room is reserved where the disk can do that."""
        part = self.part(number)
        with writing(part, file.size):
            # Left by a declaration that no line of the journal tells of.
            part.unlink(missing_ok=True)
            descriptor = os.open(part, _CREATE, 0o600)
            try:
                is_reserved = reserve_blocks(descriptor, file.size)
                if not is_reserved:
                    os.ftruncate(descriptor, file.size)
            except BaseException:
                part.unlink()
                raise
            finally:
                os.close(descriptor)
        return Incoming(number, file, part, self.journal, is_reserved)

    def force_parts(self) -> None:
        """Force the names of new parts to the disk."""
        with writing(self.path):
            fsync_folder(self.path / _PARTS)

    def publish(self, file: Incoming) -> None:
        """Give a complete file its name; whoever published all of them calls `force`.

        Raises
        ------
        Conflict
            Something else has that name.
        """
        target = self.target(file)
        if os.path.lexists(target):
            raise Conflict(f"{file.declared.path} is there already in this upload.")
        with writing(target):
            file.part.rename(target)

    def force(self, files: Collection[Incoming]) -> None:
        """Force the names of published files to the disk."""
        with writing(self.path):
            for folder in {self.target(file).parent for file in files}:
                fsync_folder(folder)

    def withdraw(self, file: Incoming) -> None:
        """Remove a file that was published, and that no line of the journal tells of."""
        with suppress(OSError):
            self.target(file).unlink()

    def remove(self, file: Incoming) -> None:
        """Remove a file, complete or not; its room is free when this returns."""
        with writing(file.part):
            file.part.unlink(missing_ok=True)
            self.target(file).unlink(missing_ok=True)

    def holds_part(self, file: Incoming) -> bool:
        """Whether the part of a file is there, and of its size."""
        try:
            return file.part.stat(follow_symlinks=False).st_size == file.size
        except OSError:
            return False

    def settle(self, files: Collection[Incoming]) -> None:
        """Finish what a crash interrupted, and remove what belongs to none of `files`."""
        for file in files:
            if file.content is not None and file.part.exists():
                make_folders(self.target(file).parent)
                if not os.path.lexists(self.target(file)):
                    self.publish(file)
        known = {file.part for file in files if file.content is None}
        for part in (self.path / _PARTS).iterdir():
            if part not in known:
                part.unlink()
        whole = {self.target(file) for file in files if file.content is not None}
        for folder, _, names in os.walk(self.published):
            for name in names:
                if Path(folder) / name not in whole:
                    (Path(folder) / name).unlink()
