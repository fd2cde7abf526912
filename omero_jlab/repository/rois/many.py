"""Regions by the thousand: written in one transaction, however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import insert

from ...database import FolderRoiRow, ImageRow, RoiRow, now
from ...errors import Invalid
from ...model import NewRoi
from ..containers import found
from ..ids import reserve
from ..work import Work, Writing
from .folders import folder_at
from .stored import stored

__all__ = ["ManyRois"]

_BATCH = 2000
_FREE = {"unguarded": "many"}


class ManyRois(Work):
    """The stream of new regions."""

    def add_rois(self, image_id: int, rois: Sequence[NewRoi], folder: str = "") -> tuple[int, ...]:
        """Put regions on an image, all or none; answers their ids in the order given."""
        with self.reading() as (db, access):
            image = found(db, ImageRow, image_id)
            access.require(image, "can_annotate")
        # What is wrong with one is found before the others wait for the transaction.
        rows = list(_numbered(rois, image))
        with self.writing() as unit:
            image = found(unit.db, ImageRow, image_id)
            unit.access.require(image, "can_annotate")
            ids = _written(unit, image, rows, folder)
            return unit.answer(tuple(ids))


def _numbered(rois: Iterable[NewRoi], image: ImageRow) -> Iterator[dict[str, Any]]:
    for number, roi in enumerate(rois, 1):
        try:
            place = stored(roi.shapes, image)
        except Invalid as error:
            raise Invalid(f"Region {number}: {error}") from None
        yield {"name": roi.name, "description": roi.description, **place}


def _written(unit: Writing, image: ImageRow, rows: list[dict[str, Any]], folder: str) -> list[int]:
    if not rows:
        return []
    db, actor, time = unit.db, unit.access.actor, now()
    common = {
        "version": 1,
        "created_at": time,
        "updated_at": time,
        "owner_id": actor.user_id,
        "group_id": image.group_id,
    }
    # They are alike in all that the rule looks at: one is checked for all.
    unit.access.check_new(db, RoiRow(image_id=image.id, shapes=[], **common))
    into = folder_at(unit, folder, image.group_id) if folder else None
    ids = reserve(db, RoiRow, len(rows))
    common["image_id"] = image.id
    numbered = zip(ids, rows, strict=True)
    while batch := list(islice(numbered, _BATCH)):
        values = [{"id": number, **common, **row} for number, row in batch]
        db.execute(insert(RoiRow), values, execution_options=_FREE)
    if into is not None:
        del common["image_id"]
        links = ({"parent_id": into.id, "child_id": number, **common} for number in ids)
        while some := list(islice(links, _BATCH)):
            db.execute(insert(FolderRoiRow), some, execution_options=_FREE)
    return ids
