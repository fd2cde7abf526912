"""Planes of half the size: the mean of 2 × 2 pixels, or the label that most of them have."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .interleaved import is_interleaved

__all__ = ["Reduce", "halved", "majority", "mean"]

Reduce = Callable[[NDArray[Any]], NDArray[Any]]
_Kernel = Callable[[NDArray[Any], NDArray[Any]], None]


def halved(planes: NDArray[Any], reduce: Reduce) -> NDArray[Any]:
    """`reduce` of each of `planes` (C, Y, X), which lie in memory as before."""
    kernels = _compiled() if reduce is mean and planes.dtype == np.uint8 else None
    if kernels is None or not is_interleaved(planes):
        return np.stack([reduce(plane) for plane in planes])
    _, height, width = planes.shape
    picture = planes.transpose(1, 2, 0)
    if height % 2 or width % 2:
        picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
    target = np.empty((-(-height // 2), -(-width // 2), len(planes)), planes.dtype)
    kernels.mean_samples(picture, target)
    return target.transpose(2, 0, 1)


def majority(plane: NDArray[Any]) -> NDArray[Any]:
    """The label that most of each 2 × 2 pixels have, shape (ceil(Y / 2), ceil(X / 2)).

    Of as many, an object goes before the background and the upper left before the lower right.
    An object of `plane` that would be gone keeps one pixel where it had one, in place of the
    background or of an object that has others, as far as there is room.
    """
    height, width = plane.shape
    padded = plane
    if height % 2 or width % 2:
        padded = np.pad(plane, ((0, height % 2), (0, width % 2)), "edge")
    quarters = [padded[0::2, 0::2], padded[0::2, 1::2], padded[1::2, 0::2], padded[1::2, 1::2]]
    best = quarters[0].copy()
    most = np.full(best.shape, -1, np.int8)
    for one in quarters:
        votes = (one != 0).astype(np.int8)
        for other in quarters:
            votes += 2 * (one == other).astype(np.int8)
        better = votes > most
        best[better], most[better] = one[better], votes[better]
    _keep_small(plane, best)
    return best


def _keep_small(plane: NDArray[Any], half: NDArray[Any]) -> None:
    """Give each label of `plane` that is missing in `half` one of its pixels there."""
    labels = _labels(plane)
    missing = np.setdiff1d(labels[labels != 0], _labels(half), assume_unique=True)
    if not len(missing):
        return
    kept, counts = np.unique(half, return_counts=True)
    # All pixels of the missing ones: they are few, or they would not be missing.
    places = np.flatnonzero(np.isin(plane, missing))
    owners = plane.reshape(-1)[places]
    rows, columns = np.divmod(places, plane.shape[1])
    targets = rows // 2 * half.shape[1] + columns // 2
    flat = half.reshape(-1)
    spare = dict(zip(kept.tolist(), counts.tolist(), strict=True))
    waiting = set(missing.tolist())
    taken: set[int] = set()
    for wants_background in (True, False):
        for owner, target in zip(owners.tolist(), targets.tolist(), strict=True):
            if owner not in waiting or target in taken:
                continue
            holder = int(flat[target])
            if wants_background and holder != 0:
                continue
            if holder != 0 and spare.get(holder, 0) < 2:
                continue
            spare[holder] = spare.get(holder, 0) - 1
            flat[target] = owner
            taken.add(target)
            waiting.discard(owner)


_MOST_COUNTED = 1 << 24


def _labels(plane: NDArray[Any]) -> NDArray[Any]:
    """The labels of a plane, sorted."""
    low, high = int(plane.min()), int(plane.max())
    if high - low >= _MOST_COUNTED:
        return np.unique(plane)
    there = np.zeros(high - low + 1, bool)
    there[plane - plane.dtype.type(low)] = True
    return (np.flatnonzero(there) + low).astype(plane.dtype)


def mean(plane: NDArray[Any]) -> NDArray[Any]:
    """The mean of each 2 × 2 pixels, shape (ceil(Y / 2), ceil(X / 2)), same dtype.

    Integers are rounded to the nearest, halves to the even one, so that deep levels keep their
    brightness.  At an odd edge the mean is of the pixels that are there.  Floats are averaged
    in double precision; a NaN spreads to the pixel that contains it.  Complex numbers are shown
    by their magnitudes: they get the mean magnitude, and the phase of the mean.
    """
    if plane.dtype.kind == "c":
        return _mean_complex(plane)
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
    if compiled:
        kernels = _compiled()
        if kernels is not None:
            chosen: _Kernel = kernels.mean_floats if dtype.kind == "f" else kernels.mean_integers
            return chosen
    if dtype.kind == "f":
        return _mean_floats
    return _mean_long if dtype.itemsize == 8 else _mean_integers


@cache
def _compiled() -> Any:
    if os.environ.get("OMERO_JLAB_NO_NUMBA"):
        return None
    try:
        from . import halve_numba
    except ImportError:
        return None
    return halve_numba


def _mean_complex(plane: NDArray[Any]) -> NDArray[Any]:
    wide = plane.astype(np.complex128)
    length = mean(np.abs(wide))
    with np.errstate(invalid="ignore"):
        phase = np.angle(mean(wide.real) + 1j * mean(wide.imag))
        result: NDArray[Any] = (length * np.exp(1j * phase)).astype(plane.dtype)
    return result


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
