"""Reading rows of uncompressed chunks to their places, compiled, without the interpreter."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from ..storage import compiled

__all__ = ["read_rows"]

# What one call of the system takes at most.
_IOV_MAX = 1024

_preadv: Any = types.ExternalFunction(
    "preadv", types.int64(types.int32, types.uintp, types.int32, types.int64)
)


def _read_rows(file: int, pieces: NDArray[np.int64], stride: int) -> bool:
    """Read each of `pieces` (offset, address, rows, bytes of a row); whether all came whole.

    Rows follow each other in the file, and lie `stride` bytes apart in memory.
    """
    vector = np.empty((_IOV_MAX, 2), np.uint64)
    for i in range(len(pieces)):
        offset, address, rows, size = pieces[i]
        if size == stride:
            rows, size = 1, rows * size
        for first in range(0, rows, _IOV_MAX):
            count = min(_IOV_MAX, rows - first)
            for k in range(count):
                vector[k, 0] = address + (first + k) * stride
                vector[k, 1] = size
            at = offset + first * size
            if _preadv(file, vector.ctypes.data, count, at) != count * size:
                return False
    return True


_FORM = "boolean(int32, int64[:, ::1], int64)"

read_rows = compiled(_read_rows, _FORM)
