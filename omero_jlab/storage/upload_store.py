"""All uploads of a repository: whose they are, what room they keep, and for how long."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from pydantic import Field

from ..errors import Full, NotFound, OmeroError, TooLarge
from ..model import FileToUpload, Record, Upload, UploadedFile
from .durable import Copied
from .incoming import Piece
from .layout import Layout
from .open_upload import OpenUpload
from .staging import remove
from .upload_folder import JOURNAL
from .uploads import upload_mark, uploads_folder, within_uploads

__all__ = ["UploadLimits", "Uploads"]

log = logging.getLogger(__name__)

_DAY_S = 86_400.0
_LOOK_EVERY_S = 3600.0


class UploadLimits(Record):
    """For how many days an upload that nobody touches is kept, and how much one user may have.

    `part` is the part of the room for uploads that one user's may take, `bytes` an upper limit.
    """

    days: float = Field(default=7.0, gt=0)
    uploads: int = Field(default=100, gt=0)
    files: int = Field(default=500_000, gt=0)
    bytes: int = Field(default=4_000_000_000_000, ge=0)
    part: float = Field(default=0.9, gt=0, le=1)


class Uploads:
    """The open uploads of the repository at `layout`; threads may share it.

    Parameters
    ----------
    limits
        For each user.
    room
        Answers how many bytes may be written before the disk is too full for imports.
    """

    def __init__(self, layout: Layout, limits: UploadLimits, room: Callable[[], int]) -> None:
        self._layout = layout
        self._limits = limits
        self._room = room
        self._guard = threading.RLock()
        self._open: dict[str, OpenUpload] = {}
        self._threads = ThreadPoolExecutor(2, "omero-jlab-upload")
        self._next_look = 0.0
        self._kept: list[Callable[[], int]] = []

    def load(self) -> None:
        """Go on with what lies on the disk: at an opening, or when the disk was mounted anew."""
        folder = uploads_folder(self._layout)
        with self._guard:
            for upload in self._open.values():
                upload.stop()
            self._open = {}
            for each in sorted(folder.iterdir()) if folder.is_dir() else ():
                try:
                    if not (each / JOURNAL).is_file():
                        self._remove(each)
                        continue
                    upload = OpenUpload(each)
                except (OmeroError, OSError) as error:
                    log.warning("the upload in %s cannot go on: %s", each, error)
                    continue
                self._open[upload.id] = upload
        self.forget_old()

    def close(self) -> None:
        """Finish what is being verified; nothing more is written."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        for upload in tuple(self._open.values()):
            upload.stop()

    @property
    def owed(self) -> int:
        """The bytes that the disk must still find room for, for uploads that were declared."""
        with self._guard:
            return sum(upload.owed for upload in self._open.values())

    @contextmanager
    def keeping(self, size: Callable[[], int]) -> Iterator[None]:
        """Promise no upload the bytes that `size` answers, now and at each later moment."""
        with self._guard:
            self._kept.append(size)
        try:
            yield
        finally:
            with self._guard:
                self._kept.remove(size)

    def begin(self, account: str, key: str, size: int) -> Upload:
        """A new upload, or the account's open one of that key.

        Raises
        ------
        Full
            There is no room for `size` bytes, or the account has too many on their way.
        TooLarge
            The account has too many uploads.
        """
        mark = upload_mark(account)
        self.forget_old()
        with self._guard:
            own = [upload for upload in self._open.values() if upload.mark == mark]
            for upload in own:
                if key and upload.key == key and not upload.is_used:
                    self._check_room(mark, max(size - upload.size, 0))
                    upload.expect(size)
                    return upload.record
            if len(own) >= self._limits.uploads:
                raise TooLarge(
                    f"You have {len(own)} uploads that were not imported: import or abort some."
                )
            self._check_room(mark, size)
            folder = uploads_folder(self._layout) / f"{uuid4().hex}-{mark}"
            upload = OpenUpload.begin(folder, key, size)
            self._open[upload.id] = upload
            return upload.record

    def list(self, account: str) -> tuple[Upload, ...]:
        """The account's uploads, the oldest first."""
        mark = upload_mark(account)
        with self._guard:
            own = [upload for upload in self._open.values() if upload.mark == mark]
        found = [upload.record for upload in own]
        return tuple(sorted(found, key=lambda upload: (upload.began_at, upload.id)))

    def get(self, account: str, upload: str) -> Upload:
        """One of the account's uploads; `NotFound` for one of others, too."""
        return self._own(account, upload).record

    def abort(self, account: str, upload: str) -> None:
        """Forget an upload of the account's."""
        self._forget(self._own(account, upload))

    def declare(
        self, account: str, upload: str, files: Sequence[FileToUpload]
    ) -> tuple[UploadedFile, ...]:
        """Announce files; as `OpenUpload.declare`.

        Raises
        ------
        Full
            There is no room for them.
        TooLarge
            The account has too many files on their way.
        """
        own = self._own(account, upload)
        with self._guard:
            self._check_more(own, own.unknown(files))
            return own.declare(files)

    def files(self, account: str, upload: str, after: int, limit: int) -> tuple[UploadedFile, ...]:
        """The files of an upload, page by page."""
        return self._own(account, upload).records(after, limit)

    def file(self, account: str, upload: str, number: int) -> UploadedFile:
        """One of the files."""
        return self._own(account, upload).file(number).record

    def complete(
        self, account: str, upload: str, number: int, checksum: str | None
    ) -> UploadedFile:
        """Verify a file; as `OpenUpload.complete`."""
        return self._own(account, upload).complete(number, checksum, self._threads)

    def drop(self, account: str, upload: str, number: int) -> None:
        """Forget a file."""
        self._own(account, upload).drop(number)

    def piece(
        self,
        account: str,
        upload: str,
        number: int,
        start: int,
        end: int,
        checksum: str | None,
    ) -> Piece:
        """Let a piece of a file come; as `OpenUpload.piece`."""
        return self._own(account, upload).piece(number, start, end, checksum)

    def check_batch(self, account: str, upload: str, size: int) -> None:
        """Raise where no `size` bytes more may come to an upload; as `declare`."""
        own = self._own(account, upload)
        with self._guard:
            self._check_room(own.mark, max(size - own.promised, 0))

    def add_whole(
        self,
        account: str,
        upload: str,
        files: Sequence[FileToUpload],
        source: Path,
        offset: int,
    ) -> tuple[UploadedFile, ...]:
        """Keep small files; as `OpenUpload.add_whole`, and refused as `declare`."""
        own = self._own(account, upload)
        with self._guard:
            self._check_more(own, own.unknown(files))
        return own.add_whole(files, source, offset)

    def use(self, paths: Iterable[Path]) -> None:
        """Let no more files come to the uploads of these paths: an import has begun."""
        for upload in self._of(paths):
            upload.use()

    def release(self, paths: Iterable[Path]) -> None:
        """Let the uploads of these paths be found by their keys again: no import used them up."""
        for upload in self._of(paths):
            upload.use(False)

    def content(self, path: Path) -> Copied | None:
        """What was verified of an uploaded file: nobody can have changed it since.

        None for a path that is no file of an upload.
        """
        parts = within_uploads(self._layout, path)
        upload = self._named(parts[0]) if parts else None
        return None if upload is None else upload.content("/".join(parts[2:]))

    def forget(self, paths: Iterable[Path]) -> None:
        """Remove the uploads among `paths`: what was in them has become something, or nothing."""
        for upload in self._of(paths):
            self._forget(upload)

    def forget_old(self) -> None:
        """Remove the uploads that nobody has touched for so many days."""
        now = time.time()
        with self._guard:
            if now < self._next_look:
                return
            self._next_look = now + _LOOK_EVERY_S
            limit = now - self._limits.days * _DAY_S
            old = [upload for upload in self._open.values() if upload.changed_at < limit]
        for upload in old:
            log.warning("an upload of %s files is forgotten: nobody went on with it", upload.count)
            self._forget(upload)

    def _check_more(self, own: OpenUpload, new: Sequence[FileToUpload]) -> None:
        count = sum(each.count for each in self._open.values() if each.mark == own.mark)
        if count + len(new) > self._limits.files:
            raise TooLarge(
                f"You have {count:,} files that were not imported, and may have "
                f"{self._limits.files:,}: import or abort some first."
            )
        size = sum(file.size for file in new)
        self._check_room(own.mark, max(size - own.promised, 0))

    def _check_room(self, mark: str, size: int) -> None:
        """Raise `Full` where no `size` bytes more can be kept free for the owner of `mark`."""
        if size == 0:
            return
        owed = self.owed + sum(kept() for kept in self._kept)
        free = self._room() - owed
        if size > free:
            raise Full(
                f"These files need {size:,} bytes, and {max(free, 0):,} are free for uploads on "
                f"the repository's disk; {owed:,} are kept for what is on its way. Make room, "
                f"or send less."
            )
        held = sum(upload.size for upload in self._open.values() if upload.mark == mark)
        most = min(self._limits.bytes, int(self._limits.part * (held + free)))
        if held + size > most:
            raise Full(
                f"These files need {size:,} bytes, and you have {held:,} that were not imported: "
                f"one user may have {most:,}. Import or abort some, or send less."
            )

    def _own(self, account: str, upload: str) -> OpenUpload:
        with self._guard:
            found = self._open.get(upload)
        if found is None or found.mark != upload_mark(account):
            raise NotFound(f"There is no upload {upload[:64]!r} of yours: begin one.")
        return found

    def _of(self, paths: Iterable[Path]) -> Sequence[OpenUpload]:
        named = {parts[0] for path in paths if (parts := within_uploads(self._layout, path))}
        return [upload for name in sorted(named) if (upload := self._named(name)) is not None]

    def _named(self, folder: str) -> OpenUpload | None:
        with self._guard:
            found = self._open.get(folder.rpartition("-")[0])
        return found if found is not None and found.folder.name == folder else None

    def _forget(self, upload: OpenUpload) -> None:
        with self._guard:
            if self._open.get(upload.id) is not upload:
                return
            upload.stop()
            self._remove(upload.folder)
            del self._open[upload.id]

    def _remove(self, folder: Path) -> None:
        remove(folder, self._layout.trash(self._layout.files))
        # The next upload makes it again.
        with suppress(OSError):
            folder.parent.rmdir()
