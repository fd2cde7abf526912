"""A large image that is made, not shipped: a field of cells with noise, lazily."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import dask.array

__all__ = ["SIDE", "large_image"]

SIDE = 8192
_TILE = 1024
_SEED = 20261121


def large_image(side: int = SIDE) -> dask.array.Array:
    """Two time points of three channels: TCZYX, uint16; blocks are made when they are read."""
    import dask.array as da

    shape = (2, 3, 1, side, side)
    tile = min(_TILE, side)
    return da.map_blocks(
        _block,
        _cells(tile),
        chunks=tuple((1,) * n for n in shape[:3]) + ((tile,) * (side // tile),) * 2,
        dtype=np.uint16,
        meta=np.empty((0,) * 5, np.uint16),
    )


def _cells(side: int) -> NDArray[np.float32]:
    """Three planes of a tile of cells whose pattern repeats at the edges: nuclei, bodies, spots."""
    random = np.random.default_rng(_SEED)
    frequency = np.fft.fftfreq(side)
    distance = frequency[:, None] ** 2 + np.fft.rfftfreq(side)[None] ** 2

    def smooth(points: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
        kernel = np.exp(-2 * (np.pi * sigma) ** 2 * distance)
        made = np.fft.irfft2(np.fft.rfft2(points) * kernel, s=points.shape)
        scaled: NDArray[np.float32] = (made / made.max()).astype(np.float32)
        return scaled

    points = (random.random((side, side)) < 2e-4).astype(np.float32)
    spots = (random.random((side, side)) < 1e-3).astype(np.float32)
    nuclei = np.clip(smooth(points, 9) * 3, 0, 1) ** 2
    bodies = np.clip(smooth(points, 24) * 2, 0, 1)
    return np.stack([nuclei, bodies, smooth(spots, 2.5) * bodies])


def _block(
    planes: NDArray[np.float32], block_info: dict[None, dict[str, tuple[int, ...]]]
) -> NDArray[np.uint16]:
    t, c, z, row, column = block_info[None]["chunk-location"]
    random = np.random.default_rng((_SEED, t, c, z, row, column))
    pattern = np.rot90(planes[c], (row * 3 + column) % 4)
    # The second time point is a little later: everything has moved by some pixels.
    pattern = np.roll(pattern, (17 * t, 9 * t), (0, 1))
    noise = random.integers(0, 24, pattern.shape, np.uint16)
    made: NDArray[np.uint16] = (
        (pattern * np.float32(9000 - 2000 * c)).astype(np.uint16) + noise + 96
    )
    return made[None, None, None]
