"""A function over many images: what is computed is stored as it comes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import Invalid
from ..objects import Image
from ..objects.progress import progress_bar
from ..objects.thing import Thing
from .outcomes import Outcome, Outcomes
from .pools import Pool, open_pool
from .shared import SharedTables
from .task import Done, Failure, Run, is_done, packed, work, work_packed

__all__ = ["map_images"]

_AHEAD = 2
_ASKING = 8
_SHARING = ("project", "dataset", "screen", "plate")


def map_images(
    function: Callable[..., Any],
    images: Iterable[Image],
    name: str = "result",
    *,
    attach_to: Thing[Any] | None = None,
    on: Any = "threads",
    workers: int | None = None,
    parameters: Mapping[str, Any] | None = None,
    retries: int = 1,
    resume: bool = True,
    quiet: bool = False,
) -> Outcomes:
    """Call `function(image, **parameters)` for each image and store what it returns.

    Label images are stored by the workers as they come, and so are tables, unless they are
    shared.  Each result keeps how it was made: the function's text, its parameters, the image.

    Parameters
    ----------
    function
        Returns a `pandas.DataFrame` (a table), an array of integers (a label image), a tuple of
        both, a mapping from names to them, a mapping from names to single values (a table of one
        row), or None.
    images
        What it is called with; each of them once.
    name
        What results are called that the function does not name.
    attach_to
        The project, dataset, screen or plate that gets one table for all images, with the column
        `Image`, and beside it the table "{name}: images" with a row an image.  Without it, each
        image gets tables of its own.
    on
        "threads", "processes" on this machine, the address of a `dask.distributed` scheduler, or
        a client of it.  Its workers need this package, the address of the repository's server and
        the token, which go with the task; they see no file of the repository.
    workers
        How many threads or processes; as many as there are cores by itself.
    parameters
        Numbers, texts, lists and mappings of them; kept with the results.
    retries
        How often an image is tried again after it failed, or its worker died.
    resume
        Leave out images that an equal run (function, parameters, name) has done; what it left of
        others is taken away when they are done again.  False does all of them again and keeps
        earlier results.

    Returns
    -------
    What became of each image, in the order given; `.failed` holds those that failed, with the
    reason.

    Raises
    ------
    Invalid
        Nothing was begun: an argument has no meaning.
    Unavailable
        The cluster cannot be reached.
    """
    listed = list({image.id: image for image in images}.values())
    if attach_to is not None and getattr(attach_to, "kind", None) not in _SHARING:
        raise Invalid(f"Shared tables belong to a {', '.join(_SHARING)}, not to {attach_to!r}.")
    if retries < 0:
        raise Invalid(f"An image is tried again 0 times or more, not {retries}.")
    run = Run.of(function, parameters or {}, name, attach_to is not None)
    shared = None if attach_to is None else SharedTables(attach_to, run)
    outcomes = {each.image_id: each for each in _done_before(run, listed, shared, resume)}
    if shared is not None:
        if resume:
            shared.clear(outcomes)
        else:
            shared.forget()
    todo = [image for image in listed if image.id not in outcomes]
    with open_pool(on, workers) as pool, _bar(len(listed), len(outcomes), quiet) as tell:
        for outcome in _Calls(pool, run, todo, shared, retries, resume):
            outcomes[outcome.image_id] = outcome
            tell(outcome)
    tables = {} if shared is None else shared.tables
    return Outcomes((outcomes[image.id] for image in listed), tables)


@dataclass(frozen=True)
class _Call:
    image: Image
    attempt: int


class _Calls:
    """Calls of one run, a few ahead of what the workers are busy with."""

    def __init__(
        self,
        pool: Pool,
        run: Run,
        images: Sequence[Image],
        shared: SharedTables | None,
        retries: int,
        resume: bool,
    ) -> None:
        self._pool = pool
        self._run = run
        self._shared = shared
        self._retries = retries
        self._resume = resume
        self._waiting = deque(_Call(image, 1) for image in images)
        self._suspects: deque[_Call] = deque()
        self._running: dict[Future[Any], _Call] = {}
        self._alone = False

    def __iter__(self) -> Iterator[Outcome]:
        try:
            while self._waiting or self._suspects or self._running:
                self._fill()
                ready, _ = wait(self._running, timeout=1, return_when=FIRST_COMPLETED)
                for future in ready:
                    call = self._running.pop(future, None)
                    if call is not None:
                        yield from self._ended(call, future)
        finally:
            for future in self._running:
                future.cancel()
            # What was computed is stored, even if somebody interrupts the rest.
            if self._shared is not None:
                last = self._shared.flush()
        if self._shared is not None:
            yield from last

    def _fill(self) -> None:
        ahead = 1 if self._suspects else _AHEAD * self._pool.workers
        calls = self._suspects or self._waiting
        while calls and len(self._running) < ahead:
            call = calls.popleft()
            again = self._resume or call.attempt > 1
            try:
                future = self._submit(call, again)
            except BrokenExecutor:
                calls.appendleft(call)
                self._pool.replace()
                return
            self._running[future] = call
            self._alone = len(self._running) == 1 and ahead == 1

    def _submit(self, call: _Call, again: bool) -> Future[Any]:
        if self._pool.shares_memory:
            return self._pool.submit(work, self._run, call.image, again)
        return self._pool.submit(work_packed, packed(self._run, call.image), again)

    def _ended(self, call: _Call, future: Future[Any]) -> list[Outcome]:
        result = _result(future)
        if result is None:
            return self._died(call)
        if isinstance(result, Failure):
            return self._failed(call, result)
        outcome = Outcome(
            image_id=call.image.id,
            name=call.image.name,
            state="done",
            rows=result.rows,
            seconds=result.seconds,
            attempts=call.attempt,
        )
        return [outcome] if self._shared is None else self._shared.add(outcome, result.tables)

    def _died(self, call: _Call) -> list[Outcome]:
        """A worker died, and its executor with it: who it was shows when each runs alone."""
        self._pool.replace()
        if not self._running and self._alone:
            failure = Failure("The worker process died; it may have run out of memory.", "", 0)
            return self._failed(call, failure, self._suspects)
        self._suspects.append(call)
        for future in [future for future in self._running if _result_now(future) is None]:
            self._suspects.append(self._running.pop(future))
        return []

    def _failed(
        self, call: _Call, failure: Failure, queue: deque[_Call] | None = None
    ) -> list[Outcome]:
        if call.attempt <= self._retries:
            (self._waiting if queue is None else queue).append(_Call(call.image, call.attempt + 1))
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


def _done_before(
    run: Run, images: Sequence[Image], shared: SharedTables | None, resume: bool
) -> list[Outcome]:
    if not resume:
        return []
    if shared is not None:
        done = shared.done()
        found = [image.id in done for image in images]
    else:
        with ThreadPoolExecutor(_ASKING) as threads:
            found = list(threads.map(lambda image: is_done(run, image), images))
    return [
        Outcome(image_id=image.id, name=image.name, state="skipped")
        for image, done_before in zip(images, found, strict=True)
        if done_before
    ]


@contextmanager
def _bar(total: int, done: int, quiet: bool) -> Iterator[Callable[[Outcome], None]]:
    bar = None if quiet else progress_bar("map_images", " images", total, done)
    if bar is None:
        yield lambda _: None
        return
    failed = 0

    def tell(outcome: Outcome) -> None:
        nonlocal failed
        failed += outcome.state == "failed"
        if failed:
            bar.set_postfix_str(f"{failed} failed", refresh=False)
        bar.update()

    with bar:
        yield tell
