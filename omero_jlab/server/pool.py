"""Moving work off the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

from ..errors import OmeroError, Unavailable

__all__ = ["Gone", "Pool"]

P = ParamSpec("P")
T = TypeVar("T")


class Gone(OmeroError):
    """Nobody waits for the answer any more."""


def _is_ending(error: RuntimeError) -> bool:
    """Whether the main thread has ended, and with it the thread pools of this process."""
    return not threading.main_thread().is_alive() or "interpreter shutdown" in str(error)


class _Answers:
    """What threads found, on its way to the event loop that waits for it.

    A loop that has not yet come for the last answers is not called again: under load, waking it
    up costs more than a small answer.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._guard = threading.Lock()
        self._called = False
        self._found: deque[tuple[asyncio.Future[Any], Future[Any]]] = deque()

    def put(self, wanted: asyncio.Future[Any], found: Future[Any]) -> None:
        """Have the loop end `wanted` as `found` ended; nothing where the loop was closed."""
        self._found.append((wanted, found))
        with self._guard:
            called, self._called = self._called, True
        if not called:
            try:
                self.loop.call_soon_threadsafe(self._take)
            except RuntimeError:
                self._found.clear()

    def _take(self) -> None:
        with self._guard:
            self._called = False
        while self._found:
            wanted, found = self._found.popleft()
            if wanted.done():
                continue
            if found.cancelled():
                wanted.cancel()
            elif error := found.exception():
                wanted.set_exception(error)
            else:
                wanted.set_result(found.result())


class Pool:
    """`threads` threads, and at most `waiting` calls that wait for one of them."""

    def __init__(self, name: str, threads: int, waiting: int) -> None:
        self._executor = ThreadPoolExecutor(threads, f"omero-jlab-{name}")
        self._limit = threads + waiting
        self._guard = threading.Lock()
        self._taken = 0
        self._answers: _Answers | None = None

    async def run(self, wanted: Callable[[], bool], function: Callable[[], T]) -> T:
        """What `function` returns; it is not begun when nobody wants it any more.

        Raises
        ------
        Unavailable
            As many calls wait as may.
        Gone
            Nobody wanted the answer when its turn came.
        """
        with self._guard:
            if self._taken >= self._limit:
                raise Unavailable("The server has more to do than it can: try again in a moment.")
            self._taken += 1

        def begin() -> T:
            if not wanted():
                raise Gone("The client has gone.")
            try:
                return function()
            except RuntimeError as error:
                # An interpreter that ends starts no threads; whoever asked finds the next owner.
                if _is_ending(error):
                    raise Unavailable("The server is ending.") from error
                raise

        answers = self._answers_for(asyncio.get_running_loop())
        future: asyncio.Future[T] = answers.loop.create_future()
        try:
            try:
                done = self._executor.submit(begin)
            except RuntimeError as error:
                raise Unavailable("The server is ending.") from error
            done.add_done_callback(partial(answers.put, future))
            try:
                return await future
            finally:
                done.cancel()
        finally:
            with self._guard:
                self._taken -= 1

    def _answers_for(self, loop: asyncio.AbstractEventLoop) -> _Answers:
        """Where answers for `loop` go: nearly always the only one that there is."""
        answers = self._answers
        if answers is None or answers.loop is not loop:
            answers = self._answers = _Answers(loop)
        return answers

    def soon(self, function: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call `function` in a thread without waiting for it; after `close`, at once."""
        try:
            self._executor.submit(function, *args, **kwargs)
        except RuntimeError:
            function(*args, **kwargs)

    def close(self) -> None:
        """Finish what was begun; the rest is dropped."""
        self._executor.shutdown(wait=True, cancel_futures=True)
