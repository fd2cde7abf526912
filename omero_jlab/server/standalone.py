"""The same handlers without a Jupyter server: for scripts and kernels, and for a team."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from pathlib import Path
from typing import Any

from jupyter_server.auth import AllowAllAuthorizer
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.routing import Rule
from tornado.web import Application, RequestHandler

from ..errors import Unavailable
from .holder import Address, Holder, OpenRepository
from .identity import Nobody
from .relay import RelayHandler, Relaying
from .routes import routes
from .tokens import write_token

__all__ = ["Listener", "application", "serve"]

log = logging.getLogger(__name__)

_GRACE_S = 5.0


def application(holder: Holder, *, public: bool = False) -> Application:
    """A tornado application that takes our tokens only.

    Unless `public`, it refuses requests for a `Host` that is not this machine: a page that has
    its name point at 127.0.0.1 must not reach it.
    """
    nobody = Nobody(token="")
    relay = Rule(Relaying(holder, "/"), RelayHandler, {"holder": holder})
    return Application(
        [relay, *routes(holder)],
        identity_provider=nobody,
        authorizer=AllowAllAuthorizer(identity_provider=nobody),
        allow_unauthenticated_access=False,
        allow_remote_access=public,
        local_hostnames=["localhost"],
        base_url="/",
        # An origin that nobody has: bearer tokens do not come by themselves, cookies none there.
        allow_origin="",
        headers={},
        csp_report_uri="",
        log_function=_log,
    )


class Listener:
    """Answers for `holder` on `host` from a thread with an event loop of its own."""

    def __init__(
        self, holder: Holder, host: str = "127.0.0.1", port: int = 0, *, public: bool = False
    ) -> None:
        self.holder = holder
        holder.address = self.start
        self._host = host
        self._port = port
        self._public = public
        self._guard = threading.Lock()
        self._ready: threading.Event = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._address: Address | None = None
        self._failure: OSError | None = None

    def start(self) -> Address:
        """Begin to listen; returns where, once it does.

        Raises
        ------
        Unavailable
            The port is taken, or may not be used.
        """
        with self._guard:
            if self._address is not None:
                return self._address
            token_file = write_token(self.holder.secret)
            # A daemon: a script that forgets to close its connection must still be able to end.
            self._thread = threading.Thread(
                target=self._run, args=(token_file,), name="omero-jlab-http", daemon=True
            )
            self._thread.start()
            self._ready.wait()
            if self._failure is not None:
                token_file.unlink(missing_ok=True)
                raise Unavailable(f"{self._host}:{self._port} cannot be used: {self._failure}")
            assert self._address is not None
            return self._address

    def stop(self) -> None:
        """Let requests that are being answered end, then close; the token file goes."""
        with self._guard:
            address, self._address = self._address, None
            if address is None or self._loop is None or self._stopping is None:
                return
            self._loop.call_soon_threadsafe(self._stopping.set)
            if self._thread is not None:
                self._thread.join(2 * _GRACE_S)
            address.token_file.unlink(missing_ok=True)
            self._ready.clear()

    def join(self) -> None:
        """Wait until it is stopped."""
        if self._thread is not None:
            self._thread.join()

    def _run(self, token_file: Path) -> None:
        asyncio.run(self._serve(token_file))

    async def _serve(self, token_file: Path) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        server = HTTPServer(
            application(self.holder, public=self._public),
            # Bodies of any size go to the disk; these are for the others.
            max_buffer_size=64 << 20,
            max_body_size=64 << 20,
        )
        try:
            sockets = bind_sockets(self._port, self._host)
        except OSError as error:
            self._failure = error
            self._ready.set()
            return
        server.add_sockets(sockets)
        host, port = sockets[0].getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        self._address = Address(f"http://{shown}:{port}/", token_file)
        self._ready.set()
        await self._stopping.wait()
        server.stop()
        try:
            await asyncio.wait_for(server.close_all_connections(), _GRACE_S)
        except TimeoutError:
            log.warning("requests were still being answered when the listener stopped")


def serve(root: Path, host: str, port: int) -> str | None:
    """Answer for the team repository at `root` until the process is told to end.

    Called in the main thread, where signals arrive.  Unless `host` is this machine, it belongs
    behind a proxy that speaks TLS.  Where a process owns the repository already, answers at once
    which one that is, in words.
    """
    holder = Holder(root, open_repository=_open_for_a_team)
    listener = Listener(holder, host, port, public=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        try:
            owner = holder.settle()
        except Unavailable as error:
            if not holder.is_taken:
                raise
            return str(error)
        if owner is not None:
            who = "" if owner.owner is None else f" ({owner.owner})"
            return f"{holder.root} is open already, at {owner.url}{who}."
        holder.store()
        print(f"The repository at {holder.root} answers at {listener.start().url}", flush=True)
        listener.join()
    except KeyboardInterrupt:
        log.info("ending")
    finally:
        listener.stop()
        holder.close()
    return None


def _open_for_a_team(root: Path) -> OpenRepository:
    from ..repository import Store

    return Store.open(root, tier="team")


def _log(handler: RequestHandler) -> None:
    request: Any = handler.request
    level = logging.WARNING if handler.get_status() >= 500 else logging.DEBUG
    took_ms = 1000 * request.request_time()
    log.log(level, "%s %s %s %.1f ms", handler.get_status(), request.method, request.path, took_ms)
