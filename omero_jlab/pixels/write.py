"""New images and label images from arrays."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import Conflict, Invalid
from ..model.chunks import ChunkIndex
from ..storage import make_folders
from .cascade import Steps, documented, index_of, level_count, sync_tree, write_group, write_levels
from .halve import Reduce, mean, nearest
from .sources import ArraySource

__all__ = ["write_image", "write_labels"]

_LARGEST_LABEL = 2**32 - 1
_Progress = Callable[[int, int], None]


def write_image(
    folder: Path,
    array: Any,
    *,
    progress: _Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ChunkIndex:
    """Write an array as an OME-Zarr 0.5 image with its pyramid; the index of what was written.

    Parameters
    ----------
    folder
        Missing or empty; files are named relative to it, as root `pixels`.
    array
        TCZYX, of integers, floats or bools: numpy, dask, Zarr, h5py or anything that has
        `shape`, `dtype` and slices.  It is read once, chunk by chunk, by the calling thread.
        The dtype is kept.

    Raises
    ------
    Invalid
        The array has other axes, an axis of size 0, or no such dtype.
    Conflict
        `folder` is not empty.
    Full
        No room is left on the disk.
    Cancelled
        `cancelled` said yes.
    """
    _check_shape(array, 5, "An image has five axes, TCZYX")
    dtype = np.dtype(array.dtype)
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise Invalid(
            f"Pixels of type {dtype} cannot be stored; integers of 8 to 64 bits, floats of 16 to "
            f"64 bits and bools can: convert with array.astype."
        )
    source = ArraySource(array, dtype.newbyteorder("="))
    return _written(folder, source, mean, Steps(progress, cancelled))


def write_labels(
    folder: Path,
    array: Any,
    *,
    progress: _Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[ChunkIndex, int]:
    """Write a label image with its pyramid; its index and the largest label.

    Parameters
    ----------
    array
        TZYX, whole numbers from 0 to 2³² − 1 of any dtype.  It is read twice: first for the
        largest label, which decides whether 8, 16 or 32 bits are stored.

    Raises
    ------
    Invalid
        A label is negative, too large or no whole number; besides as `write_image`.
    """
    _check_shape(array, 4, "A label image has four axes, TZYX")
    dtype = np.dtype(array.dtype)
    if dtype.kind not in "biuf":
        raise Invalid(f"Labels are whole numbers; an array of type {dtype} is none.")
    axes = (0, 2, 3, 4)
    maximum = max(_largest(part) for _, part in ArraySource(array, dtype, axes).parts())
    stored = np.dtype("u1" if maximum < 1 << 8 else "u2" if maximum < 1 << 16 else "u4")
    source = ArraySource(array, stored, axes)
    return _written(folder, source, nearest, Steps(progress, cancelled)), maximum


def _check_shape(array: Any, axes: int, expected: str) -> None:
    shape = tuple(getattr(array, "shape", ()))
    if any(isinstance(n, float) for n in shape):
        raise Invalid(
            f"This array does not know its own size yet ({shape}): call its "
            f"compute_chunk_sizes() first."
        )
    if len(shape) != axes or 0 in shape:
        raise Invalid(f"{expected}, each at least 1 long; this array has shape {shape}.")


def _largest(part: Any) -> int:
    if part.dtype.kind == "f":
        whole = np.isfinite(part).all() and (np.trunc(part) == part).all()
        if not whole:
            raise Invalid("Labels are whole numbers, but this array has fractions or NaN in it.")
    low, high = int(part.min()), int(part.max())
    if low < 0 or high > _LARGEST_LABEL:
        raise Invalid(
            f"Labels go from 0 (background) to {_LARGEST_LABEL}, but this array has values from "
            f"{low} to {high}."
        )
    return high


def _written(folder: Path, source: ArraySource, reduce: Reduce, steps: Steps) -> ChunkIndex:
    last = level_count(*source.sizes[3:])
    with _emptied_on_failure(folder):
        levels = write_levels(folder, source, 0, True, reduce, steps, last)
        write_group(folder, range(last + 1), "nearest" if reduce is nearest else "mean")
        sync_tree(folder)
        index = index_of(levels, [f"{number}/" for number in range(last + 1)])
        return documented(index, folder, "")


@contextmanager
def _emptied_on_failure(folder: Path) -> Iterator[None]:
    make_folders(folder)
    if any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty: an image is written into a folder of its own.")
    try:
        yield
    except BaseException:
        for left in folder.iterdir():
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)
        raise
