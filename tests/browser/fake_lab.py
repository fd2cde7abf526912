"""The fake repository as an extension of a Jupyter server."""

from __future__ import annotations

from typing import Any

import fake


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "fake_lab"}]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    web_app = serverapp.web_app
    web_app.add_handlers(".*$", fake.handlers(web_app.settings["base_url"]))
