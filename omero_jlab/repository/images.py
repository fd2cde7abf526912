"""Image records, their files and how they are drawn."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from ..database import (
    AnnotationLinkRow,
    AnnotationRow,
    DatasetImageRow,
    FieldRow,
    FileRow,
    FilesetRow,
    ImageRow,
    WellRow,
)
from ..errors import Invalid, NotFound, TooLarge
from ..model import Image, Labels, OriginalFile, Placement
from .containers import found
from .imports.import_log import log_place, read_log
from .pictures.luts import Luts
from .pictures.measure import Measures
from .pictures.settings import ImageSettings, settings_of
from .records import annotation_record, files_of, image_record
from .seen import see_image
from .work import Work

__all__ = ["Images", "check_placement", "image_record", "settings_of"]

_MOST = 10_000
_LARGEST_SCALE = 1e6
_FARTHEST = 1e9


def file_record(row: FileRow) -> OriginalFile:
    """The record of a file's row."""
    return OriginalFile(
        id=row.id,
        name=row.name,
        path=row.path,
        size=row.size,
        sha256=row.sha256,
        md5=row.md5,
        mimetype=row.mimetype,
    )


def check_placement(placement: Placement) -> None:
    """Raise `Invalid` where a label image cannot lie as `placement` says."""
    scales = placement.scale_y, placement.scale_x
    if not all(1 / _LARGEST_SCALE <= scale <= _LARGEST_SCALE for scale in scales):
        raise Invalid(
            f"The scales of a placement are greater than 0 and at most {_LARGEST_SCALE:g}, "
            f"not {scales[0]} and {scales[1]}."
        )
    if not all(abs(offset) <= _FARTHEST for offset in (placement.y, placement.x)):
        raise Invalid(
            f"A placement lies within {_FARTHEST:g} pixels of the image's corner, not at "
            f"y={placement.y}, x={placement.x}."
        )


class Images(ImageSettings, Measures, Luts):
    """Image records; their pixels come as streams."""

    def __init__(self, session: Work) -> None:
        self._session = session

    def find(
        self,
        name: str | None = None,
        dataset_id: int | None = None,
        plate_id: int | None = None,
        well_id: int | None = None,
        ids: tuple[int, ...] | None = None,
        tag: str | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> tuple[Image, ...]:
        """The images that fit every condition, by id.

        Raises
        ------
        TooLarge
            More than 10 000 ids are given.
        """
        if ids is not None and len(set(ids)) > _MOST:
            raise TooLarge(f"At most {_MOST} images are found at once, not {len(set(ids))}.")
        statement = select(ImageRow).where(ImageRow.id > after)
        if name is not None:
            statement = statement.where(ImageRow.name == name)
        if ids is not None:
            statement = statement.where(ImageRow.id.in_(set(ids)))
        if dataset_id is not None:
            inside = select(DatasetImageRow.child_id).where(DatasetImageRow.parent_id == dataset_id)
            statement = statement.where(ImageRow.id.in_(inside))
        if well_id is not None or plate_id is not None:
            fields = select(FieldRow.image_id).join(WellRow, WellRow.id == FieldRow.well_id)
            if well_id is not None:
                fields = fields.where(WellRow.id == well_id)
            if plate_id is not None:
                fields = fields.where(WellRow.plate_id == plate_id)
            statement = statement.where(ImageRow.id.in_(fields))
        if tag is not None:
            tagged = (
                select(AnnotationLinkRow.image_id)
                .join(AnnotationRow, AnnotationRow.id == AnnotationLinkRow.annotation_id)
                .where(AnnotationRow.kind == "tag", AnnotationRow.name == tag)
            )
            statement = statement.where(ImageRow.id.in_(tagged))
        with self._session.reading() as (db, access):
            statement = statement.order_by(ImageRow.id).limit(min(max(limit, 1), _MOST))
            return tuple(image_record(row, access) for row in db.scalars(statement))

    def get(self, image_id: int) -> Image:
        """One image."""
        return see_image(self._session, image_id).record

    def files(self, image_id: int) -> tuple[OriginalFile, ...]:
        """The original files that the image was read from."""
        with self._session.reading() as (db, _):
            image = found(db, ImageRow, image_id)
            rows = db.scalars(files_of(image.fileset_id).order_by(FileRow.id))
            return tuple(file_record(row) for row in rows)

    def import_log(self, image_id: int) -> tuple[str, ...]:
        """The lines of the log of the import that brought the image."""
        with self._session.reading() as (db, _):
            fileset_id = found(db, ImageRow, image_id).fileset_id
            if fileset_id is None:
                raise NotFound(f"Image {image_id} was made here, not imported: it has no log.")
            folder = found(db, FilesetRow, fileset_id).folder
        managed = self._session.store.layout.managed
        return tuple(read_log(managed / log_place(folder)).splitlines())

    def metadata(self, image_id: int) -> tuple[tuple[str, str], ...]:
        """What the original files say of the image, in their own words."""
        with self._session.reading() as (db, _):
            rows: list[Any] = found(db, ImageRow, image_id).source_metadata
            return tuple((key, value) for key, value in rows)

    def labels(self, image_id: int) -> tuple[Labels, ...]:
        """The label images over an image."""
        with self._session.reading() as (db, access):
            found(db, ImageRow, image_id)
            statement = select(AnnotationRow).where(
                AnnotationRow.kind == "labels", AnnotationRow.image_id == image_id
            )
            rows = db.scalars(statement.order_by(AnnotationRow.id)).all()
            records = (annotation_record(db, access, row) for row in rows)
            return tuple(record for record in records if isinstance(record, Labels))

    def put_placement(self, labels_id: int, placement: Placement) -> Labels:
        """Say where a label image lies in the plane of its image."""
        with self._session.writing() as unit:
            row = found(unit.db, AnnotationRow, labels_id)
            if row.kind != "labels":
                raise Invalid(f"Annotation {labels_id} is a {row.kind}, no label image.")
            check_placement(placement)
            row.details = row.details | {"placement": placement.model_dump(mode="json")}
            unit.db.flush()
            record = annotation_record(unit.db, unit.access, row)
            assert isinstance(record, Labels)
            return unit.answer(record)
