"""One upload: files are declared, come in pieces, are verified and published.

What of it is on the disk its journal tells; only what is published can be imported.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from ..errors import Conflict, Unreadable
from ..model import FileToUpload, Upload, UploadedFile
from .durable import Copied, make_folders
from .incoming import Incoming, Piece, parse_checksum
from .upload_files import UploadFiles
from .upload_folder import JOURNAL, UploadFolder
from .upload_journal import Line, UploadJournal
from .upload_names import checked_path
from .upload_told import Told, read_told
from .whole_files import write_whole

__all__ = ["OpenUpload"]

_PATIENCE_S = 20.0


class OpenUpload:
    """The upload in `folder`, which `begin` made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.id, _, self.mark = folder.name.rpartition("-")
        self.key = ""
        self.expected = 0
        self.is_used = False
        self._began_at = datetime.now(UTC)
        self._place = UploadFolder(folder)
        self._journal = self._place.journal
        self._files = UploadFiles()
        self._guard = threading.RLock()
        self._restore(read_told(folder / JOURNAL))

    @classmethod
    def begin(cls, folder: Path, key: str, expected: int) -> OpenUpload:
        """A new upload in `folder`, which must not exist."""
        now = datetime.now(UTC).isoformat()
        line = {"began": {"key": key, "expected": expected, "at": now}}
        try:
            UploadFolder(folder).make()
            UploadJournal(folder / JOURNAL).append([line])
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return cls(folder)

    @property
    def published(self) -> Path:
        """The folder of the files that are complete."""
        return self._place.published

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
            return max(self.expected, self._files.size)

    @property
    def promised(self) -> int:
        """The bytes that are kept free for files that will be declared."""
        with self._guard:
            return max(self.expected - self._files.size, 0)

    @property
    def owed(self) -> int:
        """The bytes for which the disk must still find room."""
        with self._guard:
            return self.promised + sum(file.owed for file in self._files)

    @property
    def record(self) -> Upload:
        """What is known of it."""
        with self._guard:
            files = tuple(self._files)
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
            files = self._files.after(after, limit)
        return tuple(file.record for file in files)

    def file(self, number: int) -> Incoming:
        """One of the files; `NotFound` where there is none of that number."""
        with self._guard:
            return self._files.numbered(number)

    def content(self, path: str) -> Copied | None:
        """What is known of the bytes of a complete file."""
        file = self._files.at(path)
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
        """Those of `files` that were not declared before; raises as `UploadFiles.unknown`."""
        with self._guard:
            self._check_unused()
            return self._files.unknown(files)

    def declare(self, files: Sequence[FileToUpload]) -> tuple[UploadedFile, ...]:
        """Make room for the files that are new; answers all of them, in their order."""
        with self._guard:
            new = self.unknown(files)
            made: list[Incoming] = []
            try:
                for number, file in enumerate(new, self._files.last + 1):
                    made.append(self._place.made(number, file))
                if made:
                    self._place.force_parts()
                    self._journal.append([_declared(file) for file in made])
            except BaseException:
                for each in made:
                    with suppress(OSError):
                        each.part.unlink()
                raise
            for each in made:
                self._files.keep(each)
            return self._records_of(files)

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
            self._files.lose(file)
        file.stop()
        self._place.remove(file)

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
                    part = self._place.new_part()
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
            files = tuple(self._files)
        for file in files:
            file.stop()

    def _publish_all(
        self, made: Sequence[tuple[FileToUpload, Path, Copied]]
    ) -> tuple[UploadedFile, ...]:
        files = [file for file, _, _ in made]
        new = {file.path for file in self.unknown(files)}
        whole: list[Incoming] = []
        lines: list[Line] = []
        for file, part, content in made:
            path = checked_path(file.path)
            if path not in new:
                there = self.content(path)
                if there is None or there.sha256 != content.sha256:
                    raise Conflict(f"{path} is another file of this upload: drop it first.")
                continue
            declared = file.model_copy(update={"path": path})
            number = self._files.last + len(whole) + 1
            incoming = Incoming(number, declared, part, self._journal, True)
            incoming.content = content
            whole.append(incoming)
            lines += [_declared(incoming), _done(incoming)]
        for folder in {self._place.target(file).parent for file in whole}:
            make_folders(folder)
        placed: list[Incoming] = []
        try:
            for incoming in whole:
                self._place.publish(incoming)
                placed.append(incoming)
            self._place.force(whole)
            # Named by no line before, a crash leaves files that the next opening removes.
            if lines:
                self._journal.append(lines)
        except BaseException:
            for incoming in placed:
                self._place.withdraw(incoming)
            raise
        for incoming in whole:
            incoming.part = self._place.part(incoming.number)
            self._files.keep(incoming)
        return self._records_of(files)

    def _records_of(self, files: Iterable[FileToUpload]) -> tuple[UploadedFile, ...]:
        found = (self._files.at(checked_path(file.path)) for file in files)
        return tuple(file.record for file in found if file is not None)

    def _verify(self, file: Incoming, told: str | None) -> None:
        try:
            content = file.verified(told)
            target = self._place.target(file)
            make_folders(target.parent)
            with self._guard:
                if os.path.lexists(target):
                    raise Conflict(
                        f"{file.declared.path} cannot be told from another file of this upload "
                        f"on the server's disk: send one of them under another name."
                    )
                self._journal.append([_done(file, content)])
                self._place.publish(file)
            self._place.force([file])
            file.content = content
        finally:
            with file.guard:
                file.verifying = None

    def _check_unused(self) -> None:
        if self.is_used:
            raise Conflict(f"Upload {self.id} is being imported or was given up: begin another.")

    def _restore(self, told: Told) -> None:
        self.key, self.expected, self.is_used = told.key, told.expected, told.is_used
        self._began_at = told.began_at
        for number, known in told.files.items():
            declared, reserved = known.declared, known.is_reserved
            part = self._place.part(number)
            file = Incoming(number, declared, part, self._journal, reserved)
            file.content = known.content
            self._files.keep(file)
            if file.content is None:
                self._check_part(file, known.received)
        self._files.last = told.last
        self._place.settle(tuple(self._files))

    def _check_part(self, file: Incoming, spans: Iterable[tuple[int, int]]) -> None:
        if self._place.holds_part(file):
            file.restore(spans)
        else:
            made = self._place.made(file.number, file.declared)
            file.is_reserved = made.is_reserved


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
