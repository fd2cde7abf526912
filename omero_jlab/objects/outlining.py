"""Label images as regions of interest, object by object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid
from ..model import Labels, Mask, NewRoi, Placement, Polygon, Shape
from ..shapes import Outline, Outlines, mask_of, rasterised

__all__ = ["rois_of"]

_BAND = 1 << 24


def rois_of(
    array: Any,
    record: Labels,
    kind: Literal["polygon", "mask"],
    names: Any,
    stroke: str,
) -> Iterator[NewRoi]:
    """A region for each object of a label image, once its last pixel has come.

    Parameters
    ----------
    array
        The labels, (T, Z, Y, X), dask or numpy; read twice, in bands of rows.  Memory holds the
        outlines of the objects that are not complete.
    names
        The name of a region from its label.
    """
    if kind not in ("polygon", "mask"):
        raise Invalid(f"Regions are made as 'polygon' or as 'mask', not as {kind!r}.")
    at = record.placement
    if kind == "mask" and (at.scale_y, at.scale_x, at.y % 1, at.x % 1) != (1, 1, 0, 0):
        raise Invalid(
            f"Masks have whole pixels of the image; these labels lie at y={at.y}, x={at.x} and "
            f"are scaled by {at.scale_y}, {at.scale_x}: make polygons of them."
        )
    last = _last_bands(array)
    shapes: dict[int, list[Shape]] = {}
    number = 0
    for t, z in _planes(array):
        fields: dict[str, Any] = {"stroke": stroke}
        fields["t"] = t if array.shape[0] > 1 else None
        fields["z"] = z if array.shape[1] > 1 else None
        outlines = Outlines(array.shape[3])
        waiting: set[int] = set()
        for band in _bands(array):
            outlines.add(_read(array, t, z, band))
            # The row after an object's last one closes it.
            done = np.array(sorted(waiting), np.int64)
            waiting = set(last.get(number, ()))
            number += 1
            for label, parts in outlines.take(done) if len(done) else ():
                made = [_shape(part, kind, at, fields) for part in parts]
                yield NewRoi(name=names(label), shapes=(*shapes.pop(label, ()), *made))
        outlines.end()
        for label, parts in outlines.take():
            made = [_shape(part, kind, at, fields) for part in parts]
            every = [*shapes.pop(label, ()), *made]
            if label in waiting:
                yield NewRoi(name=names(label), shapes=tuple(every))
            else:
                shapes[label] = every


def _planes(array: Any) -> list[tuple[int, int]]:
    return [(t, z) for t in range(array.shape[0]) for z in range(array.shape[1])]


def _bands(array: Any) -> list[slice]:
    height, width = array.shape[2:]
    # Whole chunks of an array that has some.
    chunks = getattr(array, "chunks", None)
    step = max(1, _BAND // width)
    if chunks:
        step = max(1, step // chunks[2][0]) * chunks[2][0]
    return [slice(top, min(top + step, height)) for top in range(0, height, step)]


def _read(array: Any, t: int, z: int, band: slice) -> NDArray[Any]:
    return np.asarray(array[t, z, band])


def _last_bands(array: Any) -> dict[int, NDArray[np.int64]]:
    """The labels that have their last pixel in each band, counted over all planes."""
    labels, bands = np.zeros(0, np.int64), np.zeros(0, np.int64)
    number = 0
    for t, z in _planes(array):
        for band in _bands(array):
            here = np.unique(_read(array, t, z, band)).astype(np.int64)
            here = here[here != 0]
            stays = ~np.isin(labels, here)
            labels = np.concatenate([labels[stays], here])
            bands = np.concatenate([bands[stays], np.full(len(here), number)])
            number += 1
    return {int(number): labels[bands == number] for number in np.unique(bands)}


def _shape(part: Outline, kind: str, at: Placement, fields: dict[str, Any]) -> Polygon | Mask:
    if kind == "mask":
        left, top = part.points.min(axis=0)
        right, bottom = part.points.max(axis=0)
        size = (int(bottom - top), int(right - left))
        polygon = Polygon(points=_ring(part.points), holes=tuple(map(_ring, part.holes)))
        plane = np.zeros(size, np.uint8)
        rasterised([polygon], [1], size, (int(top), int(left))).paint(plane)
        return mask_of(plane, int(top + at.y), int(left + at.x), **fields)
    return Polygon(
        points=_ring(part.points, at), holes=tuple(_ring(hole, at) for hole in part.holes), **fields
    )


def _ring(
    points: NDArray[np.int64], at: Placement | None = None
) -> tuple[tuple[float, float], ...]:
    at = at or Placement()
    x, y = points[:, 0] * at.scale_x + at.x, points[:, 1] * at.scale_y + at.y
    return tuple(zip(x.tolist(), y.tolist(), strict=True))
