"""Rows of what was deleted together and is kept for a while."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Guarded

__all__ = ["DeletionRow"]


class DeletionRow(Guarded, Base):
    """One deletion, seen by whoever might see the object that was asked to go.

    `kind` is the table of that object, `object_id` its id; owner and group are the object's.
    `took` holds the ids of everything that went, by table: all of it has `created_at` as its
    time of deletion.
    """

    __tablename__ = "deletion"
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    kind: Mapped[str]
    object_id: Mapped[int] = mapped_column(index=True)
    images: Mapped[int] = mapped_column(default=0)
    rows: Mapped[int] = mapped_column(default=0)
    took: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)
