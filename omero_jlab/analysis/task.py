"""What a worker does with one image: call the function, and store what it returned."""

from __future__ import annotations

import hashlib
import json
import pickle
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from ..errors import Invalid, Unauthenticated
from ..model import Image as ImageRecord
from ..model import Provenance
from ..objects import Image
from ..remote import RemoteSession
from .code import called, digest, text, version
from .returned import Returned, sorted_out

__all__ = ["Done", "Failure", "Task", "packed", "work", "work_packed"]


@dataclass(frozen=True)
class Task:
    """One function with its parameters, and what its results are called.

    `key` is equal for equal functions, parameters, names and targets.  Where tables are `shared`,
    the caller stores them.
    """

    function: Callable[..., Any]
    parameters: Mapping[str, Any]
    name: str
    shared: bool
    key: str
    provenance: Provenance

    @classmethod
    def of(
        cls,
        function: Callable[..., Any],
        parameters: Mapping[str, Any],
        name: str,
        target: tuple[str, int] | None,
    ) -> Task:
        """Describe a function's run; `target` is what has the tables that all images share.

        Raises
        ------
        Invalid
            A parameter cannot be written down as JSON.
        """
        try:
            told = json.loads(json.dumps(dict(parameters)))
        except (TypeError, ValueError) as error:
            raise Invalid(
                f"The parameters are kept with the results and must be numbers, texts, lists or "
                f"mappings of them: {error}. Take other things from the function's surroundings."
            ) from None
        source = digest(function)
        told_all = json.dumps([called(function), source, told, name, target], sort_keys=True)
        key = hashlib.sha256(told_all.encode()).hexdigest()[:24]
        provenance = Provenance(
            program=called(function),
            version=version(function),
            parameters=told,
            cell=text(function),
            source=source,
            run=key,
        )
        return cls(function, dict(parameters), name, target is not None, key, provenance)

    def made(self, provenance: Provenance | None) -> bool:
        """Whether a result came of an equal run."""
        return provenance is not None and provenance.run == self.key

    def provenance_of(self, image_id: int) -> Provenance:
        """How a result of one image was made."""
        return self.provenance.model_copy(update={"image_ids": (image_id,)})


@dataclass(frozen=True)
class Done:
    """An image that is done.

    `tables` are what the caller is to store, `results` the numbers of what was stored, `value`
    what else the function returned, as JSON.
    """

    rows: int
    seconds: float
    tables: dict[str, Any]
    value: str | None = None
    results: tuple[int, ...] = ()


@dataclass(frozen=True)
class Failure:
    """An image that failed: one line, and the whole of it.

    `results` are the numbers of what was stored before; `expired` says that the worker's right
    to ask the repository had ended.
    """

    error: str
    traceback: str
    seconds: float
    results: tuple[int, ...] = ()
    expired: bool = False


@dataclass
class _Stored:
    results: list[int] = field(default_factory=list)


def work(task: Task, image: Image) -> Done | Failure:
    """Call the function and store label images, and tables that are not shared."""
    began = time.perf_counter()
    stored = _Stored()
    try:
        returned = sorted_out(task.function(image, **task.parameters), task.name)
        _store(task, image, returned, stored)
    except Exception as error:  # noqa: BLE001 - whatever the function raises is its image's failure
        told = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
        failed = Failure(told, traceback.format_exc(), 0, tuple(stored.results))
        expired = isinstance(error, Unauthenticated)
        return replace(failed, seconds=time.perf_counter() - began, expired=expired)
    tables = returned.tables if task.shared else {}
    seconds = time.perf_counter() - began
    return Done(returned.rows, seconds, tables, returned.value, tuple(stored.results))


def packed(task: Task) -> bytes:
    """A task for processes that share nothing with this one.

    Raises
    ------
    Invalid
        The function, or what it uses, cannot be sent.
    """
    import cloudpickle  # type: ignore[import-untyped]

    try:
        data: bytes = cloudpickle.dumps(task)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise Invalid(
            f"The function cannot be sent to another process: {error}. Make inside of the function "
            f'what cannot be sent, or use on="threads".'
        ) from error
    return data


def work_packed(data: bytes, record: ImageRecord, url: str, secret: str) -> Done | Failure:
    """`work` on what `packed` packed; what cannot be unpacked there is a failure, too.

    The repository at `url` is asked under `secret`, which is for this work alone.
    """
    try:
        task = _unpacked(data)
    except Exception as error:  # noqa: BLE001 - a module may be missing, or do anything
        return Failure(
            f"The worker cannot load the function: {type(error).__name__}: {error}. Its "
            f"environment needs the same packages as this one.",
            traceback.format_exc(),
            0,
        )
    return work(task, Image(_session(url, secret), record))


@lru_cache(maxsize=4)
def _unpacked(data: bytes) -> Task:
    # What the function keeps for itself, a model that it loaded, serves its next images, too.
    task: Task = pickle.loads(data)
    return task


@lru_cache(maxsize=4)
def _session(url: str, secret: str) -> Any:
    return RemoteSession(url, secret)


def _store(task: Task, image: Image, returned: Returned, stored: _Stored) -> None:
    made = task.provenance_of(image.id)
    for name, labels in returned.labels.items():
        stored.results.append(image.attach_labels(labels, name, provenance=made).id)
    if not task.shared:
        for name, frame in returned.tables.items():
            stored.results.append(image.attach_table(frame, name, provenance=made).id)
