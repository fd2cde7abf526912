"""Rows of what holds images, and of the links between them."""

from __future__ import annotations

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Guarded

__all__ = [
    "DatasetImageRow",
    "DatasetRow",
    "FieldRow",
    "PlateRow",
    "ProjectDatasetRow",
    "ProjectRow",
    "ScreenPlateRow",
    "ScreenRow",
    "WellRow",
]

_LINK = "can_link"


class ProjectRow(Guarded, Base):
    __tablename__ = "project"
    name: Mapped[str] = mapped_column(index=True)
    description: Mapped[str] = mapped_column(default="")


class DatasetRow(Guarded, Base):
    __tablename__ = "dataset"
    name: Mapped[str] = mapped_column(index=True)
    description: Mapped[str] = mapped_column(default="")


class ScreenRow(Guarded, Base):
    __tablename__ = "screen"
    name: Mapped[str] = mapped_column(index=True)
    description: Mapped[str] = mapped_column(default="")


class PlateRow(Guarded, Base):
    __tablename__ = "plate"
    name: Mapped[str] = mapped_column(index=True)
    description: Mapped[str] = mapped_column(default="")
    rows: Mapped[int]
    columns: Mapped[int]


class WellRow(Guarded, Base):
    __tablename__ = "well"
    __table_args__ = (
        UniqueConstraint("plate_id", "row", "column"),
        {"sqlite_autoincrement": True},
    )
    link_rights = {"plate_id": _LINK}
    plate_id: Mapped[int] = mapped_column(ForeignKey("plate.id"), index=True)
    row: Mapped[int]
    column: Mapped[int]
    description: Mapped[str] = mapped_column(default="")


class FieldRow(Guarded, Base):
    """An image's place in a well."""

    __tablename__ = "field"
    link_rights = {"well_id": _LINK, "image_id": _LINK}
    well_id: Mapped[int] = mapped_column(ForeignKey("well.id"), index=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"), index=True)
    site: Mapped[int]


class ProjectDatasetRow(Guarded, Base):
    __tablename__ = "project_dataset"
    __table_args__ = (UniqueConstraint("parent_id", "child_id"), {"sqlite_autoincrement": True})
    link_rights = {"parent_id": _LINK, "child_id": _LINK}
    parent_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    child_id: Mapped[int] = mapped_column(ForeignKey("dataset.id"), index=True)


class DatasetImageRow(Guarded, Base):
    __tablename__ = "dataset_image"
    __table_args__ = (UniqueConstraint("parent_id", "child_id"), {"sqlite_autoincrement": True})
    link_rights = {"parent_id": _LINK, "child_id": _LINK}
    parent_id: Mapped[int] = mapped_column(ForeignKey("dataset.id"), index=True)
    child_id: Mapped[int] = mapped_column(ForeignKey("image.id"), index=True)


class ScreenPlateRow(Guarded, Base):
    __tablename__ = "screen_plate"
    __table_args__ = (UniqueConstraint("parent_id", "child_id"), {"sqlite_autoincrement": True})
    link_rights = {"parent_id": _LINK, "child_id": _LINK}
    parent_id: Mapped[int] = mapped_column(ForeignKey("screen.id"), index=True)
    child_id: Mapped[int] = mapped_column(ForeignKey("plate.id"), index=True)
