"""Planes of half the size: the mean of 2 × 2 pixels, or every other one."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Reduce", "mean", "nearest"]

Reduce = Callable[[NDArray[Any]], NDArray[Any]]
_Kernel = Callable[[NDArray[Any], NDArray[Any]], None]


def nearest(plane: NDArray[Any]) -> NDArray[Any]:
    """The upper left pixel of each 2 × 2, shape (ceil(Y / 2), ceil(X / 2)): labels stay labels."""
    return plane[::2, ::2]


def mean(plane: NDArray[Any]) -> NDArray[Any]:
    """The mean of each 2 × 2 pixels, shape (ceil(Y / 2), ceil(X / 2)), same dtype.

    Integers are rounded to the nearest, halves to the even one, so that deep levels keep their
    brightness.  At an odd edge the mean is of the pixels that are there.  Floats are averaged
    in double precision; a NaN spreads to the pixel that contains it.
    """
    integers = plane.view(np.uint8) if plane.dtype == np.bool_ else plane
    height, width = integers.shape
    target = np.empty((-(-height // 2), -(-width // 2)), integers.dtype)
    kernel = _kernel(integers.dtype.char)
    even_y, even_x = height // 2, width // 2
    kernel(integers, target[:even_y, :even_x])
    if width % 2:
        last = np.repeat(integers[:, -1:], 2, axis=1)
        kernel(last, target[:even_y, -1:])
    if height % 2:
        # Twice the last row: the mean of four is then the mean of the two.
        last = np.repeat(integers[-1:], 2, axis=0)
        kernel(last, target[-1:, :even_x])
        if width % 2:
            target[-1, -1] = integers[-1, -1]
    return target.view(plane.dtype)


@cache
def _kernel(char: str) -> _Kernel:
    dtype = np.dtype(char)
    compiled = dtype.char in "BbHhIiLlfd" and (dtype.itemsize < 8 or dtype.kind == "f")
    if compiled and not os.environ.get("OMERO_JLAB_NO_NUMBA"):
        kernels = _compiled()
        if kernels is not None:
            return kernels[dtype.kind == "f"]
    if dtype.kind == "f":
        return _mean_floats
    return _mean_long if dtype.itemsize == 8 else _mean_integers


@cache
def _compiled() -> tuple[_Kernel, _Kernel] | None:
    try:
        from . import halve_numba
    except ImportError:
        return None
    return halve_numba.mean_integers, halve_numba.mean_floats


def _quarters(source: NDArray[Any], target: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    y, x = 2 * target.shape[0], 2 * target.shape[1]
    return (
        source[0:y:2, 0:x:2],
        source[0:y:2, 1:x:2],
        source[1:y:2, 0:x:2],
        source[1:y:2, 1:x:2],
    )


def _mean_integers(source: NDArray[Any], target: NDArray[Any]) -> None:
    total = np.zeros(target.shape, np.int64)
    for quarter in _quarters(source, target):
        total += quarter
    whole, rest = total >> 2, total & 3
    target[...] = whole + ((rest == 3) | ((rest == 2) & (whole & 1 == 1)))


def _mean_long(source: NDArray[Any], target: NDArray[Any]) -> None:
    # Four 64-bit numbers may not fit into one: quotients and remainders are added apart.
    whole, rest = np.zeros(target.shape, source.dtype), np.zeros(target.shape, source.dtype)
    for quarter in _quarters(source, target):
        whole += quarter >> 2
        rest += quarter & 3
    whole += rest >> 2
    rest &= 3
    up = (rest == 3) | ((rest == 2) & (whole & 1 == 1))
    target[...] = whole + up.astype(source.dtype)


def _mean_floats(source: NDArray[Any], target: NDArray[Any]) -> None:
    a, b, c, d = (quarter.astype(np.float64) for quarter in _quarters(source, target))
    with np.errstate(invalid="ignore", over="ignore"):
        target[...] = ((a + b) + (c + d)) * 0.25
