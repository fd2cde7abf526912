"""A browser, and a small server for it to talk to."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import tornado.httpserver
import tornado.netutil

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-unsafe-swiftshader",
]
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def _load(name: str) -> ModuleType:
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"omero_jlab_browser_{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up.
    import sys

    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def fake() -> ModuleType:
    """The module of the fake server."""
    return _load("fake")


@pytest.fixture(scope="session")
def lab_module() -> ModuleType:
    """The module that starts a JupyterLab."""
    return _load("lab")


# Its event loop runs in this thread for as long as it lives: other tests need their own.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless Chromium."""

    def missing(what: str) -> None:
        if os.environ.get("OMERO_JLAB_BROWSER") == "required":
            pytest.fail(what)
        pytest.skip(what)

    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        missing("no Chromium on PATH; apt-get install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("Playwright is not installed; pip install playwright")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, headless=True, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def fake_url(fake: ModuleType) -> Iterator[str]:
    """The address of the fake server, without a slash at its end."""
    started = threading.Event()
    where: dict[str, Any] = {}

    async def serve() -> None:
        (socket,) = tornado.netutil.bind_sockets(0, "127.0.0.1")
        server = tornado.httpserver.HTTPServer(fake.application())
        server.add_socket(socket)
        where["port"] = socket.getsockname()[1]
        where["loop"] = asyncio.get_running_loop()
        where["stop"] = asyncio.Event()
        started.set()
        await where["stop"].wait()
        server.stop()
        await server.close_all_connections()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert started.wait(30)
    yield f"http://127.0.0.1:{where['port']}"
    where["loop"].call_soon_threadsafe(where["stop"].set)
    thread.join(30)


@contextmanager
def _opening(chromium: Any) -> Iterator[Callable[[str], Any]]:
    context = chromium.new_context(viewport={"width": 1100, "height": 700})
    errors: list[str] = []

    def open(url: str) -> Any:
        page = context.new_page()
        # Kernels start slowly on a busy machine; what never comes is as wrong after two minutes.
        page.set_default_timeout(120_000)
        page.on(
            "console",
            lambda message: errors.append(message.text) if message.type == "error" else None,
        )
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        page.errors = errors
        return page

    yield open
    context.close()
    assert errors == []


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Callable[[str], Any]]:
    """Opens an address; the test fails where the page wrote an error to its console."""
    with _opening(chromium) as open:
        yield open


@pytest.fixture(scope="module")
def open_shared_page(chromium: Any) -> Iterator[Callable[[str], Any]]:
    """Opens an address for several tests; each must look at `page.errors` itself."""
    with _opening(chromium) as open:
        yield open
