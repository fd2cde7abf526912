"""The reads of `singly`, compiled; they release the interpreter's lock."""

from __future__ import annotations

from typing import Any

import numpy
from numba import types
from numpy.typing import NDArray

from ...storage import compiled

__all__ = ["read_each"]

_pread: Any = types.ExternalFunction(
    "pread", types.int64(types.int32, types.uintp, types.uintp, types.int64)
)


def _read_each(
    file: int, address: int, starts: NDArray[numpy.int64], sizes: NDArray[numpy.int64]
) -> bool:
    """Read to `address`, one behind the other; whether each came whole."""
    for i in range(len(starts)):
        if _pread(file, address, sizes[i], starts[i]) != sizes[i]:
            return False
        address += types.uintp(sizes[i])
    return True


_FORM = "boolean(int32, uintp, int64[::1], int64[::1])"

read_each = compiled(_read_each, _FORM)
