"""The repository over HTTP: in a Jupyter server, beside a script, or for a team."""

from __future__ import annotations

from ..place import default_repository
from .holder import Address, Holder, Upstream
from .standalone import Listener, application, serve

__all__ = [
    "Address",
    "Holder",
    "Listener",
    "Upstream",
    "application",
    "default_repository",
    "serve",
]
