"""Passing requests on to the process that owns the repository.

A second JupyterLab on the same repository works as the first does: its panel and widgets ask
their own server, and that one asks the owner.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, unquote
from weakref import WeakKeyDictionary

import httpx
from jupyter_server.auth.decorator import allow_unauthenticated
from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher

from ..errors import NotFound, Unavailable
from ..remote import is_loopback
from ..remote.wire import API_PATH, PIECE, REQUEST_ID, USER
from .base import StreamedHandler
from .capabilities import CAPABILITIES, mask, masked, secret_and_path
from .holder import Holder, Upstream

__all__ = ["RelayHandler", "Relaying"]

log = logging.getLogger(__name__)

# What belongs to one connection, or to the relay's own server and its login.
_NOT_PASSED_ON = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade", "host", "cookie", "authorization", "origin", "referer",
    "x-xsrftoken", USER.lower(), REQUEST_ID.lower(), "expect",
}  # fmt: skip
_NOT_PASSED_BACK = {
    "connection", "keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding",
    "upgrade", "set-cookie", "server", "date", "access-control-allow-origin",
    "access-control-allow-credentials",
}  # fmt: skip
_TIMEOUT = httpx.Timeout(600.0, connect=5.0)
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, httpx.AsyncClient]] = (
    WeakKeyDictionary()
)


class Relaying(Matcher):
    """Matches our paths while the repository is in another process."""

    def __init__(self, holder: Holder, base_url: str) -> None:
        self._holder = holder
        self._root = base_url.rstrip("/") + "/" + API_PATH

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """The path below the API's root, or None where this process owns the repository."""
        if self._holder.upstream is None or not request.path.startswith(self._root):
            return None
        return {"path_args": [request.path[len(self._root) :].encode()]}


class RelayHandler(StreamedHandler):
    """Passes one request on under the owner's token, and the answer back, piece by piece."""

    def initialize(self, holder: Holder) -> None:
        """Keep what the route gives."""
        super().initialize(holder)
        self._body: asyncio.Queue[bytes] = asyncio.Queue(4)
        self._answer: asyncio.Task[httpx.Response] | None = None
        mask(self.request)

    def set_cors_headers(self) -> None:
        """As Jupyter does, but for what the owner decides."""
        if not self._asks_for_zarr:
            super().set_cors_headers()

    @property
    def _has_capability(self) -> bool:
        return self.path_args[0].startswith(CAPABILITIES)

    @property
    def _asks_for_zarr(self) -> bool:
        return self.request.path.partition(API_PATH)[2].startswith("zarr/")

    def check_xsrf_cookie(self) -> None:
        """As Jupyter does, but for a token that only the owner can judge."""
        # Before the caller is known there is nothing to check; Jupyter's own does as much.
        if getattr(self, "_jupyter_current_user", None) is not None:
            super().check_xsrf_cookie()

    async def prepare(self) -> None:  # type: ignore[override]
        """Authenticate and begin to pass the request on."""
        if not await self.admit():
            return
        path = self.path_args[0]
        if any(part in (".", "..") for part in unquote(path).split("/")):
            shown = masked(f"/{path}")[1:]
            raise NotFound(f"There is no {shown!r} here; openapi.json lists what there is.")
        self.request.connection.set_max_body_size(1 << 44)  # type: ignore[union-attr]
        self._answer = asyncio.ensure_future(self._pass_on(path))

    async def check_caller(self) -> None:
        """As elsewhere, but for a token that only the owner can judge."""
        await super().check_caller()
        path = self.path_args[0]
        public = self.secret is not None or path == "login" or self._has_capability
        public = public or (self._asks_for_zarr and self.request.method == "OPTIONS")
        if self.current_user is None and not public:
            raise self.unauthenticated()
        by_cookie = self.current_user is not None and not self.token_authenticated
        if self._asks_for_zarr and self.is_foreign and by_cookie and not self._has_capability:
            raise self.unauthenticated()

    async def data_received(self, chunk: bytes) -> None:
        """Pass on a piece of the body, unless the owner has answered already."""
        if self._answer is None:
            self.drop(chunk)
        elif chunk:
            put = asyncio.ensure_future(self._body.put(chunk))
            await asyncio.wait({put, self._answer}, return_when=asyncio.FIRST_COMPLETED)
            put.cancel()

    async def _relay(self, path: str) -> None:
        assert self._answer is not None
        end = asyncio.ensure_future(self._body.put(b""))
        answer = await self._answer
        end.cancel()
        try:
            self.set_status(answer.status_code, answer.reason_phrase)
            for name, value in answer.headers.multi_items():
                if self._passes_back(name.lower()):
                    self.set_header(name, value)
            if self.request.method != "HEAD" and answer.status_code != 304:
                async for piece in answer.aiter_raw(PIECE):
                    self.write(piece)
                    await self.flush()
        except httpx.HTTPError as error:
            # Half an answer must not look like a whole one: the connection is cut.
            log.warning("the owner was lost in the middle of an answer: %s", error)
            self.request.connection.stream.close()  # type: ignore[union-attr]
            return
        finally:
            await answer.aclose()
        await self.finish()

    # Who may ask is settled in `prepare`; a token of the owner's is for the owner to judge.
    get = head = post = put = patch = delete = options = allow_unauthenticated(_relay)

    def on_connection_close(self) -> None:
        """Let the owner know that nobody waits."""
        super().on_connection_close()
        if self._answer is not None:
            self._answer.cancel()

    async def _pass_on(self, path: str) -> httpx.Response:
        request_id = self.request.headers.get(REQUEST_ID) or uuid.uuid4().hex
        self._begun = False
        try:
            return await self._send(path, request_id)
        except httpx.TimeoutException as error:
            raise Unavailable("The owner of the repository does not answer.") from error
        except (httpx.HTTPError, Unavailable) as error:
            log.info("the owner of the repository was lost: %s", error)
            await self.offload(self.holder.settle)
            if self._begun:
                raise Unavailable(
                    "The owner of the repository ended in the middle of this request; there is "
                    "a new one: send it again."
                ) from error
        try:
            return await self._send(path, request_id)
        except httpx.HTTPError as error:
            raise Unavailable(f"The owner of the repository was lost: {error}") from error

    async def _send(self, path: str, request_id: str) -> httpx.Response:
        owner = self.holder.upstream
        if owner is None:
            # This process has taken over since: its own listener answers.
            here = self.holder.address()
            owner = Upstream(here.url, here.token_file)
        headers = [
            (name, value)
            for name, value in self.request.headers.get_all()
            if name.lower() not in _NOT_PASSED_ON
        ]
        if self._has_capability:
            # As a header: addresses end up in logs, of HTTP clients too.
            secret, rest = secret_and_path(path.removeprefix(CAPABILITIES), self.secret)
            path = f"{CAPABILITIES}-/{rest}"
            headers.append(("Authorization", f"Bearer {secret}"))
        else:
            headers += self._credentials(owner).items()
        if self._asks_for_zarr and "Origin" in self.request.headers:
            headers.append(("Origin", self.request.headers["Origin"]))
        headers.append((REQUEST_ID, request_id))
        query = f"?{self.request.query}" if self.request.query else ""
        client = _client(owner.url)
        request = client.build_request(
            self.request.method or "GET",
            owner.url.rstrip("/") + "/" + API_PATH + path + query,
            headers=headers,
            content=self._pieces() if self._has_body() else None,
        )
        return await client.send(request, stream=True)

    def _passes_back(self, name: str) -> bool:
        if name == "access-control-allow-origin" and self._asks_for_zarr:
            return True
        return name not in _NOT_PASSED_BACK

    def _credentials(self, owner: Upstream) -> dict[str, str]:
        if self.current_user is None:
            return {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        account = self.account
        credentials = {"Authorization": f"Bearer {owner.token}"}
        if account is not None:
            credentials[USER] = quote(account)
        return credentials

    def _has_body(self) -> bool:
        headers = self.request.headers
        return "Transfer-Encoding" in headers or headers.get("Content-Length", "0") != "0"

    async def _pieces(self) -> AsyncIterator[bytes]:
        self._begun = True
        while piece := await self._body.get():
            yield piece


def _client(url: str) -> httpx.AsyncClient:
    of_loop = _clients.setdefault(asyncio.get_running_loop(), {})
    if url not in of_loop:
        of_loop[url] = httpx.AsyncClient(
            timeout=_TIMEOUT,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
            trust_env=not is_loopback(url),
        )
    return of_loop[url]
