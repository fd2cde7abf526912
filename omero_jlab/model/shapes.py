"""Regions of interest; all coordinates in pixels of level 0, x to the right, y down."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .record import Owned, Record

__all__ = [
    "Ellipse",
    "Label",
    "Line",
    "Point",
    "Polygon",
    "Polyline",
    "Rectangle",
    "Roi",
    "Shape",
]


class _Shape(Record):
    """`t`, `c` and `z` name the planes it lies on; None means all.  Colours are RRGGBBAA."""

    t: int | None = None
    c: int | None = None
    z: int | None = None
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
    kind: Literal["polygon"] = "polygon"
    points: tuple[tuple[float, float], ...]


class Polyline(_Shape):
    kind: Literal["polyline"] = "polyline"
    points: tuple[tuple[float, float], ...]


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


Shape = Annotated[
    Rectangle | Ellipse | Polygon | Polyline | Line | Point | Label, Field(discriminator="kind")
]


class Roi(Owned):
    """A region of interest: one or more shapes on an image."""

    image_id: int
    name: str = ""
    description: str = ""
    shapes: tuple[Shape, ...]
