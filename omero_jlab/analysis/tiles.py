"""Objects of a large plane, segmented and measured tile by tile."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid
from ..objects import Image
from .grid import Box, Grid
from .measured import Measuring
from .stitch import Numbers, numbered

if TYPE_CHECKING:
    import dask.array
    from pandas import DataFrame

__all__ = ["Measurement", "measure_tiles"]


class Measurement:
    """Objects of one plane.

    `table` has a row an object, with the column `label`; `labels` is a lazy array (y, x), uint32,
    on this machine's disk for as long as the measurement lives; `count` is the number of objects.
    """

    def __init__(self, table: DataFrame, labels: dask.array.Array, folder: Path) -> None:
        self.table = table
        self.labels = labels
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    @property
    def count(self) -> int:
        """How many objects there are."""
        return len(self.table)

    def __repr__(self) -> str:
        height, width = self.labels.shape
        return f"<{self.count:,} objects in {width} × {height} pixels>"


def measure_tiles(
    image: Image,
    segment: Callable[[NDArray[Any]], NDArray[Any]],
    channels: Sequence[int | str] = (0,),
    *,
    properties: Sequence[str] = ("label", "area", "centroid"),
    measured: Sequence[int | str] | None = None,
    tile: int = 1024,
    overlap: int = 64,
    z: int = 0,
    t: int = 0,
    level: int = 0,
    workers: int | None = None,
) -> Measurement:
    """Segment a plane of any size tile by tile, and measure its objects.

    An object that tile borders cut is put together and counted once; it must be smaller than the
    overlap to be found whole by both tiles.  Memory holds a few tiles and the objects that lie in
    several; the rest is on disk, in the folder for temporary files.

    Parameters
    ----------
    segment
        From pixels (y, x), or (c, y, x) of several channels, to labels (y, x), 0 for background.
        It is called by several threads at once.
    channels
        Numbers or names of what `segment` sees.
    properties
        Of `skimage.measure.regionprops_table`, in pixels; places are those of the whole plane.
    measured
        Channels for intensities; those of `segment` by itself.  With several of them columns end
        with their position among them: `intensity_mean-0`.
    tile, overlap
        Sides of a tile, and how much more of each side is seen.

    Raises
    ------
    Invalid
        The image has no such plane, or `segment` answered no labels of the tile's shape.
    """
    height, width = image.levels[level]
    grid = Grid(height, width, tile, overlap)
    folder = Path(tempfile.mkdtemp(prefix="omero-jlab-tiles-"))
    tiles = _Tiles(grid, folder)
    count = workers or os.cpu_count() or 1

    def pixels(names: Sequence[int | str], box: Box) -> NDArray[Any]:
        planes = [
            image.region(box.y0, box.x0, box.y1 - box.y0, box.x1 - box.x0, name, z, t, level)
            for name in names
        ]
        return planes[0] if len(names) == 1 else np.stack(planes)

    def find(place: tuple[int, int]) -> None:
        box = grid.seen(*place)
        tiles.put(place, _labels(segment(pixels(channels, box)), box))

    intensities = channels if measured is None else measured
    try:
        with ThreadPoolExecutor(count, "tiles") as threads:
            _all(threads, find, grid)
            numbers = numbered(grid, tiles.get)
            _all(threads, lambda place: tiles.number(place, numbers), grid)
            measuring = Measuring(
                grid, properties, lambda box: pixels(intensities, box), tiles.labels
            )
            table = measuring.table(threads)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Measurement(table, tiles.as_dask(), folder)


def _all(
    threads: ThreadPoolExecutor, function: Callable[[tuple[int, int]], None], grid: Grid
) -> None:
    """Call a function for each tile; what it raises for one ends all."""
    for _ in threads.map(function, grid):
        pass


class _Tiles:
    """Labels on disk: of each tile as it was seen, and of the whole plane."""

    def __init__(self, grid: Grid, folder: Path) -> None:
        import zarr

        self._grid = grid
        self._folder = folder
        self._whole = zarr.create_array(
            store=str(folder / "labels.zarr"),
            shape=(grid.height, grid.width),
            chunks=(grid.tile, grid.tile),
            dtype="uint32",
        )

    def put(self, place: tuple[int, int], labels: NDArray[np.uint32]) -> None:
        """Keep a tile's labels, shape (y, x)."""
        self._file(*place).write_bytes(imagecodecs.zstd_encode(labels.tobytes(), level=1))

    def get(self, row: int, column: int) -> NDArray[np.uint32]:
        """A tile's labels, shape (y, x)."""
        y0, x0, y1, x1 = self._grid.seen(row, column)
        data = imagecodecs.zstd_decode(self._file(row, column).read_bytes())
        return np.frombuffer(data, np.uint32).reshape(y1 - y0, x1 - x0)

    def _file(self, row: int, column: int) -> Path:
        return self._folder / f"{row}-{column}.zst"

    def number(self, place: tuple[int, int], numbers: Numbers) -> None:
        """Write a tile's own pixels into the whole."""
        core, seen = self._grid.core(*place), self._grid.seen(*place)
        self._whole[core.slices] = numbers.of(*place)[self.get(*place)[core.within(seen)]]

    def labels(self, box: Box) -> NDArray[np.uint32]:
        """Labels of the whole, shape (y, x)."""
        return np.asarray(self._whole[box.slices])

    def as_dask(self) -> dask.array.Array:
        """The whole, lazily."""
        import dask.array

        return dask.array.from_zarr(self._whole)


def _labels(found: Any, box: Box) -> NDArray[np.uint32]:
    labels = np.asarray(found)
    shape = (box.y1 - box.y0, box.x1 - box.x0)
    if labels.shape != shape or labels.dtype.kind not in "biu":
        raise Invalid(
            f"segment answered an array of shape {labels.shape} and type {labels.dtype} for a tile "
            f"of {shape}: it must answer labels, integers with 0 for background, of that shape."
        )
    if labels.size and (labels.min() < 0 or labels.max() >= 1 << 32):
        raise Invalid(f"segment answered labels from {labels.min()} to {labels.max()}: use 0, 1 …")
    # Labels as they come may be sparse, and a lookup table is as long as the largest.
    values, places = np.unique(labels, return_inverse=True)
    dense = np.arange(len(values), dtype=np.uint32)
    if len(values) and values[0] != 0:
        dense += 1
    return dense[places].reshape(shape)
