"""Logging in with a name and a password."""

from __future__ import annotations

import json

from jupyter_server.auth.decorator import allow_unauthenticated
from pydantic import ValidationError

from ..errors import Invalid, Unauthenticated
from ..model import Record
from .base import RepositoryHandler

__all__ = ["LOGIN"]


_BODY_LIMIT = 8192


class _Login(Record):
    name: str
    password: str


class LoginHandler(RepositoryHandler):
    """Gives a token to who knows a password."""

    def check_xsrf_cookie(self) -> None:
        """None is needed: the answer is a token in a body, no cookie, so forging it is useless."""

    @allow_unauthenticated
    async def post(self) -> None:
        """Answer with a token."""
        if len(self.request.body) > _BODY_LIMIT:
            raise Invalid(f"A name and a password have together at most {_BODY_LIMIT} bytes.")
        try:
            asked = _Login.model_validate_json(self.request.body)
        except ValidationError:
            # The reason would repeat the password.
            raise Invalid('Send {"name": …, "password": …}.') from None
        address = self.request.remote_ip
        # Few for a name from one place; more for a name from everywhere (or anybody could lock
        # its owner out) and for a place (all of an institute may come through one proxy).
        limits = {f"{asked.name} at {address}": 10, f"name {asked.name}": 100, f"at {address}": 100}
        if not self.holder.attempts.allowed(limits):
            raise Unauthenticated("Too many failed attempts: wait five minutes.")

        def check() -> bytes | None:
            store = self.holder.store()
            name = store.check_password(asked.name, asked.password) if asked.password else None
            if name is None:
                return None
            session = store.session(name)
            me = session.server.status().user
            token = session.accounts.add_token(me.id, name="login")
            return json.dumps({"token": token.secret, "user": name}).encode()

        answer = await self.offload(check)
        if answer is None:
            self.holder.attempts.failed(limits)
            raise Unauthenticated("Name and password do not belong together.")
        await self.send_json(answer)


LOGIN: dict[str, type[RepositoryHandler]] = {"login": LoginHandler}
"""The handler by its path below the API's root."""
