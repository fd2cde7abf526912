"""Regions as GeoJSON in QuPath's form, which `attach_results` and other programs read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from ..model import (
    Ellipse,
    Label,
    Line,
    Mask,
    NewRoi,
    Point,
    Polygon,
    Polyline,
    Rectangle,
    Roi,
    Shape,
)
from .masks import bits_of
from .outline import outlines

__all__ = ["features_of"]

_CORNERS = 64


def features_of(rois: Iterable[Roi | NewRoi]) -> Iterator[dict[str, Any]]:
    """A GeoJSON feature for each region and each plane that its shapes lie on.

    Rectangles become polygons, ellipses QuPath's polygons that say `isEllipse`, masks the outlines
    of their pixels, and texts points with that name.  A shape on all planes names none, and one
    on several is repeated.
    """
    for roi in rois:
        by_plane: dict[tuple[int | None, int | None], list[Shape]] = {}
        for shape in roi.shapes:
            for plane in _planes(shape):
                by_plane.setdefault(plane, []).append(shape)
        for (t, z), shapes in by_plane.items():
            geometries = [part for shape in shapes for part in _geometries(shape)]
            if not geometries:
                continue
            whole: dict[str, Any] = geometries[0]
            if len(geometries) > 1:
                whole = {"type": "GeometryCollection", "geometries": geometries}
            if t is not None or z is not None:
                whole["plane"] = {"c": -1, "z": z or 0, "t": t or 0}
            said: dict[str, Any] = {
                "objectType": "annotation",
                "name": roi.name or next((s.text for s in shapes if s.text), ""),
                "color": [int(shapes[0].stroke[i : i + 2], 16) for i in (0, 2, 4)],
            }
            if roi.description:
                said["metadata"] = {"description": roi.description}
            found: dict[str, Any] = {"type": "Feature", "geometry": whole, "properties": said}
            if isinstance(roi, Roi):
                found["id"] = str(roi.id)
            yield found


def _planes(shape: Shape) -> list[tuple[int | None, int | None]]:
    times: list[int | None] = [shape.t]
    if shape.t is not None and shape.t_last is not None:
        times = [*range(shape.t, shape.t_last + 1)]
    depths: list[int | None] = [shape.z]
    if shape.z is not None and shape.z_last is not None:
        depths = [*range(shape.z, shape.z_last + 1)]
    return [(t, z) for t in times for z in depths]


def _geometries(shape: Shape) -> Iterator[dict[str, Any]]:
    match shape:
        case Point(x=x, y=y) | Label(x=x, y=y):
            yield {"type": "Point", "coordinates": [x, y]}
        case Line(x1=x1, y1=y1, x2=x2, y2=y2):
            yield {"type": "LineString", "coordinates": [[x1, y1], [x2, y2]]}
        case Polyline(points=points):
            yield {"type": "LineString", "coordinates": [list(point) for point in points]}
        case Polygon(points=points, holes=holes):
            yield _polygon(points, *holes)
        case Rectangle(x=x, y=y, width=width, height=height):
            right, low = x + width, y + height
            yield _polygon(((x, y), (right, y), (right, low), (x, low)))
        case Ellipse(x=x, y=y, radius_x=across, radius_y=down):
            angles = [2 * math.pi * step / _CORNERS for step in range(_CORNERS)]
            ring = tuple((x + across * math.cos(a), y + down * math.sin(a)) for a in angles)
            yield _polygon(ring) | {"isEllipse": True}
        case Mask():
            dy, dx = math.floor(shape.y), math.floor(shape.x)
            for _, parts in outlines(bits_of(shape).astype("u1")):
                for part in parts:
                    rings = [ring.tolist() for ring in (part.points, *part.holes)]
                    yield _polygon(*([(x + dx, y + dy) for x, y in ring] for ring in rings))


def _polygon(*rings: Any) -> dict[str, Any]:
    """Rings that end where they begin, as GeoJSON has them."""
    closed = [[list(point) for point in (*ring, ring[0])] for ring in rings]
    return {"type": "Polygon", "coordinates": closed}
