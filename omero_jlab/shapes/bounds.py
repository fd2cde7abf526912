"""How far shapes reach."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..model import Ellipse, Line, Mask, Polygon, Polyline, Rectangle, Shape

__all__ = ["ALL_PLANES", "Extent", "extent_of", "planes_of"]

ALL_PLANES = 2**31 - 1
"""The last plane of what lies on every plane."""


class Extent(NamedTuple):
    """The smallest box around shapes, in pixels of level 0, and their first and last planes."""

    top: float
    left: float
    bottom: float
    right: float
    t_first: int
    t_last: int
    z_first: int
    z_last: int


def planes_of(first: int | None, last: int | None) -> tuple[int, int]:
    """The first and the last plane of a shape along one axis."""
    if first is None:
        return 0, ALL_PLANES
    return first, first if last is None else last


def extent_of(shapes: Iterable[Shape]) -> Extent:
    """The box and the planes of at least one shape."""
    boxes, times, depths = [], [], []
    for shape in shapes:
        boxes.append(_box(shape))
        times.append(planes_of(shape.t, shape.t_last))
        depths.append(planes_of(shape.z, shape.z_last))
    top, left, bottom, right = zip(*boxes, strict=True)
    return Extent(
        min(top), min(left), max(bottom), max(right),
        min(t for t, _ in times), max(t for _, t in times),
        min(z for z, _ in depths), max(z for _, z in depths),
    )  # fmt: skip


def _box(shape: Shape) -> tuple[float, float, float, float]:
    match shape:
        case Rectangle() | Mask():
            return shape.y, shape.x, shape.y + shape.height, shape.x + shape.width
        case Ellipse(x=x, y=y, radius_x=across, radius_y=down):
            return y - down, x - across, y + down, x + across
        case Polygon() | Polyline():
            xs, ys = zip(*shape.points, strict=True)
            return min(ys), min(xs), max(ys), max(xs)
        case Line(x1=x1, y1=y1, x2=x2, y2=y2):
            return min(y1, y2), min(x1, x2), max(y1, y2), max(x1, x2)
        case _:
            return shape.y, shape.x, shape.y, shape.x
