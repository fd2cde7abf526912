"""How an account proves itself: passwords kept as argon2id, tokens as SHA-256."""

from __future__ import annotations

import hashlib
import secrets
from functools import cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session as OrmSession

from ...database import TokenRow, UserRow
from ...errors import Invalid
from ..access import accounts

__all__ = ["check_password", "hash_of", "hash_password", "new_secret", "user_of_token"]

_SHORTEST, _LONGEST = 8, 1024


@cache
def _hasher() -> Any:
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    """A hash to check against for unknown users, or the time taken would tell who exists."""
    hashed: str = _hasher().hash(secrets.token_urlsafe())
    return hashed


def hash_password(password: str) -> str:
    """The argon2id hash of a new password.  It takes a while: never inside a transaction.

    Raises
    ------
    Invalid
        The password is shorter than 8 characters or longer than 1024.
    """
    if not _SHORTEST <= len(password) <= _LONGEST:
        raise Invalid(
            f"The password has {len(password)} characters: it must have {_SHORTEST} to {_LONGEST}."
        )
    hashed: str = _hasher().hash(password)
    return hashed


def check_password(db: OrmSession, name: str, password: str) -> str | None:
    """The name of the active account that has this name and password, or None."""
    from argon2.exceptions import InvalidHashError, VerificationError

    user = db.scalar(accounts(select(UserRow).where(UserRow.name == name)))
    stored = None if user is None else user.password_hash
    try:
        _hasher().verify(stored or _nobodys_hash(), password[: _LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return None
    if user is None or not stored or not user.active:
        return None
    return user.name


def new_secret() -> str:
    """A secret that nobody can guess, fit for a URL or a header."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """What is stored of a token: long random secrets need no salt and no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def user_of_token(db: OrmSession, secret: str) -> str | None:
    """The name of the active account that a token stands for, or None."""
    statement = (
        select(UserRow.name)
        .join(TokenRow, TokenRow.user_id == UserRow.id)
        .where(TokenRow.sha256 == hash_of(secret), UserRow.active)
    )
    return db.scalar(accounts(statement))
