"""Removing an object everywhere that it left bytes, with a protocol of that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from ...database import ErasureRow, ImageRow, JobRow, now
from ...errors import Invalid, NotFound
from ...model import ErasedPlace, Erasure, ErasureKind
from ..guarded import GuardedSession
from ..index import write_index
from ..intents import fulfil
from ..jobs.progress import Progress
from ..state import State
from ..work import Work, storable
from .erased import Doomed, find_doomed
from .holdings import held_below
from .leftovers import find_copies, forget_caches, remove_words, shred_database
from .purge import remove_rows

__all__ = ["Asked", "check_erasable", "erase", "erasures"]

_FREE = {"unguarded": "erase"}
_SHOWN = 10


@dataclass(frozen=True)
class Asked:
    """What is to be erased, and why."""

    kind: ErasureKind
    id: int
    reason: str = ""
    contents: bool = False
    with_fileset: bool = False
    dry_run: bool = False


def check_erasable(state: State, asked: Asked) -> None:
    """Return where that may be erased.

    Raises
    ------
    NotFound
        There is no such object, not even a deleted one.
    Invalid
        Other images came from the same files and would have to go, too; they are named.
    """
    with storable(), GuardedSession(state.engines.reader, None) as db:
        _doomed(db, asked)


def erase(session: Work, asked: Asked, progress: Progress) -> Erasure:
    """Remove an object and everything that was only its own; answers the protocol.

    The rows go in one transaction, which names the files and keeps the protocol; then the files,
    and then what is left of the rows in the database's free pages and its log.  An interrupted
    erasure goes on from there.
    """
    state = session.store
    state.check_writable("freeing")
    if progress.step is None:
        progress.tell(0, 3, "finding what it left")
        with GuardedSession(state.engines.reader, None) as db:
            doomed = _doomed(db, asked)
            copies = find_copies(state, doomed)
            protocol = _protocol(db, session, asked, doomed, copies)
        if asked.dry_run:
            return protocol
        with state.emptying_trash():
            protocol = _remove(session, asked, protocol, copies, progress)
    else:
        protocol = Erasure.model_validate(progress.step["protocol"])
    assert progress.step is not None
    progress.tell(1, 3, "removing files")
    fulfil(state, int(progress.step["intent"]))
    forget_caches(state)
    progress.tell(2, 3, "writing the database anew")
    unreached = shred_database(state)
    if unreached:
        protocol = protocol.model_copy(update={"duties": (*protocol.duties, unreached)})
        with state.books() as db:
            row = db.get(ErasureRow, protocol.id, execution_options=_FREE)
            assert row is not None
            row.protocol = protocol.model_dump(mode="json")
    return protocol


def erasures(state: State) -> tuple[Erasure, ...]:
    """The protocols, the newest first."""
    with GuardedSession(state.engines.reader, None) as db:
        rows = db.scalars(
            select(ErasureRow).order_by(ErasureRow.id.desc()), execution_options=_FREE
        )
        return tuple(Erasure.model_validate(row.protocol) for row in rows)


def _doomed(db: GuardedSession, asked: Asked) -> Doomed:
    doomed = find_doomed(db, asked.kind, asked.id, asked.contents, asked.with_fileset)
    if doomed is None:
        raise NotFound(f"There is no {asked.kind} {asked.id}, and the trash holds none.")
    if doomed.staying:
        named = ", ".join(f"image {i}" for i in doomed.staying[:_SHOWN])
        more = f" and {len(doomed.staying) - _SHOWN} more" if len(doomed.staying) > _SHOWN else ""
        raise Invalid(
            f"The files of this image are those of {named}{more}, too, and cannot be erased by "
            f"halves: erase them all, with the fileset (--with-fileset)."
        )
    return doomed


def _remove(
    session: Work, asked: Asked, protocol: Erasure, copies: list[str], progress: Progress
) -> Erasure:
    state = session.store
    with state.books() as db, db.flushing_unchecked("erase"):
        # Found again: nothing may have come in between.
        doomed = _doomed(db, asked)
        remove_words(db, doomed, progress.job_id)
        for each in doomed.rows:
            each.deleted_at = each.deleted_at or now()
        db.flush()
        removal = remove_rows(state, db, doomed.rows, copies)
        write_index(db, doomed.rows)
        row = ErasureRow(user_id=session.access.actor.user_id, reason=asked.reason, protocol={})
        db.add(row)
        db.flush()
        protocol = protocol.model_copy(update={"id": row.id})
        row.protocol = protocol.model_dump(mode="json")
        progress.keep({"protocol": row.protocol, "intent": removal.intent_id}, db)
    state.damage.forget(removal.paths)
    return protocol


def _protocol(
    db: GuardedSession, session: Work, asked: Asked, doomed: Doomed, copies: list[str]
) -> Erasure:
    layout = session.store.layout
    tables = Counter(row.__tablename__ for row in doomed.rows)  # type: ignore[attr-defined]
    places = [ErasedPlace(place=name, rows=count) for name, count in sorted(tables.items())]
    folders: dict[str, list[str]] = {}
    for path in (*doomed.paths(layout), *copies):
        folders.setdefault(path.split("/", 1)[0], []).append(path)
    for top, paths in sorted(folders.items()):
        held = held_below(layout, paths)
        if held.files:
            places.append(ErasedPlace(place=top, files=held.files, size=held.size))
    return Erasure(
        object_kind=asked.kind,
        object_id=asked.id,
        dry_run=asked.dry_run,
        at=now(),
        user=session.access.actor.user_name,
        reason=asked.reason,
        image_ids=tuple(sorted(row.id for row in doomed.rows if isinstance(row, ImageRow))),
        places=tuple(places),
        duties=tuple(_duties(db, doomed)),
    )


def _duties(db: GuardedSession, doomed: Doomed) -> Iterable[str]:
    made = select(JobRow).where(JobRow.kind == "backup").order_by(JobRow.id)
    backups: dict[str, str] = {}
    for job in db.scalars(made, execution_options=_FREE):
        if job.state in ("done", "running") and "path" in job.arguments:
            backups[job.arguments["path"]] = f"{job.created_at:%Y-%m-%d}"
    for path, day in backups.items():
        yield f"The backup in {path}, made on {day}, holds it until the next one is made into it."
    if doomed.linked:
        yield (
            f"{doomed.linked} of the files were linked to where they came from: remove them there."
        )
    yield (
        "Copies that this program does not know of: other backups and snapshots of the disk, "
        "files that were downloaded or exported, and where the files were imported from."
    )
