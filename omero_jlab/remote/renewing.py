"""Rights that expire, renewed for as long as somebody holds on to them."""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable

from ..errors import OmeroError, Unavailable

__all__ = ["Renewing"]

log = logging.getLogger(__name__)

_AGAIN_S = 5.0


class Renewing:
    """Calls `renew` every so many seconds until it is stopped, or nobody has it any more.

    One thread does it for all.  A server that cannot be reached is asked again soon; whatever
    else `renew` raises ends it: the right is gone.  `renew` must not refer to who holds this.
    """

    def __init__(self, renew: Callable[[], object], every_s: float) -> None:
        self.renew = renew
        self.every_s = every_s
        self.stopped = False
        _add(self, every_s)

    def stop(self) -> None:
        """Renew no more."""
        self.stopped = True

    def turn(self) -> float | None:
        """Renew once; answers after how many seconds it is due again, if ever."""
        if self.stopped:
            return None
        try:
            self.renew()
        except Unavailable as error:
            log.warning("a right of workers is not renewed yet: %s", error)
            return min(self.every_s, _AGAIN_S)
        except OmeroError as error:
            log.warning("a right of workers is not renewed any more: %s", error)
            return None
        return self.every_s


_count = itertools.count()
_changed = threading.Condition()
_due: list[tuple[float, int, weakref.ref[Renewing]]] = []
_threads: list[threading.Thread] = []


def _add(renewing: Renewing, after_s: float) -> None:
    with _changed:
        heapq.heappush(_due, (time.monotonic() + after_s, next(_count), weakref.ref(renewing)))
        if not _threads:
            _threads.append(
                threading.Thread(target=_go_on, name="omero-jlab-renewing", daemon=True)
            )
            _threads[0].start()
        _changed.notify()


def _go_on() -> None:
    while True:
        with _changed:
            if not _due:
                # The next one starts another.
                _threads.clear()
                return
            wait_s = _due[0][0] - time.monotonic()
            if wait_s > 0:
                _changed.wait(wait_s)
                continue
            renewing = heapq.heappop(_due)[2]()
        after_s = None if renewing is None else renewing.turn()
        if renewing is not None and after_s is not None:
            _add(renewing, after_s)
        del renewing


def _forget() -> None:
    global _changed
    # A forked child has what is due, but not the thread; its parent goes on renewing.
    _changed = threading.Condition()
    _due.clear()
    _threads.clear()


os.register_at_fork(after_in_child=_forget)
