"""Files and rows that come together or not at all.

The intent is committed, files are made and put into place durably, and the rows are written in
the transaction that ends the intent.  Whatever an intent still names when the repository is
opened belongs to nothing, and is removed.
"""

from __future__ import annotations

import glob
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from ..database import Base, IntentRow
from ..errors import OmeroError, Unavailable
from ..storage import disk_error, remove
from .guarded import GuardedSession
from .ids import reserve
from .sources import SOURCES, Source, drop_sources
from .state import State

__all__ = ["Intended", "fulfil", "intending", "intending_one", "undo_all", "undo_left"]

log = logging.getLogger(__name__)

# No rows follow any more: whoever would write them finds this, and stops.
_UNDONE = "undone"


@dataclass(frozen=True)
class Intended:
    """Ids reserved for rows to come, and the paths of their files, relative to the root."""

    intent_id: int
    ids: Sequence[int]
    paths: Sequence[str]

    def end(self, db: GuardedSession) -> None:
        """End the intent: in the transaction that writes the rows of its files.

        Raises
        ------
        Unavailable
            The files are gone: the disk was lost meanwhile, and what was half done was undone
            when it came back.
        """
        intent = db.get(IntentRow, self.intent_id, execution_options={"unguarded": "jobs"})
        if intent is None or intent.kind == _UNDONE:
            raise Unavailable(
                "The disk of the repository was lost while this was written: try again."
            )
        db.delete(intent)


@contextmanager
def intending(
    state: State,
    kind: str,
    paths: Callable[[list[int]], Sequence[str]],
    row: type[Base] | None = None,
    count: int = 1,
) -> Iterator[Intended]:
    """Say that files will appear at `paths`, and remove them where their rows do not follow.

    `paths` gets the ids that were reserved for `count` rows of class `row`.
    """
    state.check_writable()
    with state.books() as db:
        ids = [] if row is None else reserve(db, row, count)
        wanted = list(paths(ids))
        intent = IntentRow(kind=kind, paths=wanted)
        db.add(intent)
        db.flush()
        intended = Intended(intent.id, ids, wanted)
    try:
        with _in_words(state):
            yield intended
    except BaseException as error:
        # Where the disk failed, nothing more is tried on it: opening it again undoes this.
        if state.disk_failed(error):
            state.not_undone.add(intended.intent_id)
        else:
            _undo_or_remember(state, intended.intent_id)
        raise


@contextmanager
def _in_words(state: State) -> Iterator[None]:
    try:
        yield
    except OmeroError:
        raise
    except OSError as error:
        raise disk_error(error, Path(error.filename or state.layout.root)) from error


def intending_one(
    state: State, kind: str, place: Callable[[int], str], row: type[Base]
) -> AbstractContextManager[Intended]:
    """`intending` for one row of class `row`, whose files lie at `place` of its id."""
    return intending(state, kind, lambda ids: [place(ids[0])], row)


def undo_all(state: State) -> int:
    """Undo what a process that ended suddenly had begun; answers how many intents there were."""
    with state.books() as db:
        ids = list(db.scalars(select(IntentRow.id).execution_options(unguarded="jobs")))
    for intent_id in ids:
        _undo(state, intent_id)
    state.not_undone.clear()
    return len(ids)


def undo_left(state: State) -> None:
    """Undo what failed, and could not be undone, while the disk was away."""
    for intent_id in tuple(state.not_undone):
        _undo(state, intent_id)
        state.not_undone.discard(intent_id)


def _undo_or_remember(state: State, intent_id: int) -> None:
    try:
        _undo(state, intent_id)
    except OmeroError as error:
        log.warning("what was half done is undone when the disk is back: %s", error)
        state.not_undone.add(intent_id)


def fulfil(state: State, intent_id: int) -> None:
    """Remove the files that an intent names, whose rows are gone, and then the intent."""
    _undo(state, intent_id)


def _undo(state: State, intent_id: int) -> None:
    # An intent that is gone was fulfilled: its files have rows now.
    with state.books() as db:
        intent = db.get(IntentRow, intent_id, execution_options={"unguarded": "jobs"})
        paths = [] if intent is None else list(intent.paths)
        kind = "" if intent is None else intent.kind
        if intent is not None and kind != SOURCES:
            intent.kind = _UNDONE
    layout = state.layout
    if kind == SOURCES:
        drop_sources(layout.root, [Source.model_validate(each) for each in paths])
        paths = []
    for path in paths:
        place = layout.root / path
        # A file that was never finished lies beside its place, hidden, under a longer name.
        for each in (place, *place.parent.glob(f".{glob.escape(place.name)}.*")):
            remove(each, layout.trash(layout.root / path.split("/", 1)[0]))
    with state.books() as db:
        intent = db.get(IntentRow, intent_id, execution_options={"unguarded": "jobs"})
        if intent is not None:
            db.delete(intent)
