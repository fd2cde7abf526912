"""Runs of functions over images, and the secrets that their workers work under."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, now

__all__ = ["DelegationImageRow", "DelegationRow", "RunImageRow", "RunRow"]


class RunRow(Base):
    """A function with its parameters under a name; a user's equal runs are one."""

    __tablename__ = "run"
    __table_args__ = (UniqueConstraint("user_id", "key"), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    key: Mapped[str]
    name: Mapped[str] = mapped_column(index=True)
    details: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)


class RunImageRow(Base):
    """What a run made of one image; the image may be gone since."""

    __tablename__ = "run_image"
    __table_args__ = (UniqueConstraint("run_id", "image_id"), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"))
    image_id: Mapped[int] = mapped_column(index=True)
    state: Mapped[str]
    details: Mapped[dict[str, Any]]


class DelegationRow(Base):
    """A secret, as SHA-256, with which a worker does part of what its maker may do.

    It reads the images of its `DelegationImageRow`s and attaches results of the run `run_key` to
    them; and it reads one table, of which the version is kept as long as the secret holds.
    """

    __tablename__ = "delegation"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    run_key: Mapped[str]
    table_id: Mapped[int | None] = mapped_column(index=True)
    table_version: Mapped[int | None]
    shares_disk: Mapped[bool]
    sha256: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class DelegationImageRow(Base):
    """An image that a delegation is for."""

    __tablename__ = "delegation_image"
    __table_args__ = (UniqueConstraint("delegation_id", "image_id"), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(primary_key=True)
    delegation_id: Mapped[int] = mapped_column(ForeignKey("delegation.id", ondelete="CASCADE"))
    image_id: Mapped[int] = mapped_column(index=True)
