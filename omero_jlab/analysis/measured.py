"""Properties of objects that lie in one tile, or in several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid
from .grid import Box, Grid

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Measuring"]

_PLACES = ("centroid", "centroid_weighted")
_LENGTHS = {
    "centroid", "centroid_weighted", "centroid_local", "centroid_weighted_local",
    "axis_major_length", "axis_minor_length", "equivalent_diameter_area", "feret_diameter_max",
    "perimeter", "perimeter_crofton",
}  # fmt: skip
_SPACES = {"area", "area_bbox", "area_convex", "area_filled"}


class Measuring:
    """Measures every object of a plane, or of a stack of planes, once.

    Parameters
    ----------
    pixels
        The pixels of a box, shape (y, x) or (z, y, x), with several channels before.
    labels
        The final labels of a box, shape (y, x) or (z, y, x).
    first_z
        The number of a stack's first plane.
    spacing_um
        Sizes of a pixel along the axes of the labels; None to measure in pixels.
    """

    def __init__(
        self,
        grid: Grid,
        properties: Sequence[str],
        pixels: Callable[[Box], NDArray[Any]],
        labels: Callable[[Box], NDArray[np.uint32]],
        first_z: int = 0,
        spacing_um: tuple[float, ...] | None = None,
    ) -> None:
        self._first_z = first_z
        self._spacing = spacing_um
        self._grid = grid
        self._properties = tuple(dict.fromkeys(("label", *properties)))
        self._pixels = pixels
        self._labels = labels

    def table(self, threads: ThreadPoolExecutor) -> DataFrame:
        """One row an object, by label."""
        from pandas import DataFrame, concat

        boxes: dict[int, Box] = {}
        several: set[int] = set()
        for found in threads.map(self._boxes, self._grid):
            for label, box in found.items():
                known = boxes.get(label)
                if known is None:
                    boxes[label] = box
                else:
                    several.add(label)
                    boxes[label] = known.or_(box)
        frames = list(threads.map(lambda place: self._in_tile(place, several), self._grid))
        frames += threads.map(lambda label: self._alone(label, boxes[label]), sorted(several))
        full = [frame for frame in frames if len(frame)]
        if not full:
            return DataFrame(frames[0]) if frames else DataFrame({"label": []})
        return concat(full, ignore_index=True).sort_values("label", ignore_index=True)

    def _boxes(self, place: tuple[int, int]) -> dict[int, Box]:
        """Where the objects lie that have pixels in a tile."""
        from scipy.ndimage import find_objects  # type: ignore[import-untyped]

        core = self._grid.core(*place)
        values, dense = _dense(self._labels(core))
        return {
            int(values[i]): Box(
                core.y0 + y.start, core.x0 + x.start, core.y0 + y.stop, core.x0 + x.stop
            )
            for i, (*_, y, x) in enumerate(find_objects(dense), 1)
        }

    def _in_tile(self, place: tuple[int, int], several: set[int]) -> DataFrame:
        core = self._grid.core(*place)
        labels = self._labels(core)
        values, dense = _dense(labels)
        foreign = np.isin(values, list(several)) if several else np.zeros(len(values), bool)
        if foreign.any():
            values, dense = _dense(np.where(foreign[dense], 0, labels))
        return self._measured(values, dense, core)

    def _alone(self, label: int, box: Box) -> DataFrame:
        mask = (self._labels(box) == label).astype(np.int32)
        return self._measured(np.array([0, label]), mask, box)

    def _measured(self, values: NDArray[Any], dense: NDArray[np.int32], box: Box) -> DataFrame:
        from pandas import DataFrame
        from skimage.measure import regionprops_table

        pixels = self._pixels(box)
        if pixels.ndim > dense.ndim:
            pixels = np.moveaxis(pixels, 0, -1)
        try:
            found = regionprops_table(
                dense, pixels, properties=self._properties, spacing=self._spacing
            )
        except NotImplementedError as error:
            raise Invalid(
                f"{error}: leave this property out for {dense.ndim} axes with pixels of "
                f"{self._spacing or 'unknown'} µm, or measure in pixels with physical=False."
            ) from None
        except AttributeError as error:
            raise Invalid(
                f"{error}; properties are those of skimage.measure.regionprops_table."
            ) from None
        frame = DataFrame(found)
        for name in self._properties:
            if name in frame and frame[name].dtype == object:
                raise Invalid(f"The property {name!r} is no number, and cannot be in a table.")
        frame["label"] = values[frame["label"].to_numpy()].astype(np.int64)
        for name in frame.columns:
            shift = self._shift(str(name), box, dense.ndim)
            if shift:
                frame[name] += shift
        return frame

    def _shift(self, name: str, box: Box, axes: int) -> float:
        """What is added to a column that tells a place within `box`."""
        what, _, rest = name.partition("-")
        start = (self._first_z, box.y0, box.x0)[-axes:]
        if what == "bbox":
            return start[int(rest) % axes]
        if what not in _PLACES:
            return 0
        axis = int(rest.partition("-")[0])
        return start[axis] * (1.0 if self._spacing is None else self._spacing[axis])

    def units(self, columns: Sequence[str]) -> dict[str, str]:
        """The units of those columns that have one."""
        found = {}
        for column in columns:
            what = column.partition("-")[0]
            if what == "orientation":
                found[column] = "rad"
            elif self._spacing is not None and what in _LENGTHS:
                found[column] = "µm"
            elif self._spacing is not None and what in _SPACES:
                found[column] = "µm²" if len(self._spacing) == 2 else "µm³"
        return found


def _dense(labels: NDArray[np.uint32]) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """The labels that occur, 0 first, and for each pixel its label's position among them."""
    values, places = np.unique(np.append(labels.reshape(-1), np.uint32(0)), return_inverse=True)
    return values, places[:-1].reshape(labels.shape).astype(np.int32)
