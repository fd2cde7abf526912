"""An image as a lazy dask array."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid
from ..model.chunks import ChunkIndex

__all__ = ["Read", "aligned_chunk", "dask_array", "near_2048"]

Read = Callable[[int, int, int, int, int, int, int], NDArray[Any]]


def aligned_chunk(index: ChunkIndex, level: int = 0, target: int = 2048) -> tuple[int, int]:
    """Height and width near `target`² pixels that cut no stored chunk: for `dask_array`."""
    layout = index.header.levels[level]
    return near_2048(layout.chunk[3:5], layout.shape[3:5], target)


def near_2048(
    stored: tuple[int, int], plane: tuple[int, int], target: int = 2048
) -> tuple[int, int]:
    """Height and width near `target`² pixels, out of whole chunks of shape `stored`."""
    ky, kx = stored
    width = min(plane[1], max(1, round(target / kx)) * kx)
    wanted = target * target / width
    height = ky if ky > wanted else max(1, round(wanted / ky)) * ky
    return min(plane[0], height), width


def dask_array(
    read: Read,
    sizes: Sequence[int],
    dtype: Any,
    chunk: int | tuple[int, int] = 2048,
    channels: Sequence[int] | None = None,
) -> Any:
    """A lazy array of axes TCZYX whose blocks are read when they are computed.

    Blocks are one plane deep and as near to 2048² as the image allows: each costs dask about
    0.15 ms, so a block holds many stored chunks.

    Parameters
    ----------
    read
        `read(t, c, z, y, x, height, width)` → pixels, shape (height, width).  It must be
        picklable for dask's processes and clusters.
    sizes
        TCZYX of the level that `read` reads.
    chunk
        Height and width of a block, or its side.
    channels
        The channels to show, in this order; all of them without it.

    Returns
    -------
    dask.array.Array of `dtype`, shape TCZYX

    Raises
    ------
    Invalid
        A channel does not exist, or a size is below 1.
    """
    # Here, because a server that only reads tiles needs no dask.
    import dask.array

    t, c, z, y, x = (int(size) for size in sizes)
    height, width = (chunk, chunk) if isinstance(chunk, int) else chunk
    chosen = tuple(range(c)) if channels is None else tuple(int(channel) for channel in channels)
    if not chosen or not all(0 <= channel < c for channel in chosen):
        raise Invalid(f"The image has channels 0 to {c - 1}; asked for {list(chosen)}.")
    if min(t, c, z, y, x, height, width) < 1:
        raise Invalid(f"Sizes TCZYX and blocks are at least 1; given {sizes} and {chunk}.")
    shape = (t, len(chosen), z, y, x)
    da: Any = dask.array
    return da.map_blocks(
        _read_block,
        read,
        chosen,
        (height, width),
        (y, x),
        name=f"pixels-{uuid.uuid4().hex}",
        chunks=da.core.normalize_chunks((1, 1, 1, height, width), shape),
        dtype=np.dtype(dtype),
        meta=np.empty((0,) * 5, dtype),
    )


def _read_block(
    read: Read,
    channels: tuple[int, ...],
    chunk: tuple[int, int],
    plane: tuple[int, int],
    block_id: tuple[int, ...] = (),
) -> NDArray[Any]:
    t, c, z, row, column = block_id
    y, x = row * chunk[0], column * chunk[1]
    height, width = min(chunk[0], plane[0] - y), min(chunk[1], plane[1] - x)
    return read(t, channels[c], z, y, x, height, width)[None, None, None]
