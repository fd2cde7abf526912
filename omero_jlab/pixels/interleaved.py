"""Planes whose channels lie side by side in memory, as a picture has them.

They have shape (C, Y, X) like others, and are a view of an array (Y, X, C).  Whoever reads colours
to draw or to store a picture moves no sample twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .level import Part

__all__ = ["as_picture", "empty_planes", "is_interleaved", "put_samples"]


def empty_planes(
    channels: int, height: int, width: int, dtype: np.dtype[Any], interleaved: bool
) -> NDArray[Any]:
    """Room for planes, shape (channels, height, width)."""
    if not interleaved:
        return np.empty((channels, height, width), dtype)
    return np.empty((height, width, channels), dtype).transpose(2, 0, 1)


def is_interleaved(planes: NDArray[Any]) -> bool:
    """Whether the channels of `planes` (C, Y, X), or of a part of such, lie side by side."""
    channels, size = planes.shape[0], planes.itemsize
    return channels > 1 and planes.strides[0] == size and planes.strides[2] == channels * size


def as_picture(planes: NDArray[Any]) -> NDArray[Any]:
    """`planes` (C, Y, X) as a C-contiguous array (Y, X, C)."""
    if is_interleaved(planes):
        return np.ascontiguousarray(planes.transpose(1, 2, 0))
    # Ten times as fast as a copy of the array with its axes moved.
    return np.stack(list(planes), axis=-1)


def put_samples(pixels: NDArray[Any], parts: Sequence[Part], out: NDArray[Any]) -> None:
    """Copy the samples of `pixels` (Y, X, samples) that `parts` name to their planes in `out`."""
    everything = len(parts) == len(out) == pixels.shape[2]
    if everything and is_interleaved(out) and all(part.target == part.sample for part in parts):
        out.transpose(1, 2, 0)[...] = pixels
        return
    for part in parts:
        out[part.target] = pixels[..., part.sample]
