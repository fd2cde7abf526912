"""How often somebody failed to log in."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque

__all__ = ["Attempts"]


class Attempts:
    """Failed attempts of the last minutes; `allowed` says whether there may be one more."""

    def __init__(self, limit: int = 10, window_s: float = 300.0) -> None:
        self._limit = limit
        self._window_s = window_s
        self._guard = threading.Lock()
        self._failures: dict[str, deque[float]] = defaultdict(deque)

    def allowed(self, *keys: str) -> bool:
        """Whether none of `keys` (a name, an address) has failed too often."""
        with self._guard:
            self._forget()
            return all(len(self._failures.get(key, ())) < self._limit for key in keys)

    def failed(self, *keys: str) -> None:
        """Count a failure."""
        with self._guard:
            for key in keys:
                self._failures[key].append(time.monotonic())

    def _forget(self) -> None:
        limit = time.monotonic() - self._window_s
        for key in list(self._failures):
            times = self._failures[key]
            while times and times[0] < limit:
                times.popleft()
            if not times:
                del self._failures[key]
