"""SHA-256 and MD5 of a stream, each in a thread of its own beside whoever reads it."""

from __future__ import annotations

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType

__all__ = ["Digests"]

_BLOCKS_AHEAD = 8


class Digests:
    """Both digests of the blocks given to `update`, in their order.

    hashlib lets go of the interpreter's lock, so reading, hashing and writing overlap.  At most
    eight blocks wait: memory does not grow with the file.  A file of one block is hashed at
    once, since starting threads takes longer than that.
    """

    def __init__(self, threads: bool) -> None:
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._pools = tuple(ThreadPoolExecutor(1, "hash") for _ in range(2 if threads else 0))
        self._waiting: deque[Future[None]] = deque()

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

    def update(self, block: bytes) -> None:
        """Take the next block; waits while too many are not hashed yet."""
        if not self._pools:
            self._sha256.update(block)
            self._md5.update(block)
            return
        for pool, digest in zip(self._pools, (self._sha256, self._md5), strict=True):
            self._waiting.append(pool.submit(digest.update, block))
        while len(self._waiting) > 2 * _BLOCKS_AHEAD:
            self._waiting.popleft().result()

    def finish(self) -> tuple[str, str]:
        """The hex digests of everything: SHA-256, MD5."""
        while self._waiting:
            self._waiting.popleft().result()
        return self._sha256.hexdigest(), self._md5.hexdigest()
