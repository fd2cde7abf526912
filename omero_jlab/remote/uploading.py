"""Sending files and folders to a server, over several connections, and going on later."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import httpx
import xxhash

from ..errors import Conflict, Invalid, NotFound, Unavailable, Unreadable
from ..model import FileToUpload, Upload, UploadedFile
from . import wire

__all__ = ["Progress", "Uploading"]

T = TypeVar("T")
Progress = Callable[[int, int], object]
"""Called with the bytes that are there and with all bytes."""

CHUNK = 8 << 20
SMALL = 1 << 20
_CONNECTIONS = 4
_READ_AHEAD = 2
_BATCH_FILES = 256
_BATCH_BYTES = 8 << 20
_PAGE = 1000
_REFUSED_S = 5.0
_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_ATTEMPTS = 3


@dataclass(frozen=True)
class _Local:
    """A file of this machine, as it was when it was looked at."""

    path: Path
    relative: str
    size: int
    mtime_ns: int

    @property
    def declared(self) -> FileToUpload:
        return FileToUpload(path=self.relative, size=self.size, mtime_ns=self.mtime_ns)

    def open(self) -> BinaryIO:
        file = self.path.open("rb", buffering=0)
        try:
            self.check(file)
        except BaseException:
            file.close()
            raise
        return file

    def check(self, file: BinaryIO) -> None:
        """Raise `Unreadable` where it is not what it was."""
        found = os.fstat(file.fileno())
        if (found.st_size, found.st_mtime_ns) != (self.size, self.mtime_ns):
            raise Unreadable(
                f"{self.path} was changed while it was sent: wait until it is complete, then try "
                f"again."
            )


class Uploading:
    """One file or folder on its way.

    Parameters
    ----------
    session : a `RemoteSession`
    progress : called as bytes arrive, by several threads, one at a time
    patience_s : for how long a server that cannot be reached is tried again
    """

    def __init__(self, session: Any, progress: Progress | None, patience_s: float) -> None:
        self._session = session
        self._progress = progress
        self._patience_s = patience_s
        self._reached_at = time.monotonic()
        self._stop = threading.Event()
        self._guard = threading.Lock()
        self._done = 0
        self._total = 0
        self._upload: Upload

    def send(self, path: Path, only: Collection[Path] | None = None) -> str:
        """Send a file, or the files of a folder; answers where they are on the server.

        Of a folder, these files `only` are sent.

        Called again after an interruption, it goes on with what is missing.

        Raises
        ------
        Full
            The server has no room for them: nothing was sent.
        Unreadable
            A file was changed meanwhile.
        Unavailable
            The server could not be reached for too long.
        """
        files = _files(path)
        if only is not None:
            files = [file for file in files if file.path in only]
        self._total = sum(file.size for file in files)
        key = hashlib.sha256(f"{socket.gethostname()}\0{path}".encode()).hexdigest()
        uploads = self._session.uploads
        self._upload = uploads.begin(key, self._total)
        left = self._left(files)
        self._advance(self._total - sum(file.size for file in left))
        small = [file for file in left if file.size < SMALL]
        large = [file for file in left if file.size >= SMALL]
        there = self._declared(large)
        with (
            _threads(_CONNECTIONS) as pool,
            _threads(2) as ends,
        ):
            try:
                self._all(self._batches(small), self._send_batch, pool)
                finished = [
                    ends.submit(self._complete, file, there[file.relative], *found)
                    for file in large
                    if (found := self._send(file, there[file.relative], pool))
                ]
                for future in finished:
                    future.result()
            except BaseException:
                self._stop.set()
                raise
        return f"{self._upload.folder}/{path.name}"

    def _left(self, files: Iterable[_Local]) -> list[_Local]:
        """The files that the server has not; what it has of others is dropped."""
        there = {file.path: file for file in self._known()}
        left = []
        for file in files:
            known = there.pop(file.relative, None)
            if known is not None and (known.size, known.mtime_ns) != (file.size, file.mtime_ns):
                self._drop(known)
                known = None
            if known is None or known.state != "complete":
                left.append(file)
        for known in there.values():
            self._drop(known)
        return left

    def _known(self) -> Iterator[UploadedFile]:
        last = 0
        while page := self._patiently(partial(self._page, last)):
            yield from page
            last = page[-1].number

    def _page(self, after: int) -> tuple[UploadedFile, ...]:
        page: tuple[UploadedFile, ...] = self._session.uploads.files(self._upload.id, after, _PAGE)
        return page

    def _drop(self, file: UploadedFile) -> None:
        with suppress(NotFound):
            self._patiently(lambda: self._session.uploads.drop(self._upload.id, file.number))

    def _declared(self, files: list[_Local]) -> dict[str, UploadedFile]:
        found: dict[str, UploadedFile] = {}
        for start in range(0, len(files), _PAGE):
            page = tuple(file.declared for file in files[start : start + _PAGE])
            made = self._patiently(partial(self._declare, page))
            found |= {file.path: file for file in made}
        return found

    def _declare(self, files: tuple[FileToUpload, ...]) -> tuple[UploadedFile, ...]:
        made: tuple[UploadedFile, ...] = self._session.uploads.declare(self._upload.id, files)
        return made

    def _batches(self, files: list[_Local]) -> Iterator[list[_Local]]:
        batch: list[_Local] = []
        size = 0
        for file in files:
            if batch and (len(batch) == _BATCH_FILES or size + file.size > _BATCH_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(file)
            size += file.size
        if batch:
            yield batch

    def _send_batch(self, files: list[_Local]) -> None:
        bodies = []
        for each in files:
            with each.open() as file:
                bodies.append(_read(file, each.size))
                each.check(file)
        declared = tuple(
            file.declared.model_copy(
                update={"checksum": f"SHA-256:{hashlib.sha256(body).hexdigest()}"}
            )
            for file, body in zip(files, bodies, strict=True)
        )
        head = wire.Batch(files=declared)
        where = f"uploads/{self._upload.id}/batch"
        self._put("POST", where, {}, lambda: wire.framed(head, bodies))
        self._advance(sum(file.size for file in files))

    def _send(
        self, each: _Local, there: UploadedFile, pool: ThreadPoolExecutor
    ) -> tuple[str, bool] | None:
        """Send what is missing of a file; answers its checksum, and whether some was there."""
        digest = hashlib.sha256()
        with each.open() as file:

            def pieces() -> Iterator[tuple[int, bytes]]:
                for start in range(0, each.size, CHUNK):
                    block = _read(file, min(CHUNK, each.size - start))
                    digest.update(block)
                    if _covers(there, start, start + len(block)):
                        self._advance(len(block))
                    else:
                        yield start, block

            self._all(pieces(), lambda piece: self._send_piece(there, *piece), pool)
            each.check(file)
        return f"SHA-256:{digest.hexdigest()}", bool(there.received)

    def _send_piece(self, there: UploadedFile, start: int, block: bytes) -> None:
        checksum = f"XXH3-128:{xxhash.xxh3_128(block).hexdigest()}"
        query = {"offset": str(start), "length": str(len(block)), "checksum": checksum}
        where = f"uploads/{self._upload.id}/files/{there.number}/content"
        self._put("PUT", where, query, lambda: wire.pieces(block), len(block))
        self._advance(len(block))

    def _complete(self, each: _Local, there: UploadedFile, checksum: str, was_begun: bool) -> None:
        """Let the server verify a file; a server that lost some of it is sent that again."""
        try:
            while not self._is_complete(there, checksum):
                self._send_missing(each, there)
        except Unreadable:
            if not was_begun:
                raise
            # What was there from another time is not what the file is now.
            self._drop(there)
            anew = self._declared([each])[each.relative]
            self._advance(-each.size)
            self._send_missing(each, anew)
            self._complete(each, anew, checksum, False)

    def _is_complete(self, there: UploadedFile, checksum: str) -> bool:
        uploads = self._session.uploads
        try:
            while (
                self._patiently(
                    lambda: uploads.complete(self._upload.id, there.number, checksum)
                ).state
                != "complete"
            ):
                if self._stop.is_set():
                    raise Unavailable("The upload was interrupted: call it again to go on.")
        except Conflict:
            found = self._patiently(lambda: uploads.file(self._upload.id, there.number))
            if _covers(found, 0, there.size):
                raise
            return False
        return True

    def _send_missing(self, each: _Local, there: UploadedFile) -> None:
        found = self._patiently(lambda: self._session.uploads.file(self._upload.id, there.number))
        with each.open() as file:
            for start in range(0, each.size, CHUNK):
                size = min(CHUNK, each.size - start)
                if not _covers(found, start, start + size):
                    file.seek(start)
                    self._send_piece(there, start, _read(file, size))
            each.check(file)

    def _all(self, parts: Iterable[T], send: Callable[[T], None], pool: ThreadPoolExecutor) -> None:
        """Send parts in threads; few of them are in memory at a time."""
        waiting: set[Future[None]] = set()
        for part in parts:
            waiting.add(pool.submit(send, part))
            if len(waiting) >= _CONNECTIONS + _READ_AHEAD:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
        for future in waiting:
            future.result()

    def _put(
        self,
        verb: str,
        where: str,
        query: dict[str, str],
        body: Callable[[], Iterable[bytes]],
        size: int | None = None,
    ) -> None:
        transport, group = self._session.transport, self._session.group
        for attempt in range(_ATTEMPTS):
            try:
                self._patiently(
                    lambda: transport.fetch(verb, where, query, body, size=size, group=group)
                )
                return
            except Unreadable:
                # Damaged on its way.
                if attempt == _ATTEMPTS - 1:
                    raise

    def _patiently(self, ask: Callable[[], T]) -> T:
        """What `ask` answers, asked again while the server cannot be reached."""
        pause, began_at = _PAUSE_S, time.monotonic()
        while True:
            try:
                found = ask()
            except Unavailable as error:
                lost = isinstance(error.__cause__, httpx.HTTPError)
                patience = self._patience_s if lost else min(self._patience_s, _REFUSED_S)
                waited = time.monotonic() - max(began_at, self._reached_at)
                if self._stop.is_set() or waited > patience:
                    raise
                self._stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            else:
                self._reached_at = time.monotonic()
                return found

    def _advance(self, count: int) -> None:
        with self._guard:
            self._done += count
            if self._progress is not None:
                self._progress(min(self._done, self._total), self._total)


@contextmanager
def _threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """A pool that begins nothing more once its block has ended, however that ends."""
    pool = ThreadPoolExecutor(count, "omero-jlab-upload")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _files(path: Path) -> list[_Local]:
    if path.is_file():
        return [_local(path, path.name)]
    if not path.is_dir():
        raise Invalid(f"There is no file at {path}.")
    found = sorted(each for each in path.rglob("*") if each.is_file())
    if not found:
        raise Invalid(f"There is no file in {path}.")
    return [_local(each, f"{path.name}/{each.relative_to(path).as_posix()}") for each in found]


def _local(path: Path, relative: str) -> _Local:
    try:
        relative.encode()
    except UnicodeEncodeError:
        raise Invalid(f"The name {os.fsencode(relative)!r} is no UTF-8: rename the file.") from None
    found = path.stat()
    return _Local(path, relative, found.st_size, found.st_mtime_ns)


def _read(file: BinaryIO, size: int) -> bytes:
    """Exactly so many bytes."""
    block = file.read(size)
    while len(block) < size:
        more = file.read(size - len(block))
        if not more:
            raise Unreadable(f"{file.name} became shorter while it was sent: try again.")
        block += more
    return block


def _covers(file: UploadedFile, start: int, end: int) -> bool:
    return any(a <= start and end <= b for a, b in file.received)
