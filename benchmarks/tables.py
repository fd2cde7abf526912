"""Result tables against their peers: `python benchmarks/tables.py [--quick]`.

One line of JSON a measure; `ratio` is peer's time by ours, so greater is better.  Results are
compared first, files are opened anew for each call, the page cache is warm, methods alternate.
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
    with (folder / "raw").open("wb", buffering=0) as file:
        for column in block:
            view = memoryview(column).cast("B")
            for start in range(0, len(view), MIB):
                xxhash.xxh3_128_hexdigest(view[start : start + MIB])
            file.write(view)
        os.fsync(file)


def seconds(*methods: Callable[[], Any]) -> list[float]:
    """The median of each method, alternated."""
    taken: list[list[float]] = [[] for _ in methods]
    for turn in range(6):
        for method, each in zip(methods, taken, strict=True):
            start = time.perf_counter()
            method()
            if turn:
                each.append(time.perf_counter() - start)
    return [statistics.median(each) for each in taken]


def compare(
    name: str, work: str, ours: Callable[[], Any], theirs: Callable[[], Any], wanted: float
) -> None:
    mine, other = seconds(ours, theirs)
    line = {"id": name, "work": work, "ours": mine, "peer": name.split("-vs-")[1]}
    print(json.dumps({**line, "peer_value": other, "ratio": other / mine, "wanted": wanted}))


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
            [path.unlink() for path in folder.glob("*.h5")]
            return store(folder, frame, columns)

        def write() -> None:
            (folder / "raw").unlink(missing_ok=True)
            bare_write(folder, block)

        compare("append-vs-write", work, append, write, wanted=0.33)
        view = append()

        def ours() -> numpy.ndarray:
            return TableView(folder, columns, view.segments).read(["c7"])["c7"].to_numpy()

        assert (ours() == bare_column(view, "c7")).all()
        compare("column-vs-bare", work, ours, lambda: bare_column(view, "c7"), wanted=0.66)
        if duckdb is None:
            return print(json.dumps({"id": "duckdb", "skipped": "it is not installed"}))
        with duckdb.connect(str(folder / "peer.duckdb")) as connection:
            connection.execute("create table t as select * from frame")
        against_duckdb(view, folder / "peer.duckdb", work)


if __name__ == "__main__":
    main()
