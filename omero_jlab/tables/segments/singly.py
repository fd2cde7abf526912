"""Many small reads of one file, one after the other."""

from __future__ import annotations

import os
from functools import cache
from itertools import repeat
from types import ModuleType
from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["are_shared", "read_singly"]

_WORTH_COMPILING = 1 << 15

_done = 0


def read_singly(
    file: int, starts: NDArray[numpy.int64], sizes: NDArray[numpy.int64]
) -> NDArray[Any]:
    """The bytes at `starts` of an open file, so many as `sizes` say; fewer where it ends early."""
    global _done
    _done += len(starts)
    if are_shared():
        out = numpy.empty(int(sizes.sum()), "u1")
        compiled = _compiled()
        if compiled is not None and compiled.read_each(file, out.ctypes.data, starts, sizes):
            return out
        # Once more, to be told why.
    found = b"".join(map(os.pread, repeat(file), sizes.tolist(), starts.tolist()))
    return numpy.frombuffer(found, "u1")


def are_shared() -> bool:
    """Whether threads read at the same time: not, where each read asks for the interpreter.

    numba takes half a second to import: nobody pays that for a few thousand reads.
    """
    return _done >= _WORTH_COMPILING and _compiled() is not None


@cache
def _compiled() -> ModuleType | None:
    if os.environ.get("OMERO_JLAB_NO_NUMBA") == "1":
        return None
    try:
        from . import singly_numba
    except ImportError:
        return None
    return singly_numba
