"""Rows that the repository keeps for itself: never shown to a user as they are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, now

__all__ = ["AppliedRow", "DamageRow", "ErasureRow", "IntentRow", "JobRow", "RepositoryRow"]


class RepositoryRow(Base):
    """The one row that says which repository this database belongs to.

    `access_epoch` grows with every change to users, groups and memberships.  `generation` is
    what the sentinel says; `next_generation` is greater while an opening is raising both.
    `place` is where the repository lay then: a copy lies elsewhere.
    """

    __tablename__ = "repository"
    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str]
    generation: Mapped[int] = mapped_column(default=1)
    next_generation: Mapped[int] = mapped_column(default=1)
    access_epoch: Mapped[int] = mapped_column(default=1)
    place: Mapped[dict[str, Any] | None]


class IntentRow(Base):
    """Files about to appear or to go, written before the first of them is touched.

    `paths`, relative to the root, are removed when the intent is undone at opening.
    """

    __tablename__ = "intent"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    paths: Mapped[list[Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)


class AppliedRow(Base):
    """A write that was applied, and its answer, so that a repeated request gets it again."""

    __tablename__ = "applied"
    request_id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    answer: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)


class DamageRow(Base):
    """A file that is not what it was: reading it answers so, until it is restored.

    `path` is relative to the root.
    """

    __tablename__ = "damage"
    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(unique=True)
    detail: Mapped[str] = mapped_column(default="")
    found_at: Mapped[datetime] = mapped_column(default=now)


class ErasureRow(Base):
    """What was erased everywhere, by whom and why; `protocol` names each place it left."""

    __tablename__ = "erasure"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    reason: Mapped[str] = mapped_column(default="")
    protocol: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)


class JobRow(Base):
    """Work that goes on after the answer.

    `heartbeat_at` is when it was last seen running; `step` is what it needs to go on after an
    interruption; `cancel` asks it to stop.  `shares_disk` says whether whoever began it reads the
    server's disk anyway.
    """

    __tablename__ = "job"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("group.id"))
    state: Mapped[str] = mapped_column(index=True)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    stage: Mapped[str] = mapped_column(default="")
    message: Mapped[str] = mapped_column(default="")
    error: Mapped[str] = mapped_column(default="")
    error_kind: Mapped[str] = mapped_column(default="")
    arguments: Mapped[dict[str, Any]] = mapped_column(default=dict)
    report: Mapped[dict[str, Any] | None]
    step: Mapped[dict[str, Any] | None]
    cancel: Mapped[bool] = mapped_column(default=False)
    shares_disk: Mapped[bool] = mapped_column(default=True)
    heartbeat_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]
