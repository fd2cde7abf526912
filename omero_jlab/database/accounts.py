"""Rows of users, groups, memberships and tokens: guarded by operations, not by ownership."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, now

__all__ = ["CapabilityRow", "GroupRow", "MembershipRow", "TokenRow", "UserRow"]


class UserRow(Base):
    """An account; without a password hash nobody logs in by password."""

    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    full_name: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    is_admin: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    password_hash: Mapped[str | None] = mapped_column(default=None)
    default_group_id: Mapped[int | None] = mapped_column(ForeignKey("group.id"), default=None)
    created_at: Mapped[datetime] = mapped_column(default=now)


class GroupRow(Base):
    """A group; `type` is one of OMERO's permission strings."""

    __tablename__ = "group"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(default="")
    type: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)


class MembershipRow(Base):
    """A user in a group."""

    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("user_id", "group_id"), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    group_id: Mapped[int] = mapped_column(ForeignKey("group.id"), index=True)
    is_owner: Mapped[bool] = mapped_column(default=False)


class TokenRow(Base):
    """A secret that stands for a user, as SHA-256: it is long and random, so needs no salt."""

    __tablename__ = "token"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    name: Mapped[str] = mapped_column(default="")
    sha256: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)


class CapabilityRow(Base):
    """A secret, as SHA-256, with which anybody reads one image as the user who made it."""

    __tablename__ = "capability"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    image_id: Mapped[int] = mapped_column(index=True)
    sha256: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime] = mapped_column(index=True)
