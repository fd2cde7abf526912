"""Files on their way to a repository in another place."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt

from .record import Record

__all__ = ["ByteRange", "FileToUpload", "Upload", "UploadState", "UploadedFile"]

ByteRange = tuple[NonNegativeInt, NonNegativeInt]
"""The first byte, and the one after the last."""

UploadState = Literal["receiving", "verifying", "complete"]
Size = Annotated[int, Field(ge=0, lt=1 << 63)]


class Upload(Record):
    """Files that one import will name: `folder` is the folder on the server that they are in.

    `size` counts the bytes that were declared, `received` those that are there.
    """

    id: str
    key: str
    folder: str
    began_at: datetime
    active_at: datetime
    files: int
    complete: int
    size: int
    received: int


class FileToUpload(Record):
    """A file that will be sent: `path` is relative, with `/` between its parts.

    `checksum` is `algorithm:hex`, by OMERO's names of them.  `mtime_ns` is its time of change.
    """

    path: str
    size: Size
    checksum: str | None = None
    mtime_ns: Annotated[int, Field(gt=-(1 << 63), lt=1 << 63)] | None = None


class UploadedFile(Record):
    """A file as far as it has come; once it is complete, `checksum` is its SHA-256."""

    number: int
    path: str
    size: int
    checksum: str | None
    mtime_ns: int | None
    state: UploadState
    received: tuple[ByteRange, ...]
