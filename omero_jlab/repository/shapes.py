"""Regions of interest: shapes over an image, each region with an owner of its own."""

from __future__ import annotations

import math
import re
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import select

from ..database import ImageRow, RoiRow
from ..errors import Invalid
from ..model import Polygon, Polyline, Roi, Shape
from ..operations.declare import UNSET, Unset
from .access import Access
from .containers import found
from .records import owned
from .upkeep.trash import throw_away
from .work import Work, fresh

__all__ = ["Shapes"]

_SHAPES: TypeAdapter[tuple[Shape, ...]] = TypeAdapter(tuple[Shape, ...])
_COLOR = re.compile(r"[0-9A-Fa-f]{8}")
_LENGTHS = ("width", "height", "radius_x", "radius_y")
_FEWEST_POINTS = {Polygon: 3, Polyline: 2}


class Shapes:
    """Regions of interest."""

    def __init__(self, session: Work) -> None:
        self._session = session

    def list(self, image_id: int) -> tuple[Roi, ...]:
        """The regions of an image, in the order in which they were drawn."""
        with self._session.reading() as (db, access):
            found(db, ImageRow, image_id)
            statement = select(RoiRow).where(RoiRow.image_id == image_id).order_by(RoiRow.id)
            return tuple(_record(row, access) for row in db.scalars(statement))

    def add(
        self, image_id: int, shapes: tuple[Shape, ...], name: str = "", description: str = ""
    ) -> Roi:
        """Put a region on an image.

        Raises
        ------
        Invalid
            There is no shape, or one has no finite place, no extent or a plane outside of the
            image.
        """
        with self._session.writing() as unit:
            image = found(unit.db, ImageRow, image_id)
            unit.access.require(image, "can_annotate")
            row = RoiRow(
                image_id=image_id,
                name=name,
                description=description,
                shapes=_checked(shapes, image),
            )
            return unit.answer(_record(unit.new(row, image.group_id), unit.access))

    def update(
        self,
        roi_id: int,
        version: int,
        name: str | Unset = UNSET,
        description: str | Unset = UNSET,
        shapes: tuple[Shape, ...] | Unset = UNSET,
    ) -> Roi:
        """Change a region; its shapes are changed by its owner only.

        Raises
        ------
        Conflict
            It is no longer at `version`.
        """
        with self._session.writing() as unit:
            row = found(unit.db, RoiRow, roi_id)
            unit.access.require(row, "can_edit")
            fresh(row, version)
            if not isinstance(name, Unset):
                row.name = name
            if not isinstance(description, Unset):
                row.description = description
            if not isinstance(shapes, Unset):
                row.shapes = _checked(shapes, found(unit.db, ImageRow, row.image_id))
            unit.db.flush()
            return unit.answer(_record(row, unit.access))

    def remove(self, roi_id: int) -> None:
        """Delete a region."""
        with self._session.writing() as unit:
            row = found(unit.db, RoiRow, roi_id)
            unit.access.require(row, "can_delete")
            throw_away(unit, row, [row])
            return unit.answer(None)


def _record(row: RoiRow, access: Access) -> Roi:
    return Roi(
        **owned(row, access),
        image_id=row.image_id,
        name=row.name,
        description=row.description,
        shapes=_SHAPES.validate_python(row.shapes),
    )


def _checked(shapes: tuple[Shape, ...], image: ImageRow) -> list[dict[str, Any]]:
    if not shapes:
        raise Invalid("A region needs at least one shape: this one has none.")
    return [_stored(shape, number, image) for number, shape in enumerate(shapes, 1)]


def _stored(shape: Shape, number: int, image: ImageRow) -> dict[str, Any]:
    what = f"Shape {number} (a {shape.kind})"
    for axis, size in (("t", image.size_t), ("c", image.size_c), ("z", image.size_z)):
        plane = getattr(shape, axis)
        if plane is not None and not 0 <= plane < size:
            raise Invalid(
                f"{what} lies on {axis}={plane}, and image {image.id} has {axis} from 0 to "
                f"{size - 1}."
            )
    fields = shape.model_dump()
    coordinates = [value for value in fields.values() if isinstance(value, float)]
    coordinates += [value for point in fields.get("points", ()) for value in point]
    if not all(map(math.isfinite, coordinates)):
        raise Invalid(f"{what} has a coordinate that is no finite number.")
    for name in _LENGTHS:
        if fields.get(name, 0) < 0:
            raise Invalid(f"{what} has a {name} of {fields[name]}: it must be 0 or more.")
    fewest = _FEWEST_POINTS.get(type(shape), 0)
    if len(fields.get("points", ())) < fewest:
        raise Invalid(f"{what} has {len(fields['points'])} points: it needs {fewest} or more.")
    for name in ("stroke", "fill"):
        if not _COLOR.fullmatch(fields[name]):
            raise Invalid(f"{what} has the {name} {fields[name]!r}: colours are RRGGBBAA.")
    return shape.model_dump(mode="json")
