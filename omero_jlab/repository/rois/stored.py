"""Shapes as a row keeps them, checked, and back."""

from __future__ import annotations

import base64
import binascii
import math
import re
from typing import Any

from pydantic import TypeAdapter

from ...database import ImageRow, RoiRow
from ...errors import Invalid
from ...model import Mask, Polygon, Polyline, Roi, Shape
from ..access import Access
from ..records import owned
from .place import place_of

__all__ = ["roi_record", "stored"]

_SHAPES: TypeAdapter[tuple[Shape, ...]] = TypeAdapter(tuple[Shape, ...])
_COLOR = re.compile(r"[0-9A-Fa-f]{8}")
_LENGTHS = ("width", "height", "radius_x", "radius_y")
_FEWEST_POINTS = {Polygon: 3, Polyline: 2}


def roi_record(row: RoiRow, access: Access, folders: tuple[int, ...] = ()) -> Roi:
    """The record of a region's row."""
    return Roi(
        **owned(row, access),
        image_id=row.image_id,
        name=row.name,
        description=row.description,
        shapes=_SHAPES.validate_python(row.shapes),
        folders=folders,
    )


def stored(shapes: tuple[Shape, ...], image: ImageRow) -> dict[str, Any]:
    """The columns of a `RoiRow` that hold its shapes and where they lie.

    Raises
    ------
    Invalid
        There is no shape, or one has no finite place, no extent or a plane outside of the image.
    """
    if not shapes:
        raise Invalid("A region needs at least one shape: this one has none.")
    kept = [_checked(shape, number, image) for number, shape in enumerate(shapes, 1)]
    return {"shapes": kept, **place_of(shapes)}


def _checked(shape: Shape, number: int, image: ImageRow) -> dict[str, Any]:
    what = f"Shape {number} (a {shape.kind})"
    for axis, size in (("t", image.size_t), ("c", image.size_c), ("z", image.size_z)):
        first, last = getattr(shape, axis), getattr(shape, f"{axis}_last", None)
        for plane in (first, last):
            if plane is not None and not 0 <= plane < size:
                raise Invalid(
                    f"{what} lies on {axis}={plane}, and image {image.id} has {axis} from 0 to "
                    f"{size - 1}."
                )
        if last is not None and (first is None or last < first):
            raise Invalid(
                f"{what} ends on {axis}={last} and begins on {axis}={first}: give the first "
                f"plane, and as {axis}_last the same or a later one."
            )
    fields = shape.model_dump(mode="json", exclude_defaults=True)
    _check_numbers(what, shape)
    for name in ("stroke", "fill"):
        if not _COLOR.fullmatch(getattr(shape, name)):
            raise Invalid(f"{what} has the {name} {getattr(shape, name)!r}: colours are RRGGBBAA.")
    return {"kind": shape.kind, **fields}


def _check_numbers(what: str, shape: Shape) -> None:
    values = vars(shape)
    numbers = [value for value in values.values() if isinstance(value, float)]
    rings = (values.get("points", ()), *values.get("holes", ()))
    numbers += [value for ring in rings for point in ring for value in point]
    if not all(map(math.isfinite, numbers)):
        raise Invalid(f"{what} has a coordinate that is no finite number.")
    for name in _LENGTHS:
        if values.get(name, 0) < 0:
            raise Invalid(f"{what} has a {name} of {values[name]}: it must be 0 or more.")
    fewest = _FEWEST_POINTS.get(type(shape), 0)
    for ring in rings:
        if len(ring) < fewest:
            raise Invalid(f"{what} has {len(ring)} points: it needs {fewest} or more.")
    if isinstance(shape, Mask):
        _check_bits(what, shape)


def _check_bits(what: str, mask: Mask) -> None:
    expected = -(-mask.width * mask.height // 8)
    try:
        given = len(base64.b64decode(mask.bits, validate=True))
    except (binascii.Error, ValueError):
        raise Invalid(f"{what} has bits that are no base64.") from None
    if given != expected or not expected:
        raise Invalid(
            f"{what} of {mask.height} × {mask.width} pixels has {given} bytes: it needs a bit a "
            f"pixel, {max(expected, 1)} bytes."
        )
