"""Importing: one large file against coreutils, and the last of many small ones against the first.

    python benchmarks/import.py [--quick] [--folder DIR]

`import-vs-coreutils`: the bytes of one file, copied, hashed and forced to the disk, by an import
through a Session against `cp`, `sha256sum` and `sync` of the same bytes; alternated, medians.
`import-last-vs-first`: many small files in one import; how the last tenth goes against the first.
`import-memory`: the most memory that the process of an import held, for a file and one of ten times
its size.
Each measure is a line of JSON; greater ratios are better.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile

from omero_jlab.model import ImportRequest
from omero_jlab.objects import Repository
from omero_jlab.repository import Store


def report(id: str, work: str, ours: float, peer: str, peer_value: float) -> None:
    ratio = peer_value / ours
    line = {"id": id, "work": work, "ours": round(ours, 4), "peer": peer}
    print(json.dumps(line | {"peer_value": round(peer_value, 4), "ratio": round(ratio, 3)}))


def timed(function: object) -> float:
    began = time.perf_counter()
    function()  # type: ignore[operator]
    return time.perf_counter() - began


def write(target: Path, planes: int, side: int = 8192) -> Path:
    noise = np.random.default_rng(1).integers(0, 4000, (side, side), np.uint16)
    with tifffile.TiffWriter(target) as out:
        for plane in range(planes):
            out.write(np.roll(noise, plane, 1), tile=(512, 512), contiguous=False)
    return target


def large(folder: Path, planes: int, rounds: int) -> None:
    source = write(folder / "large.tif", planes)
    size = source.stat().st_size
    ours, theirs = [], []
    for turn in range(rounds):
        store = Store.open(folder / f"repository-{turn}", create=True)
        repo = Repository(store.session())
        # The process that reads foreign files starts once in a server's life.
        repo.import_files(write(folder / "first.tif", 1, 512), quiet=True)
        ours.append(timed(lambda repo=repo: repo.import_files(source, quiet=True)))
        store.close()
        shutil.rmtree(folder / f"repository-{turn}")
        copy = folder / "copy.tif"
        command = f"cp '{source}' '{copy}' && sha256sum '{copy}' && sync '{copy}'"
        theirs.append(timed(lambda c=command: subprocess.run(c, shell=True, check=True, stdout=-3)))
        copy.unlink()
    work = f"one file of {size / 1e6:.0f} MB, durable and hashed, s"
    mine, other = statistics.median(ours), statistics.median(theirs)
    report("import-vs-coreutils", work, mine, "cp + sha256sum + sync", other)


def many(folder: Path, count: int) -> None:
    small = folder / "small"
    small.mkdir()
    for number in range(count):
        tifffile.imwrite(small / f"{number:05d}.tif", np.full((32, 32), number % 999, np.uint16))
    store = Store.open(folder / "repository-many", create=True)
    seen: list[tuple[float, int]] = []
    session = store.session()
    job = session.ingest.start(ImportRequest(paths=(str(small),)))
    while job.finished_at is None:
        time.sleep(0.05)
        job = session.jobs.get(job.id)
        with store.engines.reader.connect() as connection:
            done = connection.exec_driver_sql("SELECT count(*) FROM image").scalar() or 0
        seen.append((time.perf_counter(), done))
    store.close()
    part = count // 10
    first, last = took(seen, 0, part), took(seen, count - part, count)
    work = f"{count} files of 32 × 32 pixels, s for a tenth"
    report("import-last-vs-first", work, last, "the first tenth", first)


_ONE_IMPORT = """
import resource, sys
from pathlib import Path
from omero_jlab.objects import Repository
from omero_jlab.repository import Store
store = Store.open(Path(sys.argv[2]), create=True)
try:
    images = Repository(store.session()).import_files(sys.argv[1], quiet=True)
    assert images and not images.failed
finally:
    store.close()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def memory(folder: Path, planes: int) -> None:
    """Planes of 2048 pixels a side: no level is made of them, as their files grow in planes."""
    peaks = []
    for factor in (1, 10):
        source = write(folder / f"memory-{factor}.tif", planes * factor, 2048)
        root = folder / f"repository-memory-{factor}"
        command = [sys.executable, "-c", _ONE_IMPORT, str(source), str(root)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks.append(int(answer.stdout.split()[-1]) / 1024)
        source.unlink()
        shutil.rmtree(root)
    work = f"peak of an import of {planes * 84} MB, MB"
    report("import-memory", work, peaks[1], f"one of {planes * 8.4:.0f} MB", peaks[0])


def took(seen: list[tuple[float, int]], start: int, stop: int) -> float:
    """How long the files from `start` to `stop` took."""

    def when(number: int) -> float:
        times, counts = zip(*seen, strict=True)
        return float(np.interp(number, counts, times))

    return when(stop) - when(max(start, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        large(Path(folder), 1 if options.quick else 5, 2 if options.quick else 5)
        memory(Path(folder), 1 if options.quick else 8)
        many(Path(folder), 200 if options.quick else 10_000)


if __name__ == "__main__":
    main()
