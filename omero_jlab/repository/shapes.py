"""Regions of interest: shapes over an image, each region with an owner of its own."""

from __future__ import annotations

import builtins
from collections.abc import Sequence

from sqlalchemy import func, select

from ..database import FolderRoiRow, FolderRow, ImageRow, RoiRow
from ..errors import Invalid
from ..model import NewRoi, Planes, Region, Roi, RoiMeasure, RoiView, Shape
from ..operations.declare import UNSET, Unset
from .access import Access
from .containers import found
from .deletion import alive
from .guarded import GuardedSession
from .rois.discard import chosen, discard
from .rois.folders import folders_of
from .rois.measure import measured
from .rois.place import conditions
from .rois.stored import roi_record, stored
from .rois.view import view_of
from .upkeep.trash import throw_away
from .work import Work, fresh

__all__ = ["Shapes"]

_MOST = 100_000


class Shapes:
    """Regions of interest."""

    def __init__(self, session: Work) -> None:
        self._session = session

    def list(
        self,
        image_id: int,
        region: Region | None = None,
        t: int | None = None,
        z: int | None = None,
        folder_id: int | None = None,
        limit: int | None = None,
        after: int = 0,
    ) -> tuple[Roi, ...]:
        """The regions of an image by id, or those of them that are looked for.

        Parameters
        ----------
        region
            Those whose box reaches into this part: y, x, height, width.
        t, z
            Those with this plane between the first and the last of their shapes.
        limit
            So many with an id above `after`; all of them without it.
        """
        if limit is not None and not 1 <= limit <= _MOST:
            raise Invalid(f"1 to {_MOST:,} regions are listed at once, not {limit}.")
        with self._session.reading() as (db, access):
            found(db, ImageRow, image_id)
            rows: builtins.list[RoiRow] = []
            for condition in conditions(db, image_id, region, t, z):
                statement = select(RoiRow).where(condition, RoiRow.id > after)
                if folder_id is not None:
                    found(db, FolderRow, folder_id)
                    statement = statement.join(FolderRoiRow, FolderRoiRow.child_id == RoiRow.id)
                    statement = statement.where(FolderRoiRow.parent_id == folder_id)
                rows += db.scalars(statement.order_by(RoiRow.id).limit(limit))
            rows.sort(key=lambda row: row.id)
            return _records(db, access, rows[:limit])

    def count(
        self,
        image_id: int,
        region: Region | None = None,
        t: int | None = None,
        z: int | None = None,
    ) -> int:
        """How many regions `list` would find."""
        with self._session.reading() as (db, _):
            found(db, ImageRow, image_id)
            return sum(
                db.scalar(select(func.count(RoiRow.id)).where(condition)) or 0
                for condition in conditions(db, image_id, region, t, z)
            )

    def get(self, roi_id: int) -> Roi:
        """A region."""
        with self._session.reading() as (db, access):
            return _records(db, access, [found(db, RoiRow, roi_id)])[0]

    def view(
        self,
        image_id: int,
        region: Region,
        t: int = 0,
        z: int = 0,
        smallest: float = 0.0,
        cell: float = 64.0,
        limit: int = 2000,
    ) -> RoiView:
        """What a viewer draws of the regions in a part of a plane.

        Regions are in it that are at least `smallest` pixels high or wide, unless there are more
        than `limit`; the others are counted in cells of `cell` pixels.
        """
        with self._session.reading() as (db, access):
            found(db, ImageRow, image_id)
            return view_of(db, access, image_id, region, t, z, smallest, cell, limit)

    def measure(
        self,
        image_id: int,
        channels: tuple[int, ...] | None = None,
        rois: tuple[int, ...] | None = None,
        by_shape: bool = False,
        limit: int = 500,
        after: int = 0,
        t: Planes | None = None,
        z: Planes | None = None,
    ) -> tuple[RoiMeasure, ...]:
        """Statistics of `limit` regions with an id above `after`, each in each channel.

        A pixel counts once for a region, however many of its shapes hold it; with `by_shape` each
        shape is measured by itself.  All planes are measured that a shape lies on, or those of
        them from the first to the last of `t` and of `z`.  Which pixels a shape holds is OMERO's
        rule (`omero_jlab.shapes.raster`).

        Raises
        ------
        Invalid
            There is no such channel, or no such planes.
        TooLarge
            More pixels would have to be read than one answer should wait for.
        """
        return measured(self._session, image_id, channels, rois, by_shape, limit, after, (t, z))

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
                **stored(shapes, image),
            )
            return unit.answer(roi_record(unit.new(row, image.group_id), unit.access))

    def add_many(self, image_id: int, rois: Sequence[NewRoi], folder: str = "") -> tuple[int, ...]:
        """Put regions on an image, all or none; answers their ids in the order given."""
        session = self._session
        return session.add_rois(image_id, rois, folder)  # type: ignore[attr-defined, no-any-return]

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
                for column, value in stored(shapes, found(unit.db, ImageRow, row.image_id)).items():
                    setattr(row, column, value)
            unit.db.flush()
            return unit.answer(_records(unit.db, unit.access, [row])[0])

    def remove(self, roi_id: int) -> None:
        """Delete a region."""
        with self._session.writing() as unit:
            row = found(unit.db, RoiRow, roi_id)
            unit.access.require(row, "can_delete")
            links = alive(unit.db, FolderRoiRow.child_id, [row.id])
            throw_away(unit, row, [row, *links])
            return unit.answer(None)

    def remove_many(
        self, image_id: int, roi_ids: Sequence[int] | None = None, folder_id: int | None = None
    ) -> int:
        """Delete regions of an image as one: those named, those in a folder, or all.

        Raises
        ------
        Denied
            One of them may not be deleted by the actor: none is.
        NotFound
            One that is named does not lie on the image.
        """
        with self._session.writing(freeing=True) as unit:
            found(unit.db, ImageRow, image_id)
            ids = chosen(unit.db, image_id, roi_ids, folder_id)
            return unit.answer(discard(unit, ids))


def _records(db: GuardedSession, access: Access, rows: builtins.list[RoiRow]) -> tuple[Roi, ...]:
    folders = folders_of(db, (row.id for row in rows))
    return tuple(roi_record(row, access, folders.get(row.id, ())) for row in rows)
