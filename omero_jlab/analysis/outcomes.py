"""What became of each image."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, overload

from pydantic import JsonValue

from ..errors import NotFound
from ..model import Record

if TYPE_CHECKING:
    from pandas import DataFrame

    from ..objects import Table

__all__ = ["Outcome", "Outcomes"]

_MOST_SHOWN = 20


class Outcome(Record):
    """One image: `done`, `failed`, or `skipped` as it was done before.

    `rows` counts what went into tables, `value` is what the function returned besides tables and
    label images; `error` is one line, `traceback` the whole of it.
    """

    image_id: int
    name: str
    state: Literal["done", "failed", "skipped"]
    rows: int = 0
    seconds: float = 0.0
    attempts: int = 0
    error: str = ""
    traceback: str = ""
    value: JsonValue = None


class Outcomes(Sequence[Outcome]):
    """What became of each image, in the order given; `tables` holds the shared ones by name."""

    def __init__(self, outcomes: Iterable[Outcome], tables: dict[str, Table]) -> None:
        self._outcomes = tuple(outcomes)
        self.tables = tables

    @overload
    def __getitem__(self, index: int) -> Outcome: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Outcome, ...]: ...
    def __getitem__(self, index: int | slice) -> Outcome | tuple[Outcome, ...]:
        return self._outcomes[index]

    def __len__(self) -> int:
        return len(self._outcomes)

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self._outcomes)

    @property
    def failed(self) -> list[Outcome]:
        """The images that failed."""
        return [outcome for outcome in self if outcome.state == "failed"]

    @property
    def values(self) -> dict[int, JsonValue]:
        """What the function returned besides tables and label images, by number of image."""
        return {each.image_id: each.value for each in self if each.value is not None}

    @property
    def table(self) -> Table:
        """The shared table; raises `NotFound` unless there is exactly one."""
        if len(self.tables) != 1:
            names = ", ".join(self.tables) or "none"
            raise NotFound(
                f"There is not one shared table, but {len(self.tables)} ({names}): take one from "
                f"`.tables`, or give map_images attach_to=… to share one."
            )
        return next(iter(self.tables.values()))

    def to_pandas(self) -> DataFrame:
        """One row an image."""
        from pandas import DataFrame

        columns = list(Outcome.model_fields)
        return DataFrame([outcome.model_dump() for outcome in self], columns=columns)

    def __repr__(self) -> str:
        counts = {state: 0 for state in ("done", "skipped", "failed")}
        for outcome in self:
            counts[outcome.state] += 1
        told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        rows = sum(outcome.rows for outcome in self)
        return f"<{len(self)} images: {told or 'none'}; {rows:,} rows>"

    def _repr_html_(self) -> str:
        failed = self.failed
        items = "".join(
            f"<li>Image {each.image_id} {html.escape(each.name)}, {each.attempts} attempts: "
            f"{html.escape(each.error)}</li>"
            for each in failed[:_MOST_SHOWN]
        )
        more = len(failed) - _MOST_SHOWN
        rest = f"<li>… and {more} more: <code>.failed</code> has them</li>" if more > 0 else ""
        return f"<div>{html.escape(repr(self)[1:-1])}<ul>{items}{rest}</ul></div>"
