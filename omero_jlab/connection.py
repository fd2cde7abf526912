"""Finding the repository: this server's, another process's, or one to open here."""

from __future__ import annotations

import atexit
import getpass
import importlib
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

from .errors import Invalid, NotFound, Unauthenticated, Unavailable
from .operations import AnySession
from .place import default_repository
from .remote import Attached, RemoteSession, Source, SurvivingSession, log_in

__all__ = ["connect", "disconnect"]

log = logging.getLogger(__name__)

_SCHEMES = ("http://", "https://")
_guard = threading.Lock()
_here: dict[Path, Here] = {}


def connect(
    url_or_path: str | Path | None = None,
    *,
    user: str | None = None,
    password: str | None = None,
    token: str | None = None,
    group: str | int | None = None,
    repository: str | Path | None = None,
) -> AnySession:
    """A Session of a repository, wherever it is.

    Parameters
    ----------
    url_or_path
        A server's address, or a repository's folder.  Without it: the server that
        `OMERO_JLAB_URL` names, the Jupyter server that started this kernel, the process that
        has the default repository open; else that repository is opened in this process.
    user, password
        Log in under this name; a password that is not given is asked for.
    token
        What stands for name and password.
    group
        The group to work in, by name or id.
    repository
        A repository's folder, as `url_or_path`.

    Raises
    ------
    Unauthenticated
        The server does not know this user or token.
    Unavailable
        The server cannot be reached.
    """
    where = url_or_path if url_or_path is not None else repository
    if url_or_path is not None and repository is not None:
        raise Invalid("Give a server's address or a repository's folder, not both.")
    if user is not None and password is None and token is None:
        password = getpass.getpass(f"Password of {user}: ")
    who = Who(user, password, token)
    if where is None:
        find: Callable[[], Source] = partial(_anywhere, who)
    elif str(where).startswith(_SCHEMES):
        find = partial(_server, str(where), who)
    else:
        find = partial(_folder, Path(where).expanduser().absolute(), who)
    return cast(AnySession, SurvivingSession(find, group))


def disconnect() -> None:
    """Close every repository that is open in this process; others may take them over."""
    with _guard:
        open_here = list(_here.values())
        _here.clear()
    for here in open_here:
        here.close()


def _at_the_end(function: Callable[[], None]) -> None:
    """Call `function` when the program ends, while thread pools still work.

    `atexit` comes after them: requests that others make meanwhile would fail in the middle.
    """
    register = getattr(threading, "_register_atexit", None)
    if register is not None:
        # What was registered last is called first, and the pools' own end was registered before.
        importlib.import_module("concurrent.futures.thread")
        register(function)
    atexit.register(function)


_at_the_end(disconnect)


def _forget() -> None:
    global _guard
    # Another thread may have held the lock when the process forked.
    _guard = threading.Lock()
    _here.clear()


os.register_at_fork(after_in_child=_forget)


class Who:
    """As whom to connect; a password is turned into a token once."""

    def __init__(self, user: str | None, password: str | None, token: str | None) -> None:
        self.user = user
        self.token = token
        self._password = password

    def token_at(self, url: str, owners: str | None) -> str | None:
        """The token to send to the server at `url`; `owners` is what this OS user may use."""
        if self.token is None and self.user is not None:
            self.token = log_in(url, self.user, self._password or "")
        return self.token or owners

    def account_in(self, store: Any) -> str | None:
        """The account to act for in a repository that is open here; None is its owner's."""
        if self.token is not None:
            account = store.user_of_token(self.token)
        elif self.user is not None:
            account = store.check_password(self.user, self._password or "")
        else:
            return None
        if account is None:
            raise Unauthenticated("Name and password do not belong together, or the token is old.")
        return str(account)


class Here:
    """A repository's folder as this process holds it, with the listener for others."""

    def __init__(self, root: Path) -> None:
        from .server import Holder, Listener

        self.root = root
        self.users = 0
        self.holder = Holder(root)
        self.listener = Listener(self.holder)

    def source(self, who: Who) -> Source:
        """This process, or the one that owns the repository."""
        owner = self.holder.settle()
        if owner is None:
            return Owned(self, who.account_in(self.holder.store()))
        return _attached(owner.url, who.token_at(owner.url, owner.token))

    def close(self) -> None:
        """Stop listening, close the repository, give back the lock."""
        self.listener.stop()
        self.holder.close()


class Owned:
    """Sessions of a repository that is open in this process."""

    def __init__(self, here: Here, account: str | None) -> None:
        self._here = here
        self._account = account
        self._closed = False
        with _guard:
            here.users += 1

    def session(self, group: str | int | None, request_id: str | None) -> AnySession:
        """A Session for one call."""
        return self._here.holder.session(self._account, group, request_id)

    def remote(self, group: str | int | None) -> RemoteSession:
        """The way in for another process."""
        address = self._here.listener.start()
        secret = self._here.holder.secret
        if self._account is not None:
            session = self.session(None, None)
            me = session.server.status().user
            secret = session.accounts.add_token(me.id, name="another process").secret
        return RemoteSession(address.url, secret, group)

    def address(self) -> str:
        """Where this process answers others."""
        return self._here.listener.start().url

    def repository(self) -> str:
        """The UUID."""
        return self._here.holder.store().uuid

    def close(self) -> None:
        """Let go; the last one in this process closes the repository and gives back the lock."""
        with _guard:
            if self._closed:
                return
            self._closed = True
            self._here.users -= 1
            last = self._here.users == 0 and _here.get(self._here.root) is self._here
            if last:
                del _here[self._here.root]
        if last:
            self._here.close()


def _attached(url: str, token: str | None) -> Attached:
    return Attached(RemoteSession(url, token))


def _server(url: str, who: Who) -> Source:
    token = who.token_at(url, os.environ.get("OMERO_JLAB_TOKEN"))
    if token is None:
        for known, secret in _servers():
            if known.rstrip("/") == url.rstrip("/"):
                token = secret
    if token is None:
        raise Unauthenticated(f"Give user= or token= to connect to {url}.")
    return _attached(url, token)


def _folder(root: Path, who: Who) -> Source:
    with _guard:
        if root not in _here:
            _here[root] = Here(root)
        here = _here[root]
    return here.source(who)


def _anywhere(who: Who) -> Source:
    for url, secret in _servers():
        try:
            source = _attached(url, who.token_at(url, secret))
            source.repository()
        except (Unavailable, NotFound) as error:
            log.info("no repository at %s: %s", url, error)
        except Unauthenticated as error:
            if who.user is not None or who.token is not None:
                raise
            log.info("the token for %s is old: %s", url, error)
        else:
            return source
    return _folder(default_repository().absolute(), who)


def _servers() -> Iterator[tuple[str, str]]:
    """Address and token of the servers that this process was started under, nearest first."""
    url, file = os.environ.get("OMERO_JLAB_URL"), os.environ.get("OMERO_JLAB_TOKEN_FILE")
    if url and file:
        try:
            yield url, Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            log.info("the token of %s cannot be read: %s", url, error)
    parent = os.environ.get("JPY_PARENT_PID", "")
    if not parent.isdecimal():
        return
    from jupyter_core.paths import jupyter_runtime_dir

    file_of_server = Path(jupyter_runtime_dir()) / f"jpserver-{parent}.json"
    try:
        found = json.loads(file_of_server.read_text(encoding="utf-8"))
        url, token = str(found["url"]), found["token"]
    except (OSError, ValueError, LookupError, TypeError):
        return
    # A server that people enter by password has no token to use.
    if token and url.startswith(_SCHEMES):
        yield url, str(token)
