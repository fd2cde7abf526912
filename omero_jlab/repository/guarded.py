"""A database session that selects only what its actor may see and checks every write.

Whatever could slip past the criterion is refused: Core selects, text, bulk statements, bare
connections.  The few statements that must see everything name one of `UNGUARDED` as their
reason; a test keeps the list short.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, cast

from sqlalchemy import ClauseElement, ColumnClause, TableClause, TextClause, event, inspect
from sqlalchemy.orm import ORMExecuteState, UOWTransaction
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.sql.selectable import Alias as TableAlias
from sqlalchemy.sql.selectable import SelectBase, TextualSelect

from ..database import Guarded, now
from .access import Access

__all__ = ["UNGUARDED", "GuardedSession", "Unguarded"]

UNGUARDED = {
    "accounts": "loads users, groups and memberships before there is an actor",
    "ids": "reserves ids",
    "search": "asks the full-text index, whose hits are then selected with the criterion",
    "index": "writes the full-text index",
    "many": "writes many rows that are alike in all that the rule looks at, one being checked",
    "graph": "plans a deletion over everything it touches, then checks each row",
    "purge": "removes the rows of what was deleted long enough ago",
    "erase": "finds and removes everything that an object left, for administrators",
    "jobs": "keeps the repository's own books",
    "unique": "makes sure that no two files share a path",
}
"""Reasons for which a statement may go past the criterion, and what they are for."""


class Unguarded(RuntimeError):
    """A statement that the criterion cannot cover: a mistake of ours, never of a user's."""


class GuardedSession(OrmSession):
    """An ORM session of one actor, for one request."""

    def __init__(self, bind: Any, access: Access | None) -> None:
        super().__init__(bind=bind, expire_on_commit=False, autoflush=True)
        self.info["access"] = access

    @property
    def access(self) -> Access:
        """What the actor may see and do."""
        access = self.info["access"]
        if access is None:
            raise Unguarded("This database session has no actor.")
        assert isinstance(access, Access)
        return access

    @contextmanager
    def flushing_unchecked(self, reason: str) -> Iterator[None]:
        """Write rows without the check of rights, for one of the reasons in `UNGUARDED`."""
        if reason not in UNGUARDED:
            raise Unguarded(f"{reason!r} is no reason to write unchecked.")
        self.flush()
        self.info["unchecked"] = True
        try:
            yield
            self.flush()
        finally:
            self.info["unchecked"] = False

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise Unguarded("The criterion reaches selects and changed rows only: use those.")

    connection = bulk_save_objects = bulk_insert_mappings = bulk_update_mappings = _refuse


@event.listens_for(GuardedSession, "do_orm_execute")
def _apply_criterion(state: ORMExecuteState) -> None:
    reason = state.execution_options.get("unguarded")
    if reason is not None:
        if reason not in UNGUARDED:
            raise Unguarded(f"{reason!r} is no reason to go past the criterion.")
        return
    if not state.is_select:
        raise Unguarded(f"Only selects of rows are guarded, not: {state.statement}")
    for element in _unmapped(cast(ClauseElement, state.statement)):
        raise Unguarded(f"The criterion does not reach {element} in: {state.statement}")
    if not state.is_column_load:
        state.statement = state.statement.options(*state.session.access.criteria)  # type: ignore[attr-defined]


def _unmapped(
    element: ClauseElement, mapped: set[Any] | None = None, bare: list[Any] | None = None
) -> Iterator[Any]:
    """The parts of a statement that are no mapped rows, to which no criterion is added.

    `Session.get` writes the bare key column of a table that it selects as mapped, so bare
    columns are allowed where their own select has that table as mapped rows.
    """
    is_scope = mapped is None or bare is None or isinstance(element, SelectBase)
    if is_scope:
        mapped, bare = set(), []
    assert mapped is not None and bare is not None
    children = [element] if not isinstance(element, SelectBase) else element.get_children()
    for child in children:
        if isinstance(child, TextClause | TextualSelect):
            yield child
        elif isinstance(child, SelectBase):
            yield from _unmapped(child)
        elif "parententity" in child._annotations:
            mapped.add(getattr(child, "table", child)._deannotate())
        elif isinstance(child, TableClause | TableAlias):
            bare.append(child)
        elif isinstance(child, ColumnClause) and child.is_literal:
            if child.name not in ("*", "1"):
                yield child
        elif isinstance(child, ColumnClause):
            if isinstance(child.table, TableClause | TableAlias):
                bare.append(child.table)
        else:
            for inner in child.get_children():
                yield from _unmapped(inner, mapped, bare)
    if is_scope:
        yield from (table for table in bare if table not in mapped)


@event.listens_for(GuardedSession, "before_flush")
def _check_rows(db: GuardedSession, _context: UOWTransaction, _instances: Any) -> None:
    for row in (row for row in db.dirty if isinstance(row, Guarded) and db.is_modified(row)):
        row.version += 1
        row.updated_at = now()
    if db.info.get("unchecked"):
        return
    with db.no_autoflush:
        for row in db.new:
            if isinstance(row, Guarded):
                db.access.check_new(db, row)
        for row in db.dirty:
            if isinstance(row, Guarded) and db.is_modified(row):
                db.access.check_changed(db, row, _changed(row))
        for row in db.deleted:
            if isinstance(row, Guarded):
                db.access.require(row, "can_delete")


def _changed(row: Guarded) -> frozenset[str]:
    state = inspect(row)
    names = {a.key for a in state.attrs if a.history.has_changes()}
    return frozenset(names - {"version", "updated_at"})
