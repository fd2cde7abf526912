"""The reads of `singly`, compiled; they release the interpreter's lock."""

from __future__ import annotations

from typing import Any

import numpy
from numba import njit, types
from numpy.typing import NDArray

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


def _compiled() -> Any:
    try:
        return njit(_FORM, nogil=True, cache=True)(_read_each)
    except RuntimeError:
        # Neither the package's folder nor the user's cache folder can be written.
        return njit(_FORM, nogil=True)(_read_each)


read_each = _compiled()
