"""Names of images, wells, plates and datasets → the objects in a target that the user sees."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import select

from ...database import (
    DatasetImageRow,
    DatasetRow,
    FieldRow,
    ImageRow,
    PlateRow,
    ProjectDatasetRow,
    RoiRow,
    ScreenPlateRow,
    WellRow,
)
from ...model import TargetKind
from ..guarded import GuardedSession
from ..plate_names import well_label

__all__ = ["Answer", "Objects", "Scope"]

_WELL = re.compile(r"([A-Za-z]{1,3})\s*0*([0-9]{1,4})")
_NUMBER = re.compile(r"0*[0-9]{1,18}")

Answer = int | str
"""An object's id, or why there is none."""
Scope = tuple[int | None, int | None]
"""The plate and the dataset that the same row names, if it does."""


class Objects:
    """What lies in the object that a file of annotations is for.

    Everything is read once, in the session that is given, and so as far as its user may see it.
    """

    def __init__(self, db: GuardedSession, kind: TargetKind, id: int) -> None:
        self._db = db
        self._kind = kind
        self._id = id
        self._where = f"this {kind}"

    @cached_property
    def own(self) -> tuple[str, int, str] | None:
        """Kind, id and name of the plate or dataset that the file is for; None for other kinds."""
        if self._kind not in ("plate", "dataset"):
            return None
        names = self.plates if self._kind == "plate" else self.datasets
        return self._kind, self._id, names.get(self._id, "")

    def find(self, kind: str, cell: str, by: str, scope: Scope) -> Answer:
        """The object that `cell` names by its id, its name, or either; else why there is none."""
        number = int(cell) if by != "name" and _NUMBER.fullmatch(cell) else None
        if number is not None and self.holds(kind, number, scope):
            return number
        if by == "id":
            return f"no {kind} of {self._where} has this id"
        found = self._named(kind, cell, scope)
        if len(found) == 1:
            return found[0]
        if found:
            more = ", ".join(map(str, found[:3]))
            return f"{len(found)} {kind}s of {self._where} are called so ({more})"
        place = self._where
        if kind in ("well", "image") and scope[0] is not None:
            place = f"plate {self.plates[scope[0]]!r}"
        elif kind == "image" and scope[1] is not None:
            place = f"dataset {self.datasets[scope[1]]!r}"
        return f"there is no such {kind} in {place}"

    def holds(self, kind: str, number: int, scope: Scope = (None, None)) -> bool:
        """Whether an object lies in the target, and in what the row names besides."""
        if kind == "well":
            well = self.wells.get(number)
            return well is not None and scope[0] in (None, well[0])
        if kind == "image" and number in self.images:
            _, plates, datasets = self.images[number]
            return _within(scope[0], plates) and _within(scope[1], datasets)
        known: dict[str, Callable[[], Iterable[int]]] = {
            "plate": lambda: self.plates,
            "dataset": lambda: self.datasets,
            "roi": lambda: self.rois,
        }
        return kind in known and number in known[kind]()

    def label(self, kind: str, number: int) -> str:
        """What an object of the target is called."""
        if kind == "well":
            _, row, column = self.wells[number]
            return well_label(row, column)
        if kind == "image":
            return str(self.images[number][0])
        if kind == "roi":
            return self.rois[number]
        return self.plates[number] if kind == "plate" else self.datasets[number]

    def _named(self, kind: str, name: str, scope: Scope) -> Sequence[int]:
        if kind == "well":
            found = _WELL.fullmatch(name)
            if found is None:
                return []
            key = (_row_number(found[1]), int(found[2]) - 1)
            wells = self._wells_by_place.get(key, [])
            return [w for w in wells if scope[0] in (None, self.wells[w][0])]
        if kind == "image":
            images = self._images_by_name.get(name, [])
            return [image for image in images if self.holds("image", image, scope)]
        names = {"plate": "plates", "dataset": "datasets", "roi": "rois"}
        objects: dict[int, str] = getattr(self, names[kind])
        return [number for number, called in objects.items() if called == name]

    # -- what is there

    @cached_property
    def plates(self) -> dict[int, str]:
        """Names of plates by id."""
        statement: Any = select(PlateRow.id, PlateRow.name)
        if self._kind == "screen":
            statement = statement.join(ScreenPlateRow, ScreenPlateRow.child_id == PlateRow.id)
            statement = statement.where(ScreenPlateRow.parent_id == self._id)
        elif self._kind == "plate":
            statement = statement.where(PlateRow.id == self._id)
        elif self._kind == "well":
            statement = statement.join(WellRow, WellRow.plate_id == PlateRow.id)
            statement = statement.where(WellRow.id == self._id)
        else:
            return {}
        return {number: name for number, name in self._db.execute(statement)}

    @cached_property
    def wells(self) -> dict[int, tuple[int, int, int]]:
        """Plate, row and column of wells by id."""
        statement = select(WellRow.id, WellRow.plate_id, WellRow.row, WellRow.column)
        if self._kind == "well":
            statement = statement.where(WellRow.id == self._id)
        elif self._kind == "plate":
            statement = statement.where(WellRow.plate_id == self._id)
        elif self._kind == "screen":
            statement = statement.join(ScreenPlateRow, ScreenPlateRow.child_id == WellRow.plate_id)
            statement = statement.where(ScreenPlateRow.parent_id == self._id)
        else:
            return {}
        return {row[0]: (row[1], row[2], row[3]) for row in self._db.execute(statement)}

    @cached_property
    def datasets(self) -> dict[int, str]:
        """Names of datasets by id."""
        statement: Any = select(DatasetRow.id, DatasetRow.name)
        if self._kind == "project":
            statement = statement.join(
                ProjectDatasetRow, ProjectDatasetRow.child_id == DatasetRow.id
            ).where(ProjectDatasetRow.parent_id == self._id)
        elif self._kind == "dataset":
            statement = statement.where(DatasetRow.id == self._id)
        else:
            return {}
        return {number: name for number, name in self._db.execute(statement)}

    @cached_property
    def images(self) -> dict[int, tuple[str, set[int], set[int]]]:
        """Name, plates and datasets of images by id."""
        found: dict[int, tuple[str, set[int], set[int]]] = {}
        for number, name, place in self._db.execute(self._images_with_place()):
            _, plates, datasets = found.setdefault(number, (name, set(), set()))
            if place is not None:
                (datasets if self._kind in ("project", "dataset") else plates).add(place)
        return found

    def _images_with_place(self) -> Any:
        if self._kind in ("project", "dataset"):
            statement = select(ImageRow.id, ImageRow.name, DatasetImageRow.parent_id)
            statement = statement.join(DatasetImageRow, DatasetImageRow.child_id == ImageRow.id)
            if self._kind == "dataset":
                return statement.where(DatasetImageRow.parent_id == self._id)
            return statement.join(
                ProjectDatasetRow, ProjectDatasetRow.child_id == DatasetImageRow.parent_id
            ).where(ProjectDatasetRow.parent_id == self._id)
        if self._kind == "image":
            plain = select(ImageRow.id, ImageRow.name, FieldRow.well_id)
            plain = plain.join(FieldRow, FieldRow.image_id == ImageRow.id, isouter=True)
            return plain.where(ImageRow.id == self._id)
        statement = (
            select(ImageRow.id, ImageRow.name, WellRow.plate_id)
            .join(FieldRow, FieldRow.image_id == ImageRow.id)
            .join(WellRow, WellRow.id == FieldRow.well_id)
        )
        if self._kind == "well":
            return statement.where(WellRow.id == self._id)
        if self._kind == "plate":
            return statement.where(WellRow.plate_id == self._id)
        return statement.join(ScreenPlateRow, ScreenPlateRow.child_id == WellRow.plate_id).where(
            ScreenPlateRow.parent_id == self._id
        )

    @cached_property
    def rois(self) -> dict[int, str]:
        """Names of regions of interest by id."""
        wanted = list(self.images)
        found: dict[int, str] = {}
        for start in range(0, len(wanted), 10_000):
            part = wanted[start : start + 10_000]
            statement = select(RoiRow.id, RoiRow.name).where(RoiRow.image_id.in_(part))
            found |= {number: name for number, name in self._db.execute(statement)}
        return found

    @cached_property
    def _wells_by_place(self) -> dict[tuple[int, int], list[int]]:
        found = defaultdict(list)
        for number, (_, row, column) in self.wells.items():
            found[row, column].append(number)
        return dict(found)

    @cached_property
    def _images_by_name(self) -> dict[str, list[int]]:
        found = defaultdict(list)
        for number, (name, _, _) in self.images.items():
            found[name].append(number)
        return dict(found)


def _within(wanted: int | None, places: set[int]) -> bool:
    return wanted is None or wanted in places


def _row_number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
