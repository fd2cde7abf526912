"""What became of each image, remembered in the repository: any kernel goes on from there."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..errors import NotFound
from ..model import RunImage
from ..objects import Image, Labels, Table
from ..operations import AnySession
from .outcomes import Outcome
from .task import Task

__all__ = ["Record"]

_EVERY_S = 2.0
_SIZE = 4 << 20
_PAGE = 10_000
_ASKING = 8


class Record:
    """A run of one user, with what is known of its images."""

    def __init__(self, session: AnySession, task: Task) -> None:
        self._session = session
        self._task = task
        self.run = session.runs.begin(
            task.name,
            task.key,
            function=task.provenance.program,
            version=task.provenance.version,
            source=task.provenance.source,
            text=task.provenance.cell,
            parameters=task.provenance.parameters,
        )
        # A run that was begun before may have left something of images that it does not know.
        self._is_new = self.run.created_at == self.run.updated_at
        self.known = {} if self._is_new else {each.image_id: each for each in self._pages()}
        self._waiting: list[RunImage] = []
        self._size = 0
        self._flushed = time.monotonic()

    def _pages(self) -> Iterator[RunImage]:
        after = 0
        while page := self._session.runs.images(self.run.id, after=after, limit=_PAGE):
            yield from page
            after = page[-1].image_id

    def former(self) -> str:
        """What is to be said of runs of the same name that were not equal; empty without any."""
        others = [
            run
            for run in self._session.runs.list(self._task.name)
            if run.id != self.run.id and run.user_id == self.run.user_id and run.done
        ]
        if not others:
            return ""
        last = others[0]
        made = self._task.provenance
        why = "with other parameters or for another target"
        if last.source != made.source:
            why = "with another function" if last.function != made.program else (
                "with another text of the function"
            )  # fmt: skip
        return (
            f"{self._task.name!r} was run before {why} ({last.done:,} images, "
            f"{last.updated_at:%Y-%m-%d %H:%M} UTC): those results stay beside the new ones; "
            f"repo.runs lists such runs, and deletes their results."
        )

    def done_before(self, images: Iterable[Image]) -> list[Outcome]:
        """The images that are done, their results being there still."""
        found = []
        for image in images:
            known = self.known.get(image.id)
            if known is not None and known.state == "done" and known.intact:
                found.append(_skipped(image, known))
        return found

    def failed_before(self, images: Iterable[Image]) -> list[Outcome]:
        """The images that failed, as it was told then."""
        found = []
        for image in images:
            known = self.known.get(image.id)
            if known is not None and known.state == "failed":
                found.append(
                    Outcome(
                        image_id=image.id,
                        name=image.name,
                        state="failed",
                        seconds=known.seconds,
                        attempts=known.attempts,
                        error=known.error,
                        traceback=known.traceback,
                    )
                )
        return found

    def value_of(self, image_id: int) -> Any:
        """What the function returned for an image besides tables and label images."""
        known = self.known.get(image_id)
        return None if known is None or known.value is None else json.loads(known.value)

    def clear(self, images: Iterable[Image]) -> None:
        """Take away what an interrupted run stored of images that are to be done again."""
        if self._is_new:
            return
        with ThreadPoolExecutor(_ASKING) as threads:
            for _ in threads.map(self.clear_one, images):
                pass

    def clear_one(self, image: Image, but: Iterable[int] = ()) -> None:
        """Take away what equal runs stored for an image, `but` what has these numbers."""
        kept = set(but)
        for result in _results(image):
            if result.id not in kept and self._task.made(result.record.provenance):
                try:
                    result.delete()
                except NotFound:
                    continue

    def kept_of(self, image_id: int) -> tuple[int, ...]:
        """The numbers of what an earlier run stored for an image."""
        known = self.known.get(image_id)
        return () if known is None else known.results

    def add(self, outcome: Outcome, results: tuple[int, ...]) -> None:
        """Remember an outcome, now or soon."""
        told = RunImage(
            image_id=outcome.image_id,
            name=outcome.name,
            state="done" if outcome.state == "done" else "failed",
            rows=outcome.rows,
            seconds=outcome.seconds,
            attempts=outcome.attempts,
            error=outcome.error[:10_000],
            traceback=outcome.traceback[-100_000:],
            value=None if outcome.value is None else json.dumps(outcome.value),
            results=results,
        )
        self._waiting.append(told)
        self._size += len(told.value or "") + len(told.traceback)
        if time.monotonic() - self._flushed > _EVERY_S or self._size > _SIZE:
            self.flush()

    def flush(self) -> None:
        """Remember what waits."""
        if self._waiting:
            self._session.runs.note(self.run.id, tuple(self._waiting))
        self._waiting, self._size, self._flushed = [], 0, time.monotonic()


def _skipped(image: Image, known: RunImage) -> Outcome:
    return Outcome(
        image_id=image.id,
        name=image.name,
        state="skipped",
        rows=known.rows,
        value=None if known.value is None else json.loads(known.value),
    )


def _results(image: Image) -> list[Table | Labels]:
    return [*image.tables, *image.labels]
