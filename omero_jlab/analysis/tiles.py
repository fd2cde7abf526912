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
    """Objects of one plane, or of a stack of planes.

    `table` has a row an object, with the column `label`; `units` holds the units of columns that
    have one, as `attach_table` takes them; `labels` is a lazy array (y, x) or (z, y, x), uint32,
    on this machine's disk for as long as the measurement lives; `count` is the number of objects.
    """

    def __init__(
        self, table: DataFrame, units: dict[str, str], labels: dask.array.Array, folder: Path
    ) -> None:
        self.table = table
        self.units = units
        self.labels = labels
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    @property
    def count(self) -> int:
        """How many objects there are."""
        return len(self.table)

    def __repr__(self) -> str:
        height, width = self.labels.shape[-2:]
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
    z: int | slice = 0,
    t: int = 0,
    level: int = 0,
    physical: bool = False,
    workers: int | None = None,
) -> Measurement:
    """Segment a plane of any size tile by tile, and measure its objects; or a stack of planes.

    An object that tile borders cut is put together and counted once.  One that is smaller than
    the overlap is found whole by both tiles; of a larger one each tile sees a part, and the parts
    are joined where they go across the border: that is exact where `segment` finds the same
    pixels whatever is around them, as a threshold does.  Memory holds a few tiles, a stack's with
    all planes, and the objects that lie in several; the rest is on disk, in the folder for
    temporary files.

    Parameters
    ----------
    segment
        From pixels (y, x), of a stack (z, y, x), with an axis before it for several channels, to
        labels without that axis, 0 for background.  It is called by several threads at once.
    channels
        Numbers or names of what `segment` sees.
    properties
        Of `skimage.measure.regionprops_table`; places are those of the whole plane.
    measured
        Channels for intensities; those of `segment` by itself.  With several of them columns end
        with their position among them: `intensity_mean-0`.
    tile, overlap
        Sides of a tile, and how much more of each side is seen.
    z
        A plane, or a slice of them: `slice(None)` is the whole stack.
    physical
        Measure in micrometres, µm² and µm³ by the image's pixel size, which may differ from axis
        to axis; else in pixels.  `bbox` is always in pixels.

    Raises
    ------
    Invalid
        The image has no such plane, its pixel size is not known, or `segment` answered no labels
        of the tile's shape.
    """
    height, width = image.levels[level]
    grid = Grid(height, width, tile, overlap)
    planes = _planes(image, z)
    spacing = _spacing(image, level, isinstance(z, slice)) if physical else None
    folder = Path(tempfile.mkdtemp(prefix="omero-jlab-tiles-"))
    tiles = _Tiles(grid, folder, len(planes) if isinstance(z, slice) else None)
    count = workers or os.cpu_count() or 1

    def channel(name: int | str, box: Box) -> NDArray[Any]:
        place = (box.y0, box.x0, box.y1 - box.y0, box.x1 - box.x0)
        if isinstance(z, slice):
            return np.stack([image.region(*place, name, each, t, level) for each in planes])
        return image.region(*place, name, z, t, level)

    def pixels(names: Sequence[int | str], box: Box) -> NDArray[Any]:
        found = [channel(name, box) for name in names]
        return found[0] if len(names) == 1 else np.stack(found)

    def find(place: tuple[int, int]) -> None:
        box = grid.seen(*place)
        tiles.put(place, _labels(segment(pixels(channels, box)), tiles.shape(box)))

    intensities = channels if measured is None else measured
    try:
        with ThreadPoolExecutor(count, "tiles") as threads:
            _all(threads, find, grid)
            numbers = numbered(grid, tiles.get)
            _all(threads, lambda place: tiles.number(place, numbers), grid)
            measuring = Measuring(
                grid,
                properties,
                lambda box: pixels(intensities, box),
                tiles.labels,
                planes[0],
                spacing,
            )
            table = measuring.table(threads)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Measurement(table, measuring.units(list(table.columns)), tiles.as_dask(), folder)


def _planes(image: Image, z: int | slice) -> range:
    if not isinstance(z, slice):
        return range(z, z + 1)
    planes = range(image.shape[2])[z]
    if not planes or planes.step != 1:
        raise Invalid(
            f"The image has the planes 0 to {image.shape[2] - 1}; a stack is some of them that "
            f"follow each other, not {z}."
        )
    return planes


def _spacing(image: Image, level: int, is_stack: bool) -> tuple[float, ...]:
    """Sizes of a pixel of a level along (z,) y, x, in micrometres."""
    z, y, x = image.pixel_size_um
    (full_height, full_width), (height, width) = image.levels[0], image.levels[level]
    if y is None or x is None or (is_stack and z is None):
        raise Invalid(
            f"The image's pixel size is (z, y, x) = {(z, y, x)} µm, and what is None is needed to "
            f"measure in micrometres: set it, or measure in pixels with physical=False."
        )
    plane = (y * full_height / height, x * full_width / width)
    return (z, *plane) if is_stack and z is not None else plane


def _all(
    threads: ThreadPoolExecutor, function: Callable[[tuple[int, int]], None], grid: Grid
) -> None:
    """Call a function for each tile; what it raises for one ends all."""
    for _ in threads.map(function, grid):
        pass


class _Tiles:
    """Labels on disk: of each tile as it was seen, and of the whole plane or stack."""

    def __init__(self, grid: Grid, folder: Path, depth: int | None) -> None:
        import zarr

        self._grid = grid
        self._folder = folder
        self._before = () if depth is None else (depth,)
        self._whole = zarr.create_array(
            store=str(folder / "labels.zarr"),
            shape=(*self._before, grid.height, grid.width),
            chunks=(*self._before, grid.tile, grid.tile),
            dtype="uint32",
        )

    def shape(self, box: Box) -> tuple[int, ...]:
        """The shape of the labels of a box."""
        return (*self._before, box.y1 - box.y0, box.x1 - box.x0)

    def put(self, place: tuple[int, int], labels: NDArray[np.uint32]) -> None:
        """Keep a tile's labels."""
        self._file(*place).write_bytes(imagecodecs.zstd_encode(labels.tobytes(), level=1))

    def get(self, row: int, column: int) -> NDArray[np.uint32]:
        """A tile's labels, shape (y, x) or (z, y, x)."""
        shape = self.shape(self._grid.seen(row, column))
        data = imagecodecs.zstd_decode(self._file(row, column).read_bytes())
        return np.frombuffer(data, np.uint32).reshape(shape)

    def _file(self, row: int, column: int) -> Path:
        return self._folder / f"{row}-{column}.zst"

    def number(self, place: tuple[int, int], numbers: Numbers) -> None:
        """Write a tile's own pixels into the whole."""
        core, seen = self._grid.core(*place), self._grid.seen(*place)
        self._whole[core.slices] = numbers.of(*place)[self.get(*place)[core.within(seen)]]

    def labels(self, box: Box) -> NDArray[np.uint32]:
        """Labels of the whole, shape (y, x) or (z, y, x)."""
        return np.asarray(self._whole[box.slices])

    def as_dask(self) -> dask.array.Array:
        """The whole, lazily."""
        import dask.array

        return dask.array.from_zarr(self._whole)


def _labels(found: Any, shape: tuple[int, ...]) -> NDArray[np.uint32]:
    labels = np.asarray(found)
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
