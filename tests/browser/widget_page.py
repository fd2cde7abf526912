"""A page with widgets of a real repository on it; what they ask for goes through `Fetch`.

The model of each widget is as simple as can be, and its messages go to a small server that
stands for the kernel.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tornado.httpserver
import tornado.netutil
import tornado.web

import omero_jlab
from omero_jlab.objects.fetch import Fetch

STATIC = Path(omero_jlab.__file__).parent / "widgets" / "static"

_PAGE = """<!doctype html><meta charset="utf-8"><title>widgets</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/omero-jlab.css">
<style>body { margin: 0 } #hosts { display: flex } #hosts > div { flex: 1; min-width: 0 } %s</style>
<body data-jp-theme-name="%s"><div id="hosts"></div>
<script type="module">
class Model {
  constructor(traits) { this.traits = traits; this.listeners = new Map(); }
  get(name) { return this.traits[name]; }
  set(name, value) {
    const same = JSON.stringify(this.traits[name]) === JSON.stringify(value);
    this.traits[name] = value;
    if (!same) (this.listeners.get("change:" + name) ?? []).forEach(call => call());
  }
  save_changes() {}
  on(name, call) { this.listeners.set(name, [...(this.listeners.get(name) ?? []), call]); }
  off(name, call) {
    this.listeners.set(name, (this.listeners.get(name) ?? []).filter(each => each !== call));
  }
  async send({ kind, id, path, body }) {
    (window.asked ??= []).push(`${kind} ${path}`);
    const method = { get: "GET", put: "PUT", delete: "DELETE" }[kind];
    const answer = await fetch("/kernel/" + path, { method, body });
    const bytes = new Uint8Array(await answer.arrayBuffer());
    // As from a websocket: the bytes do not begin at the start of their buffer.
    const whole = new Uint8Array(bytes.length + 3);
    whole.set(bytes, 3);
    const headers = Object.fromEntries(answer.headers);
    const content = { kind: "reply", id, status: answer.status, headers };
    const buffers = [new DataView(whole.buffer, 3)];
    (this.listeners.get("msg:custom") ?? []).forEach(call => call(content, buffers));
  }
}
window.models = {};
window.undo = {};
for (const [name, kind, traits] of %s) {
  const host = document.getElementById("hosts").appendChild(document.createElement("div"));
  const { default: widget } = await import(`/static/${kind}.js`);
  const model = (window.models[name] = new Model(traits));
  window.undo[name] = await widget.render({ model, el: host });
}
window.shown = true;
</script>"""


class _Kernel(tornado.web.RequestHandler):
    def initialize(self, fetch: Fetch, pool: ThreadPoolExecutor) -> None:
        self.fetch, self.pool = fetch, pool

    def check_xsrf_cookie(self) -> None:
        """There is nothing to protect."""

    async def get(self, path: str) -> None:
        query = f"?{self.request.query}" if self.request.query else ""
        asked = (path + query, self.request.method, self.request.body.decode())
        loop = asyncio.get_running_loop()
        status, headers, body = await loop.run_in_executor(self.pool, self.fetch, *asked)
        # Chromium writes each error status to its console, which a test looks at.
        self.set_status(status)
        for name, value in headers.items():
            self.set_header(name, value)
        self.finish(body)

    put = delete = get


class _Page(tornado.web.RequestHandler):
    def get(self) -> None:
        widgets = self.application.settings["widgets"]
        theme, style = self.get_query_argument("theme", "light"), ""
        if theme == "dark":
            style = (
                ":root { --jp-layout-color1: #111; --jp-layout-color2: #424242; "
                "--jp-border-color2: #616161; --jp-ui-font-color1: #fff; "
                "--jp-ui-font-color2: rgba(255, 255, 255, 0.7); --jp-brand-color1: #2196f3; "
                "--jp-input-background: #424242 }"
            )
        asked = self.get_query_argument("widgets").split(",")
        listed = [[name, *widgets[name]] for name in asked]
        self.finish(_PAGE % (style, theme, json.dumps(listed)))


def traits_of(widget: Any) -> dict[str, Any]:
    """What a widget sends to its page, but for what Jupyter adds and the scripts themselves."""
    skipped = {"layout", "tabbable", "tooltip"}
    return {
        name: value
        for name, value in widget.get_state().items()
        if not name.startswith("_") and name not in skipped
    }


@contextmanager
def serving(session: Any) -> Iterator[tuple[str, dict[str, tuple[str, dict[str, Any]]]]]:
    """The address of the server, and the widgets by name (kind, traits) that its page shows."""
    started = threading.Event()
    where: dict[str, Any] = {}
    widgets: dict[str, tuple[str, dict[str, Any]]] = {}
    pool = ThreadPoolExecutor(4)

    async def serve() -> None:
        application = tornado.web.Application(
            [
                (r"/page", _Page),
                (r"/kernel/(.*)", _Kernel, {"fetch": Fetch(session), "pool": pool}),
                (r"/static/(.*)", tornado.web.StaticFileHandler, {"path": str(STATIC)}),
            ],
            widgets=widgets,
        )
        (socket,) = tornado.netutil.bind_sockets(0, "127.0.0.1")
        server = tornado.httpserver.HTTPServer(application)
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
    try:
        yield f"http://127.0.0.1:{where['port']}", widgets
    finally:
        where["loop"].call_soon_threadsafe(where["stop"].set)
        thread.join(30)
        pool.shutdown()
