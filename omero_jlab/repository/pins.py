"""Who still reads what: files that no row names any more go when nobody does."""

from __future__ import annotations

import threading
import time
import weakref
from collections import defaultdict
from collections.abc import Callable

__all__ = ["Pin", "Pins"]

_PAUSE_S = 0.05


class Pin:
    """Keeps the files that a table has now, as long as somebody holds it."""


class Pins:
    """The pins that are held, by table."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: dict[int, weakref.WeakSet[Pin]] = defaultdict(weakref.WeakSet)

    def new(self, table_id: int) -> Pin:
        """A pin, to be held from before a table's files are looked up until they were read."""
        pin = Pin()
        with self._guard:
            self._held[table_id].add(pin)
        return pin

    def gone(self, table_id: int, patience_s: float, check: Callable[[], None]) -> bool:
        """Whether nobody holds a pin that is there already; waits so long for those who do."""
        with self._guard:
            held = [weakref.ref(pin) for pin in self._held.pop(table_id, ())]
        until = time.monotonic() + patience_s
        while any(each() is not None for each in held):
            if time.monotonic() > until:
                with self._guard:
                    self._held[table_id].update(p for p in (each() for each in held) if p)
                return False
            check()
            time.sleep(_PAUSE_S)
        return True
