"""What every handler shares: who asks, errors as JSON, work off the event loop."""

from __future__ import annotations

import hmac
import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, TypeVar, cast
from urllib.parse import unquote, urlsplit

from jupyter_server.auth import IdentityProvider
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import JupyterHandler
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from tornado import web
from tornado.iostream import StreamClosedError

from ..errors import Denied, Invalid, NotFound, OmeroError, Unauthenticated, status_of
from ..operations import AnySession
from ..remote.wire import GROUP, PIECE, REQUEST_ID, USER
from .holder import Holder
from .identity import Bearer, account_of, bearer_of

__all__ = ["RepositoryHandler", "StreamedHandler", "reads", "writes"]

log = logging.getLogger(__name__)
Method = Callable[..., Awaitable[None]]
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

RESOURCE = "omero-jlab"
_DROPPED_LIMIT = 1 << 20
_JUPYTERS_OWN = ("token", "_xsrf")


def reads(method: Method) -> Method:
    """Mark a handler's method that answers users who may read."""
    # Resource and action are named here: `authorized` alone keeps those of its first caller.
    return web.authenticated(authorized("read", RESOURCE)(method))  # type: ignore[return-value]


def writes(method: Method) -> Method:
    """Mark a handler's method that answers users who may write."""
    return web.authenticated(authorized("write", RESOURCE)(method))  # type: ignore[return-value]


class RepositoryHandler(JupyterHandler):
    """A handler of the repository in `holder`, in a Jupyter server or in one of our own."""

    auth_resource = RESOURCE

    def initialize(self, holder: Holder) -> None:
        """Keep what the route gives."""
        self.holder = holder
        self.gone = False
        self._bearer: Bearer | None = None

    @property
    def identity_provider(self) -> IdentityProvider:
        """Ours for a request with one of our tokens, else the server's."""
        return self._bearer or super().identity_provider

    async def prepare(self) -> None:  # type: ignore[override]
        """Let in who may ask."""
        await self.check_caller()

    async def check_caller(self) -> None:
        """Find out who asks; raise for nobody, unless the method is for everybody."""
        self._bearer = await self.bearer()
        try:
            await super().prepare(_redirect_to_login=False)
        except web.HTTPError as error:
            if error.status_code == 403 and self.current_user is None and self.check_host():
                raise self.unauthenticated() from None
            raise
        method = getattr(self, (self.request.method or "").lower(), None)
        public = getattr(method, "__allow_unauthenticated", False)
        if self.current_user is None and not public:
            raise self.unauthenticated()

    async def bearer(self) -> Bearer | None:
        """Who the request's token stands for, where it is one of ours."""
        secret = self.secret
        if secret is None:
            return None
        if hmac.compare_digest(secret.encode(), self.holder.secret.encode()):
            return bearer_of(unquote(self.request.headers.get(USER, "")) or None)
        if self.holder.upstream is not None:
            return None
        return await self.offload(lambda: self._bearer_of(secret))

    def _bearer_of(self, secret: str) -> Bearer | None:
        store = self.holder.store()
        user = store.user_of_token(secret)
        if user is not None:
            return bearer_of(user)
        session = store.delegated_session(secret)
        return None if session is None else bearer_of(session.user, delegated=True)

    @property
    def secret(self) -> str | None:
        """The bearer token that came with the request."""
        found = re.fullmatch(r"(?i:bearer)\s+(\S+)", self.request.headers.get("Authorization", ""))
        return found and found[1]

    @property
    def account(self) -> str | None:
        """The account that acts; None is the local owner."""
        if self._bearer is not None:
            return self._bearer.account
        return account_of(self.identity_provider, self.current_user)

    @property
    def request_id(self) -> str | None:
        """The id under which a write may be repeated."""
        given = self.request.headers.get(REQUEST_ID)
        if given is not None and not re.fullmatch(r"[\w-]{8,64}", given):
            raise Invalid(f"{REQUEST_ID} must be 8 to 64 letters, digits, - and _.")
        return given

    def session(self) -> AnySession:
        """The repository as the asking user sees it; not on the event loop."""
        if self._bearer is not None and self._bearer.delegated:
            return cast(
                AnySession,
                self.holder.store().delegated_session(
                    self.secret or "", self.group, self.request_id
                ),
            )
        own = self.account is None and self.holder.store().tier == "personal"
        return self.holder.session(self.account, self.group, self.request_id, own)

    @property
    def group(self) -> str | int | None:
        """The group to work in: a JSON string or number, or a name as it is."""
        given = self.request.headers.get(GROUP)
        if given is None:
            return None
        try:
            group = from_json(given)
        except ValueError:
            return given
        return group if type(group) in (str, int) else given

    async def offload(self, function: Callable[[], T]) -> T:
        """What `function` returns, in a thread."""
        reading = self.request.method in ("GET", "HEAD")
        pool = self.holder.reading if reading else self.holder.writing
        return await pool.run(lambda: not self.gone, function)

    async def with_session(self, function: Callable[[AnySession], T]) -> T:
        """What `function` returns for the asking user's Session, in a thread."""
        return await self.offload(lambda: function(self.session()))

    @property
    def is_foreign(self) -> bool:
        """Whether a page of another origin asks."""
        origin = self.request.headers.get("Origin", "")
        return bool(origin) and urlsplit(origin).netloc != self.request.host

    @property
    def query(self) -> dict[str, str]:
        """The arguments behind the question mark, without Jupyter's own."""
        every = self.request.query_arguments
        return {k: self.get_query_argument(k) for k in every if k not in _JUPYTERS_OWN}

    def asked(self, model: type[M], **in_path: str) -> M:
        """The arguments in path and query, checked."""
        try:
            return model.model_validate(self.query | in_path)
        except ValidationError as error:
            found = "; ".join(
                f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in error.errors()
            )
            raise Invalid(f"{self.request.path} was asked wrongly: {found}") from None

    async def send(self, body: bytes, content_type: str) -> None:
        """Answer with `body`, in pieces of at most 1 MB."""
        self.set_header("Content-Type", content_type)
        self.set_header("Content-Length", str(len(body)))
        if self.request.method != "HEAD":
            for start in range(0, len(body) - PIECE, PIECE):
                self.write(body[start : start + PIECE])
                await self.flush()
            # The last piece leaves with the end, and a small body with its head: one call each.
            self.write(body[(len(body) - 1) // PIECE * PIECE :] if body else body)
        await self.finish()

    async def send_all(self, pieces: Iterator[bytes]) -> None:
        """Answer with bytes that a thread brings forth piece by piece."""
        while piece := await self.offload(lambda: next(pieces, b"")):
            if self.request.method == "HEAD":
                break
            self.write(piece)
            await self.flush()
        await self.finish()

    async def send_json(self, body: bytes) -> None:
        """Answer with JSON that no cache keeps."""
        self.set_header("Cache-Control", "no-store")
        await self.send(body, "application/json")

    def compute_etag(self) -> None:
        """None: tornado would hash every body on the event loop."""
        return None

    def get_login_url(self) -> str:
        """Refuse: an interface sends nobody to a login page."""
        raise self.unauthenticated()

    def on_connection_close(self) -> None:
        """Remember that nobody waits."""
        self.gone = True
        super().on_connection_close()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with the error's name and its message."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, OmeroError):
            status_code, name, message = status_of(error), type(error).__name__, str(error)
        elif status_code < 500:
            kinds: Mapping[int, type[OmeroError]] = {403: Denied, 404: NotFound}
            name = kinds.get(status_code, Invalid).__name__
            reason = getattr(error, "log_message", None) or self._reason
            message = f"{self.request.method} {self.request.path}: {reason}."
        else:
            name = "OmeroError"
            message = "Something went wrong inside the server; its log says what."
        known = {status.value for status in HTTPStatus}
        self.set_status(status_code, None if status_code in known else "Error")
        for stale in ("Content-Length", "Etag", "Content-Disposition"):
            self.clear_header(stale)
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps({"error": name, "message": message}))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log what is not the user's doing; never headers or bodies, which hold secrets."""
        if isinstance(value, OmeroError | web.HTTPError | StreamClosedError):
            log.debug("%s %s: %s", self.request.method, self.request.path, value)
        else:
            log.error(
                "%s %s failed", self.request.method, self.request.path, exc_info=(typ, value, tb)
            )

    def unauthenticated(self) -> Unauthenticated:
        """What is raised for nobody."""
        return Unauthenticated(
            "Nobody is logged in: send a token as `Authorization: Bearer …`, or log in to Jupyter."
        )


@web.stream_request_body
class StreamedHandler(RepositoryHandler):
    """Takes a body as it arrives; who is refused is told why all the same."""

    _refusal: OmeroError | web.HTTPError | None = None
    _dropped = 0
    dropped_limit = _DROPPED_LIMIT

    async def admit(self) -> bool:
        """Whether the caller may ask; otherwise the answer says why not, once the body is in.

        An answer before the body's end cuts the connection, and the client may never read it.
        """
        try:
            await self.check_caller()
        except (OmeroError, web.HTTPError) as error:
            self._refusal = refusal = error

            async def refuse(*_: str) -> None:
                raise refusal

            setattr(self, (self.request.method or "").lower(), refuse)
        return self._refusal is None

    def drop(self, chunk: bytes) -> None:
        """Forget what arrives from who was refused; nobody may send that without end."""
        self._dropped += len(chunk)
        error = self._refusal
        if error is not None and self._dropped > self.dropped_limit and not self._finished:
            self.send_error(403, exc_info=(type(error), error, None))
