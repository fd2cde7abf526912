"""Reading many uncompressed chunks at once, where the compiled loops are loaded already."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .level import Chunk
from .plain import check_length

__all__ = ["load_loops", "read_scattered"]

_read_rows: Callable[[int, NDArray[np.int64], int], bool] | None = None


def load_loops() -> None:
    """Load the compiled loop: half a second that nobody should wait for who reads a few chunks."""
    global _read_rows
    if os.environ.get("OMERO_JLAB_NO_NUMBA") == "1" or not hasattr(os, "preadv"):
        return
    try:
        from .scatter_numba import read_rows
    except ImportError:
        return
    _read_rows = read_rows


def read_scattered(
    descriptor: int, chunks: Sequence[Chunk], path: str, stored: np.dtype[Any], out: NDArray[Any]
) -> bool:
    """Whether whole rows of uncompressed `chunks` went to their places in `out` (C, Y, X).

    Not where the loop is not loaded, a chunk is asked for in part, or a file ends too early: then
    nothing is known of the pixels of `out`.

    Raises
    ------
    Unreadable
        A chunk has another number of bytes than its pixels.
    """
    if _read_rows is None or len(chunks) < 2 or not (stored.isnative and out.flags.c_contiguous):
        return False
    pixel = stored.itemsize
    plane, stride = out.strides[:2]
    base = out.ctypes.data
    pieces = np.empty((len(chunks), 4), np.int64)
    for i, chunk in enumerate(chunks):
        _, kc, kz, ky, kx, samples = chunk.shape
        if samples > 1 or len(chunk.parts) > 1 or chunk.x0 or chunk.x1 != kx:
            return False
        check_length(path, chunk, stored, checked=False)
        part = chunk.parts[0]
        number = (part.t * kc + part.c) * kz + part.z
        pieces[i] = (
            chunk.offset + (number * ky + chunk.y0) * kx * pixel,
            base + part.target * plane + chunk.top * stride + chunk.left * pixel,
            chunk.y1 - chunk.y0,
            kx * pixel,
        )
    return _read_rows(descriptor, pieces, stride)
