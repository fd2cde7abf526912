"""Calls of one run: begun, awaited, tried again, and remembered."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, replace
from typing import Any

from ..objects import Image
from .outcomes import Outcome
from .pools import Pool
from .record import Record
from .shared import SharedTables
from .task import Done, Failure, Task, work, work_packed
from .token import WorkersToken

__all__ = ["Calls"]

_AHEAD = 2


@dataclass(frozen=True)
class _Call:
    image: Image
    attempt: int
    secret: str = ""
    renewed: bool = False


class Calls:
    """Calls of one run, a few ahead of what the workers are busy with.

    Workers that share no memory with this process get the task as `data`, and ask the repository
    with `token`.
    """

    def __init__(
        self,
        pool: Pool,
        task: Task,
        record: Record,
        shared: SharedTables | None,
        retries: int,
        resume: bool,
        data: bytes,
        token: WorkersToken | None,
    ) -> None:
        self._pool = pool
        self._task = task
        self._record = record
        self._shared = shared
        self._retries = retries
        self._resume = resume
        self._data = data
        self._token = token
        self._waiting: deque[_Call] = deque()
        self._suspects: deque[_Call] = deque()
        self._running: dict[Future[Any], _Call] = {}
        self._results: dict[int, tuple[int, ...]] = {}
        self._alone = False

    def run(self, images: Sequence[Image], tell: Callable[[Outcome], object]) -> None:
        """Call the function for each image; `tell` gets what became of it.

        However it ends, what was computed until then is stored and remembered.
        """
        self._waiting.extend(_Call(image, 1) for image in images)
        try:
            while self._waiting or self._suspects or self._running:
                self._fill()
                ready, _ = wait(self._running, timeout=1, return_when=FIRST_COMPLETED)
                for future in ready:
                    call = self._running.pop(future, None)
                    if call is not None:
                        self._tell(self._ended(call, future), tell)
        finally:
            try:
                self._take_in(tell)
            finally:
                try:
                    if self._shared is not None:
                        self._tell(self._shared.flush(), tell)
                finally:
                    self._record.flush()

    def _tell(self, outcomes: Sequence[Outcome], tell: Callable[[Outcome], object]) -> None:
        for outcome in outcomes:
            self._record.add(outcome, self._results.pop(outcome.image_id, ()))
            tell(outcome)

    def _take_in(self, tell: Callable[[Outcome], object]) -> None:
        """Of what runs still, let begin no more, and take what was computed."""
        left = {future: call for future, call in self._running.items() if not future.cancel()}
        self._running.clear()
        for future, call in left.items():
            if not (self._pool.is_here or future.done()):
                continue
            # Threads and processes of this machine cannot be stopped in the middle.
            wait([future])
            if not future.cancelled() and future.exception() is None:
                result = future.result()
                if isinstance(result, Done):
                    self._tell(self._done(call, result), tell)

    def _fill(self) -> None:
        ahead = 1 if self._suspects else _AHEAD * self._pool.workers
        calls = self._suspects or self._waiting
        while calls and len(self._running) < ahead:
            call = calls.popleft()
            try:
                self._begin(call)
            except BrokenExecutor:
                calls.appendleft(call)
                self._pool.replace()
                return
            self._alone = len(self._running) == 1 and ahead == 1

    def _begin(self, call: _Call) -> None:
        if self._token is None:
            future = self._pool.submit(work, self._task, call.image)
        else:
            secret = self._token.secret
            future = self._pool.submit(
                work_packed, self._data, call.image.record, self._token.url, secret
            )
            call = replace(call, secret=secret)
        self._running[future] = call

    def _ended(self, call: _Call, future: Future[Any]) -> Sequence[Outcome]:
        result = _result(future)
        if result is None:
            return self._died(call)
        if isinstance(result, Failure):
            return self._failed(call, result)
        return self._done(call, result)

    def _done(self, call: _Call, result: Done) -> Sequence[Outcome]:
        outcome = Outcome(
            image_id=call.image.id,
            name=call.image.name,
            state="done",
            rows=result.rows,
            seconds=result.seconds,
            attempts=call.attempt,
            value=None if result.value is None else json.loads(result.value),
        )
        self._results[call.image.id] = result.results
        return [outcome] if self._shared is None else self._shared.add(outcome, result.tables)

    def _died(self, call: _Call) -> Sequence[Outcome]:
        """A worker died, and its executor with it: who it was shows when each runs alone."""
        self._pool.replace()
        if not self._running and self._alone:
            failure = Failure("The worker process died; it may have run out of memory.", "", 0)
            return self._failed(call, failure, self._suspects)
        self._suspect(call)
        for future in [future for future in self._running if _result_now(future) is None]:
            self._suspect(self._running.pop(future))
        return []

    def _suspect(self, call: _Call) -> None:
        self._clear(call)
        self._suspects.append(call)

    def _clear(self, call: _Call) -> None:
        """Take away what an attempt stored that was not finished."""
        kept = () if self._resume else self._record.kept_of(call.image.id)
        self._record.clear_one(call.image, kept)

    def _failed(
        self, call: _Call, failure: Failure, queue: deque[_Call] | None = None
    ) -> Sequence[Outcome]:
        if failure.results:
            self._clear(call)
        queue = self._waiting if queue is None else queue
        if failure.expired and self._token is not None and not call.renewed:
            # A computer that slept renewed nothing: that is not the image's fault.
            self._token.replace(call.secret)
            queue.append(replace(call, renewed=True))
            return []
        if call.attempt <= self._retries:
            queue.append(_Call(call.image, call.attempt + 1))
            return []
        outcome = Outcome(
            image_id=call.image.id,
            name=call.image.name,
            state="failed",
            seconds=failure.seconds,
            attempts=call.attempt,
            error=failure.error,
            traceback=failure.traceback,
        )
        return [outcome] if self._shared is None else self._shared.add(outcome, {})


def _result(future: Future[Any]) -> Done | Failure | None:
    """What a worker answers; None where it is gone."""
    try:
        result: Done | Failure = future.result()
    except BrokenExecutor:
        return None
    except Exception as error:  # noqa: BLE001 - not sent, not understood, or a cluster gave it up
        return Failure(f"{type(error).__name__}: {error}", "", 0)
    return result


def _result_now(future: Future[Any]) -> Done | Failure | None:
    return _result(future) if future.done() else None
