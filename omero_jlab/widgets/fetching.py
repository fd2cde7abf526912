"""A widget whose JavaScript may ask its kernel for what it cannot get over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ..errors import OmeroError, status_of

__all__ = ["Answer", "Fetch", "FetchingWidget"]

Answer = tuple[int, dict[str, str], bytes]
Fetch = Callable[..., Answer]
"""Called with a path to read it, and with a verb and a body besides to write."""
_VERBS = {"get": "GET", "put": "PUT", "delete": "DELETE"}

STATIC = Path(__file__).parent / "static"


class FetchingWidget(anywidget.AnyWidget):
    """Draws what lies in one repository.

    The page asks the server it came from, if that has this repository, and else the kernel:
    message ``{kind: "get", id, path}`` (or ``put`` with a ``body``, or ``delete``), answer
    ``{kind: "reply", id, status, headers}`` with the body as its only buffer.

    Parameters
    ----------
    fetch
        Answers a path with its query, relative to ``/omero-jlab/api/v1/``, with status, headers
        and body; a verb and a body follow where something is written.  Without it the page can
        only ask its server.
    """

    _css = STATIC / "omero-jlab.css"

    repository = traitlets.Unicode(help="The repository's UUID.").tag(sync=True)
    height_px = traitlets.Int(480, min=120, help="Height on the page.").tag(sync=True)

    def __init__(self, *, fetch: Fetch | None = None, **traits: Any) -> None:
        super().__init__(**traits)
        self._fetch = fetch
        self.on_msg(self._receive)

    def _receive(self, _: object, content: Any, buffers: object) -> None:
        if not isinstance(content, dict) or content.get("kind") not in _VERBS:
            return
        asked = [str(content.get("path", ""))]
        if content["kind"] != "get":
            asked += [_VERBS[content["kind"]], str(content.get("body", ""))]
        status, headers, body = self._answer(*asked)
        reply = {"kind": "reply", "id": content.get("id"), "status": status, "headers": headers}
        self.send(reply, buffers=[body])

    def _answer(self, *asked: str) -> Answer:
        if self._fetch is None:
            return _refusal(503, "Unavailable", "This widget has no repository behind it.")
        try:
            return self._fetch(*asked)
        except OmeroError as error:
            return _refusal(status_of(error), type(error).__name__, str(error))


def _refusal(status: int, name: str, message: str) -> Answer:
    body = json.dumps({"error": name, "message": message}).encode()
    return status, {"Content-Type": "application/json"}, body
