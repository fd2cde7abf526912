"""Who is asking: from Jupyter's identity to an account of the repository."""

from __future__ import annotations

import os
from functools import lru_cache

from jupyter_server.auth import IdentityProvider, User
from jupyter_server.auth.identity import LegacyIdentityProvider

__all__ = ["Bearer", "Nobody", "account_of", "bearer_of"]

_NAMING = ("get_user", "_get_user", "get_user_token", "get_user_cookie")


def account_of(provider: IdentityProvider, user: User) -> str | None:
    """The account that acts for `user`; None is the account that owns a personal repository.

    Jupyter's own login by token or password knows one person and calls each of their browsers
    by a random name.  Any other provider (JupyterHub's, an institute's) names people.  The
    person for whom JupyterHub started this server owns what lies in it.
    """
    if not _names_people(provider) or user.username == os.environ.get("JUPYTERHUB_USER"):
        return None
    return str(user.username)


def _names_people(provider: IdentityProvider) -> bool:
    kind = type(provider)
    if isinstance(provider, LegacyIdentityProvider):
        own = provider.login_handler_class.__module__ == "jupyter_server.auth.login"
        return not own or kind is not LegacyIdentityProvider
    return any(getattr(kind, name).__module__ != "jupyter_server.auth.identity" for name in _NAMING)


class Nobody(IdentityProvider):
    """The provider of a server that takes our own tokens only."""

    def get_user(self, handler: object) -> User | None:
        """Nobody: without one of our tokens, a request has no user."""
        return None


class Bearer(IdentityProvider):
    """The provider of requests that carry one of our tokens for `account`."""

    def __init__(self, account: str | None, delegated: bool = False) -> None:
        super().__init__(token="")
        self.account = account
        self.delegated = delegated

    def get_user(self, handler: object) -> User:
        """The user for whom the token stands."""
        return User(self.account or "owner")

    def is_token_authenticated(self, handler: object) -> bool:
        """True: such a request cannot have been forged by another site."""
        return True


@lru_cache(maxsize=1024)
def bearer_of(account: str | None, delegated: bool = False) -> Bearer:
    """The provider for `account`; making one takes longer than all else about a small request."""
    return Bearer(account, delegated)
