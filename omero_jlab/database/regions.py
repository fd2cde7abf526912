"""Rows of regions of interest and of their folders."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Guarded

__all__ = ["FolderRoiRow", "FolderRow", "RoiRow"]

_ALL_PLANES = 2**31 - 1


class RoiRow(Guarded, Base):
    """A region: its shapes, the box around them, and the planes from the first to the last.

    The index by place holds all that tells whether a region is looked for and who may see it, so
    that the shapes of the others are not read.  `strip` is the band of rows in which the box
    begins, among those of its size.
    """

    __tablename__ = "roi"
    __table_args__ = (
        Index(
            "ix_roi_place",
            "image_id", "strip", "left", "right", "top", "bottom",
            "t_first", "t_last", "z_first", "z_last", "deleted_at", "owner_id", "group_id",
        ),
        {"sqlite_autoincrement": True},
    )  # fmt: skip
    link_rights = {"image_id": "can_annotate"}
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"), index=True)
    name: Mapped[str] = mapped_column(default="")
    description: Mapped[str] = mapped_column(default="")
    shapes: Mapped[list[Any]]
    strip: Mapped[int] = mapped_column(BigInteger, default=0)
    top: Mapped[float] = mapped_column(default=0.0)
    left: Mapped[float] = mapped_column(default=0.0)
    bottom: Mapped[float] = mapped_column(default=0.0)
    right: Mapped[float] = mapped_column(default=0.0)
    t_first: Mapped[int] = mapped_column(default=0)
    t_last: Mapped[int] = mapped_column(default=_ALL_PLANES)
    z_first: Mapped[int] = mapped_column(default=0)
    z_last: Mapped[int] = mapped_column(default=_ALL_PLANES)


class FolderRow(Guarded, Base):
    """A folder of regions, perhaps in another."""

    __tablename__ = "folder"
    link_rights = {"parent_id": "can_link"}
    name: Mapped[str] = mapped_column(index=True)
    description: Mapped[str] = mapped_column(default="")
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("folder.id"), index=True)


class FolderRoiRow(Guarded, Base):
    """A region's place in a folder."""

    __tablename__ = "folder_roi"
    __table_args__ = (UniqueConstraint("parent_id", "child_id"), {"sqlite_autoincrement": True})
    link_rights = {"parent_id": "can_link", "child_id": "can_view"}
    parent_id: Mapped[int] = mapped_column(ForeignKey("folder.id"), index=True)
    child_id: Mapped[int] = mapped_column(ForeignKey("roi.id"), index=True)
