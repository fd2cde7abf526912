"""Files that are there after a power cut: written aside, forced to the disk, then renamed."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from ..errors import Unreadable
from .disk import reading, writing
from .hashing import BLOCKS_AHEAD, Digests
from .platform import clone, fsync_file, fsync_folder, start_writing

__all__ = [
    "Copied",
    "copy_hashed",
    "hash_file",
    "hash_open",
    "make_folders",
    "make_many_folders",
    "opened",
    "write_file",
    "write_new",
]

_BLOCK = 1 << 20
_NO_FOLLOW = os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW
_Progress = Callable[[int], object]
_Sink = Callable[[memoryview], None]


@dataclass(frozen=True)
class Copied:
    """A file's content: `size` in bytes, hex digests, and its time of change.

    `digests` holds them by the names of their algorithms: those two, and others asked for.
    """

    size: int
    sha256: str
    md5: str
    mtime_ns: int
    digests: Mapping[str, str] = field(default_factory=dict, compare=False)


def make_folders(folder: Path) -> None:
    """Make `folder` and what is missing above it, for this account only, durably."""
    missing = []
    with writing(folder):
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
    for each in reversed(missing):
        with writing(each):
            # Another thread may make the same parent in between; both want it.
            each.mkdir(mode=0o700, exist_ok=True)
            fsync_folder(each.parent)


def make_many_folders(folders: Iterable[Path]) -> None:
    """Make folders as `make_folders` does; what each lies in is forced to the disk once."""
    above: dict[Path, None] = {}
    for folder in folders:
        missing = []
        with writing(folder):
            while not folder.is_dir():
                missing.append(folder)
                folder = folder.parent
        for each in reversed(missing):
            with writing(each):
                each.mkdir(mode=0o700, exist_ok=True)
            above[each.parent] = None
    for each in above:
        with writing(each):
            fsync_folder(each)


def write_file(path: Path, data: bytes | memoryview) -> None:
    """Write `data` to `path`, replacing it: afterwards the old or the new content is there.

    Raises
    ------
    Full
        No room, or no quota, is left; the old content stands.
    Unavailable
        The disk failed.
    """
    # Named after its place: whoever undoes what was to be there finds it.
    aside = path.with_name(f".{path.name[:200]}.{secrets.token_hex(8)}.tmp")
    with writing(path, len(data)):
        try:
            write_new(aside, data)
            aside.replace(path)
        except BaseException:
            with suppress(OSError):
                aside.unlink()
            raise
        fsync_folder(path.parent)


def write_new(path: Path, data: bytes | memoryview) -> None:
    """Write a file that must not exist, and force it, but not its name, to the disk.

    Raises
    ------
    OSError
        As the disk says it; what was written is there.
    """
    descriptor = os.open(path, _CREATE, 0o600)
    with _closing(descriptor):
        _write_all(descriptor, data)
        fsync_file(descriptor)


def copy_hashed(
    source: Path,
    target: Path,
    progress: _Progress | None = None,
    algorithms: Collection[str] = (),
) -> Copied:
    """Copy a file, hash it on the way, and keep its time of change.

    Blocks are shared where the file system can.  `progress` is called with the number of bytes
    of each block; what it raises ends the copy, and `target` is not there then.

    Parameters
    ----------
    source
        A regular file; a symbolic link is refused, as it may lead where nobody looked.
    target
        Must not exist; its folder must.
    algorithms
        Checksums besides SHA-256 and MD5, which are always computed.

    Raises
    ------
    Unreadable
        `source` is no regular file, cannot be read, or was changed while it was copied.
    Conflict
        `target` exists.
    Full
        No room is left.
    Unavailable
        The disk of `target` failed.
    """
    with opened(source) as (origin, before):
        with writing(target, before.st_size):
            descriptor = os.open(target, _CREATE, 0o600)
        try:
            with _closing(descriptor):
                with writing(target, before.st_size):
                    shared = clone(origin, descriptor)

                written = 0

                def write(block: memoryview) -> None:
                    nonlocal written
                    with writing(target, before.st_size):
                        _write_all(descriptor, block)
                    start_writing(descriptor, written, len(block))
                    written += len(block)

                sink = None if shared else write
                found = hash_open(origin, source, before, progress, algorithms, sink)
                with writing(target, before.st_size):
                    os.utime(descriptor, ns=(before.st_mtime_ns, before.st_mtime_ns))
                    fsync_file(descriptor)
            with writing(target):
                fsync_folder(target.parent)
        except BaseException:
            with suppress(OSError):
                target.unlink()
            raise
    return found


def hash_file(
    path: Path, progress: _Progress | None = None, algorithms: Collection[str] = ()
) -> Copied:
    """Size, digests and time of change of a file.

    Raises
    ------
    Unreadable
        It is no regular file, cannot be read, or was changed meanwhile.
    """
    with opened(path) as (descriptor, before):
        return hash_open(descriptor, path, before, progress, algorithms)


@contextmanager
def opened(path: Path) -> Iterator[tuple[int, os.stat_result]]:
    """A descriptor for reading a regular file, and what it was when it was opened.

    Raises
    ------
    Unreadable
        It is a link, a folder, a pipe or a device.
    NotFound, Denied
        It is missing, or not to be read by this account.
    """
    with reading(path):
        # Without O_NONBLOCK, opening a named pipe would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | _NO_FOLLOW)
    with _closing(descriptor):
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise Unreadable(f"{path} is no regular file, but a folder, pipe or device.")
        yield descriptor, found


@contextmanager
def _closing(descriptor: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(descriptor)


def hash_open(
    descriptor: int,
    path: Path,
    before: os.stat_result,
    progress: _Progress | None = None,
    algorithms: Collection[str] = (),
    sink: _Sink | None = None,
) -> Copied:
    """Size, digests and time of change of a file that is open for reading, from its beginning.

    `before` is what it was when it was opened; each block is given to `sink`.  Raises as
    `hash_file`.
    """
    size = 0
    with Digests(threads=before.st_size > _BLOCK, more=algorithms) as digests:
        # New memory for each block would take the system longer than reading into it.
        count = BLOCKS_AHEAD + 2 if before.st_size > _BLOCK else 1
        room = min(_BLOCK, before.st_size + 1)
        buffers = cycle([memoryview(bytearray(room)) for _ in range(count)])
        # A file that grows as fast as it is read would otherwise never end.
        while size <= before.st_size:
            buffer = next(buffers)
            with reading(path):
                length = os.readv(descriptor, [buffer])
            if not length:
                break
            block = buffer[:length]
            digests.update(block)
            if sink is not None:
                sink(block)
            size += len(block)
            if progress is not None:
                progress(len(block))
        found = digests.finish()
    after = os.fstat(descriptor)
    same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    if not same or size != before.st_size:
        raise Unreadable(
            f"{path} was changed while it was read: it had {before.st_size:,} bytes at first and "
            f"{after.st_size:,} at the end. Wait until it is complete, then try again."
        )
    return Copied(size, found["SHA-256"], found["MD5-128"], before.st_mtime_ns, found)


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    rest = memoryview(data).cast("B")
    while rest:
        rest = rest[os.write(descriptor, rest) :]
