"""Blocks of pixels on their way: read, made smaller and stored, several at a time."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..errors import OmeroError, Unavailable
from ..storage import CORES
from .pieces import ChunksOf, EncodedPiece, encoded_block, pieces
from .shards import ShardedLevel
from .sources import Block

__all__ = ["Cancelled", "Elsewhere", "Steps", "write_blocks"]

log = logging.getLogger(__name__)

# Each has a block in memory.
_THREADS = min(CORES, 8)
_LOOK_S = 0.2


class Cancelled(OmeroError):
    """The work was stopped because somebody asked for it; nothing of it is left."""


@dataclass
class Steps:
    """Tells how far the work has come, and asks whether it should go on."""

    progress: Callable[[int, int], None] | None
    cancelled: Callable[[], bool] | None
    total: int = 0
    done: int = 0

    def check(self) -> None:
        """Raise `Cancelled` where somebody asked for it."""
        if self.cancelled is not None and self.cancelled():
            raise Cancelled("Making the levels of an image was cancelled; nothing of them is left.")

    def step(self) -> None:
        """One more block is done."""
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, max(self.total, self.done))


@dataclass(frozen=True)
class Elsewhere:
    """Other processes that read, reduce and encode the blocks of the first levels.

    `submit(pieces.encoded_block, ...)` calls it there, with what reads planes of the source as its
    first argument, and answers a future; `places` blocks are under way at once.  `is_there` says
    whether anybody is there still to do it: what nobody answers is made here.
    """

    submit: Callable[..., Any]
    places: int
    is_there: Callable[[], bool] = lambda: True


def write_blocks(
    blocks: Iterator[Block],
    group: int,
    levels: Sequence[ShardedLevel],
    wanted: ChunksOf,
    steps: Steps,
    elsewhere: Elsewhere | None,
) -> None:
    """Make the chunks of `levels` out of every block, by several threads or elsewhere.

    Raises
    ------
    Cancelled
        Somebody asked for it.
    OmeroError
        What reading or writing raised.
    """

    def write(block: Block) -> None:
        for i, y, x, planes in pieces(block, wanted):
            levels[i].put(block.t, block.c, block.z, y, x, planes)

    def done_elsewhere(block: Block, future: Any, elsewhere: Elsewhere) -> None:
        try:
            encoded = _waited_for(future, steps, elsewhere)
        except Cancelled:
            raise
        # What ends a worker, or keeps it from reading, need not end the work.
        except Exception as error:  # noqa: BLE001
            log.warning("a block is made here, for elsewhere it failed: %s", error)
            write(block)
            return
        for i, y, x, data in encoded:
            levels[i].store(block.t, block.c, block.z, y, x, data)

    waiting: deque[tuple[Block, Any, Elsewhere | None]] = deque()
    places = _THREADS if elsewhere is None else elsewhere.places

    def settle() -> None:
        block, future, where = waiting.popleft()
        if where is None:
            future.result()
        else:
            done_elsewhere(block, future, where)
        steps.step()

    with ThreadPoolExecutor(_THREADS, "levels") as pool:
        try:
            for block in blocks:
                steps.check()
                where = elsewhere if elsewhere is not None and elsewhere.is_there() else None
                if where is None:
                    future: Any = pool.submit(write, block)
                    places = _THREADS
                else:
                    future = where.submit(encoded_block, block.at, group, block.row_step, wanted)
                waiting.append((block, future, where))
                # So many blocks are in memory, however fast they come.
                while len(waiting) > places:
                    settle()
            while waiting:
                settle()
                steps.check()
        finally:
            for _, future, _ in waiting:
                future.cancel()


def _waited_for(future: Any, steps: Steps, elsewhere: Elsewhere) -> list[EncodedPiece]:
    """What another process answers; `Cancelled` where nobody waits for that any more."""
    while not future.done():
        steps.check()
        if not elsewhere.is_there():
            raise Unavailable("nobody is there any more to do it")
        with suppress(TimeoutError):
            future.result(timeout=_LOOK_S)
    answer: list[EncodedPiece] = future.result()
    return answer
