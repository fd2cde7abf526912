"""Pictures and raw pixels of images."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..database import ImageRow
from ..errors import Invalid, OmeroError
from ..model import Image, Settings, Tile
from ..rendering import PictureFormat, encode, render, shrink
from ..storage import shard, writing
from .containers import found
from .images import image_record, settings_of
from .pixel_access import OpenImage, check_plane, check_region, open_image, opened, window_of
from .work import Work

__all__ = ["Pictures"]

log = logging.getLogger(__name__)

_FORMATS = ("jpeg", "png", "webp")
_LARGEST_THUMBNAIL = 1024


class Pictures(Work):
    """The streams of rendered and raw pixels."""

    def thumbnail(self, image_id: int, size: int = 128) -> bytes:
        """A JPEG no larger than `size` pixels a side, kept once it was drawn."""
        if not 8 <= size <= _LARGEST_THUMBNAIL:
            raise Invalid(f"A thumbnail has 8 to {_LARGEST_THUMBNAIL} pixels a side, not {size}.")
        with self.reading() as (db, access):
            row = found(db, ImageRow, image_id)
            image = image_record(row, access)
            settings = settings_of(db, access, image)
            kept = self._thumbnail_path(image, settings, size)
            if kept.is_file():
                return kept.read_bytes()
            source = opened(self, db, access, row)
        picture = _thumbnail(source, settings, size)
        if not self.store.why_read_only():
            self._keep(picture, kept)
        return picture

    def _keep(self, picture: bytes, kept: Path) -> None:
        """Keep a thumbnail; where that fails it is drawn again the next time, and no worse."""
        new = kept.with_name(f".{secrets.token_hex(8)}")
        try:
            with writing(kept, len(picture)):
                kept.parent.mkdir(parents=True, exist_ok=True)
                new.write_bytes(picture)
                new.replace(kept)
        except OmeroError as error:
            log.warning("a thumbnail is not kept: %s", error)
            if not self.store.disk_failed(error):
                new.unlink(missing_ok=True)

    def thumbnail_version(self, image_id: int, size: int = 128) -> str:
        """What changes whenever the thumbnail does; raises where the image may not be seen."""
        with self.reading() as (db, access):
            image = image_record(found(db, ImageRow, image_id), access)
            return self._thumbnail_path(image, settings_of(db, access, image), size).stem

    def tile(
        self, image_id: int, tile: Tile, settings: Settings | None = None, format: str = "jpeg"
    ) -> bytes:
        """A rendered tile as `jpeg`, `png` or `webp`."""
        if format not in _FORMATS:
            raise Invalid(f"A tile comes as {', '.join(_FORMATS)}, not as {format!r}.")
        source = open_image(self, image_id)
        w = window_of(source.record, tile)
        settings = settings or self._settings(source.record)
        area = (w.y, w.x, w.height, w.width)
        picture = _picture(source, tile.level, tile.t, tile.z, area, settings)
        return encode(picture, cast(PictureFormat, format))

    def raw_tile(self, image_id: int, tile: Tile, channels: Sequence[int]) -> NDArray[Any]:
        """A tile's pixels, shape (C, height, width), cut at the image's edge."""
        source = open_image(self, image_id)
        w = window_of(source.record, tile)
        _check_channels(source.record, channels)
        return source.reader.planes(
            tile.level, tile.t, channels, tile.z, w.y, w.x, w.height, w.width
        )

    def region(
        self,
        image_id: int,
        level: int,
        t: int,
        c: int,
        z: int,
        y: int,
        x: int,
        height: int,
        width: int,
    ) -> NDArray[Any]:
        """Pixels of one plane, shape (height, width)."""
        check_region(height, width)
        source = open_image(self, image_id)
        return source.reader.region(level, t, c, z, y, x, height, width)

    def render(
        self,
        image_id: int,
        level: int,
        t: int,
        z: int,
        y: int,
        x: int,
        height: int,
        width: int,
        settings: Settings | None = None,
    ) -> NDArray[np.uint8]:
        """A rendered region, shape (height, width, 3)."""
        check_region(height, width)
        source = open_image(self, image_id)
        check_plane(source.record, t, z)
        settings = settings or self._settings(source.record)
        return _picture(source, level, t, z, (y, x, height, width), settings)

    def _settings(self, image: Image) -> Settings:
        with self.reading() as (db, access):
            return settings_of(db, access, image)

    def _thumbnail_path(self, image: Image, settings: Settings, size: int) -> Path:
        asked = f"{len(image.levels)} {size} {settings.model_dump_json()}"
        digest = hashlib.sha256(asked.encode()).hexdigest()[:24]
        return self.store.layout.thumbnails / shard(image.id) / f"{digest}.jpg"


def _picture(
    source: OpenImage,
    level: int,
    t: int,
    z: int,
    area: tuple[int, int, int, int],
    settings: Settings,
) -> NDArray[np.uint8]:
    image = source.record
    if not image.is_rgb and len(settings.channels) != image.sizes.c:
        raise Invalid(
            f"Image {image.id} has {image.sizes.c} channels; these settings are for "
            f"{len(settings.channels)}."
        )
    if image.is_rgb:
        wanted = list(range(image.sizes.c))[:3]
        return render(source.reader.planes(level, t, wanted, z, *area), settings)
    wanted = [c for c, channel in enumerate(settings.channels) if channel.active]
    if not wanted:
        return np.zeros((area[2], area[3], 3), np.uint8)
    drawn = settings.model_copy(update={"channels": tuple(settings.channels[c] for c in wanted)})
    return render(source.reader.planes(level, t, wanted, z, *area), drawn)


def _thumbnail(source: OpenImage, settings: Settings, size: int) -> bytes:
    levels = source.record.levels
    fitting = [i for i, level in enumerate(levels) if max(level.height, level.width) >= size]
    number = fitting[-1] if fitting else 0
    level = levels[number]
    scale = min(1.0, size / max(level.height, level.width))
    height, width = max(1, round(level.height * scale)), max(1, round(level.width * scale))
    channels = range(source.record.sizes.c)
    t, z = min(settings.t, source.record.sizes.t - 1), min(settings.z, source.record.sizes.z - 1)
    planes = source.reader.planes(number, t, channels, z, 0, 0, level.height, level.width)
    return encode(render(shrink(planes, height, width), settings), "jpeg")


def _check_channels(image: Image, channels: Sequence[int]) -> None:
    wrong = [c for c in channels if not 0 <= c < image.sizes.c]
    if wrong or not channels:
        raise Invalid(
            f"Image {image.id} has channels 0 to {image.sizes.c - 1}, not {wrong or 'none'}."
        )
