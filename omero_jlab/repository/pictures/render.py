"""Pictures and raw pixels of images."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...errors import Invalid
from ...model import Image, Picture, Projection, Settings, Tile
from ...operations import SentTile
from ...rendering import PictureFormat, encode, encode_tiff
from ...storage import shard
from ..pixel_access import (
    OpenImage,
    check_plane,
    check_region,
    open_image,
    open_labels,
    window_of,
)
from ..seen import see_image
from ..state import State
from ..work import Work
from .drawing import Grid, View, draw, draw_grid, stored_picture
from .luts import check_luts, without_lost_luts
from .panels import draw_picture, pixel_width_um
from .projections import projected
from .thumbnails import keep_thumbnail, kept_thumbnail

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
        seen = see_image(self, image_id)
        kept = self._thumbnail_path(seen.record, seen.settings, size)
        known = kept_thumbnail(kept)
        if known is not None:
            return known
        picture = _thumbnail(self.store, open_image(self, image_id), seen.settings, size)
        keep_thumbnail(self.store, picture, kept)
        return picture

    def tile(
        self,
        image_id: int,
        tile: Tile,
        settings: Settings | None = None,
        format: str = "jpeg",
        projection: Projection | None = None,
    ) -> bytes:
        """A rendered tile as `jpeg`, `png` or `webp`."""
        if format not in _FORMATS:
            raise Invalid(f"A tile comes as {', '.join(_FORMATS)}, not as {format!r}.")
        source = open_image(self, image_id)
        w = window_of(source.record, tile)
        view = self._view(source, tile.t, tile.z, settings, projection)
        area = (w.y, w.x, w.height, w.width)
        stored = stored_picture(view, tile.level, area) if format == "jpeg" else None
        if stored is not None:
            return stored
        picture = draw(self.store, view, tile.level, area)
        return encode(picture, cast(PictureFormat, format))

    def raw_tile(self, image_id: int, tile: Tile, channels: Sequence[int]) -> NDArray[Any]:
        """A tile's pixels, shape (C, height, width), cut at the image's edge."""
        source = open_image(self, image_id)
        w = window_of(source.record, tile)
        _check_channels(source.record, channels)
        return source.reader.planes(
            tile.level, tile.t, channels, tile.z, w.y, w.x, w.height, w.width
        )

    def sent_tile(
        self, image_id: int, tile: Tile, channels: Sequence[int], encodings: Collection[str] = ()
    ) -> SentTile:
        """A tile's pixels as bytes, as they are stored where that fits."""
        source = open_image(self, image_id)
        w = window_of(source.record, tile)
        _check_channels(source.record, channels)
        reader = source.reader
        shape = (len(channels), w.height, w.width)
        dtype = reader.dtype.newbyteorder("<")
        if len(channels) == 1:
            stored = reader.as_stored(
                tile.level, tile.t, channels[0], tile.z, w.y, w.x, w.height, w.width, encodings
            )
            if stored is not None:
                return SentTile(stored[0], shape, dtype.str, stored[1])
        planes = reader.planes(tile.level, tile.t, channels, tile.z, w.y, w.x, w.height, w.width)
        return SentTile(planes.astype(dtype, copy=False).tobytes(), shape, dtype.str)

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
        projection: Projection | None = None,
    ) -> NDArray[np.uint8]:
        """A rendered region, shape (height, width, 3)."""
        check_region(height, width)
        source = open_image(self, image_id)
        view = self._view(source, t, z, settings, projection)
        return draw(self.store, view, level, (y, x, height, width))

    def project(
        self,
        image_id: int,
        projection: Projection,
        channels: Sequence[int] | None = None,
        t: int = 0,
        z: int = 0,
        level: int = 0,
        y: int = 0,
        x: int = 0,
        height: int | None = None,
        width: int | None = None,
    ) -> NDArray[Any]:
        """Projected pixels, shape (C, height, width); the whole plane unless a part is named."""
        source = open_image(self, image_id)
        image = source.record
        if not 0 <= level < len(image.levels):
            raise Invalid(f"Image {image_id} has levels 0 to {len(image.levels) - 1}, not {level}.")
        size = image.levels[level]
        wanted = list(range(image.sizes.c)) if channels is None else list(channels)
        _check_channels(image, wanted)
        area = (
            y,
            x,
            size.height - y if height is None else height,
            size.width - x if width is None else width,
        )
        check_region(*area[2:])
        return projected(source, level, t, z, wanted, area, projection)

    def picture(self, image_id: int, picture: Picture | None = None) -> bytes:
        """A picture of the image as a file: a region at any size, panels, a scale bar, labels."""
        asked = Picture() if picture is None else picture
        source = open_image(self, image_id)
        overlaid = tuple(open_labels(self, labels_id) for labels_id in asked.labels)
        for each in overlaid:
            if each.image.id != image_id:
                raise Invalid(f"Label image {each.labels_id} lies over image {each.image.id}.")
        settings = asked.settings or self._settings(source.record)
        t = settings.t if asked.t is None else asked.t
        z = settings.z if asked.z is None else asked.z
        view = self._view(source, t, z, settings, asked.projection)
        drawn = draw_picture(self.store, view, asked, overlaid)
        if asked.format != "tiff":
            return encode(drawn, asked.format, asked.quality)
        return encode_tiff(drawn, pixel_width_um(source.record, asked))

    def _view(
        self,
        source: OpenImage,
        t: int,
        z: int,
        settings: Settings | None,
        projection: Projection | None,
    ) -> View:
        check_plane(source.record, t, z)
        if settings is None:
            settings = self._settings(source.record)
        else:
            check_luts(self.store, settings.channels)
        return View(source, t, z, settings, projection)

    def _settings(self, image: Image) -> Settings:
        return without_lost_luts(self.store, see_image(self, image.id).settings)

    def _thumbnail_path(self, image: Image, settings: Settings, size: int) -> Path:
        asked = f"{len(image.levels)} {size} {settings.model_dump_json()}"
        digest = hashlib.sha256(asked.encode()).hexdigest()[:24]
        return self.store.layout.thumbnails / shard(image.id) / f"{digest}.jpg"


def _thumbnail(state: State, source: OpenImage, settings: Settings, size: int) -> bytes:
    image = source.record
    scale = min(1.0, size / max(image.sizes.y, image.sizes.x))
    rows, columns = max(1, round(image.sizes.y * scale)), max(1, round(image.sizes.x * scale))
    t, z = min(settings.t, image.sizes.t - 1), min(settings.z, image.sizes.z - 1)
    grid = Grid(0, 0, image.sizes.y, image.sizes.x, rows, columns)
    return encode(draw_grid(state, View(source, t, z, settings), grid, math.inf), "jpeg")


def _check_channels(image: Image, channels: Sequence[int]) -> None:
    wrong = [c for c in channels if not 0 <= c < image.sizes.c]
    if wrong or not channels:
        raise Invalid(
            f"Image {image.id} has channels 0 to {image.sizes.c - 1}, not {wrong or 'none'}."
        )
