"""New images and label images from arrays."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import Conflict, Invalid
from ..model.chunks import ChunkIndex, Codec
from ..storage import make_folders
from .blocks import Steps
from .cascade import (
    Codecs,
    documented,
    index_of,
    level_count,
    sync_tree,
    write_group,
    write_levels,
)
from .encode import fastest_codec
from .halve import Reduce, majority, mean
from .reader import PixelReader
from .sources import ArraySource, LevelSource, Source

__all__ = ["write_image", "write_labels"]

_LARGEST_LABEL = 2**32 - 1
_Progress = Callable[[int, int], None]


def write_image(
    folder: Path,
    array: Any,
    *,
    codec: Codec | None = None,
    progress: _Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ChunkIndex:
    """Write an array as an OME-Zarr 0.5 image with its pyramid; the index of what was written.

    Unless `codec` says otherwise, chunks are stored with the fastest one that makes them much
    smaller, and lose nothing.

    Parameters
    ----------
    folder
        Missing or empty; files are named relative to it, as root `pixels`.
    array
        TCZYX, of integers, floats or bools: numpy, dask, Zarr, h5py or anything that has
        `shape`, `dtype` and slices.  It is read once, chunk by chunk, by the calling thread.
        A `PixelReader` is read by several.  The dtype is kept.
    codec
        `encode.jpeg_codec`, for pictures of 8 bits whose channels are red, green and blue:
        smaller, and no longer exact.

    Raises
    ------
    Invalid
        The array has other axes, an axis of size 0, or no such dtype; or it is no picture
        that JPEG can hold.
    Conflict
        `folder` is not empty.
    Full
        No room is left on the disk.
    Cancelled
        `cancelled` said yes.
    """
    group = 1 if codec is None else 3
    if isinstance(array, PixelReader):
        source: Source = LevelSource(array, 0)
    else:
        _check_shape(array, 5, "An image has five axes, TCZYX")
        dtype = np.dtype(array.dtype)
        if dtype.kind not in "biuf" or dtype.itemsize > 8:
            raise Invalid(
                f"Pixels of type {dtype} cannot be stored; integers of 8 to 64 bits, floats of 16 "
                f"to 64 bits and bools can: convert with array.astype."
            )
        group = group if array.shape[1] % group == 0 else 1
        source = ArraySource(array, dtype.newbyteorder("="), group=group)
    if codec is not None and (source.group != 3 or source.dtype != np.uint8):
        raise Invalid(
            f"A JPEG holds pictures of three channels of 8 bits; these pixels are "
            f"{source.dtype} with {source.sizes[1]} channels."
        )
    return _written(folder, source, mean, Steps(progress, cancelled), codec)


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
    return _written(folder, source, majority, Steps(progress, cancelled), None), maximum


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
            f"Labels go from 0 (background) to {_LARGEST_LABEL} (uint32), but this array of "
            f"{part.dtype} has values from {low} to {high}."
        )
    return high


def _written(
    folder: Path, source: Source, reduce: Reduce, steps: Steps, codec: Codec | None
) -> ChunkIndex:
    last = level_count(*source.sizes[3:])
    with _emptied_on_failure(folder):
        chosen = codec or fastest_codec(source.samples())
        codecs = Codecs(copied=chosen, made=chosen)
        levels = write_levels(folder, source, 0, True, reduce, steps, last, codecs)
        kind = "majority" if reduce is majority else "mean"
        write_group(folder, range(last + 1), kind, levels)
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
