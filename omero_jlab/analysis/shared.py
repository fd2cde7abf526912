"""Tables that many images share, filled as results come."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ..errors import Conflict, Invalid
from ..objects import Table
from ..objects.thing import Thing
from .outcomes import Outcome
from .task import Task

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["IMAGE", "SharedTables"]

IMAGE = "Image"
_EVERY_S = 2.0
_ROWS = 100_000
_LOG = "{}: images"


class SharedTables:
    """The tables of one run on a project, dataset, screen or plate.

    Each has the column `Image`.  One more, with a row an image, says what became of each; an
    image counts as done when it stands there, which is after its rows are stored.
    """

    def __init__(self, target: Thing[Any], task: Task) -> None:
        self._target = target
        self._task = task
        self._log_name = _LOG.format(task.name)
        # The newest of a name last.
        found = {t.name: t for t in target.tables if task.made(t.record.provenance)}
        self._log = found.pop(self._log_name, None)
        self.tables: dict[str, Table] = found
        self._waiting: list[tuple[Outcome, dict[str, DataFrame]]] = []
        self._rows = 0
        self._flushed = time.monotonic()

    def done(self) -> set[int]:
        """The images that an equal run finished."""
        if self._log is None:
            return set()
        frame = self._log.query('state == "done"', columns=[IMAGE])
        return {int(number) for number in frame[IMAGE]}

    def clear(self, done: Collection[int]) -> None:
        """Take away what was stored of images that were not finished."""
        for table in self.tables.values():
            stored = {int(number) for number in table.query(columns=[IMAGE])[IMAGE].unique()}
            _delete(table, stored - set(done))
        if self._log is not None:
            failed = self._log.query('state == "failed"', columns=[IMAGE])[IMAGE]
            _delete(self._log, {int(number) for number in failed} - set(done))

    def forget(self) -> None:
        """Go on with new tables."""
        self.tables, self._log = {}, None

    def add(self, outcome: Outcome, tables: dict[str, DataFrame]) -> list[Outcome]:
        """Store what an image gave, now or soon; answers the outcomes that are certain."""
        self._waiting.append((outcome, tables))
        self._rows += outcome.rows
        late = time.monotonic() - self._flushed > _EVERY_S
        return self.flush() if late or self._rows > _ROWS else []

    def flush(self) -> list[Outcome]:
        """Store what waits; answers what became of those images."""
        waiting, self._waiting, self._rows = self._waiting, [], 0
        if not waiting:
            return []
        try:
            self._store([(outcome.image_id, tables) for outcome, tables in waiting])
            outcomes = [outcome for outcome, _ in waiting]
        except (Invalid, Conflict):
            # One of them does not fit: find out which.
            outcomes = [self._store_one(outcome, tables) for outcome, tables in waiting]
        self._note(outcomes)
        self._flushed = time.monotonic()
        return outcomes

    def _store_one(self, outcome: Outcome, tables: dict[str, DataFrame]) -> Outcome:
        for table in self.tables.values():
            _delete(table, {outcome.image_id})
        try:
            self._store([(outcome.image_id, tables)])
        except (Invalid, Conflict) as error:
            told = f"{type(error).__name__}: {error}"
            return outcome.model_copy(update={"state": "failed", "error": told, "rows": 0})
        return outcome

    def _store(self, results: list[tuple[int, dict[str, DataFrame]]]) -> None:
        from pandas import concat

        names = dict.fromkeys(name for _, tables in results for name in tables)
        for name in names:
            frames = [
                _with_image(image_id, tables[name])
                for image_id, tables in results
                if name in tables
            ]
            known = self.tables.get(name)
            columns = _names(frames[0]) if known is None else [c.name for c in known.columns]
            for frame in frames:
                _check_columns(name, columns, _names(frame))
            # Of frames without rows, only the columns' types would count.
            full = [frame for frame in frames if len(frame)] or frames[:1]
            frame = concat(full, ignore_index=True) if len(full) > 1 else full[0]
            if known is not None:
                known.append(frame)
            else:
                self.tables[name] = self._attach(frame, name)

    def _note(self, outcomes: list[Outcome]) -> None:
        from pandas import DataFrame

        rows = DataFrame(
            [
                {
                    IMAGE: outcome.image_id,
                    "name": outcome.name,
                    "state": outcome.state,
                    "rows": outcome.rows,
                    "seconds": outcome.seconds,
                    "attempts": outcome.attempts,
                    "error": outcome.error,
                }
                for outcome in outcomes
            ]
        )
        if self._log is None:
            self._log = self._attach(rows, self._log_name)
        else:
            self._log.append(rows)

    def _attach(self, frame: DataFrame, name: str) -> Table:
        return self._target.attach_table(
            frame, name, links={IMAGE: "image"}, provenance=self._task.provenance
        )


def _with_image(image_id: int, frame: DataFrame) -> DataFrame:
    from ..objects.tables import rows_of

    frame = rows_of(frame)
    if IMAGE in frame.columns:
        raise Invalid(
            f"The function's table has a column {IMAGE!r}, which says of shared tables which image "
            f"a row is of: give it another name."
        )
    frame = frame.reset_index(drop=True)
    frame.insert(0, IMAGE, image_id)
    return frame


def _names(frame: DataFrame) -> list[str]:
    return [str(name) for name in frame.columns]


def _check_columns(name: str, columns: list[str], given: list[str]) -> None:
    if set(columns) != set(given):
        more = [column for column in given if column not in columns]
        less = [column for column in columns if column not in given]
        raise Invalid(
            f"The table {name!r} of this image has {f'more columns: {more}' if more else ''}"
            f"{' and ' if more and less else ''}{f'no columns {less}' if less else ''}; all images "
            f"share one table, and give it the same columns."
        )


def _delete(table: Table, image_ids: Collection[int]) -> None:
    listed = sorted(image_ids)
    for start in range(0, len(listed), 500):
        numbers = ", ".join(map(str, listed[start : start + 500]))
        table.delete_rows(f"{IMAGE} in [{numbers}]")
