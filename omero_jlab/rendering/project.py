"""Many planes made one, plane by plane: no more than the result is held."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid

__all__ = ["project", "projected_dtype"]


def projected_dtype(method: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type of a projection's pixels: what numpy's max, min, mean and sum of an axis give.

    Raises
    ------
    Invalid
        There is no such method.
    """
    if method not in ("max", "mean", "sum", "min"):
        raise Invalid(f"A projection is a max, mean, sum or min, not {method!r}.")
    dtype = dtype.newbyteorder("=")
    if dtype.kind == "c":
        dtype = np.abs(np.zeros(1, dtype)).dtype
    if method in ("max", "min"):
        return dtype
    if dtype.kind == "f":
        return dtype
    if method == "mean":
        return np.dtype(np.float64)
    return np.dtype(np.int64 if dtype.kind == "i" else np.uint64)


def project(planes: Iterable[NDArray[Any]], method: str) -> NDArray[Any]:
    """The maximum, mean, sum or minimum of `planes`, pixel by pixel; NaN stays NaN.

    Parameters
    ----------
    planes
        At least one, all of one shape and dtype; complex ones count by magnitude.
    method
        max, mean, sum or min.

    Returns
    -------
    The shape of one plane, and the dtype of `projected_dtype`; float32 is added up in float64.

    Raises
    ------
    Invalid
        There is no plane, or no such method.
    """
    total: NDArray[Any] | None = None
    count = 0
    dtype = np.dtype(np.uint8)
    for plane in planes:
        plane = np.abs(plane) if plane.dtype.kind == "c" else plane
        count += 1
        if total is None:
            dtype = projected_dtype(method, plane.dtype)
            total = np.array(plane, dtype=_working(method, dtype))
        elif method == "max":
            np.maximum(total, plane, out=total)
        elif method == "min":
            np.minimum(total, plane, out=total)
        else:
            np.add(total, plane, out=total, casting="unsafe")
    if total is None:
        raise Invalid("A projection needs at least one plane.")
    if method == "mean":
        np.divide(total, count, out=total)
    return total.astype(dtype, copy=False)


def _working(method: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    if method in ("mean", "sum") and dtype.kind == "f":
        return np.dtype(np.float64)
    return dtype
