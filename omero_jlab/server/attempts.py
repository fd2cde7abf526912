"""How often somebody failed to log in."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping

__all__ = ["Attempts"]


class Attempts:
    """Failed attempts of the last minutes; `allowed` says whether there may be one more."""

    def __init__(self, window_s: float = 300.0) -> None:
        self._window_s = window_s
        self._guard = threading.Lock()
        self._failures: dict[str, deque[float]] = defaultdict(deque)

    def allowed(self, limits: Mapping[str, int]) -> bool:
        """Whether none of the keys (a name, an address) has reached its limit."""
        with self._guard:
            self._forget()
            return all(len(self._failures.get(key, ())) < limit for key, limit in limits.items())

    def failed(self, keys: Iterable[str]) -> None:
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
