"""Checksums of a stream, each in a thread of its own beside whoever reads it."""

from __future__ import annotations

import hashlib
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import Protocol

import mmh3

from ..errors import Invalid

__all__ = ["ALGORITHMS", "ALWAYS", "Digests", "digest_of"]

ALWAYS = ("SHA-256", "MD5-128")
"""What every file gets: for fixity at rest, and for finding the image that a result speaks of."""

BLOCKS_AHEAD = 8
Block = bytes | memoryview
_Hash = Callable[[], "_Hasher"]


class _Hasher(Protocol):
    def update(self, block: Block, /) -> object: ...

    def hexdigest(self) -> str: ...


class _Running:
    """A checksum of zlib's, written with the highest byte first, as OMERO writes it."""

    def __init__(self, function: Callable[[Block, int], int], start: int) -> None:
        self._function = function
        self._value = start

    def update(self, block: Block, /) -> None:
        self._value = self._function(block, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


class _Murmur:
    """MurmurHash3, written with the lowest byte first, as Guava's `HashCode` writes it."""

    def __init__(self, hasher: mmh3.Hasher) -> None:
        self._hasher = hasher

    def update(self, block: Block, /) -> None:
        self._hasher.update(block)

    def hexdigest(self) -> str:
        return self._hasher.digest().hex()


class _Size:
    """The number of bytes, lowest byte first: OMERO's `--skip checksum`."""

    def __init__(self) -> None:
        self._size = 0

    def update(self, block: Block, /) -> None:
        self._size += len(block)

    def hexdigest(self) -> str:
        return self._size.to_bytes(8, "little").hex()


# ome.util.checksum.ChecksumProviderFactoryImpl; the vectors of its tests are ours, too.
ALGORITHMS: dict[str, _Hash] = {
    "SHA-256": hashlib.sha256,
    "SHA1-160": lambda: hashlib.sha1(usedforsecurity=False),
    "MD5-128": lambda: hashlib.md5(usedforsecurity=False),
    "Murmur3-128": lambda: _Murmur(mmh3.mmh3_x64_128()),
    "Murmur3-32": lambda: _Murmur(mmh3.mmh3_32()),
    "CRC-32": lambda: _Running(zlib.crc32, 0),
    "Adler-32": lambda: _Running(zlib.adler32, 1),
    "File-Size-64": _Size,
}


def digest_of(data: bytes, algorithm: str) -> str:
    """The hex digest of `data`; `Invalid` where there is no such algorithm."""
    hasher = _hasher(algorithm)
    hasher.update(data)
    return hasher.hexdigest()


class Digests:
    """The digests of the blocks given to `update`, in their order: `ALWAYS`, and more.

    hashlib lets go of the interpreter's lock, so reading, hashing and writing overlap.  At most
    eight blocks wait: memory does not grow with the file.  A file of one block is hashed at
    once, since starting threads takes longer than that.
    """

    def __init__(self, threads: bool, more: Iterable[str] = ()) -> None:
        self._hashers = {name: _hasher(name) for name in dict.fromkeys((*ALWAYS, *more))}
        count = len(self._hashers) if threads else 0
        self._pools = tuple(ThreadPoolExecutor(1, "hash") for _ in range(count))
        self._waiting: deque[Future[object]] = deque()

    def __enter__(self) -> Digests:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with ExitStack() as stack:
            for pool in self._pools:
                stack.callback(pool.shutdown, cancel_futures=True)

    def update(self, block: Block) -> None:
        """Take the next block; waits while more than `BLOCKS_AHEAD` are not hashed yet.

        Those that are not may not change.
        """
        if not self._pools:
            for hasher in self._hashers.values():
                hasher.update(block)
            return
        for pool, hasher in zip(self._pools, self._hashers.values(), strict=True):
            self._waiting.append(pool.submit(hasher.update, block))
        while len(self._waiting) > len(self._pools) * BLOCKS_AHEAD:
            self._waiting.popleft().result()

    def finish(self) -> dict[str, str]:
        """The hex digests of everything, by the names of their algorithms."""
        while self._waiting:
            self._waiting.popleft().result()
        return {name: hasher.hexdigest() for name, hasher in self._hashers.items()}


def _hasher(algorithm: str) -> _Hasher:
    if algorithm not in ALGORITHMS:
        raise Invalid(f"There is no checksum {algorithm!r}; there are {', '.join(ALGORITHMS)}.")
    return ALGORITHMS[algorithm]()
