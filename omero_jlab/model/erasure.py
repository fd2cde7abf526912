"""What was erased everywhere, told without what was erased."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from .record import Record

__all__ = ["ErasedPlace", "Erasure", "ErasureKind"]

ErasureKind = Literal["project", "dataset", "screen", "plate", "well", "image", "annotation"]


class ErasedPlace(Record):
    """What went from one place: rows of a table, or files below a folder."""

    place: str
    rows: int = 0
    files: int = 0
    size: int = 0


class Erasure(Record):
    """The protocol of an erasure: what, where, when, by whom and why; no name or value of it.

    `image_ids` are all images that went, `duties` what this program cannot reach, such as
    backups.  With `dry_run` it is what would go.
    """

    kind: Literal["erase"] = "erase"
    id: int | None = None
    object_kind: ErasureKind
    object_id: int
    dry_run: bool
    at: datetime
    user: str
    reason: str
    image_ids: tuple[int, ...]
    places: tuple[ErasedPlace, ...]
    duties: tuple[str, ...]
