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

__all__ = ["resample", "shrink", "thumbnail"]


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
    if planes.ndim == 3 and not (1 <= height <= planes.shape[1] and 1 <= width <= planes.shape[2]):
        raise Invalid(
            f"{planes.shape[1]} × {planes.shape[2]} pixels cannot be made {height} × {width}."
        )
    if (height, width) == planes.shape[1:] and planes.dtype.kind in "biuf":
        return np.ascontiguousarray(planes, dtype=planes.dtype.newbyteorder("="))
    steps = planes.shape[-2] / max(1, height), planes.shape[-1] / max(1, width)
    return resample(planes, height, width, (0.0, 0.0), steps)


def resample(
    planes: NDArray[Any],
    height: int,
    width: int,
    corner: tuple[float, float],
    steps: tuple[float, float],
) -> NDArray[Any]:
    """`planes` in another grid: each pixel is the average of the area that it covers.

    Parameters
    ----------
    planes : shape (C, Y, X), any real dtype or complex (by magnitude)
    corner
        Where the first pixel of the grid begins, y and x in pixels of `planes`.
    steps
        How many pixels of `planes` one of the grid is high and wide; below 1 enlarges, so that
        each pixel of `planes` becomes a square with smooth edges.

    Returns
    -------
    shape (C, height, width), the dtype of `planes` in native byte order; integers are rounded

    Raises
    ------
    Invalid
        The planes or the grid are none.
    """
    if planes.ndim != 3 or 0 in planes.shape or planes.dtype.kind not in "biufc":
        raise Invalid(
            f"Planes have the shape (C, Y, X) and numbers, not {planes.shape} and {planes.dtype}."
        )
    if height < 1 or width < 1 or min(steps) <= 0:
        raise Invalid(f"No grid has {height} × {width} pixels with steps of {steps}.")
    if planes.dtype.kind == "c":
        planes = np.abs(planes)
    dtype = planes.dtype.newbyteorder("=")
    known = dtype
    if dtype.kind == "b":
        known = np.dtype(np.uint8)
    elif dtype.kind == "f":
        known = np.dtype(np.float32 if dtype.itemsize <= 4 else np.float64)
    averages = np.empty((planes.shape[0], height, width), np.float64)
    for plane, average in zip(planes, averages, strict=True):
        source = np.ascontiguousarray(plane, dtype=known)
        inner_loops().shrink(source, *map(float, corner), *map(float, steps), average)
    return _rounded(averages, dtype)


def _rounded(averages: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
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
