"""What was deleted and is kept for a while, and what came back."""

from __future__ import annotations

from datetime import datetime

from .record import Record

__all__ = ["Deletion", "Trashed", "Undeleted"]


class Deletion(Record):
    """One deletion: an object, with all that went with it.

    `user` deleted it and is empty where that is not known; `owner` and `group` are the object's.
    `images` and `rows` count what went.
    """

    id: int
    kind: str
    object_id: int
    name: str
    user: str
    owner: str
    group: str
    deleted_at: datetime
    images: int
    rows: int


class Trashed(Record):
    """A deletion, and the files and bytes on the disk that it keeps."""

    deletion: Deletion
    files: int
    size: int


class Undeleted(Record):
    """What came back; `left` names links and parts that could not."""

    images: int
    rows: int
    left: tuple[str, ...] = ()
