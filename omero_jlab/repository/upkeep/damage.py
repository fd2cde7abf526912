"""The files that are known to be damaged: reading them answers so until they are restored."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import Engine, select

from ...database import AnnotationRow, DamageRow, FileRow, ImageRow
from ...errors import OmeroError
from ..guarded import GuardedSession
from ..places import object_of
from .holdings import lies_below

__all__ = ["Affected", "Damage", "affected"]

log = logging.getLogger(__name__)

_OPTIONS = {"unguarded": "jobs"}
_BATCH = 5000


class Damage:
    """Marks by path relative to the root, in memory and, as long as rows are taken, in rows."""

    def __init__(self, books: Callable[[], AbstractContextManager[GuardedSession]]) -> None:
        self._books = books
        self._guard = threading.Lock()
        self.marks: dict[str, str] = {}

    def load(self, reader: Engine) -> None:
        """Remember what the rows say."""
        with GuardedSession(reader, None) as db:
            rows = db.scalars(select(DamageRow), execution_options=_OPTIONS)
            self.marks = {row.path: row.detail for row in rows}

    def mark(self, path: str, detail: str) -> None:
        """Note that a file is damaged, at once here and durably where that is possible."""
        with self._guard:
            if self.marks.get(path) == detail:
                return
            self.marks = self.marks | {path: detail}
        log.error("%s is damaged: %s", path, detail)
        try:
            with self._books() as db:
                wanted = select(DamageRow).where(DamageRow.path == path)
                row = db.scalar(wanted, execution_options=_OPTIONS)
                if row is None:
                    db.add(DamageRow(path=path, detail=detail))
                else:
                    row.detail = detail
        except OmeroError as error:
            log.warning("that %s is damaged is not kept: %s", path, error)

    def clear(self, paths: Iterable[str]) -> None:
        """Take the marks off files that are whole again."""
        with self._guard:
            whole = [path for path in paths if path in self.marks]
            self.marks = {path: why for path, why in self.marks.items() if path not in whole}
        if not whole:
            return
        log.info("no longer damaged: %s", ", ".join(whole))
        try:
            with self._books() as db:
                wanted = select(DamageRow).where(DamageRow.path.in_(whole))
                for row in db.scalars(wanted, execution_options=_OPTIONS):
                    db.delete(row)
        except OmeroError as error:
            log.warning("that %s are whole again is not kept: %s", whole, error)

    def below(self, places: Collection[str]) -> set[str]:
        """The marked files at these places or below them."""
        wanted = frozenset(places)
        return {path for path in self.marks if lies_below(path, wanted)}

    def forget(self, places: Collection[str]) -> None:
        """Drop the marks of what was removed for good; their rows are gone."""
        gone = self.below(places)
        with self._guard:
            self.marks = {path: why for path, why in self.marks.items() if path not in gone}


@dataclass(frozen=True)
class Affected:
    """The objects that cannot be read in full without a file."""

    image_ids: tuple[int, ...] = ()
    labels_ids: tuple[int, ...] = ()
    table_ids: tuple[int, ...] = ()


def affected(reader: Engine, paths: Collection[str]) -> dict[str, Affected]:
    """What needs each of these files; a file that only hangs on an object affects nothing."""
    found: dict[str, Affected] = {}
    with GuardedSession(reader, None) as db:
        originals = []
        for path in paths:
            kind, id = object_of(path)
            if kind == "image":
                found[path] = Affected(image_ids=(id,))
            elif kind == "table":
                found[path] = Affected(table_ids=(id,))
            elif kind == "labels":
                row = db.get(AnnotationRow, id, execution_options=_OPTIONS)
                image_id = None if row is None else row.image_id
                found[path] = Affected(() if image_id is None else (image_id,), labels_ids=(id,))
            elif kind == "":
                originals.append(path)
        for first in range(0, len(originals), _BATCH):
            statement = (
                select(FileRow.path, ImageRow.id)
                .join(ImageRow, ImageRow.fileset_id == FileRow.fileset_id)
                .where(FileRow.path.in_(originals[first : first + _BATCH]))
                .order_by(ImageRow.id)
            )
            for path, image_id in db.execute(statement, execution_options=_OPTIONS):
                known = found.get(path, Affected())
                found[path] = Affected((*known.image_ids, image_id))
    return found
