"""Images and plates as OME-Zarr over HTTP, for programs that know nothing else of us.

They may be pages of other origins, so that every answer, an error too, says who may read it.  A
cookie never counts for those: they come with a token, or with a capability in the address.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated

from ..errors import Denied, NotFound, Unauthenticated
from ..operations import AnySession
from ..remote.zarr import ABSENT, PACKED
from .base import RepositoryHandler, reads
from .capabilities import mask, secret_and_path
from .ranges import asked_range

__all__ = ["ZARR", "OtherHandler"]

_DOCUMENTS = {"zarr.json", ".zgroup", ".zattrs", ".zarray", ".zmetadata"}
_WORTH = 0.9
_EXPOSED = "Content-Length, Content-Range, Accept-Ranges, ETag"
_ASKING = "Authorization, Range, If-None-Match, If-Range, Cache-Control, X-Requested-With"


class ZarrHandler(RepositoryHandler):
    """A file of an image or a plate as OME-Zarr."""

    _origins: tuple[str, ...] = ()

    async def prepare(self) -> None:  # type: ignore[override]
        """Let in who may ask; a page of another origin not by its cookie."""
        self._origins = await self.offload(lambda: self.holder.store().zarr_origins)
        await super().prepare()
        if self.is_foreign and self.current_user is not None and not self.token_authenticated:
            self.check_foreign()

    def check_foreign(self) -> None:
        """Refuse a page of another origin that came with nothing but a cookie."""
        raise self.unauthenticated()

    def set_cors_headers(self) -> None:
        """Say who may read the answer: ours to decide here, not Jupyter's."""
        self._allow_origin()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with the error in a form that a page of another origin may read."""
        self._allow_origin()
        super().write_error(status_code, **kwargs)

    @allow_unauthenticated
    async def options(self, *_: str) -> None:
        """Answer a browser that asks whether a page may ask."""
        self._allow_origin()
        self.set_header("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
        self.set_header("Access-Control-Allow-Headers", _ASKING)
        self.set_header("Access-Control-Max-Age", "3600")
        if self.request.headers.get("Access-Control-Request-Private-Network") == "true":
            self.set_header("Access-Control-Allow-Private-Network", "true")
        self.set_status(204)
        await self.finish()

    async def answer(self, kind: str, id: str, version: str, key: str) -> None:
        """Send the file `key`; 404 where there is none."""
        number = _number(kind, id)
        packing = self.get_query_argument(PACKED, "") == "zstd"

        def work(session: AnySession) -> tuple[str, bytes | None, bool]:
            tag = None
            if key.rpartition("/")[2] not in _DOCUMENTS:
                stored = _stored(session, kind, number, key)
                tag = _tag(self.holder.store().uuid, version, key, *stored)
                if self._knows(tag):
                    return tag, None, True
            read = session.zarr_file if kind == "images" else session.zarr_plate_file
            body = read(number, key, version)
            if tag is None:
                tag = _tag(body)
            return tag, body, body is not None and self._knows(tag)

        tag, body, known = await self.with_session(work)
        if known:
            self._cached_as(tag)
            self.set_status(304)
            await self.finish()
        elif body is None:
            await self._absent(key)
        else:
            self._cached_as(tag)
            await self._send_part(body, tag, key, packing)

    async def _absent(self, key: str) -> None:
        if self.get_query_argument(ABSENT, "") != "204":
            raise NotFound(f"There is no file {key!r} in it: an empty chunk, or no name of Zarr's.")
        self.set_status(204)
        await self.finish()

    async def _send_part(self, body: bytes, tag: str, key: str, packing: bool) -> None:
        is_document = key.rpartition("/")[2] in _DOCUMENTS
        kind = "application/json" if is_document else "application/octet-stream"
        self.set_header("Accept-Ranges", "bytes")
        wanted = self.request.headers.get("Range", "")
        if self.request.headers.get("If-Range", tag) != tag:
            wanted = ""
        part = asked_range(wanted, len(body))
        if part is None:
            packed = await self.offload(lambda: _packed(body)) if packing else None
            if packed is not None:
                self.set_header(f"X-{PACKED}", "zstd")
            await self.send(body if packed is None else packed, kind)
        elif part.start >= part.stop:
            self.set_header("Content-Range", f"bytes */{len(body)}")
            self.set_status(416)
            await self.finish()
        else:
            last = part.stop - 1
            self.set_header("Content-Range", f"bytes {part.start}-{last}/{len(body)}")
            self.set_status(206)
            await self.send(body[part.start : part.stop], kind)

    def _knows(self, tag: str) -> bool:
        known = self.request.headers.get("If-None-Match", "").split(",")
        return tag in (each.strip().removeprefix("W/") for each in known)

    def _cached_as(self, tag: str) -> None:
        self.set_header("Etag", tag)
        self.set_header("Cache-Control", "private, max-age=0")
        self.set_header("Vary", "Origin, Authorization")

    def _allow_origin(self) -> None:
        # Also after an error, which clears the headers that were set.
        origin = self.request.headers.get("Origin", "")
        for name in ("Allow-Origin", "Allow-Credentials"):
            self.clear_header(f"Access-Control-{name}")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cross-Origin-Resource-Policy", "cross-origin")
        self.set_header("Vary", "Origin, Authorization")
        if "*" in self._origins:
            self.set_header("Access-Control-Allow-Origin", "*")
        elif origin in self._origins:
            self.set_header("Access-Control-Allow-Origin", origin)
        else:
            return
        self.set_header("Access-Control-Expose-Headers", _EXPOSED)


class ZarrImageHandler(ZarrHandler):
    """A file of an image, for who is logged in or has a token."""

    @reads
    async def get(self, version: str, id: str, key: str) -> None:
        """Answer with metadata as JSON, or with a chunk."""
        await self.answer("images", id, version, key)

    head = get


class ZarrPlateHandler(ZarrHandler):
    """A file of a plate, its wells and their images, for who is logged in or has a token."""

    @reads
    async def get(self, version: str, id: str, key: str) -> None:
        """Answer with metadata as JSON, or with a chunk."""
        await self.answer("plates", id, version, key)

    head = get


class CapabilityHandler(ZarrHandler):
    """A file of one image, for whoever has the capability in the address.

    `-` in its place says that it comes as a bearer token.
    """

    _granted: tuple[str, int] | None = None

    def initialize(self, holder: Any) -> None:
        """Keep what the route gives; the secret leaves the request before anything is logged."""
        super().initialize(holder)
        mask(self.request)

    async def bearer(self) -> None:
        """Nobody: what comes as a bearer token here is a capability."""
        return None

    def check_foreign(self) -> None:
        """Nothing: here a cookie counts for nobody."""

    def session(self) -> AnySession:
        """The repository as whoever made the capability sees it now."""
        assert self._granted is not None
        return self.holder.session(self._granted[0], None, None, False)

    @allow_unauthenticated
    async def get(self, rest: str) -> None:
        """Answer with metadata as JSON, or with a chunk; no login is needed."""
        secret, path = secret_and_path(rest, self.secret)
        found = re.fullmatch(r"([^/]+)/images/([^/]+)\.zarr/(.*)", path)
        self._granted = await self.offload(lambda: self.holder.store().grant_of(secret))
        if self._granted is None:
            raise Unauthenticated(
                "This capability is unknown, has expired or was revoked: ask for a new one."
            )
        if found is None or found[2] != str(self._granted[1]):
            raise NotFound("There is nothing here that this capability is for.")
        try:
            await self.answer("images", found[2], found[1], found[3])
        except (Denied, Unauthenticated):
            # Whoever made it has lost every right since.
            raise NotFound(f"There is no image {found[2]}.") from None

    head = get


class OtherHandler(ZarrHandler):
    """Every other path below `zarr/`."""

    def initialize(self, holder: Any) -> None:
        """Keep what the route gives; a capability may stand where it was not looked for."""
        super().initialize(holder)
        mask(self.request, whole=True)

    @reads
    async def get(self, _rest: str) -> None:
        """Refuse."""
        raise NotFound("What is served is zarr/0.5/images/ID.zarr/, 0.4 too, and plates.")

    head = get


ZARR: dict[str, type[RepositoryHandler]] = {
    "zarr/cap/{rest*}": CapabilityHandler,
    "zarr/{version}/images/{id}.zarr/{key*}": ZarrImageHandler,
    "zarr/{version}/plates/{id}.zarr/{key*}": ZarrPlateHandler,
}
"""The handlers by their paths below the API's root."""


def _number(kind: str, id: str) -> int:
    if not id.isdecimal() or len(id) > 16:
        raise NotFound(f"There is no {kind[:-1]} {id!r}: an id is a number.")
    return int(id)


def _stored(session: AnySession, kind: str, id: int, key: str) -> tuple[object, ...]:
    """What a chunk depends on; raises where the object may not be seen."""
    if kind == "plates":
        wells = session.containers.wells(id)
        ids = tuple(field.image_id for well in wells for field in well.fields)
        images = tuple(
            (image.id, image.version, len(image.levels)) for image in session.images.find(ids=ids)
        )
        return id, ids, images
    image = session.images.get(id)
    over = session.images.labels(id) if key.startswith("labels/") else ()
    labels = tuple((each.id, each.name) for each in over)
    return id, image.version, image.pyramid, len(image.levels), labels


def _tag(*parts: object) -> str:
    return f'"{hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()}"'


def _packed(body: bytes) -> bytes | None:
    """`body` compressed, where that is worth it: not once more what is stored compressed."""
    import imagecodecs

    packed = bytes(imagecodecs.zstd_encode(body, 1))
    return packed if len(packed) < _WORTH * len(body) else None
