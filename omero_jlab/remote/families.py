"""The families of a remote Session, made from the catalogue."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..operations import CATALOGUE, FAMILIES, Operation

__all__ = ["family"]


class Family:
    """The operations of one family; each is sent by `call`."""

    def __init__(self, session: Any, name: str) -> None:
        self._session = session
        self._name = name

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, str]]:
        return getattr, (self._session, self._name)

    def __repr__(self) -> str:
        return f"<{self._name} of {self._session!r}>"


def _method(operation: Operation) -> Callable[..., Any]:
    @functools.wraps(operation.function)
    def method(self: Family, *args: Any, **kwargs: Any) -> Any:
        arguments = operation.signature.bind(*args, **kwargs).arguments
        return self._session.call(operation, **arguments)

    return method


def _stream(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def method(self: Family, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._session, name)(*args, **kwargs)

    return method


def _kind(name: str, protocol: type) -> type[Family]:
    methods = {
        operation.name: _method(operation)
        for operation in CATALOGUE.values()
        if operation.family == name
    }
    for each, function in vars(protocol).items():
        if hasattr(function, "__stream__"):
            methods[each] = _stream(function, function.__stream__)
    return type(protocol.__name__, (Family,), {**methods, "__doc__": protocol.__doc__})


_KINDS = {name: _kind(name, protocol) for name, protocol in FAMILIES.items()}


def family(session: Any, name: str) -> Any:
    """The family `name` of `session`, whose `call(operation, **arguments)` does the work."""
    return _KINDS[name](session, name)
