"""Every route, from the catalogue and from the handlers of streams."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import NotFound
from ..model import Record
from ..operations import CATALOGUE, Operation
from ..remote.wire import API_PATH
from .base import RepositoryHandler, reads, writes
from .downloads import DOWNLOADS
from .generic import method_of
from .holder import Holder
from .login import LOGIN
from .openapi import document
from .pictures import PICTURES, TILES
from .resumable import RESUMABLE
from .rows import ROWS
from .uploads import UPLOADS
from .zarr import ZARR, OtherHandler

__all__ = ["routes"]

Route = tuple[str, type[RepositoryHandler], dict[str, Any]]


class _SameFile(Record):
    path: str
    device: int
    inode: int


class SameDiskHandler(RepositoryHandler):
    """Whether a client's file is on a disk that this process sees."""

    @reads
    async def get(self) -> None:
        """Answer true or false; false to all but the repository's owner account."""
        asked = self.asked(_SameFile)
        mine = self.account is None

        def same() -> bool:
            return mine and self.holder.store().tier == "personal" and _is_same(asked)

        await self.send_json(json.dumps(await self.offload(same)).encode())


class DescriptionHandler(RepositoryHandler):
    """The interface's description."""

    @reads
    async def get(self) -> None:
        """Answer with an OpenAPI document."""
        await self.send_json(await self.offload(_description))


class UnknownHandler(RepositoryHandler):
    """Every other path."""

    async def _refuse(self, path: str) -> None:
        raise NotFound(f"There is no {path!r} here; openapi.json lists what there is.")

    get = head = reads(_refuse)
    post = put = patch = delete = writes(_refuse)


_OTHER: dict[str, type[RepositoryHandler]] = {
    "openapi.json": DescriptionHandler,
    "same-disk": SameDiskHandler,
}
_STREAMS = {**PICTURES, **UPLOADS, **RESUMABLE, **ROWS, **DOWNLOADS, **LOGIN, **ZARR, **_OTHER}


def routes(holder: Holder) -> list[Route]:
    """Pattern, handler and arguments of every route, without the server's base URL."""
    root = f"/{API_PATH}"
    named = [(root + path, handler, {"holder": holder}) for path, handler in _handlers().items()]
    rest = {"zarr/(.*)": OtherHandler, "(.*)": UnknownHandler}
    return [*named, *((root + path, handler, {"holder": holder}) for path, handler in rest.items())]


@cache
def _handlers() -> dict[str, type[RepositoryHandler]]:
    """Handlers by pattern: a stream's handler also carries out the operations on its path."""
    streams = {_pattern(path): handler for path, handler in _STREAMS.items()}
    operations: dict[str, list[Operation]] = {}
    for operation in CATALOGUE.values():
        operations.setdefault(_pattern(operation.path), []).append(operation)
    made = {}
    # What is literal comes before what has places: `imports/plan` before `imports/{id}`.
    # Of a route to tiles, which are asked for all the time, no other can be meant.
    often = {_pattern(path) for path in TILES}
    for pattern in sorted({*streams, *operations}, key=lambda p: (p not in often, p.count("("), p)):
        base = streams.get(pattern, RepositoryHandler)
        methods = {op.verb.lower(): method_of(op) for op in operations.get(pattern, ())}
        if "get" in methods:
            methods["head"] = methods["get"]
        made[pattern] = type(base.__name__, (base,), methods)
    return made


def _pattern(path: str) -> str:
    """`{name}` stands for one part of a path, `{name*}` for all that is left of it."""
    parts = re.split(r"({\w+\*?})", path)
    places = ("(.*)" if place.endswith("*}") else "([^/]+)" for place in parts[1::2])
    return "".join(a + b for a, b in zip(map(re.escape, parts[::2]), (*places, ""), strict=True))


@cache
def _description() -> bytes:
    return json.dumps(document(_described_streams())).encode()


def _described_streams() -> Iterator[tuple[str, str, str]]:
    for path, handler in _STREAMS.items():
        for verb in ("GET", "POST", "PUT"):
            method = vars(handler).get(verb.lower())
            if method is not None:
                yield verb, path.replace("*}", "}"), method.__doc__ or ""


def _is_same(asked: _SameFile) -> bool:
    try:
        found = Path(asked.path).stat()
    except (OSError, ValueError):
        return False
    return (found.st_dev, found.st_ino) == (asked.device, asked.inode)
