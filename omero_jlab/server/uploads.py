"""Bodies too large for memory: images, labels, rows, files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from pydantic_core import to_json

from ..errors import Invalid, NotFound
from ..model import Record, TargetKind
from ..operations import AnySession
from ..remote.wire import PIECE, NewFile, NewImage, NewLabels, NewTable
from ..storage import Layout
from .base import RepositoryHandler, StreamedHandler, writes
from .spool import Spool

__all__ = ["UPLOADS", "target_kind"]

# What disk and repository allow is known to them; this only bounds an endless stream.
_BODY_LIMIT = 1 << 44


class UploadHandler(StreamedHandler):
    """Receives a body into a file; who may not write is refused before the body comes."""

    spool: Spool | None = None
    body_limit = _BODY_LIMIT

    async def prepare(self) -> None:  # type: ignore[override]
        """Authenticate, then make room for the body."""
        self._arrived: list[bytes] = []
        self._held = 0
        self._failure: Exception | None = None
        if await self.admit() and self.request.method == "POST":
            self.request.connection.set_max_body_size(self.body_limit)  # type: ignore[union-attr]
            self.spool = await self.offload(lambda: Spool(self.folder / "bodies"))

    @property
    def folder(self) -> Path:
        """Where bodies are kept until they have become something."""
        layout = Layout(self.holder.root)
        return layout.staging(layout.files)

    async def data_received(self, chunk: bytes) -> None:
        """Keep what has arrived; a failure is told when all of it has."""
        if self.spool is None:
            self.drop(chunk)
        if self.spool is None or self._failure is not None:
            return
        self._arrived.append(chunk)
        self._held += len(chunk)
        if self._held >= PIECE:
            await self._write()

    async def _write(self) -> None:
        data, self._arrived, self._held = b"".join(self._arrived), [], 0
        spool = self.spool
        assert spool is not None
        try:
            await self.offload(lambda: spool.write(data))
        except Exception as error:  # noqa: BLE001 - raised again by `received`
            self._failure = error

    async def received(self, use: Callable[[AnySession, Spool], Record | bytes]) -> None:
        """Answer with what `use` makes of the body, and forget the body."""
        await self._write()
        spool, self.spool = self.spool, None
        assert spool is not None
        try:
            if self._failure is not None:
                raise self._failure
            body = await self.with_session(lambda session: _once(session, spool, use))
        finally:
            self.holder.writing.soon(spool.remove)
        await self.send_json(body)

    def on_finish(self) -> None:
        """Forget the body."""
        self._forget()

    def on_connection_close(self) -> None:
        """Forget the body of a client that has gone."""
        super().on_connection_close()
        self._forget()

    def _forget(self) -> None:
        spool, self.spool = self.spool, None
        if spool is not None:
            self.holder.writing.soon(spool.remove)


class ImagesHandler(UploadHandler):
    """New images."""

    @writes
    async def post(self) -> None:
        """Write an array as a new image."""

        def use(session: AnySession, spool: Spool) -> Record:
            head = spool.header(NewImage)
            return session.add_image(
                spool.array(head.array),
                name=head.name,
                dataset=head.dataset,
                project=head.project,
                like=head.like,
                channels=head.channels,
                spacing=head.spacing,
            )

        await self.received(use)


class LabelsHandler(UploadHandler):
    """New label images."""

    @writes
    async def post(self, image_id: str) -> None:
        """Attach an array as a label image."""
        image = number(image_id)

        def use(session: AnySession, spool: Spool) -> Record:
            head = spool.header(NewLabels)
            array = spool.array(head.array)
            return session.add_labels(image, head.name, array, head.placement, head.provenance)

        await self.received(use)


class RoisHandler(UploadHandler):
    """Many new regions."""

    @writes
    async def post(self, image_id: str) -> None:
        """Put regions on an image, all or none."""
        image = number(image_id)

        def use(session: AnySession, spool: Spool) -> bytes:
            from ..remote.rois import NewRois, rois_in

            head = spool.header(NewRois)
            rois = tuple(rois_in(spool.path, spool.offset))
            return to_json(session.add_rois(image, rois, head.folder))

        await self.received(use)


class TablesHandler(UploadHandler):
    """New tables."""

    @writes
    async def post(self, kind: str, id: str) -> None:
        """Attach rows as a table."""
        target, of = target_kind(kind), number(id)

        def use(session: AnySession, spool: Spool) -> Record:
            from ..remote.frames import frame_in

            head = spool.header(NewTable)
            frame = frame_in(spool.path, spool.offset)
            return session.add_table(
                target,
                of,
                head.name,
                frame,
                namespace=head.namespace,
                description=head.description,
                units=head.units,
                descriptions=head.descriptions,
                links=head.links,
                metadata=head.metadata,
                provenance=head.provenance,
            )

        await self.received(use)


class FilesHandler(UploadHandler):
    """New file attachments."""

    @writes
    async def post(self, kind: str, id: str) -> None:
        """Attach a file."""
        target, of = target_kind(kind), number(id)

        def use(session: AnySession, spool: Spool) -> Record:
            head = spool.header(NewFile)
            spool.check_size(head.size)
            file = self.folder / "bodies" / spool.path.stem
            spool.move(file)
            try:
                return session.add_file(target, of, file, head.name, head.namespace)
            finally:
                file.unlink()

        await self.received(use)


UPLOADS: dict[str, type[RepositoryHandler]] = {
    "images": ImagesHandler,
    "images/{id}/labels": LabelsHandler,
    "images/{id}/rois/many": RoisHandler,
    "objects/{kind}/{id}/tables": TablesHandler,
    "objects/{kind}/{id}/files": FilesHandler,
}
"""The handlers by their paths below the API's root; `tables/{id}/rows` reads, too."""


def target_kind(text: str) -> TargetKind:
    """`text` as the kind of an object."""
    for kind in get_args(TargetKind):
        if text == kind:
            return kind  # type: ignore[no-any-return]
    raise NotFound(f"There are no objects of kind {text!r}; there are {get_args(TargetKind)}.")


def number(text: str) -> int:
    """`text` as an id."""
    if not text.isdecimal() or len(text) > 16:
        raise Invalid(f"An id is a number, not {text!r}.")
    return int(text)


def _once(session: Any, spool: Spool, use: Callable[[AnySession, Spool], Record | bytes]) -> bytes:
    before = session.repeated()
    if before is not None:
        return str(before).encode()
    made = use(session, spool)
    return made if isinstance(made, bytes) else made.model_dump_json().encode()
