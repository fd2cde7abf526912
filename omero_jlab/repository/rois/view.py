"""What a viewer gets of the regions in view: those large enough, and how dense the others lie."""

from __future__ import annotations

import math

import numpy as np
from sqlalchemy import Integer, cast, func, select

from ...database import RoiRow
from ...errors import Invalid
from ...model import Density, Region, RoiView
from ..access import Access
from ..guarded import GuardedSession
from .folders import folders_of
from .place import conditions
from .stored import roi_record

__all__ = ["view_of"]

_MOST = 5000
_MOST_CELLS = 1 << 17


def view_of(
    db: GuardedSession,
    access: Access,
    image_id: int,
    region: Region,
    t: int,
    z: int,
    smallest: float,
    cell: float,
    limit: int,
) -> RoiView:
    """Regions that reach into a part of a plane, at most `limit`, and the density of the others."""
    if not 1 <= limit <= _MOST:
        raise Invalid(f"A view holds 1 to {_MOST} regions, not {limit}.")
    if not (all(map(math.isfinite, (*region, smallest, cell))) and smallest >= 0 and cell > 0):
        raise Invalid(
            f"A view has a finite region, a cell above 0 and a smallest size of 0 or more, not "
            f"{region}, {cell} and {smallest}."
        )
    total = sum(
        db.scalar(select(func.count(RoiRow.id)).where(condition)) or 0
        for condition in conditions(db, image_id, region, t, z)
    )
    rows: list[RoiRow] = []
    for condition in conditions(db, image_id, region, t, z, smallest) if total else ():
        rows += db.scalars(
            select(RoiRow).where(condition).order_by(RoiRow.id).limit(limit + 1 - len(rows))
        )
        if len(rows) > limit:
            rows = []
            break
    rows.sort(key=lambda row: row.id)
    folders = folders_of(db, (row.id for row in rows))
    rois = tuple(roi_record(row, access, folders.get(row.id, ())) for row in rows)
    drawn = {roi.id for roi in rois}
    density = None
    if len(drawn) < total:
        above = math.inf if not drawn else smallest
        density = _density(db, image_id, region, t, z, above, cell)
    return RoiView(total=total, rois=rois, density=density)


def _density(
    db: GuardedSession,
    image_id: int,
    region: Region,
    t: int,
    z: int,
    smallest: float,
    side: float,
) -> Density:
    """How many regions smaller than `smallest` have their middle in each cell."""
    y, x, height, width = region
    rows, columns = math.ceil(height / side), math.ceil(width / side)
    if rows * columns > _MOST_CELLS:
        raise Invalid(
            f"{rows} × {columns} cells of {side:g} pixels are more than {_MOST_CELLS}: ask for "
            f"larger ones."
        )
    middle_y = (RoiRow.top + RoiRow.bottom) / 2
    middle_x = (RoiRow.left + RoiRow.right) / 2
    row = cast((middle_y - y) / side, Integer)
    column = cast((middle_x - x) / side, Integer)
    counts = np.zeros((rows, columns), np.int64)
    for condition in conditions(db, image_id, region, t, z):
        statement = (
            select(row, column, func.count())
            .where(condition, middle_y >= y, middle_x >= x)
            .where(middle_y < y + height, middle_x < x + width)
            .group_by(row, column)
        )
        if math.isfinite(smallest):
            high, wide = RoiRow.bottom - RoiRow.top, RoiRow.right - RoiRow.left
            statement = statement.where(high < smallest, wide < smallest)
        for at, across, count in db.execute(statement):
            counts[min(at, rows - 1), min(across, columns - 1)] += count
    return Density(
        y=y, x=x, side=side, rows=rows, columns=columns, counts=tuple(counts.ravel().tolist())
    )
