"""Rows of images, the filesets they were read from, and how they are drawn."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Guarded

__all__ = ["FileRow", "FilesetRow", "ImageRow", "SettingsRow"]


class FilesetRow(Guarded, Base):
    """Files that belong together; `folder` is relative to the managed repository.

    `transfer` says how they came: "copy", "upload", "hardlink", "symlink" or "move"; `job_id` which
    import brought them, and `source` where their main file lay.
    """

    __tablename__ = "fileset"
    name: Mapped[str]
    format: Mapped[str]
    folder: Mapped[str] = mapped_column(unique=True)
    transfer: Mapped[str] = mapped_column(default="copy")
    job_id: Mapped[int | None] = mapped_column(index=True)
    source: Mapped[str] = mapped_column(default="")


class FileRow(Guarded, Base):
    """An original file or an attachment; `path` is relative to the repository's root.

    `hash` is the hex digest that `hasher`, one of OMERO's checksum algorithms, gave at the
    import; it is empty where nothing but SHA-256 was asked for.
    """

    __tablename__ = "file"
    link_rights = {"fileset_id": "can_link"}
    fileset_id: Mapped[int | None] = mapped_column(ForeignKey("fileset.id"), index=True)
    name: Mapped[str] = mapped_column(index=True)
    client_path: Mapped[str] = mapped_column(default="")
    path: Mapped[str] = mapped_column(unique=True)
    size: Mapped[int] = mapped_column(index=True)
    sha256: Mapped[str] = mapped_column(index=True)
    md5: Mapped[str] = mapped_column(index=True)
    mtime_ns: Mapped[int]
    hasher: Mapped[str] = mapped_column(default="SHA-256")
    hash: Mapped[str] = mapped_column(default="")
    mimetype: Mapped[str] = mapped_column(default="application/octet-stream")


class ImageRow(Guarded, Base):
    """An image; `pyramid` says whether coarser levels are complete, wanted or failed."""

    __tablename__ = "image"
    link_rights = {"fileset_id": "can_link"}
    name: Mapped[str] = mapped_column(index=True)
    description: Mapped[str] = mapped_column(default="")
    fileset_id: Mapped[int | None] = mapped_column(ForeignKey("fileset.id"), index=True)
    series: Mapped[int] = mapped_column(default=0)
    format: Mapped[str]
    size_t: Mapped[int]
    size_c: Mapped[int]
    size_z: Mapped[int]
    size_y: Mapped[int]
    size_x: Mapped[int]
    dtype: Mapped[str]
    is_rgb: Mapped[bool]
    channels: Mapped[list[Any]]
    levels: Mapped[list[Any]]
    pixel_size_x_um: Mapped[float | None]
    pixel_size_y_um: Mapped[float | None]
    pixel_size_z_um: Mapped[float | None]
    time_step_s: Mapped[float | None]
    acquired_at: Mapped[datetime | None]
    source_metadata: Mapped[list[Any]] = mapped_column(default=list)
    pyramid: Mapped[str] = mapped_column(default="complete", index=True)


class SettingsRow(Guarded, Base):
    """How one user wants one image drawn.

    Whoever sees an image may keep how, in OMERO's words *render* it: nobody else's settings
    change.  In a private group that is its owner alone.
    """

    __tablename__ = "settings"
    __table_args__ = (UniqueConstraint("image_id", "owner_id"), {"sqlite_autoincrement": True})
    link_rights = {"image_id": "can_view"}
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"), index=True)
    settings: Mapped[dict[str, Any]]
