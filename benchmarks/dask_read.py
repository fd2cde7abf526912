"""The mean of a large uncompressed level through dask: ours against a memory map and Zarr.

Each measure is one line of JSON; `ratio` is the peer's time over ours, so greater is better.
Methods alternate within one run, and must agree on the result.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import dask.array as da
import numpy as np
import zarr

from omero_jlab.model.chunks import ChunkIndex, Codec, FileEntry, IndexHeader, LevelLayout
from omero_jlab.pixels import PixelReader, aligned_chunk, dask_array

TILE = 512


class Level:
    """The read function of one level."""

    def __init__(self, reader: PixelReader, level: int) -> None:
        self.reader, self.level = reader, level

    def __call__(self, *region: int) -> np.ndarray:
        return self.reader.region(self.level, *region)


def tiled(array: np.ndarray, path: Path) -> ChunkIndex:
    """The planes of a CYX array as uncompressed tiles of one file, as in a tiled TIFF."""
    c, height, width = array.shape
    layout = LevelLayout(
        shape=(1, c, 1, height, width, 1),
        chunk=(1, 1, 1, TILE, TILE, 1),
        dtype=array.dtype.name,
        codecs=(Codec(name="bytes", configuration={"endian": "little"}),),
    )
    with path.open("wb") as file:
        for plane in array:
            for y in range(0, height, TILE):
                for x in range(0, width, TILE):
                    file.write(plane[y : y + TILE, x : x + TILE].tobytes())
    found = path.stat()
    entry = FileEntry(
        root="fileset", path=path.name, size=found.st_size, mtime_ns=found.st_mtime_ns
    )
    size = TILE * TILE * array.itemsize
    offset = np.arange(np.prod(layout.grid), dtype=np.int64).reshape(layout.grid) * size
    header = IndexHeader(files=(entry,), levels=(layout,))
    file_number = np.zeros(layout.grid, np.int32)
    return ChunkIndex(header, (file_number,), (offset,), (np.full(layout.grid, size, np.int64),))


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


def main() -> None:
    """Write the files, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    quick = parser.parse_args().quick
    side, channels, rounds = (4096, 1, 3) if quick else (8192, 3, 9)
    array = np.random.default_rng(0).poisson(300, (channels, side, side)).astype("uint16")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        index = tiled(array, folder / "tiles.bin")
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
        reader = PixelReader(index, {"fileset": folder})
        ours = dask_array(
            Level(reader, 0), reader.sizes(0), reader.dtype, aligned_chunk(index)
        ).mean()
        chunks = (1, 2048, 2048)
        memmap_mean = da.from_array(mapped, chunks=chunks).mean()
        zarr_mean = da.from_zarr(store, chunks=chunks).mean()
        found = seconds(
            {"ours": ours.compute, "memmap": memmap_mean.compute, "zarr": zarr_mean.compute},
            rounds,
        )
        work = f"mean of {array.nbytes / 1e6:.0f} MB uint16, tiles of {TILE}²"
        for peer in ("memmap", "zarr"):
            line = {
                "id": f"dask-vs-{peer}", "work": work, "ours": found["ours"], "peer": peer,
                "peer_value": found[peer], "ratio": round(found[peer] / found["ours"], 3),
            }  # fmt: skip
            print(json.dumps(line))


if __name__ == "__main__":
    main()
