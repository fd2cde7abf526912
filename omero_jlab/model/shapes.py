"""Regions of interest; all coordinates in pixels of level 0, x to the right, y down."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .record import Owned, Record

__all__ = [
    "Density",
    "Ellipse",
    "Label",
    "Line",
    "Mask",
    "NewRoi",
    "Planes",
    "Point",
    "Polygon",
    "Polyline",
    "Rectangle",
    "Region",
    "Roi",
    "RoiFolder",
    "RoiMeasure",
    "RoiView",
    "Shape",
]

Points = tuple[tuple[float, float], ...]

Region = tuple[float, float, float, float]
"""A part of the plane: y, x, height, width."""

Planes = tuple[int, int]
"""The first and the last of planes along one axis."""


class _Shape(Record):
    """`t`, `c` and `z` name the planes it lies on; None means all.  Colours are RRGGBBAA.

    With `t_last` or `z_last` it lies on all planes from `t` or `z` to that one.
    """

    t: int | None = None
    c: int | None = None
    z: int | None = None
    t_last: int | None = None
    z_last: int | None = None
    text: str = ""
    stroke: str = "FFFF00FF"
    fill: str = "00000000"


class Rectangle(_Shape):
    kind: Literal["rectangle"] = "rectangle"
    x: float
    y: float
    width: float
    height: float


class Ellipse(_Shape):
    kind: Literal["ellipse"] = "ellipse"
    x: float
    y: float
    radius_x: float
    radius_y: float


class Polygon(_Shape):
    """What lies inside of `points` and outside of the `holes`, by the even-odd rule."""

    kind: Literal["polygon"] = "polygon"
    points: Points
    holes: tuple[Points, ...] = ()


class Polyline(_Shape):
    kind: Literal["polyline"] = "polyline"
    points: Points


class Line(_Shape):
    kind: Literal["line"] = "line"
    x1: float
    y1: float
    x2: float
    y2: float


class Point(_Shape):
    kind: Literal["point"] = "point"
    x: float
    y: float


class Label(_Shape):
    kind: Literal["label"] = "label"
    x: float
    y: float


class Mask(_Shape):
    """A bitmap of `height` × `width` whole pixels, the first at `y`, `x`.

    `bits` are OMERO's bytes as base64: a bit a pixel, row after row without a gap, the first in
    the highest bit.
    """

    kind: Literal["mask"] = "mask"
    x: float
    y: float
    width: int
    height: int
    bits: str


Shape = Annotated[
    Rectangle | Ellipse | Polygon | Polyline | Line | Point | Label | Mask,
    Field(discriminator="kind"),
]


class NewRoi(Record):
    """A region of interest that is to be put on an image."""

    name: str = ""
    description: str = ""
    shapes: tuple[Shape, ...]


class Roi(Owned):
    """A region of interest: one or more shapes on an image; `folders` are ids of folders."""

    image_id: int
    name: str = ""
    description: str = ""
    shapes: tuple[Shape, ...]
    folders: tuple[int, ...] = ()


class RoiFolder(Owned):
    """A folder of regions of interest, perhaps in another; a region lies in any number of them.

    `path` is its name behind those of the folders it lies in; `rois` counts the regions that lie
    directly in it.
    """

    name: str
    description: str = ""
    parent_id: int | None = None
    path: str
    rois: int


class Density(Record):
    """How many regions have their middle in each cell of `side` × `side` pixels from `y`, `x` on.

    `counts` are `rows` × `columns` numbers, row by row.
    """

    y: float
    x: float
    side: float
    rows: int
    columns: int
    counts: tuple[int, ...]


class RoiView(Record):
    """What a viewer draws of a part of a plane: regions, and where the others lie.

    `total` counts all regions of the part, `rois` has those that are large enough, unless these
    are too many, and `density` counts those that are not in `rois`; None where there is none.
    """

    total: int
    rois: tuple[Roi, ...]
    density: Density | None = None


class RoiMeasure(Record):
    """Statistics of one channel under a region, or under one `shape` of it, over its planes.

    `points` counts pixels with a number in them.  Areas are of pixels of one plane and channel,
    summed over planes; None where the size of a pixel is not known.  `minimum` to `deviation`
    are None where there is no pixel; the deviation is that of a sample (n − 1), as in OMERO.
    """

    roi_id: int
    name: str
    shape: int | None = None
    channel: int
    area_px: int
    area_um2: float | None
    points: int
    minimum: float | None
    maximum: float | None
    mean: float | None
    sum: float
    deviation: float | None
