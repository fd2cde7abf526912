"""Pieces of files on their way to an import: written where they belong as they arrive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import Field, NonNegativeInt, PositiveInt, TypeAdapter

from ..errors import Invalid, TooLarge
from ..model import Record, UploadedFile
from ..operations import AnySession
from ..remote.wire import PIECE, Batch, Received
from ..storage import CHUNK_LIMIT, Piece
from .base import RepositoryHandler, StreamedHandler, writes
from .spool import Spool
from .uploads import UploadHandler, number

__all__ = ["RESUMABLE"]

T = TypeVar("T")

_HEADER_LIMIT = 2 << 20
_FILES = TypeAdapter(tuple[UploadedFile, ...])


class _Piece(Record):
    offset: NonNegativeInt
    length: PositiveInt
    checksum: str | None = Field(default=None, max_length=200)


class PieceHandler(StreamedHandler):
    """Receives a piece of a file; what is refused is refused before its first byte is written."""

    # Otherwise who is refused is cut off in the middle of a piece and never told why.
    dropped_limit = CHUNK_LIMIT

    async def prepare(self) -> None:  # type: ignore[override]
        """Authenticate, and open the file."""
        self._piece: Piece | None = None
        self._arrived: list[bytes] = []
        self._held = 0
        self._failure: Exception | None = None
        await self.admit()

    async def check_caller(self) -> None:
        """As elsewhere; a piece that cannot be taken is refused, too."""
        await super().check_caller()
        if self.request.method != "PUT":
            return
        self.request.connection.set_max_body_size(CHUNK_LIMIT)  # type: ignore[union-attr]
        upload, file = self.path_args
        asked = self.asked(_Piece)
        said = self.request.headers.get("Content-Length")
        if said is not None and said != str(asked.length):
            raise Invalid(f"The piece has {said} bytes, and {asked.length} were announced.")

        def begin(session: Any) -> Piece:
            start, end = asked.offset, asked.offset + asked.length
            piece: Piece = session.uploads.piece(upload, number(file), start, end, asked.checksum)
            return piece

        self._piece = await self._receiving(lambda: begin(self.session()))

    async def data_received(self, chunk: bytes) -> None:
        """Write what has arrived; a failure is told when all of it has."""
        if self._piece is None:
            self.drop(chunk)
        elif self._failure is None:
            self._arrived.append(chunk)
            self._held += len(chunk)
            if self._held >= PIECE:
                await self._write(self._piece)

    @writes
    async def put(self, _upload: str, _number: str) -> None:
        """Take bytes of a file from `offset` on; sent again, they replace what was there."""
        piece = self._piece
        assert piece is not None
        await self._write(piece)
        if self._failure is not None:
            raise self._failure
        received = await self._receiving(lambda: self._told(piece.finish))
        await self.send_json(Received(received=received).model_dump_json().encode())

    def on_finish(self) -> None:
        """Let go of the file."""
        self._let_go()

    def on_connection_close(self) -> None:
        """Let go of the file of a client that has gone."""
        super().on_connection_close()
        self._let_go()

    async def _write(self, piece: Piece) -> None:
        data, self._arrived, self._held = b"".join(self._arrived), [], 0
        if not data or self._failure is not None:
            return
        try:
            await self._receiving(lambda: self._told(lambda: piece.write(data)))
        except Exception as error:  # noqa: BLE001 - raised again by `put`
            self._failure = error

    def _told(self, write: Callable[[], T]) -> T:
        session: Any = self.session()
        with session.uploads.failing():
            return write()

    async def _receiving(self, function: Callable[[], T]) -> T:
        return await self.holder.receiving.run(lambda: not self.gone, function)

    def _let_go(self) -> None:
        piece, self._piece = self._piece, None
        if piece is not None:
            self.holder.receiving.soon(piece.close)


class BatchHandler(UploadHandler):
    """Receives small files, many at a time."""

    dropped_limit = CHUNK_LIMIT
    body_limit = CHUNK_LIMIT + _HEADER_LIMIT

    async def check_caller(self) -> None:
        """As elsewhere; what there is no room for is refused before it comes."""
        await super().check_caller()
        if self.request.method != "POST":
            return
        said = self.request.headers.get("Content-Length", "0")
        size = int(said) if said.isdecimal() and len(said) < 19 else 0
        if size > self.body_limit:
            raise TooLarge(
                f"{size:,} bytes are too many for one request: send at most {CHUNK_LIMIT:,} at "
                f"a time, and large files piece by piece."
            )

        def check(session: Any) -> None:
            session.uploads.check_batch(self.path_args[0], size)

        await self.with_session(check)

    @writes
    async def post(self, upload: str) -> None:
        """Keep whole files that lie one after the other."""

        def use(session: AnySession, spool: Spool) -> bytes:
            head = spool.header(Batch)
            spool.check_size(sum(file.size for file in head.files))
            taking: Any = session
            made = taking.uploads.add_whole(upload, head.files, spool.path, spool.offset)
            return _FILES.dump_json(made)

        await self.received(use)


RESUMABLE: dict[str, type[RepositoryHandler]] = {
    "uploads/{upload}/files/{number}/content": PieceHandler,
    "uploads/{upload}/batch": BatchHandler,
}
"""The handlers by their paths below the API's root."""
