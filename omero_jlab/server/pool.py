"""Moving work off the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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


class Pool:
    """`threads` threads, and at most `waiting` calls that wait for one of them."""

    def __init__(self, name: str, threads: int, waiting: int) -> None:
        self._executor = ThreadPoolExecutor(threads, f"omero-jlab-{name}")
        self._limit = threads + waiting
        self._guard = threading.Lock()
        self._taken = 0

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

        try:
            try:
                future = self._executor.submit(begin)
            except RuntimeError as error:
                raise Unavailable("The server is ending.") from error
            return await asyncio.wrap_future(future)
        finally:
            with self._guard:
                self._taken -= 1

    def soon(self, function: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call `function` in a thread without waiting for it; after `close`, at once."""
        try:
            self._executor.submit(function, *args, **kwargs)
        except RuntimeError:
            function(*args, **kwargs)

    def close(self) -> None:
        """Finish what was begun; the rest is dropped."""
        self._executor.shutdown(wait=True, cancel_futures=True)
