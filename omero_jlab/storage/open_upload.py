"""One upload: the files that were declared, and where they lie.

Its folder holds a journal, `parts/` with what is not complete, and `files/` with what is, under
the paths that the client gave.  Only what lies in `files/` can be imported.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from ..errors import Conflict, NotFound, Unreadable
from ..model import FileToUpload, Upload, UploadedFile
from .disk import writing
from .durable import Copied, make_folders
from .incoming import Incoming, Piece, parse_checksum
from .paths import below
from .platform import fsync_folder, reserve_blocks
from .upload_journal import Line, UploadJournal
from .upload_names import check_same, checked_path, folders_above
from .upload_told import Told, read_told
from .whole_files import write_whole

__all__ = ["JOURNAL", "PUBLISHED", "OpenUpload"]

log = logging.getLogger(__name__)

JOURNAL = "journal"
PUBLISHED = "files"
_PARTS = "parts"
_PATIENCE_S = 20.0
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class OpenUpload:
    """The upload in `folder`, which `begin` made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.id, _, self.mark = folder.name.rpartition("-")
        self.key = ""
        self.expected = 0
        self.is_used = False
        self._began_at = datetime.now(UTC)
        self._journal = UploadJournal(folder / JOURNAL)
        self._files: dict[int, Incoming] = {}
        self._by_path: dict[str, Incoming] = {}
        self._folders: dict[str, int] = {}
        self._last = 0
        self._guard = threading.RLock()
        self._restore(read_told(folder / JOURNAL))

    @classmethod
    def begin(cls, folder: Path, key: str, expected: int) -> OpenUpload:
        """A new upload in `folder`, which must not exist."""
        now = datetime.now(UTC).isoformat()
        line = {"began": {"key": key, "expected": expected, "at": now}}
        try:
            make_folders(folder / _PARTS)
            make_folders(folder / PUBLISHED)
            UploadJournal(folder / JOURNAL).append([line])
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return cls(folder)

    @property
    def published(self) -> Path:
        """The folder of the files that are complete."""
        return self.folder / PUBLISHED

    @property
    def changed_at(self) -> float:
        """When something last happened to it, in seconds since 1970."""
        return self._journal.changed_at

    @property
    def count(self) -> int:
        """How many files it has."""
        return len(self._files)

    @property
    def size(self) -> int:
        """The bytes that are declared, or will be."""
        with self._guard:
            return max(self.expected, sum(file.size for file in self._files.values()))

    @property
    def promised(self) -> int:
        """The bytes that are kept free for files that will be declared."""
        with self._guard:
            return max(self.expected - sum(file.size for file in self._files.values()), 0)

    @property
    def owed(self) -> int:
        """The bytes for which the disk must still find room."""
        with self._guard:
            return self.promised + sum(file.owed for file in self._files.values())

    @property
    def record(self) -> Upload:
        """What is known of it."""
        with self._guard:
            files = tuple(self._files.values())
        return Upload(
            id=self.id,
            key=self.key,
            folder=str(self.published),
            began_at=self._began_at,
            active_at=datetime.fromtimestamp(self.changed_at, UTC),
            files=len(files),
            complete=sum(file.content is not None for file in files),
            size=sum(file.size for file in files),
            received=sum(file.present for file in files),
        )

    def records(self, after: int, limit: int) -> tuple[UploadedFile, ...]:
        """The files with larger numbers, in their order."""
        with self._guard:
            files = [self._files[n] for n in sorted(self._files) if n > after][:limit]
        return tuple(file.record for file in files)

    def file(self, number: int) -> Incoming:
        """One of the files; `NotFound` where there is none of that number."""
        with self._guard:
            if number not in self._files:
                raise NotFound(f"Upload {self.id} has no file {number}.")
            return self._files[number]

    def content(self, path: str) -> Copied | None:
        """What is known of the bytes of a complete file."""
        file = self._by_path.get(path)
        return None if file is None else file.content

    def expect(self, size: int) -> None:
        """Keep so many bytes free for all its files together."""
        with self._guard:
            if size != self.expected:
                self._journal.append([{"expected": size}])
                self.expected = size

    def use(self, is_used: bool = True) -> None:
        """Take no more files, and do not be found by its key, while an import uses it."""
        with self._guard:
            if self.is_used != is_used:
                self._journal.append([{"used": is_used}])
                self.is_used = is_used

    def unknown(self, files: Iterable[FileToUpload]) -> list[FileToUpload]:
        """Those of `files` that were not declared before.

        Raises
        ------
        Invalid
            A path leads out of the upload, or cannot be a file's; a checksum is none.
        Conflict
            One was declared otherwise, or would be a file and a folder.
        """
        with self._guard:
            self._check_unused()
            new: dict[str, FileToUpload] = {}
            folders: set[str] = set()
            for file in files:
                path = checked_path(file.path)
                if file.checksum is not None:
                    parse_checksum(file.checksum)
                before = self._by_path.get(path)
                known = new.get(path) if before is None else before.declared
                if known is not None:
                    check_same(known, file)
                    continue
                above = folders_above(path)
                if path in self._folders or path in folders:
                    raise Conflict(f"{path!r} is a folder of this upload, and cannot be a file.")
                for folder in above:
                    if folder in self._by_path or folder in new:
                        raise Conflict(f"{folder!r} is a file of this upload, and no folder.")
                folders.update(above)
                new[path] = file.model_copy(update={"path": path})
            return list(new.values())

    def declare(self, files: Sequence[FileToUpload]) -> tuple[UploadedFile, ...]:
        """Make room for the files that are new; answers all of them, in their order."""
        with self._guard:
            new = self.unknown(files)
            made: list[Incoming] = []
            try:
                for number, file in enumerate(new, self._last + 1):
                    made.append(self._made(number, file))
                if made:
                    with writing(self.folder):
                        fsync_folder(self.folder / _PARTS)
                    self._journal.append([_declared(file) for file in made])
            except BaseException:
                for each in made:
                    with suppress(OSError):
                        each.part.unlink()
                raise
            for each in made:
                self._keep(each)
            return tuple(self._by_path[checked_path(file.path)].record for file in files)

    def piece(self, number: int, start: int, end: int, checksum: str | None) -> Piece:
        """Let a piece of a file come; as `Incoming.begin`."""
        self._check_unused()
        piece = self.file(number).begin(start, end, checksum)
        self._journal.touch()
        return piece

    def complete(self, number: int, told: str | None, threads: Executor) -> UploadedFile:
        """Verify a file in a thread, and publish it; after a while answers that it goes on.

        Raises
        ------
        Conflict
            Bytes are missing, or something else has its name.
        Unreadable
            It is not what was declared, or told now.
        """
        file = self.file(number)
        if told is not None:
            parse_checksum(told)
        with file.guard:
            future = file.verifying
        if future is None and file.content is None:
            self._check_unused()
            file.check_whole()
            with file.guard:
                future = file.verifying
                if future is None and file.content is None:
                    future = file.verifying = threads.submit(self._verify, file, told)
        if future is not None:
            try:
                future.result(_PATIENCE_S)
            except TimeoutError:
                return file.record
        _check_told(file, told)
        return file.record

    def drop(self, number: int) -> None:
        """Forget a file; its room is free when this returns."""
        with self._guard:
            self._check_unused()
            file = self.file(number)
            with file.guard:
                if file.verifying is not None:
                    raise Conflict(f"{file.declared.path} is being verified: drop it afterwards.")
            self._journal.append([{"dropped": number}])
            self._lose(file)
        file.stop()
        with writing(file.part):
            file.part.unlink(missing_ok=True)
            self._target(file).unlink(missing_ok=True)

    def add_whole(
        self, files: Sequence[FileToUpload], source: Path, offset: int
    ) -> tuple[UploadedFile, ...]:
        """Keep small files whose bytes lie one after the other in `source`, from `offset` on.

        Raises
        ------
        Unreadable
            One is not what its checksum says: none is kept.
        Conflict, Invalid
            As in `unknown`.
        """
        self.unknown(files)
        made: list[tuple[FileToUpload, Path, Copied]] = []
        try:
            with source.open("rb") as bytes_of_all:
                bytes_of_all.seek(offset)
                for file in files:
                    part = self.folder / _PARTS / f"{secrets.token_hex(8)}.new"
                    made.append((file, part, write_whole(bytes_of_all, part, file)))
            with self._guard:
                return self._publish_all(made)
        finally:
            for _, part, _ in made:
                part.unlink(missing_ok=True)

    def stop(self) -> None:
        """Let nobody write any more."""
        with self._guard:
            self.is_used = True
            files = tuple(self._files.values())
        for file in files:
            file.stop()

    def _publish_all(
        self, made: Sequence[tuple[FileToUpload, Path, Copied]]
    ) -> tuple[UploadedFile, ...]:
        new = {file.path for file in self.unknown([file for file, _, _ in made])}
        whole: list[Incoming] = []
        lines: list[Line] = []
        for file, part, content in made:
            path = checked_path(file.path)
            if path not in new:
                there = self._by_path[path].content
                if there is None or there.sha256 != content.sha256:
                    raise Conflict(f"{path} is another file of this upload: drop it first.")
                continue
            declared = file.model_copy(update={"path": path})
            number = self._last + len(whole) + 1
            incoming = Incoming(number, declared, part, self._journal, True)
            incoming.content = content
            whole.append(incoming)
            lines += [_declared(incoming), _done(incoming)]
        targets = [self._target(file) for file in whole]
        for target in {target.parent for target in targets}:
            make_folders(target)
        placed: list[Path] = []
        try:
            for incoming, target in zip(whole, targets, strict=True):
                self._rename(incoming, target)
                placed.append(target)
            with writing(self.folder):
                for folder in {target.parent for target in targets}:
                    fsync_folder(folder)
            # Named by no line before, a crash leaves files that the next opening removes.
            if lines:
                self._journal.append(lines)
        except BaseException:
            for target in placed:
                with suppress(OSError):
                    target.unlink()
            raise
        for incoming in whole:
            incoming.part = self._part(incoming.number)
            self._keep(incoming)
        return tuple(self._by_path[checked_path(file.path)].record for file, _, _ in made)

    def _verify(self, file: Incoming, told: str | None) -> None:
        try:
            content = file.verified(told)
            target = self._target(file)
            make_folders(target.parent)
            with self._guard:
                if os.path.lexists(target):
                    raise Conflict(
                        f"{file.declared.path} cannot be told from another file of this upload "
                        f"on the server's disk: send one of them under another name."
                    )
                self._journal.append([_done(file, content)])
                self._rename(file, target)
            with writing(target):
                fsync_folder(target.parent)
            file.content = content
        finally:
            with file.guard:
                file.verifying = None

    def _rename(self, file: Incoming, target: Path) -> None:
        if os.path.lexists(target):
            raise Conflict(f"{file.declared.path} is there already in this upload.")
        with writing(target):
            file.part.rename(target)

    def _made(self, number: int, file: FileToUpload) -> Incoming:
        part = self._part(number)
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
        return Incoming(number, file, part, self._journal, is_reserved)

    def _part(self, number: int) -> Path:
        return self.folder / _PARTS / str(number)

    def _target(self, file: Incoming) -> Path:
        return below(self.published, PurePosixPath(file.declared.path))

    def _check_unused(self) -> None:
        if self.is_used:
            raise Conflict(f"Upload {self.id} is being imported or was given up: begin another.")

    def _keep(self, file: Incoming) -> None:
        self._files[file.number] = file
        self._by_path[file.declared.path] = file
        self._last = max(self._last, file.number)
        for folder in folders_above(file.declared.path):
            self._folders[folder] = self._folders.get(folder, 0) + 1

    def _lose(self, file: Incoming) -> None:
        del self._files[file.number], self._by_path[file.declared.path]
        for folder in folders_above(file.declared.path):
            self._folders[folder] -= 1
            if not self._folders[folder]:
                del self._folders[folder]

    def _restore(self, told: Told) -> None:
        self.key, self.expected, self.is_used = told.key, told.expected, told.is_used
        self._began_at = told.began_at
        for number, known in told.files.items():
            declared, reserved = known.declared, known.is_reserved
            file = Incoming(number, declared, self._part(number), self._journal, reserved)
            file.content = known.content
            self._keep(file)
            if file.content is None:
                self._check_part(file, known.received)
        self._last = told.last
        self._clear()

    def _check_part(self, file: Incoming, spans: Iterable[tuple[int, int]]) -> None:
        try:
            there = file.part.stat(follow_symlinks=False).st_size == file.size
        except OSError:
            there = False
        if there:
            file.restore(spans)
        else:
            made = self._made(file.number, file.declared)
            file.is_reserved = made.is_reserved

    def _clear(self) -> None:
        """Finish what a crash interrupted, and remove what no line of the journal tells of."""
        for file in self._files.values():
            if file.content is not None and file.part.exists():
                make_folders(self._target(file).parent)
                if not os.path.lexists(self._target(file)):
                    self._rename(file, self._target(file))
        known = {file.part for file in self._files.values() if file.content is None}
        for part in (self.folder / _PARTS).iterdir():
            if part not in known:
                part.unlink()
        whole = {self._target(f) for f in self._files.values() if f.content is not None}
        for folder, _, names in os.walk(self.published):
            for name in names:
                if Path(folder) / name not in whole:
                    (Path(folder) / name).unlink()


def _check_told(file: Incoming, told: str | None) -> None:
    content = file.content
    if content is None or told is None:
        return
    name, expected = parse_checksum(told)
    if content.digests.get(name, expected) != expected:
        raise Unreadable(
            f"{file.declared.path} is complete, and its {name} is {content.digests[name]}, not "
            f"{expected}: drop it and send it anew."
        )


def _declared(file: Incoming) -> Line:
    told = file.declared.model_dump(mode="json", exclude_none=True)
    return {"file": [file.number, told, file.is_reserved]}


def _done(file: Incoming, content: Copied | None = None) -> Line:
    found = content or file.content
    assert found is not None
    return {"done": [file.number, found.size, found.mtime_ns, dict(found.digests)]}
