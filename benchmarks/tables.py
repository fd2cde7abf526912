"""Result tables against their peers: `python benchmarks/tables.py [--quick]`.

One line of JSON a measure; `ratio` is peer's time by ours, so greater is better, and the least a
measure should reach stands in `wanted`.  Results are compared before anything is timed, files are
opened anew for each call, the page cache is warm, and the methods alternate.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pandas
import xxhash

from omero_jlab.model import Column, Segment
from omero_jlab.tables import TableView, columns_of, in_segments, write_segment

try:
    import duckdb
except ImportError:
    duckdb = None

MIB = 1 << 20


def frame_of(rows: int, columns: int) -> pandas.DataFrame:
    """Random float64 columns `c0`…; `image` counts up, 250 rows each."""
    random = numpy.random.default_rng(1)
    block = random.random((columns, rows))
    block[0] = numpy.arange(rows) // 250
    return pandas.DataFrame(block.T, columns=["image", *(f"c{n}" for n in range(1, columns))])


def store(folder: Path, frame: pandas.DataFrame, columns: tuple[Column, ...]) -> TableView:
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
        file = os.open(view.folder / segment.path, os.O_RDONLY)
        os.preadv(file, [out[segment.first_row :][: segment.rows]], part.offset)
        os.close(file)
    return out


def bare_write(folder: Path, block: numpy.ndarray) -> None:
    """The bytes of all columns, hashed and synced as ours are."""
    file = os.open(folder / "raw", os.O_WRONLY | os.O_CREAT)
    place = 0
    for column in block:
        view = memoryview(column).cast("B")
        for start in range(0, len(view), MIB):
            xxhash.xxh3_128_hexdigest(view[start : start + MIB])
        place += os.pwrite(file, view, place)
    os.fsync(file)
    os.close(file)


def seconds(*methods: Callable[[], Any], times: int) -> list[float]:
    """The median of each method, alternated."""
    taken: list[list[float]] = [[] for _ in methods]
    for turn in range(times + 1):
        for method, each in zip(methods, taken, strict=True):
            start = time.perf_counter()
            method()
            if turn:
                each.append(time.perf_counter() - start)
    return [statistics.median(each) for each in taken]


def compare(
    name: str, work: str, ours: Callable[[], Any], theirs: Callable[[], Any], wanted: float
) -> None:
    mine, other = seconds(ours, theirs, times=5)
    line = {"id": name, "work": work, "ours": mine, "peer": name.split("-vs-")[1]}
    ratio = round(other / mine, 3)
    print(json.dumps({**line, "peer_value": other, "ratio": ratio, "wanted": wanted}), flush=True)


def against_duckdb(view: TableView, database: Path, work: str) -> None:
    for name, columns, where in (
        ("column", ["c7"], None),
        ("condition", None, "c1 < 0.001"),
        ("object-rows", None, "image == 77"),
    ):
        query = f"select {', '.join(columns or ['*'])} from t" + (
            f" where {where}" if where else ""
        )

        def ours(
            columns: list[str] | None = columns, where: str | None = where
        ) -> pandas.DataFrame:
            return TableView(view.folder, view.columns, view.segments).read(columns, where)

        def theirs(query: str = query) -> pandas.DataFrame:
            with duckdb.connect(str(database), read_only=True) as connection:
                return connection.execute(query).df()

        assert (ours().to_numpy() == theirs().to_numpy()).all()
        compare(f"{name}-vs-duckdb", work, ours, theirs, wanted=10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100,000 rows × 20 columns")
    rows, count = (100_000, 20) if parser.parse_args().quick else (1_000_000, 60)
    work = f"{rows} rows x {count} float64"
    frame = frame_of(rows, count)
    block = numpy.ascontiguousarray(frame.to_numpy().T)
    columns = columns_of(frame)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)

        def append() -> TableView:
            for path in folder.glob("*.h5"):
                path.unlink()
            return store(folder, frame, columns)

        def write() -> None:
            (folder / "raw").unlink(missing_ok=True)
            bare_write(folder, block)

        compare("append-vs-write", work, append, write, wanted=0.33)
        view = append()

        def ours() -> numpy.ndarray:
            again = TableView(view.folder, view.columns, view.segments)
            return again.read(["c7"])["c7"].to_numpy()

        assert (ours() == bare_column(view, "c7")).all()
        compare("column-vs-bare", work, ours, lambda: bare_column(view, "c7"), wanted=0.66)
        if duckdb is None:
            print(json.dumps({"id": "…-vs-duckdb", "skipped": "duckdb is not installed"}))
            return
        with duckdb.connect(str(folder / "peer.duckdb")) as connection:
            connection.execute("create table t as select * from frame")
        against_duckdb(view, folder / "peer.duckdb", work)


if __name__ == "__main__":
    main()
