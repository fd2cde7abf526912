"""Tiles over HTTP from one server process, asked for by 16 connections of another process.

`http-256-vs-large_image`: rendered tiles of three channels, against large_image behind a plain
tornado handler with as many threads as cores, in a server process of its own.
`http-raw-vs-empty`: raw tiles whose stored bytes fit, against a handler behind the same
authentication and access check that sends as many bytes of nothing.  Both are tiles a second,
ours over the peer's.  `http-worst-while-importing`: 250 ms over the slowest rendered tile while
an import and the making of a pyramid run.  Methods take turns, and no tile is asked for twice.
Each measure is one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from tiles import SETTINGS, cells, imported, large_images
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from omero_jlab.model import ImportRequest
from omero_jlab.repository import Store
from omero_jlab.server.base import RepositoryHandler, reads
from omero_jlab.server.holder import Holder
from omero_jlab.server.standalone import application

CONNECTIONS = 16
LEAST = {
    "http-256-vs-large_image": 3,
    "http-raw-vs-empty": 0.8,
    "http-worst-while-importing": 1,
}
SIDE = 256
PATIENCE_MS = 250
API = "/omero-jlab/api/v1/"


class Empty(RepositoryHandler):
    """Sends as many bytes as a raw tile has, to who may see the image."""

    @reads
    async def get(self, number: str) -> None:
        """Answer with zeros."""
        await self.with_session(lambda session: session.images.get(int(number)))
        await self.send(bytes(SIDE * SIDE * 2), "application/octet-stream")


class Peer(RequestHandler):
    """large_image's tiles."""

    def initialize(self, drawn: Callable[[int, int], bytes], threads: ThreadPoolExecutor) -> None:
        """Keep what draws."""
        self.drawn, self.threads = drawn, threads

    async def get(self, row: str, column: str) -> None:
        """Answer with a JPEG."""
        loop = asyncio.get_running_loop()
        data = await loop.run_in_executor(self.threads, self.drawn, int(row), int(column))
        self.set_header("Content-Type", "image/jpeg")
        self.finish(data)

    def compute_etag(self) -> None:
        """None: it would be hashed on the event loop."""
        return None


def listening(app: Application) -> tuple[HTTPServer, int]:
    """A server, and its port."""
    server = HTTPServer(app)
    server.listen(0, "127.0.0.1")
    port: int = next(iter(server._sockets.values())).getsockname()[1]
    return server, port


async def be_peer(path: Path) -> None:
    """Serve large_image's tiles until standard input ends; the port is printed."""
    with large_images(path, SIDE) as drawn, ThreadPoolExecutor(os.cpu_count()) as threads:
        handler = (r"/peer/(\d+)/(\d+)", Peer, {"drawn": drawn, "threads": threads})
        server, port = listening(Application([handler]))
        print(port, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        server.stop()


@contextmanager
def peer(path: Path) -> Iterator[int]:
    """The port at which a process of large_image's answers."""
    command = [sys.executable, __file__, "--peer", str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stdout
        yield int(process.stdout.readline())
        process.stdin.close()


@contextmanager
def serving(holder: Holder, others: list[Any]) -> Iterator[int]:
    """The port at which a thread of this process answers."""
    ready, port = threading.Event(), 0
    loop = asyncio.new_event_loop()

    async def begin() -> HTTPServer:
        nonlocal port
        app = application(holder)
        app.add_handlers(".*", others)
        # Those of the repository end with one for every path.
        app.default_router.rules.insert(0, app.default_router.rules.pop(-2))
        server, port = listening(app)
        return server

    def run() -> None:
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(begin())
        ready.set()
        loop.run_forever()
        server.stop()
        loop.run_until_complete(server.close_all_connections())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def ask(port: int, secret: str, paths: list[str]) -> dict[str, float]:
    """Ask for every path over 16 connections; seconds for all, and for the slowest in ms."""
    rest, slowest = iter(paths), 0.0
    selector = selectors.DefaultSelector()

    def send(connection: socket.socket) -> bool:
        path = next(rest, None)
        if path is None:
            selector.unregister(connection)
            connection.close()
            return False
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {secret}\r\n\r\n"
        connection.sendall(head.encode())
        selector.get_key(connection).data[:] = [time.perf_counter(), b"", -1]
        return True

    start = time.perf_counter()
    for _ in range(min(CONNECTIONS, len(paths))):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ, [0.0, b"", -1])
        send(connection)
    while selector.get_map():
        for key, _ in selector.select():
            since, head, missing = key.data
            data = key.fileobj.recv(1 << 18)
            if not data:
                raise ConnectionError("the server closed a connection")
            if missing < 0:
                head += data
                end = head.find(b"\r\n\r\n")
                if end < 0:
                    key.data[1] = head
                    continue
                if not head.startswith(b"HTTP/1.1 200"):
                    raise ConnectionError(head.decode(errors="replace"))
                low = head[:end].lower()
                size = int(low.split(b"content-length:")[1].split(b"\r\n")[0])
                missing = size - (len(head) - end - 4)
            else:
                missing -= len(data)
            key.data[2] = missing
            if missing == 0:
                slowest = max(slowest, time.perf_counter() - since)
                send(key.fileobj)
    return {"seconds": time.perf_counter() - start, "slowest_ms": slowest * 1000}


def asked(port: int, secret: str, paths: list[str]) -> dict[str, float]:
    """`ask` by a process of its own."""
    line = json.dumps([port, secret, paths])
    done = subprocess.run(
        [sys.executable, __file__, "--ask"], input=line, check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def shares(rows: int, rounds: int) -> list[list[tuple[int, int]]]:
    """Rows and columns of all tiles, in one share for each round."""
    places = [(row, column) for row in range(rows) for column in range(rows)]
    np.random.default_rng(1).shuffle(places)
    each = len(places) // rounds
    return [[(int(r), int(c)) for r, c in places[i * each : (i + 1) * each]] for i in range(rounds)]


def measure(quick: bool, folder: Path) -> list[dict[str, Any]]:
    """One line for each measure."""
    side, rounds = (4096, 3) if quick else (8192, 7)
    os.environ["JUPYTER_RUNTIME_DIR"] = str(folder / "runtime")
    store = Store.open(folder / "repository", create=True)
    holder = Holder.of(store)
    try:
        numbers = {}
        for codec in ("zstd", "plain"):
            compression = None if codec == "plain" else codec
            tifffile.imwrite(
                folder / f"{codec}.ome.tif",
                cells(side),
                photometric="minisblack",
                tile=(SIDE, SIDE),
                compression=compression,
                metadata={"axes": "CYX"},
                bigtiff=True,
            )
            numbers[codec] = imported(store, folder / f"{codec}.ome.tif")
        others: list[Any] = [(r"/empty/(\d+)/.*", Empty, {"holder": holder})]
        store.session().images.put_settings(numbers["zstd"], SETTINGS)
        drawn = f"{API}images/{numbers['zstd']}/tiles/0/0/0/{{}}/{{}}"
        forms = {
            "ours": drawn,
            "raw": f"{API}images/{numbers['plain']}/raw/0/0/0/{{}}/{{}}?channels=0",
            "empty": f"/empty/{numbers['plain']}/{{}}/{{}}",
        }
        known = find_spec("large_image") is not None
        if known:
            forms["large_image"] = "/peer/{}/{}"
        else:
            print("large_image is not installed: pip install 'omero-jlab[bench]'", file=sys.stderr)
        theirs = peer(folder / "zstd.ome.tif") if known else nullcontext(0)
        with theirs as their_port, serving(holder, others) as port:
            ports = {name: their_port if name == "large_image" else port for name in forms}
            first, *turns = shares(side // SIDE, rounds + 1)
            last = turns.pop()
            rates: dict[str, list[float]] = {name: [] for name in forms}
            for name, form in forms.items():
                asked(
                    ports[name],
                    holder.secret,
                    [form.format(*place) for place in first[:CONNECTIONS]],
                )
            for share in turns:
                for name, form in forms.items():
                    paths = [form.format(*place) for place in share]
                    found = asked(ports[name], holder.secret, paths)
                    rates[name].append(len(paths) / found["seconds"])
            rate = {name: statistics.median(each) for name, each in rates.items()}
            worst = while_importing(
                store,
                folder,
                side,
                lambda: asked(port, holder.secret, [drawn.format(*p) for p in last]),
            )
    finally:
        store.close()
    pairs = [("http-raw-vs-empty", "raw", "empty")]
    if known:
        pairs.insert(0, ("http-256-vs-large_image", "ours", "large_image"))
    lines = [
        line(id, f"tiles of {SIDE}² a second, {CONNECTIONS} connections", rate[a], b, rate[b],
             rate[a] / rate[b])
        for id, a, b in pairs
    ]  # fmt: skip
    work = "slowest tile in ms while an import and a pyramid run"
    ratio = PATIENCE_MS / worst
    return [*lines, line("http-worst-while-importing", work, worst, "limit", PATIENCE_MS, ratio)]


def while_importing(
    store: Store, folder: Path, side: int, ask_all: Callable[[], dict[str, float]]
) -> float:
    """The slowest answer in ms while a large image is imported and gets its levels."""
    path = folder / "other.ome.tif"
    tifffile.imwrite(path, cells(side, 2), photometric="minisblack", metadata={"axes": "CYX"})
    session = store.session()
    job = session.ingest.start(ImportRequest(paths=(str(path),)))
    slowest = []
    while True:
        slowest.append(ask_all()["slowest_ms"])
        if session.jobs.get(job.id).state not in ("queued", "running"):
            (image,) = session.images.find(name=path.name)
            if image.pyramid != "wanted":
                return max(slowest)


def line(id: str, work: str, ours: float, peer: str, value: float, ratio: float) -> dict[str, Any]:
    """A measure as a line of JSON has it."""
    return {
        "id": id,
        "work": work,
        "ours": ours,
        "peer": peer,
        "peer_value": value,
        "ratio": round(ratio, 3),
        "least": LEAST[id],
    }


def main() -> None:
    """Write the files, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a quarter of the tiles")
    parser.add_argument("--ask", action="store_true", help="be the process that asks")
    parser.add_argument("--peer", type=Path, help="be large_image's server of this file")
    arguments = parser.parse_args()
    if arguments.ask:
        print(json.dumps(ask(*json.load(sys.stdin))))
        return
    if arguments.peer:
        asyncio.run(be_peer(arguments.peer))
        return
    with tempfile.TemporaryDirectory() as name:
        for found in measure(arguments.quick, Path(name)):
            print(json.dumps(found, ensure_ascii=False))


if __name__ == "__main__":
    main()
