"""A memory of what was used last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["Recent"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """At most `size` values by key; the one that was not used for longest is forgotten."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._guard = threading.Lock()
        self._kept: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value, or None where it is not remembered."""
        with self._guard:
            value = self._kept.get(key)
            if value is not None:
                self._kept.move_to_end(key)
            return value

    def put(self, key: K, value: V) -> V:
        """Remember a value; answers the one that is remembered already, where there is one."""
        with self._guard:
            value = self._kept.setdefault(key, value)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
            return value

    def values(self) -> list[V]:
        """What is remembered."""
        with self._guard:
            return list(self._kept.values())

    def forget(self, whether: Callable[[K], bool]) -> None:
        """Forget the values whose key is told."""
        with self._guard:
            for key in [each for each in self._kept if whether(each)]:
                del self._kept[key]

    def clear(self) -> None:
        """Forget every value."""
        with self._guard:
            self._kept.clear()
