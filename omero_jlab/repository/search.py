"""Finding objects by words: the full-text index proposes, the access rule decides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import select, text

from ..database import WellRow
from ..errors import Invalid
from ..model import Hit, TargetKind
from .access import Access
from .guarded import GuardedSession
from .index import TARGETS
from .plate_names import well_label
from .words import FIELDS, match_expression
from .work import Work

__all__ = ["Search"]

_MOST = 1000
_BATCH = 200
_WEIGHTS = "0, 0, 10, 3, 8, 4, 3, 1, 1"
"""What a word is worth in each column of the index: kind, object_id, then `FIELDS`."""

_MARK = "\x02"
_ATTACHED = ("tag", "key", "comment", "file")
_SNIPPETS = ", ".join(
    f"snippet(search_text, {number}, char(2), '', '…', 8) AS {field}"
    for number, field in enumerate(FIELDS, 2)
)
_FIND = text(
    f"SELECT kind, object_id, {_SNIPPETS} FROM search_text WHERE search_text MATCH :words "
    f"AND rank MATCH 'bm25({_WEIGHTS})' ORDER BY rank"
).execution_options(unguarded="search")


class Search:
    """Finding objects by words."""

    def __init__(self, session: Work) -> None:
        self._session = session

    def find(
        self, text: str, kinds: tuple[TargetKind, ...] = (), limit: int = 100
    ) -> tuple[Hit, ...]:
        """The objects with every word in their name, tags, key-values or comments, best first.

        Raises
        ------
        Invalid
            There is no word to look for, or a kind or place of that name.
        """
        words = match_expression(text)
        unknown = sorted(set(kinds) - set(TARGETS))
        if unknown:
            raise Invalid(f"There is no kind {unknown[0]!r} of object: {', '.join(TARGETS)}.")
        if not 1 <= limit <= _MOST:
            raise Invalid(f"A search answers 1 to {_MOST} hits; {limit} were asked for.")
        hits: list[Hit] = []
        with self._session.reading() as (db, access):
            for batch in _proposed(db, words, kinds or tuple(TARGETS)):
                hits += _confirmed(db, access, batch)
                if len(hits) >= limit:
                    break
        return tuple(hits[:limit])


def _proposed(db: GuardedSession, words: str, kinds: Collection[str]) -> Iterator[list[Any]]:
    """What the index finds, best first, a batch at a time: no more than is wanted is read."""
    with db.execute(_FIND, {"words": words}) as result:
        for batch in result.partitions(_BATCH):
            yield [proposal for proposal in batch if proposal.kind in kinds]


def _confirmed(db: GuardedSession, access: Access, proposals: Sequence[Any]) -> list[Hit]:
    """A hit for each proposal that the actor may see."""
    ids: dict[str, list[int]] = defaultdict(list)
    for proposal in proposals:
        ids[proposal.kind].append(proposal.object_id)
    seen = {
        (kind, row.id): row for kind, some in ids.items() for row in _rows(db, TARGETS[kind], some)
    }
    return [
        _hit(access, proposal, row)
        for proposal in proposals
        if (row := seen.get((proposal.kind, proposal.object_id))) is not None
        and (_sees_words(access, row.group_id) or not _is_attached(proposal))
    ]


def _rows(db: GuardedSession, row: Any, ids: list[int]) -> Sequence[Any]:
    named = (row.row, row.column) if row is WellRow else (row.name,)
    columns = select(row.id, row.owner_id, row.group_id, *named)
    return db.execute(columns.where(row.id.in_(ids))).all()


def _hit(access: Access, proposal: Any, row: Any) -> Hit:
    is_well = proposal.kind == "well"
    return Hit(
        kind=proposal.kind,
        id=row.id,
        name=well_label(row.row, row.column) if is_well else row.name,
        detail=_detail(proposal) if _sees_words(access, row.group_id) else "",
        owner_id=row.owner_id,
        group_id=row.group_id,
    )


def _sees_words(access: Access, group_id: int) -> bool:
    """Whether what others attached is the actor's to see: not in a group that was left."""
    return access.actor.is_admin or group_id in access.actor.member_of


def _is_attached(proposal: Any) -> bool:
    """Whether a word was found in what hangs on the object: its being found would tell of it."""
    return any(_MARK in getattr(proposal, field) for field in _ATTACHED)


def _detail(proposal: Any) -> str:
    for field in FIELDS:
        words = getattr(proposal, field)
        if _MARK in words:
            return f"{field}: {' '.join(words.replace(_MARK, '').split())}"
    return ""
