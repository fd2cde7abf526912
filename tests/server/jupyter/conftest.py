"""A Jupyter server with the extension."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_jupyter.jupyter_server import *  # noqa: F403

from omero_jlab.server import holder

from ..fakes import FakeStore


@pytest.fixture
def jp_server_config(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The extension on the repository in memory; every handler must authenticate."""

    def open_store(root: Path) -> FakeStore:
        assert root == store.layout.root
        return store

    monkeypatch.setattr(holder, "open_store", open_store)
    return {
        "ServerApp": {
            "jpserver_extensions": {"omero_jlab": True},
            "allow_unauthenticated_access": False,
        },
        "RepositoryApp": {"show_panel": True, "repository": str(store.layout.root)},
    }


@pytest.fixture
def extension(jp_serverapp: Any) -> Any:
    """The running extension."""
    (app,) = jp_serverapp.extension_manager.extension_apps["omero_jlab"]
    return app


@pytest.fixture
def started(extension: Any, jp_serverapp: Any, jp_asyncio_loop: Any) -> Any:
    """The extension after the server's start."""
    jp_asyncio_loop.run_until_complete(extension._start_jupyter_server_extension(jp_serverapp))
    return extension
