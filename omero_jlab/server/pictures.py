"""Pixels over HTTP: thumbnails, tiles, raw tiles, regions, label images."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from numpy.typing import NDArray
from pydantic import Field, Json, NonNegativeInt

from ..errors import Invalid, TooLarge
from ..model import Image, Picture, Projection, Record, Settings, Tile
from ..operations import AnySession, SentTile
from ..remote.wire import array_headers, as_sent, tile_headers
from .base import RepositoryHandler, reads

__all__ = ["PICTURES", "TILES"]

_PIXELS_LIMIT = 8192 * 8192
_TYPES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "tiff": "image/tiff",
}

_NO_WEIGHT = re.compile(r"q\s*=\s*0(\.0*)?", re.IGNORECASE)

Answer = bytes | NDArray[Any] | SentTile


class _Thumbnail(Record):
    image_id: int
    size: int = Field(128, ge=16, le=1024)


class _Tile(Record):
    id: int
    level: NonNegativeInt
    t: NonNegativeInt
    z: NonNegativeInt
    row: NonNegativeInt
    column: NonNegativeInt
    size: int = Field(256, ge=16, le=2048)

    @property
    def tile(self) -> Tile:
        return Tile(
            level=self.level, t=self.t, z=self.z, row=self.row, column=self.column, size=self.size
        )


class _DrawnTile(_Tile):
    format: Literal["jpeg", "png", "webp"] = "jpeg"
    settings: Json[Settings] | None = None
    projection: Json[Projection] | None = None


class _Raw(_Tile):
    channels: str | None = None


class _Plane(Record):
    id: int
    t: NonNegativeInt = 0
    z: NonNegativeInt = 0
    y: NonNegativeInt = 0
    x: NonNegativeInt = 0
    height: int = Field(ge=1)
    width: int = Field(ge=1)


class _Region(_Plane):
    level: NonNegativeInt = 0
    c: NonNegativeInt = 0


class _Render(_Plane):
    level: NonNegativeInt = 0
    settings: Json[Settings] | None = None
    projection: Json[Projection] | None = None
    format: Literal["raw", "jpeg", "png", "webp"] = "raw"


class _Projection(Record):
    id: int
    projection: Json[Projection]
    channels: str | None = None
    t: NonNegativeInt = 0
    z: NonNegativeInt = 0
    level: NonNegativeInt = 0
    y: NonNegativeInt = 0
    x: NonNegativeInt = 0
    height: int | None = Field(None, ge=1)
    width: int | None = Field(None, ge=1)


class _Picture(Picture):
    id: int
    settings: Json[Settings] | None = None
    projection: Json[Projection] | None = None
    labels: Json[tuple[int, ...]] = ()

    @property
    def picture(self) -> Picture:
        return Picture(**{name: getattr(self, name) for name in Picture.model_fields})


class PixelHandler(RepositoryHandler):
    """Answers with pixels under an ETag made of what they depend on."""

    async def answer(
        self,
        content_type: str,
        versions: Callable[[AnySession], tuple[object, ...]],
        pixels: Callable[[AnySession], Answer],
    ) -> None:
        """Send pixels, or 304 to who has them; `versions` raises for who may not see them."""

        def work(session: AnySession) -> tuple[str, dict[str, str], bytes | None]:
            parts = (self.holder.store().uuid, *versions(session))
            tag = f'"{hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()}"'
            known = self.request.headers.get("If-None-Match", "")
            same = tag in (each.strip().removeprefix("W/") for each in known.split(","))
            if same:
                return tag, {}, None
            found = pixels(session)
            if isinstance(found, bytes):
                return tag, {"Content-Type": content_type}, found
            if isinstance(found, SentTile):
                return tag, tile_headers(found), found.data
            return tag, array_headers(found), as_sent(found).tobytes()

        tag, headers, body = await self.with_session(work)
        self.set_header("Etag", tag)
        self.set_header("Cache-Control", "private, max-age=0")
        if body is None:
            self.set_status(304)
            await self.finish()
            return
        for name, value in headers.items():
            self.set_header(name, value)
        await self.send(body, headers["Content-Type"])


class ThumbnailHandler(PixelHandler):
    """A small picture of an image."""

    @reads
    async def get(self, image_id: str) -> None:
        """Answer with a JPEG."""
        asked = self.asked(_Thumbnail, image_id=image_id)
        await self.answer(
            "image/jpeg",
            lambda session: _drawn(session, asked.image_id, None),
            lambda session: session.thumbnail(asked.image_id, asked.size),
        )

    head = get


class TileHandler(PixelHandler):
    """A rendered tile."""

    @reads
    async def get(self, id: str, level: str, t: str, z: str, row: str, column: str) -> None:
        """Answer with JPEG, PNG or WebP."""
        asked = self.asked(_DrawnTile, id=id, level=level, t=t, z=z, row=row, column=column)
        await self.answer(
            _TYPES[asked.format],
            lambda session: _drawn(session, asked.id, asked.settings),
            lambda session: session.tile(
                asked.id, asked.tile, asked.settings, asked.format, asked.projection
            ),
        )

    head = get


class RawTileHandler(PixelHandler):
    """A tile's pixels."""

    @reads
    async def get(self, id: str, level: str, t: str, z: str, row: str, column: str) -> None:
        """Answer with an array (C, height, width)."""
        asked = self.asked(_Raw, id=id, level=level, t=t, z=z, row=row, column=column)
        wanted = None if asked.channels is None else _numbers(asked.channels)

        accepted = self._accepted()

        def pixels(session: AnySession) -> Answer:
            every = range(session.images.get(asked.id).sizes.c) if wanted is None else wanted
            return session.sent_tile(asked.id, asked.tile, every, accepted)

        def versions(session: AnySession) -> tuple[object, ...]:
            # What is coded is another body, and so has another tag.
            return (*_stored(session.images.get(asked.id)), accepted)

        self.set_header("Vary", "Accept-Encoding")
        await self.answer("", versions, pixels)

    def _accepted(self) -> tuple[str, ...]:
        """The codecs that the caller's HTTP library decodes by itself, and that tiles may have."""
        for each in self.request.headers.get("Accept-Encoding", "").split(","):
            name, _, weight = each.partition(";")
            if name.strip().lower() == "zstd":
                return () if _NO_WEIGHT.fullmatch(weight.strip()) else ("zstd",)
        return ()

    head = get


class RegionHandler(PixelHandler):
    """Pixels of a part of a plane."""

    @reads
    async def get(self, id: str) -> None:
        """Answer with an array (height, width)."""
        asked = self.asked(_Region, id=id)
        _check_size(asked)
        await self.answer(
            "",
            lambda session: _stored(session.images.get(asked.id)),
            lambda session: session.region(
                asked.id, asked.level, asked.t, asked.c, asked.z,
                asked.y, asked.x, asked.height, asked.width,
            ),
        )  # fmt: skip

    head = get


class RenderHandler(PixelHandler):
    """A rendered part of a plane."""

    @reads
    async def get(self, id: str) -> None:
        """Answer with an array (height, width, 3), or a picture."""
        asked = self.asked(_Render, id=id)
        _check_size(asked)

        def picture(session: AnySession) -> Answer:
            pixels = session.render(
                asked.id, asked.level, asked.t, asked.z,
                asked.y, asked.x, asked.height, asked.width, asked.settings, asked.projection,
            )  # fmt: skip
            if asked.format == "raw":
                return pixels
            from ..rendering import encode

            return encode(pixels, asked.format)

        versions = partial(_drawn, image_id=asked.id, settings=asked.settings)
        await self.answer(_TYPES.get(asked.format, ""), versions, picture)

    head = get


class ProjectionHandler(PixelHandler):
    """Projected pixels."""

    @reads
    async def get(self, id: str) -> None:
        """Answer with an array (C, height, width)."""
        asked = self.asked(_Projection, id=id)
        wanted = None if asked.channels is None else _numbers(asked.channels)
        await self.answer(
            "",
            lambda session: _stored(session.images.get(asked.id)),
            lambda session: session.project(
                asked.id, asked.projection, wanted, asked.t, asked.z,
                asked.level, asked.y, asked.x, asked.height, asked.width,
            ),
        )  # fmt: skip

    head = get


class PictureHandler(PixelHandler):
    """A picture to look at or to keep: a region at any size, panels, with what lies over it."""

    @reads
    async def get(self, id: str) -> None:
        """Answer with PNG, JPEG, WebP or TIFF."""
        asked = self.asked(_Picture, id=id)

        def versions(session: AnySession) -> tuple[object, ...]:
            over = [_labels(session, labels_id) for labels_id in asked.labels]
            return (*_drawn(session, asked.id, asked.settings), over)

        await self.answer(
            _TYPES[asked.format],
            versions,
            lambda session: session.picture(asked.id, asked.picture),
        )

    head = get


class LabelsTileHandler(PixelHandler):
    """A tile of a label image."""

    @reads
    async def get(self, id: str, level: str, t: str, z: str, row: str, column: str) -> None:
        """Answer with an array (height, width)."""
        asked = self.asked(_Tile, id=id, level=level, t=t, z=z, row=row, column=column)
        await self.answer(
            "",
            lambda session: _labels(session, asked.id),
            lambda session: session.labels_tile(asked.id, asked.tile),
        )

    head = get


class LabelsRegionHandler(PixelHandler):
    """A part of a label image in its own pixels."""

    @reads
    async def get(self, id: str) -> None:
        """Answer with an array (height, width)."""
        asked = self.asked(_Plane, id=id)
        _check_size(asked)
        await self.answer(
            "",
            lambda session: _labels(session, asked.id),
            lambda session: session.labels_region(
                asked.id, asked.t, asked.z, asked.y, asked.x, asked.height, asked.width
            ),
        )

    head = get


_TILE = "{level}/{t}/{z}/{row}/{column}"

PICTURES: dict[str, type[RepositoryHandler]] = {
    "images/{id}/thumbnail": ThumbnailHandler,
    f"images/{{id}}/tiles/{_TILE}": TileHandler,
    f"images/{{id}}/raw/{_TILE}": RawTileHandler,
    "images/{id}/region": RegionHandler,
    "images/{id}/render": RenderHandler,
    "images/{id}/projection": ProjectionHandler,
    "images/{id}/picture": PictureHandler,
    f"labels/{{id}}/raw/{_TILE}": LabelsTileHandler,
    "labels/{id}/region": LabelsRegionHandler,
}
"""The handlers by their paths below the API's root."""

TILES = tuple(path for path in PICTURES if path.endswith(_TILE))
"""Those of them that a viewer asks for all the time."""


def _stored(image: Image) -> tuple[object, ...]:
    # The pyramid grows after the import while the record's version stays.
    return image.id, image.version, image.pyramid, len(image.levels)


def _drawn(session: AnySession, image_id: int, settings: Settings | None) -> tuple[object, ...]:
    image = session.images.get(image_id)
    used = settings or session.images.settings(image_id)
    # A table that came as a file may be another one under the same name.
    tables = [session.images.lut(each.lut).colors for each in used.channels if each.lut]
    return (*_stored(image), used.model_dump_json(), tables)


def _labels(session: AnySession, labels_id: int) -> tuple[object, ...]:
    labels = session.annotations.get(labels_id)
    return labels.id, labels.version


def _numbers(text: str) -> list[int]:
    if not all(part.isdecimal() for part in text.split(",")):
        raise Invalid(f"channels={text!r} was asked; numbers with commas between them would do.")
    return [int(part) for part in text.split(",")]


def _check_size(asked: _Plane) -> None:
    if asked.height * asked.width > _PIXELS_LIMIT:
        raise TooLarge(
            f"{asked.height} × {asked.width} pixels were asked for; one answer has at most "
            f"{_PIXELS_LIMIT}: ask for parts."
        )
