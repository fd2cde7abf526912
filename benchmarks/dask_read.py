"""The mean of a large uncompressed level through dask: ours against a memory map and Zarr.

Ours is `image.dask()` of an imported tiled TIFF; the memory map lies in one piece, and Zarr has
the same tiles.  Each measure is one line of JSON; `ratio` is the peer's time over ours, so greater
is better.  Methods alternate within one run, and must agree on the result.
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

import dask.array as da
import numpy as np
import tifffile
import zarr

from omero_jlab.connection import connect
from omero_jlab.objects import Image, Repository

TILE = 512
LEAST = {"memmap": 0.66, "zarr": 2.0}


def imported(array: np.ndarray, folder: Path) -> tuple[Repository, Image]:
    """The planes of a CYX array as an image of a new repository, its smaller levels made."""
    tifffile.imwrite(
        folder / "tiles.tif", array, photometric="minisblack", tile=(TILE, TILE), bigtiff=True
    )
    os.environ["JUPYTER_RUNTIME_DIR"] = str(folder / "runtime")
    repo = Repository(connect(folder / "repository"))
    number = repo.import_files(folder / "tiles.tif", quiet=True)[0].id
    while (image := repo.image(number)).record.pyramid == "wanted":
        time.sleep(0.1)
    return repo, image


def seconds(methods: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The median time of each method; they take turns."""
    taken: dict[str, list[float]] = {name: [] for name in methods}
    expected = next(iter(methods.values()))()
    for _ in range(rounds):
        for name, method in methods.items():
            start = time.perf_counter()
            found = method()
            taken[name].append(time.perf_counter() - start)
            assert abs(found - expected) < 1e-6 * abs(expected), name
    return {name: statistics.median(times) for name, times in taken.items()}


def measure(quick: bool, folder: Path) -> list[dict[str, Any]]:
    """One line for each peer."""
    side, channels, rounds = (4096, 1, 5) if quick else (8192, 3, 9)
    array = np.random.default_rng(0).poisson(300, (channels, side, side)).astype("uint16")
    array.tofile(folder / "flat.bin")
    mapped = np.memmap(folder / "flat.bin", "uint16", "r", shape=array.shape)
    store = zarr.create_array(
        folder / "a.zarr",
        shape=array.shape,
        chunks=(1, TILE, TILE),
        dtype="uint16",
        compressors=None,
    )
    store[...] = array
    repo, image = imported(array, folder)
    try:
        chunks = (1, 2048, 2048)
        found = seconds(
            {
                "ours": image.dask().mean().compute,
                "memmap": da.from_array(mapped, chunks=chunks).mean().compute,
                "zarr": da.from_zarr(store, chunks=chunks).mean().compute,
            },
            rounds,
        )
    finally:
        repo.close()
    work = f"mean of {array.nbytes / 1e6:.0f} MB uint16, tiles of {TILE}²"
    return [
        {
            "id": f"dask-vs-{peer}",
            "work": work,
            "ours": found["ours"],
            "peer": peer,
            "peer_value": found[peer],
            "ratio": round(found[peer] / found["ours"], 3),
            "least": LEAST[peer],
        }
        for peer in LEAST
    ]


def main() -> None:
    """Write the files, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    with tempfile.TemporaryDirectory() as name:
        for line in measure(parser.parse_args().quick, Path(name)):
            print(json.dumps(line, ensure_ascii=False))


if __name__ == "__main__":
    main()
