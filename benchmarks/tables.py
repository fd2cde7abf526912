"""Result tables against their peers: `python benchmarks/tables.py [--quick] [--large]`.

One line of JSON a measure; `ratio` is the peer's time by ours, so greater is better.  Results are
compared first, files are opened anew for each call, the page cache is warm, methods alternate.

`column-vs-bare` is preadv of the same bytes into a new array; `append-vs-write` a write of the
same bytes with the same checksums and fsync; `http-frame-vs-empty` a handler behind the same
authentication that sends as many bytes, whose client keeps them as they come;
`small-appends-vs-one-segment` a column after many appends and a compaction, against the same
rows appended at once.  Memory is the most that a process grew by while it worked.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy
import pandas
import pyarrow
import pyarrow.parquet
import xxhash
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets

from omero_jlab.model import Column, Segment, Selection
from omero_jlab.remote import RemoteSession
from omero_jlab.remote.frames import batch_pieces
from omero_jlab.repository import Session, Store
from omero_jlab.server.base import RepositoryHandler, reads
from omero_jlab.server.holder import Holder
from omero_jlab.server.standalone import application
from omero_jlab.tables import TableView, columns_of, in_segments, write_segment

try:
    import duckdb
except ImportError:
    duckdb = None

MIB = 1 << 20
API = "/omero-jlab/api/v1/"
WANTED = {
    "column-vs-duckdb": 10,
    "column-vs-bare": 0.66,
    "condition-vs-duckdb": 10,
    "object-rows-vs-duckdb": 10,
    "append-vs-write": 0.33,
    "small-appends-vs-one-segment": 0.66,
    "http-frame-vs-empty": 0.5,
    "disk-vs-parquet": 0.4,
}


def frame_of(rows: int, columns: int) -> pandas.DataFrame:
    """Random float64 columns `c1`…; `image` counts up, 250 rows each."""
    random = numpy.random.default_rng(1)
    block = numpy.empty((columns, rows))
    for column in block:
        random.random(out=column)
    block[0] = numpy.arange(rows) // 250
    return pandas.DataFrame(block.T, columns=["image", *(f"c{n}" for n in range(1, columns))])


def stored(folder: Path, frame: pandas.DataFrame, columns: tuple[Column, ...]) -> TableView:
    """`frame` in segments as a repository stores it."""
    segments: list[Segment] = []
    for piece in in_segments(frame, columns):
        start = int(piece.index[0])
        segments.append(write_segment(folder, f"{start}.h5", piece, columns, start))
    return TableView(folder, columns, tuple(segments))


def bare_column(view: TableView, name: str) -> numpy.ndarray:
    """The bytes of a column and nothing else."""
    out = numpy.empty(view.rows)
    for segment in view.segments:
        part = next(part for part in segment.parts if part.column == name)
        target = memoryview(out[segment.first_row :][: segment.rows]).cast("B")
        file = os.open(view.folder / segment.path, os.O_RDONLY)
        done = 0
        while done < len(target):
            done += os.preadv(file, [target[done:]], part.offset + done)
        os.close(file)
    return out


def bare_write(folder: Path, block: numpy.ndarray) -> None:
    """The bytes of all columns, hashed and synced as ours are."""
    with (folder / "raw").open("wb", buffering=0) as file:
        for column in block:
            view = memoryview(column).cast("B")
            for start in range(0, len(view), MIB):
                xxhash.xxh3_128_hexdigest(view[start : start + MIB])
            file.write(view)
        os.fsync(file)


def seconds(turns: int, *methods: Callable[[], Any]) -> list[float]:
    """The median of each method, alternated; the first turn does not count."""
    taken: list[list[float]] = [[] for _ in methods]
    for turn in range(turns + 1):
        for method, each in zip(methods, taken, strict=True):
            start = time.perf_counter()
            method()
            if turn:
                each.append(time.perf_counter() - start)
    return [statistics.median(each) for each in taken]


def told(name: str, work: str, ours: float, peer: float, unit: str = "s") -> None:
    """Print one measure."""
    line = {"id": name, "work": work, "unit": unit, "ours": ours}
    line |= {"peer": name.rpartition("-vs-")[2], "peer_value": peer, "ratio": peer / ours}
    print(json.dumps(line | {"wanted": WANTED[name]}), flush=True)


def compare(
    name: str, work: str, ours: Callable[[], Any], theirs: Callable[[], Any], turns: int = 7
) -> None:
    """Time two methods."""
    told(name, work, *seconds(turns, ours, theirs))


def grown(work: Callable[[], object]) -> float:
    """By how many MiB a process grew at most while it did `work`."""
    receiver, sender = multiprocessing.Pipe(duplex=False)

    def measured() -> None:
        Path("/proc/self/clear_refs").write_text("5")
        before = _memory("VmRSS")
        work()
        sender.send((_memory("VmHWM") - before) / 1024)

    process = multiprocessing.get_context("fork").Process(target=measured)
    process.start()
    sender.close()
    mib: float = receiver.recv()
    process.join()
    return mib


def _memory(key: str) -> int:
    return int(re.search(rf"{key}:\s+(\d+)", Path("/proc/self/status").read_text())[1])


def against_duckdb(view: TableView, database: Path, work: str) -> None:
    """Whole columns and chosen rows as DataFrames."""
    for name, columns, where in (
        ("column", ["c7"], None),
        ("condition", None, "c1 < 0.001"),
        ("object-rows", None, "image == 77"),
    ):
        query = f"select {', '.join(columns or ['*'])} from t"
        query += f" where {where}" if where else ""

        def ours(
            columns: list[str] | None = columns, where: str | None = where
        ) -> pandas.DataFrame:
            return TableView(view.folder, view.columns, view.segments).read(columns, where)

        def theirs(query: str = query) -> pandas.DataFrame:
            with duckdb.connect(str(database), read_only=True) as connection:
                return connection.execute(query).df()

        assert (ours().to_numpy() == theirs().to_numpy()).all()
        compare(f"{name}-vs-duckdb", work, ours, theirs)


def on_disk(folder: Path, frame: pandas.DataFrame, view: TableView, work: str) -> None:
    """Files of our segments and of one Parquet file."""
    peer = folder / "peer.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pandas(frame), peer)
    ours = sum((folder / segment.path).stat().st_size for segment in view.segments)
    told("disk-vs-parquet", work, ours, peer.stat().st_size, "bytes")
    # The page cache should hold what is read from here on.
    peer.unlink()


def in_memory(folder: Path, frame: pandas.DataFrame, view: TableView, work: str) -> None:
    """What a query and an append need besides their rows."""
    given = frame.memory_usage(index=False).sum() / MIB
    query = grown(lambda: sum(len(batch) for batch in view.arrow(None, "c1 < 0.5")))
    counted = grown(lambda: view.aggregate({"c7": ["mean", "std"]}, condition="c1 < 0.5"))
    (folder / "again").mkdir()
    append = grown(lambda: stored(folder / "again", frame, view.columns))
    shutil.rmtree(folder / "again")
    for name, mib in (("query", query), ("aggregate", counted), ("append", append)):
        line = {"id": f"memory-of-{name}", "work": work, "mib": round(mib, 1)}
        print(json.dumps({**line, "rows_mib": round(given, 1)}), flush=True)


class Empty(RepositoryHandler):
    """Sends the bytes of a whole table, made beforehand, to who may read it."""

    pieces: tuple[bytes, ...] = ()

    @reads
    async def get(self, number: str) -> None:
        """Answer with the bytes."""
        await self.with_session(lambda session: session.tables.get(int(number)))
        for piece in self.pieces:
            self.write(piece)
            await self.flush()
        await self.finish()


def served(root: Path, table_id: int, columns: list[str], sender: Any) -> None:
    """Serve a repository from a process of its own, and the bytes of its table as they are."""
    store = Store.open(root)
    session = store.session()
    Empty.pieces = tuple(batch_pieces(session.read_batches(table_id, Selection(columns=columns))))

    async def listen() -> None:
        holder = Holder.of(store)
        app = application(holder)
        app.add_handlers(".*", [(f"{API}bare/([0-9]+)", Empty, {"holder": holder})])
        sockets = bind_sockets(0, "127.0.0.1")
        HTTPServer(app).add_sockets(sockets)
        sender.send((f"http://127.0.0.1:{sockets[0].getsockname()[1]}", holder.secret))

    loop = IOLoop()
    loop.run_sync(listen)
    loop.start()


def over_http(root: Path, frame: pandas.DataFrame, work: str) -> None:
    """A DataFrame of ten columns through a server, against its bytes."""
    with closing(Store.open(root, create=True)) as store:
        session = store.session()
        table_id = in_repository(session, frame).id
    columns = list(frame.columns[:10])
    receiver, sender = multiprocessing.Pipe(duplex=False)
    spawned = multiprocessing.get_context("spawn")
    server = spawned.Process(target=served, args=(root, table_id, columns, sender), daemon=True)
    server.start()
    # Else a server that fails is waited for without end.
    sender.close()
    session = RemoteSession(*receiver.recv())
    try:
        assert session.read_rows(table_id, Selection(columns=columns)).equals(
            frame[columns].rename_axis(index="row_id")
        )
        compare(
            "http-frame-vs-empty",
            f"{work}, 10 columns",
            lambda: session.read_rows(table_id, Selection(columns=columns)),
            lambda: session.transport.fetch("GET", f"bare/{table_id}")[1],
        )
    finally:
        session.close()
        server.terminate()
        server.join()


def in_repository(session: Session, frame: pandas.DataFrame) -> Any:
    """A table with the rows of `frame` on a dataset of its own."""
    dataset = session.containers.add_dataset("benchmark")
    return session.add_table("dataset", dataset.id, "rows", frame)


def after_appends(root: Path, appends: int) -> None:
    """A column of rows that came a hundred at a time."""
    frame = frame_of(100 * appends, 20)
    with closing(Store.open(root, create=True)) as store:
        session = store.session()
        whole = in_repository(session, frame).id
        many = in_repository(session, frame[:100]).id
        taken, files, before = [], 0, _memory("VmRSS")
        for start in range(100, len(frame), 100):
            begun = time.perf_counter()
            session.append_rows(many, frame[start : start + 100])
            taken.append(1000 * (time.perf_counter() - begun))
            if start % 5_000 == 0:
                files = max(files, sum(1 for _ in root.glob("Files/**/*.h5")))
        line = {"id": "small-append", "median_ms": round(statistics.median(taken), 2)}
        line |= {"p99_ms": round(float(numpy.quantile(taken, 0.99)), 2), "most_files": files}
        print(json.dumps({**line, "grown_mib": (_memory("VmRSS") - before) >> 10}), flush=True)
        job = session.tables.compact(many)
        while session.jobs.get(job.id).finished_at is None:
            time.sleep(0.1)

        def column(table_id: int) -> pandas.DataFrame:
            view = session.table_view(table_id)
            fresh = TableView(view.folder, view.columns, view.segments, stop_row=len(frame))
            return fresh.read(["c7"])

        assert column(many).equals(column(whole))
        compare(
            "small-appends-vs-one-segment",
            f"{appends} appends of 100 rows x 20 float64",
            lambda: column(many),
            lambda: column(whole),
            turns=31,
        )


def measure(folder: Path, rows: int, count: int, http: bool) -> None:
    """Every measure of one size."""
    work = f"{rows} rows x {count} float64"
    frame = frame_of(rows, count)
    block = frame.to_numpy().T
    columns = columns_of(frame)

    def append() -> TableView:
        [path.unlink() for path in folder.glob("*.h5")]
        return stored(folder, frame, columns)

    def write() -> None:
        (folder / "raw").unlink(missing_ok=True)
        bare_write(folder, block)

    compare("append-vs-write", work, append, write, turns=3)
    (folder / "raw").unlink()
    view = append()

    def ours() -> pandas.DataFrame:
        return TableView(folder, columns, view.segments).read(["c7"])

    assert (ours()["c7"].to_numpy() == bare_column(view, "c7")).all()
    compare("column-vs-bare", work, ours, lambda: bare_column(view, "c7"), turns=31)
    in_memory(folder, frame, view, work)
    on_disk(folder, frame, view, work)
    if duckdb is None:
        print(json.dumps({"id": "duckdb", "skipped": "it is not installed"}))
    else:
        with duckdb.connect(str(folder / "peer.duckdb")) as connection:
            connection.execute("create table t as select * from frame")
        against_duckdb(view, folder / "peer.duckdb", work)
    if http:
        over_http(folder / "repository", frame, work)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100,000 rows × 20 columns")
    parser.add_argument("--large", action="store_true", help="10,000,000 rows × 60 columns too")
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="on the disk to measure")
    given = parser.parse_args()
    sizes = [(100_000, 20)] if given.quick else [(1_000_000, 60), (1_000_000, 600)]
    sizes += [(10_000_000, 60)] if given.large else []
    for rows, count in sizes:
        with tempfile.TemporaryDirectory(dir=given.folder) as name:
            measure(Path(name), rows, count, http=count <= 60 and rows <= 1_000_000)
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        after_appends(Path(name) / "repository", 300 if given.quick else 10_000)


if __name__ == "__main__":
    main()
