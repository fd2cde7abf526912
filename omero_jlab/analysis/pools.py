"""Where a function runs: threads, processes, or the workers of a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from ..errors import Invalid, Unavailable

__all__ = ["Pool", "open_pool"]

_PATIENCE_S = 30


class Pool:
    """Workers; who broke down, and took its work along, is replaced.

    Those that do not share this process's memory get what can be sent; those that are not `is_here`
    run on other machines.
    """

    def __init__(
        self,
        make: Callable[[], Executor],
        workers: int,
        shares_memory: bool = False,
        is_here: bool = True,
    ) -> None:
        self._make = make
        self.is_here = is_here
        self.shares_memory = shares_memory
        self._executor = make()
        self.workers = workers

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """The answer to come."""
        return self._executor.submit(function, *arguments)

    def replace(self) -> None:
        """Go on with new workers."""
        self._executor.shutdown(wait=False)
        self._executor = self._make()

    def close(self) -> None:
        """Let the workers go when they have finished."""
        self._executor.shutdown(wait=True)


@contextmanager
def open_pool(on: Any, workers: int | None) -> Iterator[Pool]:
    """Workers as `map_images` names them.

    Parameters
    ----------
    on
        "threads", "processes", the address of a Dask scheduler, or a `distributed.Client`.
    workers
        How many; of a cluster all of them.

    Raises
    ------
    Invalid
        `on` is none of these.
    Unavailable
        No scheduler answers at the address, or the cluster has no workers.
    """
    if workers is not None and workers < 1:
        raise Invalid(f"At least one worker is needed, not {workers}.")
    count = workers or os.cpu_count() or 1
    if on == "threads":
        pool = Pool(lambda: ThreadPoolExecutor(count, "analysis"), count, True)
    elif on == "processes":
        pool = Pool(lambda: _processes(count), count)
    else:
        with _client(on) as client:
            pool = Pool(
                lambda: client.get_executor(pure=False, retries=0), _threads(client), is_here=False
            )
            try:
                yield pool
            finally:
                pool.close()
        return
    try:
        yield pool
    finally:
        pool.close()


def _processes(count: int) -> Executor:
    from loky import ProcessPoolExecutor  # type: ignore[import-untyped]

    # The standard library's pools import the caller's script, which runs it where it is unguarded,
    # and cannot send a function that a notebook defined.
    executor: Executor = ProcessPoolExecutor(count)
    return executor


@contextmanager
def _client(on: Any) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError:
        raise Invalid(
            f"{on!r} would be a Dask cluster, which needs the package distributed: "
            f'`pip install "omero-jlab[cluster]"`, or use on="threads" or on="processes".'
        ) from None
    if isinstance(on, Client):
        yield on
        return
    if not isinstance(on, str) or "://" not in on:
        raise Invalid(
            f'on={on!r} names no workers: use "threads", "processes", the address of a Dask '
            f'scheduler such as "tcp://10.0.0.1:8786", or a distributed.Client.'
        )
    try:
        client: Any = Client(on, timeout=_PATIENCE_S)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise Unavailable(f"No Dask scheduler answers at {on}: {error}.") from error
    with client:
        yield client


def _threads(client: Any) -> int:
    count = sum(client.nthreads().values())
    if not count:
        raise Unavailable(
            f"The Dask cluster at {client.scheduler.address} has no workers: start some, and try "
            f"again."
        )
    return int(count)
