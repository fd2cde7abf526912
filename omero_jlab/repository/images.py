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
    ImageRow,
    SettingsRow,
    WellRow,
)
from ..errors import Invalid, TooLarge
from ..model import Channel, Image, Labels, Level, OriginalFile, Placement, Settings, Sizes
from ..rendering import check_channel, default_settings
from .access import Access
from .containers import found
from .guarded import GuardedSession
from .records import annotation_record, files_of, owned
from .work import Work

__all__ = ["Images", "check_placement", "image_record", "settings_of"]

_MOST = 10_000
_LARGEST_SCALE = 1e6
_FARTHEST = 1e9


def image_record(row: ImageRow, access: Access) -> Image:
    """The record of an image's row."""
    return Image(
        **owned(row, access),
        name=row.name,
        description=row.description,
        sizes=Sizes(t=row.size_t, c=row.size_c, z=row.size_z, y=row.size_y, x=row.size_x),
        dtype=row.dtype,
        is_rgb=row.is_rgb,
        channels=tuple(Channel.model_validate(channel) for channel in row.channels),
        levels=tuple(Level.model_validate(level) for level in row.levels),
        pixel_size_x_um=row.pixel_size_x_um,
        pixel_size_y_um=row.pixel_size_y_um,
        pixel_size_z_um=row.pixel_size_z_um,
        time_step_s=row.time_step_s,
        acquired_at=row.acquired_at,
        format=row.format,
        fileset_id=row.fileset_id,
        series=row.series,
        pyramid=row.pyramid,
    )


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


def settings_of(db: GuardedSession, access: Access, image: Image) -> Settings:
    """The actor's settings of an image, else its owner's, else the default."""
    statement = select(SettingsRow).where(
        SettingsRow.image_id == image.id,
        SettingsRow.owner_id.in_((access.actor.user_id, image.owner_id)),
    )
    saved = {row.owner_id: row.settings for row in db.scalars(statement)}
    own = saved.get(access.actor.user_id) or saved.get(image.owner_id)
    if own is not None:
        return Settings.model_validate(own)
    middle = {"z": image.sizes.z // 2}
    return default_settings(image.channels, image.is_rgb).model_copy(update=middle)


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


def _check_settings(image: ImageRow, settings: Settings) -> None:
    """Refuse what could not be drawn: an owner's settings are what everybody sees first."""
    if not (0 <= settings.z < image.size_z and 0 <= settings.t < image.size_t):
        raise Invalid(
            f"Image {image.id} has T 0 to {image.size_t - 1} and Z 0 to {image.size_z - 1}, no "
            f"plane at t={settings.t}, z={settings.z}."
        )
    for channel in settings.channels:
        check_channel(channel)


class Images:
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
        with self._session.reading() as (db, access):
            return image_record(found(db, ImageRow, image_id), access)

    def files(self, image_id: int) -> tuple[OriginalFile, ...]:
        """The original files that the image was read from."""
        with self._session.reading() as (db, _):
            image = found(db, ImageRow, image_id)
            rows = db.scalars(files_of(image.fileset_id).order_by(FileRow.id))
            return tuple(file_record(row) for row in rows)

    def metadata(self, image_id: int) -> tuple[tuple[str, str], ...]:
        """What the original files say of the image, in their own words."""
        with self._session.reading() as (db, _):
            rows: list[Any] = found(db, ImageRow, image_id).source_metadata
            return tuple((key, value) for key, value in rows)

    def settings(self, image_id: int) -> Settings:
        """How the image is drawn for the asking user."""
        with self._session.reading() as (db, access):
            return settings_of(db, access, image_record(found(db, ImageRow, image_id), access))

    def put_settings(self, image_id: int, settings: Settings) -> Settings:
        """Keep how the asking user wants the image drawn; others' settings stay."""
        with self._session.writing() as unit:
            image = found(unit.db, ImageRow, image_id)
            wanted = 3 if image.is_rgb else image.size_c
            if len(settings.channels) not in (wanted, image.size_c):
                raise Invalid(
                    f"Image {image_id} has {image.size_c} channels; "
                    f"these settings are for {len(settings.channels)}."
                )
            _check_settings(image, settings)
            values = settings.model_dump(mode="json")
            own = select(SettingsRow).where(
                SettingsRow.image_id == image_id,
                SettingsRow.owner_id == unit.access.actor.user_id,
            )
            row = unit.db.scalar(own)
            if row is None:
                unit.new(SettingsRow(image_id=image_id, settings=values), image.group_id)
            else:
                row.settings = values
            return unit.answer(settings)

    def reset_settings(self, image_id: int) -> Settings:
        """Forget the asking user's settings."""
        with self._session.writing() as unit:
            image = found(unit.db, ImageRow, image_id)
            own = select(SettingsRow).where(
                SettingsRow.image_id == image_id,
                SettingsRow.owner_id == unit.access.actor.user_id,
            )
            for row in unit.db.scalars(own):
                unit.db.delete(row)
            unit.db.flush()
            record = image_record(image, unit.access)
            return unit.answer(settings_of(unit.db, unit.access, record))

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
