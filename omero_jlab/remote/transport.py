"""One server, reached by HTTP: connections, errors, and the one repetition that is safe."""

from __future__ import annotations

import ipaddress
import json
import os
import threading
import uuid
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx

from ..errors import (
    Denied,
    NotFound,
    OmeroError,
    TooLarge,
    Unauthenticated,
    Unavailable,
    error_for,
)
from ..model import DELEGATED
from ..operations import Request
from .wire import API_PATH, GROUP, PIECE, REQUEST_ID

__all__ = ["Body", "Transport", "is_loopback"]

Body = Callable[[], Iterable[bytes]]
"""Gives the pieces of a request's body anew for each attempt."""

# An answer may take long (rows are made durable first); reaching the server may not.
_TIMEOUT = httpx.Timeout(600.0, connect=5.0)
_LOST = (httpx.ConnectError, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)


def is_loopback(url: str) -> bool:
    """Whether `url` names this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Transport:
    """Sends requests to the server at `url` under `token`; threads may share it.

    Connections are kept open.  Pickled, it is its address and its token only.
    """

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/") + "/"
        self.token = token
        self._guard = threading.Lock()
        self._client: httpx.Client | None = None
        self._process = 0

    def __reduce__(self) -> tuple[type[Transport], tuple[str, str | None]]:
        return Transport, (self.url, self.token)

    @property
    def is_delegated(self) -> bool:
        """Whether its token is a worker's own, which other workers may have, too."""
        return (self.token or "").startswith(DELEGATED)

    def operate(self, request: Request, group: str | int | None, request_id: str | None) -> bytes:
        """The answer to a catalogued operation."""
        body = request.body
        return self.fetch(
            request.verb,
            request.path,
            request.query,
            (lambda: (body,)) if body is not None else None,
            group=group,
            request_id=request_id,
        )[1]

    def fetch(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Body | None = None,
        *,
        size: int | None = None,
        group: str | int | None = None,
        request_id: str | None = None,
    ) -> tuple[Mapping[str, str], bytes]:
        """Headers and whole body of an answer; a body of known `size` says so."""
        with (
            self.answer(
                verb, path, query, body, size=size, group=group, request_id=request_id
            ) as response,
            _translated(self.url),
        ):
            return response.headers, response.read()

    @contextmanager
    def answer(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Body | None = None,
        *,
        size: int | None = None,
        group: str | int | None = None,
        request_id: str | None = None,
    ) -> Iterator[httpx.Response]:
        """An answer whose body has yet to be read.

        A lost connection is tried once more: a write carries an id by which the server knows
        that it has done it before.
        """
        headers = {} if group is None else {GROUP: json.dumps(group)}
        if verb != "GET":
            headers[REQUEST_ID] = request_id or uuid.uuid4().hex
        if size is not None:
            headers["Content-Length"] = str(size)
        with _translated(self.url):
            try:
                response = self._send(verb, path, query, body, headers)
            except _LOST:
                response = self._send(verb, path, query, body, headers)
        try:
            if response.status_code >= 300:
                raise self._error(response)
            yield response
        finally:
            response.close()

    def pieces(self, response: httpx.Response) -> Iterator[bytes]:
        """The body of an answer, in pieces of at most 1 MB."""
        with _translated(self.url):
            yield from response.iter_bytes(PIECE)

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        with self._guard:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _send(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Body | None,
        headers: dict[str, str],
    ) -> httpx.Response:
        client = self._connected()
        content = None if body is None else iter(body())
        request = client.build_request(
            verb, API_PATH + path, params=query, content=content, headers=headers
        )
        return client.send(request, stream=True)

    def _connected(self) -> httpx.Client:
        with self._guard:
            # A forked child must not speak on its parent's sockets.
            if self._client is None or self._process != os.getpid():
                headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
                self._client = httpx.Client(
                    base_url=self.url,
                    headers=headers,
                    timeout=_TIMEOUT,
                    limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
                    trust_env=not is_loopback(self.url),
                )
                self._process = os.getpid()
                weakref.finalize(self, self._client.close)
            return self._client

    def _error(self, response: httpx.Response) -> OmeroError:
        with _translated(self.url):
            text = response.read()
        status = response.status_code
        try:
            found = json.loads(text)
            return error_for(found["error"], found["message"])
        except (ValueError, KeyError, TypeError):
            pass
        if status < 400 or status in (401, 403):
            kind = Denied if status == 403 and self.token else Unauthenticated
            return kind(f"{self.url} does not accept this token: log in again.")
        if status == 404:
            return NotFound(f"{self.url} has no omero-jlab, or an older one than this.")
        if status == 413:
            return TooLarge(f"{self.url} does not take requests as large as this one.")
        return Unavailable(f"{self.url} answered {status} {response.reason_phrase}.")


@contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except httpx.TimeoutException as error:
        raise Unavailable(f"{url} does not answer: {type(error).__name__}.") from error
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise Unavailable(f"{url} cannot be reached: {error}.") from error
