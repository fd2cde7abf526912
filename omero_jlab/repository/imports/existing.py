"""Whether files are in the repository already, as images that the user may see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select

from ...database import FileRow, ImageRow
from ...formats import Plan
from ...storage import hash_file
from ..guarded import GuardedSession
from ..work import Work

__all__ = ["existing_images"]


def existing_images(session: Work, plan: Plan) -> tuple[int, ...]:
    """The images that a fileset's files are already: those of a fileset with the same contents.

    Names do not count.  Files are hashed only where one of the same size is here for each.
    """
    sizes = sorted(path.stat().st_size for path in plan.paths)
    with session.reading() as (db, _):
        if not all(_has_size(db, size) for size in dict.fromkeys(sizes)):
            return ()
    digests = sorted(hash_file(path).sha256 for path in plan.paths)
    with session.reading() as (db, _):
        holders = select(FileRow.fileset_id).where(
            FileRow.sha256 == digests[0], FileRow.fileset_id.is_not(None)
        )
        for fileset_id in db.scalars(holders.distinct().order_by(FileRow.fileset_id)):
            if _digests(db, fileset_id) == digests:
                images = _images(db, fileset_id)
                if images:
                    return tuple(images)
    return ()


def _has_size(db: GuardedSession, size: int) -> bool:
    same = select(FileRow.id).where(FileRow.size == size, FileRow.fileset_id.is_not(None))
    return db.scalar(same.limit(1)) is not None


def _digests(db: GuardedSession, fileset_id: int | None) -> Sequence[str]:
    return sorted(db.scalars(select(FileRow.sha256).where(FileRow.fileset_id == fileset_id)))


def _images(db: GuardedSession, fileset_id: int | None) -> Iterable[int]:
    statement = select(ImageRow.id).where(ImageRow.fileset_id == fileset_id)
    return db.scalars(statement.order_by(ImageRow.series, ImageRow.id)).all()
