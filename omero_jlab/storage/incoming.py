"""A file whose bytes come in any order, and what of it would outlive a power cut."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import xxhash

from ..errors import Conflict, Invalid, TooLarge, Unreadable
from ..model import FileToUpload, UploadedFile, UploadState
from .disk import writing
from .durable import Copied, hash_open, opened
from .hashing import ALGORITHMS
from .platform import fsync_file
from .ranges import Ranges
from .upload_journal import UploadJournal

__all__ = ["CHUNK_LIMIT", "Incoming", "Piece", "parse_checksum"]

CHUNK_LIMIT = 64 << 20
"""The most bytes that one request may carry."""

_SYNC_AFTER = 64 << 20
_RANGES_LIMIT = 10_000
_OPEN = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_XXH3 = "XXH3-128"


class _Hasher(Protocol):
    def update(self, block: bytes, /) -> object: ...

    def hexdigest(self) -> str: ...


class Piece:
    """Bytes of a file that are arriving: written as they come, there once they are verified."""

    def __init__(self, file: Incoming, start: int, end: int, checksum: str | None) -> None:
        self.start, self.end = start, end
        self._file = file
        self._position = start
        self._algorithm, self._expected = parse_checksum(checksum, True) if checksum else ("", "")
        self._hasher: _Hasher | None = _hasher(self._algorithm) if checksum else None
        self._guard = threading.Lock()
        self._descriptor = -1
        with writing(file.part):
            self._descriptor = os.open(file.part, _OPEN)

    def write(self, data: bytes) -> None:
        """Write what has arrived at its place.

        Raises
        ------
        Conflict
            The same bytes are being sent anew, or the file is gone.
        Invalid
            It is more than was announced.
        Full, Unavailable
            The disk is full, or failed.
        """
        with self._guard:
            self._check_open()
            if self._position + len(data) > self.end:
                raise Invalid(f"{self} has more bytes than it says.")
            if self._hasher is not None:
                self._hasher.update(data)
            rest = memoryview(data)
            with writing(self._file.part, len(data)):
                while rest:
                    done = os.pwrite(self._descriptor, rest, self._position)
                    rest, self._position = rest[done:], self._position + done

    def finish(self) -> int:
        """Verify what came; from now on it is there.  Answers how many bytes of the file are.

        Raises
        ------
        Invalid
            It is less than was announced.
        Unreadable
            It is not what its checksum says.
        Conflict
            As in `write`.
        """
        with self._guard:
            self._check_open()
            if self._position != self.end:
                found = self._position - self.start
                raise Invalid(f"{self} has only {found:,} bytes: send it again.")
            if self._hasher is not None and self._hasher.hexdigest() != self._expected:
                raise Unreadable(
                    f"{self} arrived as something else: its {self._algorithm} is "
                    f"{self._hasher.hexdigest()}, and must be {self._expected}. Send it again."
                )
        return self._file.arrived(self)

    def close(self) -> None:
        """Let go of the file; what was not finished is not there."""
        self._file.forget(self)
        self.give_way()

    def give_way(self) -> None:
        """Write nothing more."""
        with self._guard:
            descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    @property
    def is_open(self) -> bool:
        """Whether it may still write."""
        return self._descriptor >= 0

    def __str__(self) -> str:
        return f"The piece {self.start:,} to {self.end:,} of {self._file.declared.path}"

    def _check_open(self) -> None:
        if not self.is_open:
            raise Conflict(f"{self} is being sent anew, or is not wanted any more.")


class Incoming:
    """One declared file of an upload.

    Parameters
    ----------
    number, declared
        Which file of the upload it is, and what was said of it.
    part
        Where its bytes go until they are all there; it has its full size from the beginning.
    journal
        Of the upload.
    is_reserved
        Whether `part` owns its blocks already.
    """

    def __init__(
        self,
        number: int,
        declared: FileToUpload,
        part: Path,
        journal: UploadJournal,
        is_reserved: bool,
    ) -> None:
        self.number = number
        self.declared = declared
        self.part = part
        self.is_reserved = is_reserved
        self.content: Copied | None = None
        self.verifying: Future[None] | None = None
        self.guard = threading.Lock()
        self._journal = journal
        self._syncing = threading.Lock()
        self._pieces: set[Piece] = set()
        self._received = Ranges()
        # On the disk, and said so in the journal or about to be.
        self._recorded = Ranges()
        self._unsynced = Ranges()

    @property
    def size(self) -> int:
        """The bytes that it will have."""
        return self.declared.size

    @property
    def present(self) -> int:
        """The bytes that are there."""
        return self.size if self.content is not None else self._received.total

    @property
    def owed(self) -> int:
        """The bytes for which the disk must still find room."""
        return 0 if self.is_reserved or self.content is not None else self.size - self.present

    @property
    def record(self) -> UploadedFile:
        """What is known of it."""
        with self.guard:
            content = self.content
            state: UploadState = "complete" if content else "receiving"
            if content is None and self.verifying is not None:
                state = "verifying"
            whole = ((0, self.size),) if self.size else ()
            told = self.declared.checksum
            return UploadedFile(
                number=self.number,
                path=self.declared.path,
                size=self.size,
                checksum=told if content is None else f"SHA-256:{content.sha256}",
                mtime_ns=self.declared.mtime_ns,
                state=state,
                received=tuple(self._received) if content is None else whole,
            )

    def begin(self, start: int, end: int, checksum: str | None) -> Piece:
        """Let bytes come in place of whatever was there.

        Raises
        ------
        Invalid
            They do not lie in the file.
        TooLarge
            They are too many for one request, or the file is in too many pieces.
        Conflict
            The file is complete, or being verified.
        """
        if not 0 <= start < end <= self.size:
            raise Invalid(
                f"{self.declared.path} was declared with {self.size:,} bytes: there is no piece "
                f"from {start:,} to {end:,} in it."
            )
        if end - start > CHUNK_LIMIT:
            raise TooLarge(
                f"{end - start:,} bytes are too many for one request: send at most "
                f"{CHUNK_LIMIT:,} at a time."
            )
        with self.guard:
            if self.content is not None:
                raise Conflict(f"{self.declared.path} is complete: it takes no more bytes.")
            if self.verifying is not None:
                raise Conflict(f"{self.declared.path} is being verified: wait for the outcome.")
            if len(self._received) >= _RANGES_LIMIT:
                raise TooLarge(
                    f"{self.declared.path} is in more than {_RANGES_LIMIT:,} pieces: send what "
                    f"lies between them, in larger ones."
                )
            piece = Piece(self, start, end, checksum)
            try:
                for other in tuple(self._pieces):
                    if other.start < end and start < other.end:
                        self._pieces.discard(other)
                        other.give_way()
                self._received.remove(start, end)
                self._unsynced.remove(start, end)
                if self._recorded.overlaps(start, end):
                    self._recorded.remove(start, end)
                    self._journal.append([{"lost": [self.number, start, end]}])
            except BaseException:
                piece.give_way()
                raise
            self._pieces.add(piece)
            return piece

    def arrived(self, piece: Piece) -> int:
        """Count a verified piece; what has come since the last time is forced to the disk."""
        with self.guard:
            if piece not in self._pieces:
                raise Conflict(f"{piece} is being sent anew, or is not wanted any more.")
            self._pieces.discard(piece)
            self._received.add(piece.start, piece.end)
            self._unsynced.add(piece.start, piece.end)
            found = self._received.total
            due = self._unsynced.total >= _SYNC_AFTER
        if due:
            self.sync()
        return found

    def forget(self, piece: Piece) -> None:
        """Wait for a piece no more."""
        with self.guard:
            self._pieces.discard(piece)

    def stop(self) -> None:
        """Let nobody write any more."""
        with self.guard:
            pieces, self._pieces = self._pieces, set()
        for piece in pieces:
            piece.give_way()

    def restore(self, received: Iterable[tuple[int, int]]) -> None:
        """Take over what the journal says."""
        self._received = Ranges(received)
        self._recorded = Ranges(self._received)

    def sync(self) -> None:
        """Force what is there to the disk, then say so in the journal.

        Raises
        ------
        Full, Unavailable
            The disk failed: what it may have lost is not there any more.
        """
        with self._syncing:
            with self.guard:
                taken, self._unsynced = self._unsynced, Ranges()
                for start, end in taken:
                    self._recorded.add(start, end)
            if not taken:
                return
            try:
                with writing(self.part):
                    _force(self.part)
            except BaseException:
                with self.guard:
                    for start, end in taken:
                        self._received.remove(start, end)
                        self._recorded.remove(start, end)
                raise
            with self.guard:
                kept = [span for a, b in taken for span in self._recorded.within(a, b)]
                self._journal.append([{"got": [self.number, kept]}], durable=False)

    def check_whole(self) -> None:
        """Raise `Conflict` where bytes are missing."""
        with self.guard:
            missing = self._received.missing(self.size)
        if missing:
            first = ", ".join(f"{a:,} to {b:,}" for a, b in list(missing)[:3])
            raise Conflict(
                f"{self.declared.path} is not complete: {missing.total:,} of its {self.size:,} "
                f"bytes are missing, first {first}. Send them."
            )

    def verified(self, told: str | None) -> Copied:
        """The content of the whole file, on the disk.

        Raises
        ------
        Unreadable
            It is not what was declared, or told now.
        """
        self.sync()
        checksums = [parse_checksum(each) for each in (self.declared.checksum, told) if each]
        with opened(self.part) as (descriptor, before):
            found = hash_open(
                descriptor, self.part, before, algorithms=[name for name, _ in checksums]
            )
        for name, expected in checksums:
            if found.digests[name] != expected:
                raise Unreadable(
                    f"{self.declared.path} is not what was sent: its {name} is "
                    f"{found.digests[name]}, and must be {expected}. It was kept as it is: send "
                    f"again what is wrong in it, or drop it and begin anew."
                )
        mtime_ns = self.declared.mtime_ns
        if mtime_ns is None:
            return found
        with writing(self.part):
            with suppress(OverflowError, OSError):
                os.utime(self.part, ns=(mtime_ns, mtime_ns))
            _force(self.part)
            mtime_ns = self.part.stat().st_mtime_ns
        return Copied(found.size, found.sha256, found.md5, mtime_ns, found.digests)


def parse_checksum(text: str, of_piece: bool = False) -> tuple[str, str]:
    """Algorithm and digest of `algorithm:hex`; `Invalid` where there is no such checksum.

    A piece may have an XXH3-128, which is fast and guards against accidents.
    """
    algorithm, _, digest = text.partition(":")
    known = (*ALGORITHMS, _XXH3) if of_piece else tuple(ALGORITHMS)
    if algorithm not in known or not digest or len(digest) > 128:
        raise Invalid(
            f"{text[:80]!r} is no checksum: give algorithm:hex, with one of {', '.join(known)}."
        )
    return algorithm, digest.lower()


def _hasher(algorithm: str) -> _Hasher:
    return xxhash.xxh3_128() if algorithm == _XXH3 else ALGORITHMS[algorithm]()


def _force(path: Path) -> None:
    descriptor = os.open(path, _OPEN)
    try:
        fsync_file(descriptor)
    finally:
        os.close(descriptor)
