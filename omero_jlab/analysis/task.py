"""What a worker does with one image: call the function, and store what it returned."""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import json
import pickle
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import Invalid, NotFound
from ..model import Provenance
from ..objects import Image, Labels, Table
from .returned import Returned, sorted_out

__all__ = ["Done", "Failure", "Run", "is_done", "packed", "work", "work_packed"]

_RUN, _LAST = "run", "last"


@dataclass(frozen=True)
class Run:
    """One function with its parameters, and what its results are called.

    `key` is equal for equal functions, parameters and names.  Where tables are `shared`, the
    caller stores them.
    """

    function: Callable[..., Any]
    parameters: Mapping[str, Any]
    name: str
    shared: bool
    key: str
    provenance: Provenance

    @classmethod
    def of(
        cls, function: Callable[..., Any], parameters: Mapping[str, Any], name: str, shared: bool
    ) -> Run:
        """Describe a function's run.

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
        source = _source(function)
        told_all = json.dumps([_called(function), source, told, name], sort_keys=True)
        key = hashlib.sha256(told_all.encode()).hexdigest()[:24]
        provenance = Provenance(
            program=_called(function),
            version=_version(function),
            parameters=told | {_RUN: key},
            cell=source,
        )
        return cls(function, dict(parameters), name, shared, key, provenance)

    def made(self, provenance: Provenance | None) -> bool:
        """Whether a result came of an equal run."""
        return provenance is not None and provenance.parameters.get(_RUN) == self.key

    def provenance_of(self, image_id: int, last: bool) -> Provenance:
        """How a result of one image was made; the `last` one stored says so."""
        parameters = self.provenance.parameters | ({_LAST: True} if last else {})
        update = {"parameters": parameters, "image_ids": (image_id,)}
        return self.provenance.model_copy(update=update)


@dataclass(frozen=True)
class Done:
    """An image that is done; `tables` are what the caller is to store."""

    rows: int
    seconds: float
    tables: dict[str, Any]


@dataclass(frozen=True)
class Failure:
    """An image that failed: one line, and the whole of it."""

    error: str
    traceback: str
    seconds: float


def work(run: Run, image: Image, again: bool) -> Done | Failure:
    """Call the function and store label images, and tables that are not shared.

    With `again`, what an earlier attempt left is taken away first.
    """
    began = time.perf_counter()
    try:
        returned = sorted_out(run.function(image, **run.parameters), run.name)
        if again:
            _clear(run, image)
        _store(run, image, returned)
    except Exception as error:  # noqa: BLE001 - whatever the function raises is its image's failure
        told = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
        return Failure(told, traceback.format_exc(), time.perf_counter() - began)
    tables = returned.tables if run.shared else {}
    return Done(returned.rows, time.perf_counter() - began, tables)


def packed(run: Run, image: Image) -> bytes:
    """A task for a process that shares nothing with this one.

    Raises
    ------
    Invalid
        The function, or what it uses, cannot be sent.
    """
    import cloudpickle  # type: ignore[import-untyped]

    try:
        data: bytes = cloudpickle.dumps((run, image))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise Invalid(
            f"The function cannot be sent to another process: {error}. Make inside of the function "
            f'what cannot be sent, or use on="threads".'
        ) from error
    return data


def work_packed(data: bytes, again: bool) -> Done | Failure:
    """`work` on what `packed` packed; what cannot be unpacked there is a failure, too."""
    try:
        run, image = pickle.loads(data)
    except Exception as error:  # noqa: BLE001 - a module may be missing, or do anything
        return Failure(
            f"The worker cannot load the function: {type(error).__name__}: {error}. Its "
            f"environment needs the same packages as this one.",
            traceback.format_exc(),
            0,
        )
    return work(run, image, again)


def is_done(run: Run, image: Image) -> bool:
    """Whether an equal run stored everything for an image."""
    return any(
        run.made(provenance) and provenance is not None and _LAST in provenance.parameters
        for provenance in (result.record.provenance for result in _results(image))
    )


def _store(run: Run, image: Image, returned: Returned) -> None:
    tables = {} if run.shared else returned.tables
    left = len(returned.labels) + len(tables)
    for name, labels in returned.labels.items():
        left -= 1
        image.attach_labels(labels, name, provenance=run.provenance_of(image.id, not left))
    for name, frame in tables.items():
        left -= 1
        image.attach_table(frame, name, provenance=run.provenance_of(image.id, not left))


def _clear(run: Run, image: Image) -> None:
    for result in _results(image):
        if run.made(result.record.provenance):
            try:
                result.delete()
            except NotFound:
                continue


def _results(image: Image) -> list[Table | Labels]:
    return [*image.tables, *image.labels]


def _called(function: Callable[..., Any]) -> str:
    module = getattr(function, "__module__", "") or ""
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return name if module in ("", "__main__") else f"{module}.{name}"


def _source(function: Callable[..., Any]) -> str:
    """The function's text, or what it is compiled to where there is none."""
    try:
        return inspect.getsource(inspect.unwrap(function))
    except (OSError, TypeError):
        import cloudpickle

        return hashlib.sha256(cloudpickle.dumps(function)).hexdigest()


def _version(function: Callable[..., Any]) -> str:
    package = (getattr(function, "__module__", "") or "").partition(".")[0]
    try:
        return importlib.metadata.version(package) if package else ""
    except importlib.metadata.PackageNotFoundError:
        return ""
