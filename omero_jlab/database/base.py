"""What every table has: numbered rows that are never numbered twice, times in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, DateTime, ForeignKey, Integer, MetaData, TypeDecorator
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

__all__ = ["Base", "Guarded", "UtcTime", "now"]


def now() -> datetime:
    """The time, aware and in UTC."""
    return datetime.now(UTC)


class UtcTime(TypeDecorator[datetime]):
    """A time that is UTC in the database and aware outside of it."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The naive UTC time to store."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """The stored time, aware."""
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """The root of all rows.  Ids are never used again, not even after a delete."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcTime,
        dict[str, Any]: JSON,
        list[Any]: JSON,
    }

    @declared_attr.directive
    def __table_args__(cls) -> Any:
        """SQLite would hand out the highest deleted id again."""
        return {"sqlite_autoincrement": True}


class Guarded:
    """A row that belongs to a user and a group: only what access allows is ever selected.

    `link_rights` names, for each foreign key to a guarded row, the right that a user needs over
    the row it points to before such a row may be written.  A deleted row keeps its place until
    it is purged.
    """

    link_rights: ClassVar[dict[str, str]] = {}

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None)

    @declared_attr
    def owner_id(cls) -> Mapped[int]:
        """Whose it is."""
        return mapped_column(ForeignKey("user.id"), index=True)

    @declared_attr
    def group_id(cls) -> Mapped[int]:
        """In which group it lies."""
        return mapped_column(ForeignKey("group.id"), index=True)
