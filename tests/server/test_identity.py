"""From Jupyter's identity to an account."""

from __future__ import annotations

from typing import Any

import pytest
from jupyter_server.auth import IdentityProvider, User
from jupyter_server.auth.identity import LegacyIdentityProvider, PasswordIdentityProvider
from tornado.web import RequestHandler

from omero_jlab.server.identity import account_of


class HubProvider(IdentityProvider):
    """As JupyterHub's: it names people."""

    def get_user(self, handler: Any) -> User:
        return User("ada")


class InstituteProvider(PasswordIdentityProvider):
    async def get_user_token(self, handler: Any) -> User:
        return User("ada")


class Renamed(PasswordIdentityProvider):
    """Names the one person's browsers otherwise, but knows one person only."""

    def generate_anonymous_user(self, handler: Any) -> User:
        return User("moon")


class OldLogin(RequestHandler):
    """A login of its own, as before Jupyter server 2."""


@pytest.mark.parametrize(
    ("provider", "account"),
    [
        (IdentityProvider(token="t"), None),
        (PasswordIdentityProvider(token="t"), None),
        (PasswordIdentityProvider(hashed_password="argon2:x"), None),
        (Renamed(token="t"), None),
        (LegacyIdentityProvider(token="t"), None),
        (LegacyIdentityProvider(token="t", login_handler_class=OldLogin), "ada"),
        (HubProvider(token="t"), "ada"),
        (InstituteProvider(token="t"), "ada"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_who_acts(provider: IdentityProvider, account: str | None) -> None:
    assert account_of(provider, User("ada")) == account


def test_who_started_the_server_owns_what_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    assert account_of(HubProvider(token="t"), User("ada")) is None
    assert account_of(HubProvider(token="t"), User("grace")) == "grace"
