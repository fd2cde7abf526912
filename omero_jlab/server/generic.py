"""Handlers for the catalogued operations, derived from their declarations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import TooLarge
from ..operations import Operation
from .base import RepositoryHandler, reads, writes

__all__ = ["method_of"]

_BODY_LIMIT = 32 << 20


def method_of(operation: Operation) -> Callable[..., Any]:
    """The handler's method that carries out `operation`; a decorated leaf of its own."""

    async def method(self: RepositoryHandler, *in_path: str) -> None:
        body = self.request.body if isinstance(self.request.body, bytes) else b""
        if len(body) > _BODY_LIMIT:
            raise TooLarge(f"A JSON body has at most {_BODY_LIMIT} bytes; send a stream instead.")
        places = dict(zip(operation.in_path, in_path, strict=True))
        query = self.query

        def answer(session: Any) -> bytes:
            arguments = operation.arguments(places, query, body)
            return operation.result.dump_json(session.call(operation, **arguments))

        await self.send_json(await self.with_session(answer))

    method.__name__ = operation.verb.lower()
    method.__doc__ = operation.summary
    return (writes if operation.writes else reads)(method)
