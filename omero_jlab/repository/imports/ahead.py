"""Label images read by confined processes before an output asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from ...errors import OmeroError
from ...results import LABELS, SEVERAL, several_from_bytes
from ..work import Work
from .prepared import DEADLINE_S, confined

__all__ = ["Ahead"]

_FILES = 16
_CALLS = 2


class Ahead:
    """Calls functions on foreign files as `confined` does; answers some calls before they come.

    A process for each of thousands of small files would cost more than reading them: those that
    are expected are read by one process for several files, and by several processes at once.
    """

    def __init__(self, session: Work) -> None:
        self._workers = session.store.workers
        self._call = confined(session)
        self._pool = ThreadPoolExecutor(_CALLS, "omero-jlab-ahead")
        self._coming: dict[str, Future[dict[str, bytes]]] = {}
        self._works = True

    def __enter__(self) -> Ahead:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __call__(self, function: str, path: Path, *arguments: object) -> bytes:
        """What the function returns, alone in a process if nobody expected the call."""
        if function == LABELS and not arguments:
            coming = self._coming.pop(str(path.resolve()), None)
            known = None if coming is None else coming.result().pop(str(path.resolve()), None)
            if known is not None:
                return known
        return self._call(function, path, *arguments)

    def expect(self, paths: Iterable[Path]) -> None:
        """Begin to read label images that are asked for soon."""
        places = [str(path.resolve()) for path in paths]
        for start in range(0, len(places), _FILES):
            some = places[start : start + _FILES]
            if self._works and len(some) > 1:
                job = self._pool.submit(self._read, some)
                self._coming.update(dict.fromkeys(some, job))

    def _read(self, places: Sequence[str]) -> dict[str, bytes]:
        try:
            data = self._workers.run(
                SEVERAL,
                LABELS,
                list(places),
                folder=[Path(place) for place in places],
                timeout_s=DEADLINE_S,
            )
            return dict(zip(places, several_from_bytes(data), strict=False))
        except OmeroError:
            # One of them is damaged, or they are too large together: each is read by itself,
            # which tells which one it was.
            self._works = False
            return {}
