"""Who keeps how much, and of what."""

from __future__ import annotations

from typing import Literal

from .record import Record

__all__ = ["FileKind", "Kept", "Usage", "UsageBy"]

FileKind = Literal[
    "originals", "pyramids", "tables", "labels", "attachments", "thumbnails", "trash",
    "quarantine", "uploads", "other",
]  # fmt: skip
"""What a file is: `other` is named by no row, or still being made."""

UsageBy = Literal["user", "group", "project", "kind"]


class Kept(Record):
    """How many files of one kind there are, and how many bytes of the disk's they have."""

    kind: FileKind
    files: int
    size: int


class Usage(Record):
    """What a user, a group or a project keeps, or how much there is of one kind.

    `name` is empty for what belongs to none.  `images` are those that are not deleted.
    """

    name: str
    images: int
    files: int
    size: int
    kept: tuple[Kept, ...]
