"""A few threads for the whole process, lent to whoever has much to read or to decode."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["CORES", "for_each"]

T = TypeVar("T")
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

_guard = threading.Lock()
_callers = 0
_pool: ThreadPoolExecutor | None = None


def for_each(work: Callable[[T], object], items: Iterable[T]) -> None:
    """`work` on every item, by the calling thread and those that are free.

    Callers share the cores: where as many are at it as there are cores, each works alone.
    The first error ends the work and is raised.
    """
    global _callers
    with _guard:
        _callers += 1
        helpers = max(0, CORES // _callers - 1)
    rest = iter(list(items))
    failed = threading.Event()

    def run() -> None:
        # `next` of a list's iterator is atomic: each item is taken once.
        for item in rest:
            if failed.is_set():
                return
            try:
                work(item)
            except BaseException:
                failed.set()
                raise

    futures: list[Future[None]] = []
    try:
        if helpers:
            pool = _threads()
            futures = [pool.submit(run) for _ in range(helpers)]
        run()
    finally:
        with _guard:
            _callers -= 1
        # One that has not begun is not waited for: its items are done.
        begun = [future for future in futures if not future.cancel()]
        errors = [future.exception() for future in begun]
    for error in errors:
        if error is not None:
            raise error


def _threads() -> ThreadPoolExecutor:
    global _pool
    with _guard:
        if _pool is None:
            _pool = ThreadPoolExecutor(max(1, CORES - 1), "reading")
        return _pool


def _forget_pool() -> None:
    global _pool, _callers
    _pool, _callers = None, 0


# A forked child has the pool but not its threads.
os.register_at_fork(after_in_child=_forget_pool)
