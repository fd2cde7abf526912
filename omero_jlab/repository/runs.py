"""What functions made of images: remembered, so that a run goes on where it ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import JsonValue
from sqlalchemy import func, select

from ..database import AnnotationRow, RunImageRow, RunRow, now
from ..errors import Invalid, NotFound, TooLarge
from ..model import Run, RunImage
from .access import Access
from .containers import check_name
from .guarded import GuardedSession
from .work import Work

__all__ = ["Runs"]

_FREE: Any = {"unguarded": "jobs"}
_KEY = 128
_TEXT = 1 << 20
_AT_ONCE = 500
_PAGE = 10_000


class Runs:
    """The runs of each user: nobody else's, but for administrators."""

    def __init__(self, session: Work) -> None:
        self._session = session

    def begin(
        self,
        name: str,
        key: str,
        function: str = "",
        version: str = "",
        source: str = "",
        text: str = "",
        parameters: Mapping[str, JsonValue] | None = None,
    ) -> Run:
        """The asking user's run of this key, made where there is none.

        Raises
        ------
        Invalid
            Name or key are empty or too long.
        TooLarge
            The function's text or its parameters have more than a megabyte.
        """
        check_name(name)
        if not 0 < len(key) <= _KEY:
            raise Invalid(f"The key of a run has 1 to {_KEY} characters, not {len(key)}.")
        details: dict[str, Any] = {
            "function": function,
            "version": version,
            "source": source,
            "text": text,
            "parameters": dict(parameters or {}),
        }
        if max(len(text), len(str(details["parameters"]))) > _TEXT:
            raise TooLarge("The text and the parameters of a run have at most a megabyte.")
        with self._session.writing() as unit:
            user_id = unit.access.actor.user_id
            same = select(RunRow).where(RunRow.user_id == user_id, RunRow.key == key)
            row = unit.db.scalar(same, execution_options=_FREE)
            time = now()
            if row is None:
                row = RunRow(user_id=user_id, key=key, name=name, details=details, created_at=time)
                unit.db.add(row)
            row.updated_at = time
            unit.db.flush()
            return unit.answer(_record(row, _counts(unit.db, [row.id])))

    def list(self, name: str | None = None, limit: int = 100) -> tuple[Run, ...]:
        """The asking user's runs, the last used first; an administrator sees everybody's."""
        with self._session.reading() as (db, access):
            statement = select(RunRow).order_by(RunRow.updated_at.desc(), RunRow.id.desc())
            if not access.actor.is_admin:
                statement = statement.where(RunRow.user_id == access.actor.user_id)
            if name is not None:
                statement = statement.where(RunRow.name == name)
            limited = statement.limit(_checked(limit))
            rows = db.scalars(limited, execution_options=_FREE).all()
            counts = _counts(db, [row.id for row in rows])
            return tuple(_record(row, counts) for row in rows)

    def get(self, run_id: int) -> Run:
        """A run."""
        with self._session.reading() as (db, access):
            row = _found(db, access, run_id)
            return _record(row, _counts(db, [row.id]))

    def note(self, run_id: int, outcomes: Sequence[RunImage]) -> int:
        """Keep what became of images, in place of what was known of them; answers how many.

        Raises
        ------
        TooLarge
            A value has more than a megabyte.
        """
        for each in outcomes:
            if max(len(each.value or ""), len(each.traceback), len(each.error)) > _TEXT:
                raise TooLarge(
                    f"What the run returned for image {each.image_id} has more than a megabyte: "
                    f"return a table or a label image instead."
                )
        newest = {each.image_id: each for each in outcomes}
        with self._session.writing() as unit:
            run = _found(unit.db, unit.access, run_id)
            run.updated_at = now()
            for some in _lots(sorted(newest)):
                wanted = select(RunImageRow).where(
                    RunImageRow.run_id == run_id, RunImageRow.image_id.in_(some)
                )
                rows = unit.db.scalars(wanted, execution_options=_FREE)
                known = {row.image_id: row for row in rows}
                for image_id in some:
                    each = newest[image_id]
                    row = known.get(image_id)
                    if row is None:
                        row = RunImageRow(run_id=run_id, image_id=image_id)
                        unit.db.add(row)
                    row.state = each.state
                    row.details = each.model_dump(
                        mode="json", exclude={"image_id", "state", "intact"}, exclude_defaults=True
                    )
            return unit.answer(len(newest))

    def images(
        self,
        run_id: int,
        state: Literal["done", "failed"] | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> tuple[RunImage, ...]:
        """What became of images, by id of image."""
        with self._session.reading() as (db, access):
            _found(db, access, run_id)
            statement = select(RunImageRow).where(
                RunImageRow.run_id == run_id, RunImageRow.image_id > after
            )
            if state is not None:
                statement = statement.where(RunImageRow.state == state)
            limited = statement.order_by(RunImageRow.image_id).limit(_checked(limit))
            rows = db.scalars(limited, execution_options=_FREE).all()
            made = [number for row in rows for number in row.details.get("results", ())]
            there = _there(db, made)
            return tuple(
                RunImage.model_validate(
                    row.details
                    | {
                        "image_id": row.image_id,
                        "state": row.state,
                        "intact": there.issuperset(row.details.get("results", ())),
                    }
                )
                for row in rows
            )

    def remove(self, run_id: int) -> None:
        """Forget a run; tables and label images that it made stay."""
        with self._session.writing() as unit:
            row = _found(unit.db, unit.access, run_id)
            of = select(RunImageRow).where(RunImageRow.run_id == run_id)
            for each in unit.db.scalars(of, execution_options=_FREE):
                unit.db.delete(each)
            unit.db.flush()
            unit.db.delete(row)
            return unit.answer(None)


def _checked(limit: int) -> int:
    if not 0 < limit <= _PAGE:
        raise Invalid(f"1 to {_PAGE:,} can be asked for at once, not {limit}.")
    return limit


def _found(db: GuardedSession, access: Access, run_id: int) -> RunRow:
    row = db.get(RunRow, run_id, execution_options=_FREE)
    if row is None or not (access.actor.is_admin or row.user_id == access.actor.user_id):
        raise NotFound(f"There is no run {run_id} that you may see.")
    return row


def _counts(db: GuardedSession, ids: Sequence[int]) -> dict[tuple[int, str], int]:
    counts: dict[tuple[int, str], int] = {}
    for some in _lots(ids):
        statement = (
            select(RunImageRow.run_id, RunImageRow.state, func.count(RunImageRow.id))
            .where(RunImageRow.run_id.in_(some))
            .group_by(RunImageRow.run_id, RunImageRow.state)
        )
        for run_id, state, count in db.execute(statement, execution_options=_FREE):
            counts[run_id, state] = count
    return counts


def _there(db: GuardedSession, ids: Sequence[int]) -> set[int]:
    """Which of these tables and label images the user sees."""
    found: set[int] = set()
    for some in _lots(ids):
        found.update(db.scalars(select(AnnotationRow.id).where(AnnotationRow.id.in_(some))))
    return found


def _lots(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))


def _record(row: RunRow, counts: Mapping[tuple[int, str], int]) -> Run:
    return Run.model_validate(
        row.details
        | {
            "id": row.id,
            "user_id": row.user_id,
            "name": row.name,
            "key": row.key,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
            "done": counts.get((row.id, "done"), 0),
            "failed": counts.get((row.id, "failed"), 0),
        }
    )
