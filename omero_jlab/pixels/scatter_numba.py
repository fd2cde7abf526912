"""Reading rows of uncompressed chunks to their places, compiled, without the interpreter."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

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


def _compiled() -> Any:
    try:
        return njit(_FORM, nogil=True, cache=True)(_read_rows)
    except RuntimeError:
        # Neither the package's folder nor the user's cache folder can be written.
        return njit(_FORM, nogil=True)(_read_rows)


read_rows = _compiled()
