"""Sending files to the repository's machine, piece by piece; the pieces are streams."""

from __future__ import annotations

from typing import Annotated, Protocol

from pydantic import Field, NonNegativeInt

from ..model import FileToUpload, Upload, UploadedFile
from . import declare as http

__all__ = ["Uploads"]

Key = Annotated[str, Field(max_length=200)]
Many = Annotated[tuple[FileToUpload, ...], Field(max_length=10_000)]
Limit = Annotated[int, Field(ge=1, le=1000)]
Total = Annotated[int, Field(ge=0, lt=1 << 63)]


class Uploads(Protocol):
    """Uploads outlive the server; one that nobody uses is forgotten after some days.

    Bytes come by PUT to `uploads/{upload}/files/{number}/content?offset=…&length=…&checksum=…`,
    in any order and number at once; small files many at a time by POST to
    `uploads/{upload}/batch`.
    """

    @http.post("uploads")
    def begin(self, key: Key = "", size: Total = 0) -> Upload:
        """A new upload, or the open one that you began under the same key.

        `size` bytes are kept free for all its files together.
        """
        ...

    @http.get("uploads")
    def list(self) -> tuple[Upload, ...]:
        """Your uploads that were not imported yet, or are being so, the oldest first."""
        ...

    @http.get("uploads/{upload}")
    def get(self, upload: str) -> Upload:
        """One of your uploads."""
        ...

    @http.delete("uploads/{upload}")
    def abort(self, upload: str) -> None:
        """Forget an upload and its files; their room is free at once."""
        ...

    @http.post("uploads/{upload}/files")
    def declare(self, upload: str, files: Many) -> tuple[UploadedFile, ...]:
        """Announce files and keep their room free; what was declared before goes on."""
        ...

    @http.get("uploads/{upload}/files")
    def files(
        self, upload: str, after: NonNegativeInt = 0, limit: Limit = 1000
    ) -> tuple[UploadedFile, ...]:
        """The files whose number is larger than `after`, in the order of their numbers."""
        ...

    @http.get("uploads/{upload}/files/{number}")
    def file(self, upload: str, number: NonNegativeInt) -> UploadedFile:
        """One file, and which of its bytes are there."""
        ...

    @http.post("uploads/{upload}/files/{number}/complete")
    def complete(
        self, upload: str, number: NonNegativeInt, checksum: str | None = None
    ) -> UploadedFile:
        """Verify a file whose bytes are all there; asked again while it is `verifying`.

        A file that is not what the checksum says stays as it is: send what is wrong again, or
        drop it.
        """
        ...

    @http.delete("uploads/{upload}/files/{number}")
    def drop(self, upload: str, number: NonNegativeInt) -> None:
        """Forget one file of an upload."""
        ...
