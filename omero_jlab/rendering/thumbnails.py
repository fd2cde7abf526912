"""Planes made smaller, and the small picture that stands for an image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid
from ..model import Settings
from .composite import render
from .encode import encode
from .fast import inner_loops

__all__ = ["shrink", "thumbnail"]


def shrink(planes: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """`planes` in fewer pixels: each is the average of the area that it covers.

    Parameters
    ----------
    planes : shape (C, Y, X), any real dtype
    height, width
        From 1 to the size of `planes`; not for enlarging.

    Returns
    -------
    shape (C, height, width), the dtype of `planes` in native byte order; integers are rounded

    Raises
    ------
    Invalid
        A size is out of range.
    """
    if planes.ndim != 3 or planes.dtype.kind not in "biuf":
        raise Invalid(
            f"Planes have the shape (C, Y, X) and real numbers, not {planes.shape} and "
            f"{planes.dtype}."
        )
    if not (1 <= height <= planes.shape[1] and 1 <= width <= planes.shape[2]):
        raise Invalid(
            f"{planes.shape[1]} × {planes.shape[2]} pixels cannot be made {height} × {width}."
        )
    dtype = planes.dtype.newbyteorder("=")
    if (height, width) == planes.shape[1:]:
        return np.ascontiguousarray(planes, dtype=dtype)
    known = dtype
    if dtype.kind == "b":
        known = np.dtype(np.uint8)
    elif dtype.kind == "f":
        known = np.dtype(np.float32 if dtype.itemsize <= 4 else np.float64)
    averages = np.empty((planes.shape[0], height, width), np.float64)
    for plane, average in zip(planes, averages, strict=True):
        inner_loops().shrink(np.ascontiguousarray(plane, dtype=known), average)
    if dtype.kind == "f":
        return averages.astype(dtype)
    if dtype.kind == "b":
        return averages >= 0.5
    rounded: NDArray[Any] = np.floor(averages + 0.5)
    limits = np.iinfo(dtype)
    # 2**64 - 1 as a double is 2**64, which no uint64 can hold.
    top = np.nextafter(float(limits.max), 0.0) if dtype.itemsize == 8 else float(limits.max)
    np.clip(rounded, float(limits.min), top, out=rounded)
    return rounded.astype(dtype)


def thumbnail(planes: NDArray[Any], settings: Settings, size: int = 96) -> bytes:
    """A JPEG of `planes` (C, Y, X) whose longer side has at most `size` pixels.

    Raises
    ------
    Invalid
        As `render`; or `size` is less than 1.
    """
    if size < 1:
        raise Invalid(f"A thumbnail has at least 1 pixel a side, not {size}.")
    if planes.ndim != 3 or 0 in planes.shape:
        raise Invalid(f"Planes have the shape (C, Y, X) and pixels, not {planes.shape}.")
    height, width = planes.shape[1:]
    scale = min(1.0, size / max(height, width))
    small = shrink(planes, max(1, round(height * scale)), max(1, round(width * scale)))
    return encode(render(small, settings), "jpeg")
