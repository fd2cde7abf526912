"""How images are drawn: each user's own settings, the owner's, the default."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from sqlalchemy import select

from ...database import ImageRow, SettingsRow, UserRow
from ...errors import Invalid, NotFound, OmeroError, TooLarge
from ...model import (
    ChannelSettings,
    CopiedSettings,
    Image,
    SetAside,
    Settings,
    UserSettings,
)
from ...rendering import check_channel
from ..access import accounts
from ..containers import found
from ..records import image_record
from ..seen import imported_settings, kept_settings, see_image, settings_of
from ..state import State
from ..work import Work, Writing
from .luts import check_luts, without_lost_luts

__all__ = ["ImageSettings", "imported_settings", "settings_of"]

_MOST = 10_000

Adjustment = Literal["imported", "minmax", "full", "owner"]


def _check(state: State, image: Image, settings: Settings) -> None:
    """Refuse what could not be drawn: an owner's settings are what everybody sees first."""
    wanted = 3 if image.is_rgb else image.sizes.c
    if len(settings.channels) not in (wanted, image.sizes.c):
        raise Invalid(
            f"Image {image.id} has {image.sizes.c} channels; these settings are for "
            f"{len(settings.channels)}."
        )
    if not (0 <= settings.z < image.sizes.z and 0 <= settings.t < image.sizes.t):
        raise Invalid(
            f"Image {image.id} has T 0 to {image.sizes.t - 1} and Z 0 to {image.sizes.z - 1}, no "
            f"plane at t={settings.t}, z={settings.z}."
        )
    for channel in settings.channels:
        check_channel(channel)
    check_luts(state, settings.channels)


class ImageSettings:
    """Settings of images; those of one user never touch another's."""

    def __init__(self, session: Work) -> None:
        self._session = session

    def settings(self, image_id: int) -> Settings:
        """How the image is drawn for the asking user."""
        return without_lost_luts(self._session.store, see_image(self._session, image_id).settings)

    def default_settings(self, image_id: int) -> Settings:
        """How the image was drawn before anybody chose."""
        return imported_settings(see_image(self._session, image_id).record)

    def all_settings(self, image_id: int) -> tuple[UserSettings, ...]:
        """The settings that users have kept of the image, as far as the asking user sees them."""
        with self._session.reading() as (db, _):
            found(db, ImageRow, image_id)
            rows = db.scalars(select(SettingsRow).where(SettingsRow.image_id == image_id)).all()
            users = accounts(select(UserRow).where(UserRow.id.in_([row.owner_id for row in rows])))
            names = {user.id: user.name for user in db.scalars(users)}
            return tuple(
                UserSettings(
                    user_id=row.owner_id,
                    user_name=names[row.owner_id],
                    settings=Settings.model_validate(row.settings),
                )
                for row in sorted(rows, key=lambda row: row.owner_id)
            )

    def put_settings(self, image_id: int, settings: Settings) -> Settings:
        """Keep how the asking user wants the image drawn; others' settings stay."""
        with self._session.writing() as unit:
            row = found(unit.db, ImageRow, image_id)
            _check(self._session.store, image_record(row, unit.access), settings)
            _keep(unit, row, settings)
            return unit.answer(settings)

    def reset_settings(self, image_id: int) -> Settings:
        """Forget the asking user's settings."""
        with self._session.writing() as unit:
            image = found(unit.db, ImageRow, image_id)
            row = _own(unit, image_id)
            if row is not None:
                unit.db.delete(row)
                unit.db.flush()
            record = image_record(image, unit.access)
            return unit.answer(settings_of(unit.db, unit.access, record))

    def copy_settings(self, image_id: int, to_ids: tuple[int, ...]) -> CopiedSettings:
        """Draw other images as this one; those that do not fit are named and left as they are."""
        with self._session.reading() as (db, access):
            source = image_record(found(db, ImageRow, image_id), access)
            kept = settings_of(db, access, source)
        settings = without_lost_luts(self._session.store, kept)

        def copied(state: State, image: Image) -> Settings:
            if (image.sizes.c, image.is_rgb) != (source.sizes.c, source.is_rgb):
                raise Invalid(
                    f"it has {image.sizes.c} channels{' (RGB)' * image.is_rgb}, not "
                    f"{source.sizes.c}{' (RGB)' * source.is_rgb}"
                )
            if image.dtype != source.dtype:
                raise Invalid(f"its pixels are {image.dtype}, not {source.dtype}")
            plane = {
                "z": min(settings.z, image.sizes.z - 1),
                "t": min(settings.t, image.sizes.t - 1),
            }
            return settings.model_copy(update=plane)

        return self._change(to_ids, copied)

    def adjust_settings(self, image_ids: tuple[int, ...], to: Adjustment) -> CopiedSettings:
        """Draw images as imported, as their owner does, or over their own or the type's range."""

        def adjusted(state: State, image: Image) -> Settings:
            with self._session.reading() as (db, access):
                if to == "imported":
                    return imported_settings(image)
                if to == "owner":
                    kept = kept_settings(db, image.id, (image.owner_id,)).get(image.owner_id)
                    return Settings.model_validate(kept) if kept else imported_settings(image)
                settings = settings_of(db, access, image)
            channels = zip(settings.channels, image.channels, strict=False)
            windows = [
                _between(own, channel.minimum, channel.maximum)
                if to == "minmax"
                else _between(own, *_full(image.dtype))
                for own, channel in channels
            ]
            return settings.model_copy(update={"channels": tuple(windows)})

        return self._change(image_ids, adjusted)

    def _change(
        self, image_ids: tuple[int, ...], change: Callable[[State, Image], Settings]
    ) -> CopiedSettings:
        ids = tuple(dict.fromkeys(image_ids))
        if len(ids) > _MOST:
            raise TooLarge(f"At most {_MOST} images are changed at once, not {len(ids)}.")
        state = self._session.store
        refused = []
        wanted: dict[int, Settings] = {}
        with self._session.reading() as (db, access):
            images = {}
            for image_id in ids:
                try:
                    images[image_id] = image_record(found(db, ImageRow, image_id), access)
                except NotFound as error:
                    refused.append(SetAside(image_id=image_id, reason=str(error)))
        for image_id, image in images.items():
            try:
                wanted[image_id] = change(state, image)
                _check(state, image, wanted[image_id])
            except OmeroError as error:
                wanted.pop(image_id, None)
                refused.append(SetAside(image_id=image_id, reason=str(error)))
        changed = []
        with self._session.writing() as unit:
            for image_id, settings in wanted.items():
                try:
                    with unit.db.begin_nested():
                        _keep(unit, found(unit.db, ImageRow, image_id), settings)
                        unit.db.flush()
                    changed.append(image_id)
                except OmeroError as error:
                    refused.append(SetAside(image_id=image_id, reason=str(error)))
            order = {image_id: place for place, image_id in enumerate(ids)}
            refused.sort(key=lambda each: order[each.image_id])
            return unit.answer(CopiedSettings(changed=tuple(changed), refused=tuple(refused)))


def _own(unit: Writing, image_id: int) -> SettingsRow | None:
    return unit.db.scalar(
        select(SettingsRow).where(
            SettingsRow.image_id == image_id,
            SettingsRow.owner_id == unit.access.actor.user_id,
        )
    )


def _keep(unit: Writing, image: ImageRow, settings: Settings) -> None:
    values = settings.model_dump(mode="json")
    row = _own(unit, image.id)
    if row is None:
        unit.new(SettingsRow(image_id=image.id, settings=values), image.group_id)
    else:
        row.settings = values


def _between(channel: ChannelSettings, low: float | None, high: float | None) -> ChannelSettings:
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        raise Invalid("the extremes of its pixels are not known")
    top = high if high > low else max(low + 1.0, math.nextafter(low, math.inf))
    return channel.model_copy(update={"start": float(low), "end": float(top)})


def _full(dtype: str) -> tuple[float | None, float | None]:
    """The range of a dtype; floats have none that anybody would look at."""
    if np.dtype(dtype).kind not in "iu":
        raise Invalid(f"its pixels are {dtype}, which has no full range: take minmax")
    limits = np.iinfo(dtype)
    return float(limits.min), float(limits.max)
