"""Images that have a place on a plate."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from ..database import FieldRow, PlateRow, ScreenPlateRow, ScreenRow, WellRow
from ..model import Position
from .containers import container_named
from .work import Writing

__all__ = ["settle_positions"]


def settle_positions(
    unit: Writing,
    placed: Sequence[tuple[int, Position]],
    default_name: str,
    screen: str | None,
    name: str | None,
) -> list[int]:
    """Put images (ids with positions) on their plates, made and grown as they need.

    A plate is named by `name`, else as its files say, else `default_name`.
    """
    plates: dict[str, PlateRow] = {}
    for image_id, position in placed:
        plate_name = name or position.plate or default_name
        plate = plates.get(plate_name)
        if plate is None:
            plate = container_named(unit, PlateRow, plate_name, rows=1, columns=1)
            plates[plate_name] = plate
        plate.rows = max(plate.rows, position.row + 1)
        plate.columns = max(plate.columns, position.column + 1)
        well = _well(unit, plate, position)
        unit.new(FieldRow(well_id=well.id, image_id=image_id, site=position.site))
    if screen is not None:
        for plate in plates.values():
            _link(unit, screen, plate)
    return [plate.id for plate in plates.values()]


def _well(unit: Writing, plate: PlateRow, position: Position) -> WellRow:
    known = unit.db.scalar(
        select(WellRow).where(
            WellRow.plate_id == plate.id,
            WellRow.row == position.row,
            WellRow.column == position.column,
        )
    )
    return known or unit.new(WellRow(plate_id=plate.id, row=position.row, column=position.column))


def _link(unit: Writing, screen: str, plate: PlateRow) -> None:
    parent = container_named(unit, ScreenRow, screen)
    known = select(ScreenPlateRow.id).where(
        ScreenPlateRow.parent_id == parent.id, ScreenPlateRow.child_id == plate.id
    )
    if unit.db.scalar(known) is None:
        unit.new(ScreenPlateRow(parent_id=parent.id, child_id=plate.id))
