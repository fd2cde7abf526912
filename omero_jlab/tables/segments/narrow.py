"""Numbers in the narrowest type that holds each of them exactly."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["narrowed"]

_SAMPLE = 1024
_PIECE = 1 << 17
_INTEGERS = tuple(numpy.dtype(name) for name in ("u1", "i1", "<u2", "<i2", "<u4", "<i4"))


def narrowed(values: NDArray[Any]) -> NDArray[Any]:
    """`values`, of whole numbers or floats, as small integers or float32 where that loses nothing.

    A sample is tried first: where that does not fit, the rest is not looked at.  Infinities and
    NaN fit into float32, and -0.0 into no integer.
    """
    if not values.size:
        return values
    if values.dtype.kind in "iu":
        return _whole(values, values, int(values.min()), int(values.max()))
    if values.dtype.kind != "f" or values.dtype.itemsize < 4:
        return values
    flat = values.reshape(-1)
    sample = flat[:: max(flat.size // _SAMPLE, 1)]
    for attempt in (_as_integers, _as_float32):
        found = attempt(sample)
        if found is not None and len(sample) < len(flat):
            found = attempt(flat)
        if found is not None:
            return found.reshape(values.shape)
    return values


def _whole(values: NDArray[Any], like: NDArray[Any], low: int, high: int) -> NDArray[Any]:
    """`values` as the narrowest integers between `low` and `high` that widen to `like`'s type."""
    for dtype in _INTEGERS:
        limits = numpy.iinfo(dtype)
        if dtype.itemsize >= like.dtype.itemsize:
            break
        if limits.min <= low and high <= limits.max and numpy.can_cast(dtype, like.dtype, "safe"):
            return values.astype(dtype)
    return values


def _as_integers(values: NDArray[Any]) -> NDArray[Any] | None:
    low, high = values.min(), values.max()
    if not (low >= -(2**31) and high < 2**32):
        return None
    for start in range(0, len(values), _PIECE):
        piece = values[start : start + _PIECE]
        if not (numpy.trunc(piece) == piece).all() or numpy.signbit(piece[piece == 0]).any():
            return None
    found = _whole(values, values, int(low), int(high))
    return None if found is values else found


def _as_float32(values: NDArray[Any]) -> NDArray[Any] | None:
    if values.dtype.itemsize < 8:
        return None
    with numpy.errstate(over="ignore"):
        found = values.astype("<f4")
    for start in range(0, len(values), _PIECE):
        piece = values[start : start + _PIECE]
        same = (found[start : start + _PIECE] == piece) | numpy.isnan(piece)
        if not same.all():
            return None
    return found
