"""The first tile of an image with 50,000 chunks that nobody has opened yet.

Each measure is one line of JSON in ms; `ratio` is 5 ms over ours, so greater is better.  Compiled
code is warm and the file lies in the system's memory, as in a server that has been running.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile
from tiles import SETTINGS, imported

from omero_jlab.model import Tile
from omero_jlab.pixels import FILES
from omero_jlab.repository import Store

CHUNKS = 50_000
SIDE = 64
LEAST_MS = 5.0


def planes(count: int) -> np.ndarray:
    """Small planes, shape (Z, C, Y, X), of `count` chunks in all."""
    side = 16 * SIDE
    depth = -(-count // (3 * 16 * 16))
    block = np.add.outer(np.arange(side), np.arange(side)).astype("uint8")
    return np.broadcast_to(block, (depth, 3, side, side))


def main() -> None:
    """Write the file, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    rounds = 15 if parser.parse_args().quick else 60
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["JUPYTER_RUNTIME_DIR"] = str(folder / "runtime")
        path = folder / "many.ome.tif"
        tifffile.imwrite(
            path,
            planes(CHUNKS),
            photometric="minisblack",
            tile=(SIDE, SIDE),
            compression="zstd",
            metadata={"axes": "ZCYX"},
        )
        store = Store.open(folder / "repository", create=True)
        try:
            number = imported(store, path)
            tile = Tile(level=0, t=0, z=0, row=0, column=0, size=SIDE)
            store.session().tile(number, tile, SETTINGS)
            taken = []
            for _ in range(rounds):
                store.readers.forget()
                store.seen.clear()
                FILES.forget_all()
                start = time.perf_counter()
                store.session().tile(number, tile, SETTINGS)
                taken.append((time.perf_counter() - start) * 1000)
        finally:
            store.close()
    ours = statistics.median(taken)
    line = {
        "id": "first-tile-50k-chunks",
        "work": f"open an image of {CHUNKS:,} chunks and draw its first tile, ms",
        "ours": ours,
        "peer": "limit",
        "peer_value": LEAST_MS,
        "ratio": round(LEAST_MS / ours, 3),
        "least": 1,
    }
    print(json.dumps(line, ensure_ascii=False))


if __name__ == "__main__":
    main()
