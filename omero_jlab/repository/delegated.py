"""A Session that does only what a delegation lets do: reading some images, storing one run."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any, NoReturn

from ..errors import Denied, Unauthenticated
from ..operations import FAMILIES, Operation, Streams
from .people.delegations import Delegated
from .session import Session

__all__ = ["DelegatedSession", "ended"]

_OF_IMAGES = {
    "images.get",
    "images.metadata",
    "images.settings",
    "images.statistics",
    "images.histogram",
    "images.values",
    "images.line_profile",
    "images.labels",
    "shapes.list",
    "shapes.count",
    "shapes.view",
    "shapes.measure",
    "zarr.parts",
    "region",
    "raw_tile",
    "sent_tile",
    "render",
    "project",
    "zarr_file",
}
"""What takes the `image_id` of one of the images."""

_OF_RESULTS = {
    "tables.get": "table_id",
    "tables.count": "table_id",
    "tables.aggregate": "table_id",
    "tables.versions": "table_id",
    "annotations.get": "annotation_id",
    "read_rows": "table_id",
    "read_batches": "table_id",
    "labels_region": "labels_id",
    "labels_tile": "labels_id",
}
"""What takes the id of a table or a label image, under this name."""

_OF_ALL = {"images.lut"}
"""What says nothing of anybody."""


class DelegatedSession:
    """The repository for a worker: everything that is not named here is refused.

    What is allowed is done as the user who made the delegation, and so judged by that user's
    rights at that moment.
    """

    def __init__(self, session: Session, delegated: Delegated) -> None:
        self._session = session
        self._delegated = delegated
        self.user = session.user
        self.request_id = session.request_id

    def call(self, operation: Operation, **arguments: Any) -> Any:
        """Carry out a catalogued operation."""
        bound = operation.signature.bind(**arguments)
        bound.apply_defaults()
        self._check(f"{operation.family}.{operation.name}", bound.arguments)
        return self._session.call(operation, **arguments)

    def repeated(self) -> str | None:
        """What answered this very request before; ids of requests are the delegation's own."""
        return self._session.repeated()

    def __getattr__(self, name: str) -> Any:
        if name in FAMILIES:
            return _Family(self, name)
        declared = getattr(Streams, name, None)
        if declared is None or name.startswith("_"):
            self._refuse(name)
        return self._stream(name, declared)

    def _stream(self, name: str, declared: Callable[..., Any]) -> Callable[..., Any]:

        def stream(*args: Any, **kwargs: Any) -> Any:
            bound = signature(declared).bind(self, *args, **kwargs)
            bound.apply_defaults()
            self._check(name, bound.arguments)
            return getattr(self._session, name)(*args, **kwargs)

        return stream

    def _check(self, name: str, arguments: dict[str, Any]) -> None:
        """Raise `Denied` unless the delegation is for this."""
        if name in _OF_ALL:
            return
        if name in _OF_IMAGES:
            self._check_image(arguments["image_id"])
        elif name in _OF_RESULTS:
            self._check_result(arguments[_OF_RESULTS[name]])
        elif name == "tables.list" and arguments["kind"] == "image":
            self._check_image(arguments["id"])
        elif name == "add_table" and arguments["kind"] == "image":
            self._check_run(arguments["provenance"])
            self._check_image(arguments["id"])
        elif name == "add_labels":
            self._check_run(arguments["provenance"])
            self._check_image(arguments["image_id"])
        else:
            self._refuse(name)

    def _check_image(self, image_id: int) -> None:
        with self._session.reading() as (db, _):
            known = self._delegated.has_image(db, image_id)
            holds = known or self._delegated.is_there(db)
        if not holds:
            raise ended()
        if not known:
            raise Denied(
                f"This token is for some images only, and image {image_id} is none of them: do "
                f"that in your own session."
            )

    def _check_result(self, annotation_id: int) -> None:
        with self._session.reading() as (db, _):
            known = self._delegated.has_annotation(db, annotation_id)
            holds = known or self._delegated.is_there(db)
        if not holds:
            raise ended()
        if not known:
            raise Denied(
                f"This token is for some images only, and table or label image {annotation_id} is "
                f"on none of them: do that in your own session."
            )

    def _check_run(self, provenance: Any) -> None:
        told = None if provenance is None else provenance.run
        if not self._delegated.run or told != self._delegated.run:
            raise Denied(
                "This token stores results of one run only, which their provenance names: return "
                "results from the function, and let map_images store them."
            )

    def _refuse(self, name: str) -> NoReturn:
        raise Denied(
            f"This token reads some images, and may not do {name}: what a function needs "
            f"besides goes in by its parameters, and what it made out by what it returns."
        )


class _Family:
    """The operations of one family, each checked."""

    def __init__(self, session: DelegatedSession, name: str) -> None:
        self._session = session
        self._name = name

    def __getattr__(self, name: str) -> Any:
        declared = getattr(FAMILIES[self._name], name, None)
        if declared is None or not hasattr(declared, "__route__"):
            self._session._refuse(f"{self._name}.{name}")
        session = self._session
        inner = getattr(getattr(session._session, self._name), name)

        def method(*args: Any, **kwargs: Any) -> Any:

            bound = signature(declared).bind(None, *args, **kwargs)
            bound.apply_defaults()
            session._check(f"{self._name}.{name}", bound.arguments)
            return inner(*args, **kwargs)

        return method


def ended() -> Unauthenticated:
    """What a delegation that expired or was taken away answers, in the middle of a request too."""
    return Unauthenticated(
        "The right of this worker has expired or was revoked: it is renewed as long as the program "
        "that handed it out goes on, and keeps what it made."
    )
