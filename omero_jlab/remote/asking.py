"""Asking a server, as whom and in which group."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter

from .transport import Body, Transport

__all__ = ["Asking"]

R = TypeVar("R")


class Asking:
    """What every family of streams needs of its Session."""

    transport: Transport
    group: str | int | None
    request_id: str | None

    def _get(self, where: str, /, **query: Any) -> tuple[Any, bytes]:
        given = {k: _as_text(v) for k, v in query.items() if v is not None}
        return self.transport.fetch("GET", where, given, group=self.group)

    def _pieces(self, where: str, /, **query: Any) -> Iterator[bytes]:
        given = {k: _as_text(v) for k, v in query.items() if v is not None}
        with self.transport.answer("GET", where, given, group=self.group) as answer:
            yield from self.transport.pieces(answer)

    def _post(self, path: str, kind: type[R], body: Body) -> R:
        _, answer = self.transport.fetch(
            "POST", path, body=body, group=self.group, request_id=self.request_id
        )
        return TypeAdapter(kind).validate_json(answer)


def _as_text(value: Any) -> str:
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    return value if isinstance(value, str) else json.dumps(value)
