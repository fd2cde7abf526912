"""Capabilities in addresses: where they stand, and how they are kept out of logs and errors."""

from __future__ import annotations

import re

from tornado.httputil import HTTPServerRequest

from ..errors import NotFound

__all__ = ["CAPABILITIES", "mask", "masked", "secret_and_path"]

CAPABILITIES = "zarr/cap/"
"""Below this path of the API, the next part is a secret."""

_SECRET = re.compile(rf"(/{re.escape(CAPABILITIES)})(?!-(?:/|$))[^/?#]*")


def masked(text: str) -> str:
    """An address without the capability in it."""
    return _SECRET.sub(r"\1***", text)


def mask(request: HTTPServerRequest, whole: bool = False) -> None:
    """Take the capability out of a request that has been routed: whoever logs it has none.

    `whole` takes all out that comes behind `zarr/`.
    """
    if whole:
        request.path = request.uri = f"{request.path.partition('/zarr/')[0]}/zarr/***"
    request.uri = masked(request.uri or "")
    request.path = masked(request.path)
    if "/zarr/" in request.path and "Referer" in request.headers:
        # A viewer's page has the whole address in its own.
        del request.headers["Referer"]


def secret_and_path(rest: str, bearer: str | None) -> tuple[str, str]:
    """The capability and what comes behind it; `-` stands for a capability sent as `bearer`."""
    secret, slash, path = rest.partition("/")
    if secret == "-":
        secret = bearer or ""
    if not secret or not slash:
        raise NotFound("An address with a capability goes on with 0.5/images/ID.zarr/.")
    return secret, path
