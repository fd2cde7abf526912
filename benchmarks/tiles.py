"""Rendered tiles of three channels, in process: ours against large_image and the bare steps.

Ours is what a Session answers, access check and all, of an imported tiled OME-TIFF; large_image
reads the same file with the source that it chooses for it, and the bare steps are a positioned
read, the decoder, a compiled lookup and the encoder, with everything known beforehand.  All send
JPEG of quality 85, chroma at half resolution.  Each has a process of its own, as it would where
it is used; they take turns, and no tile is asked for twice, so that no cache answers.  Each
measure is one line of JSON in ms a tile; `ratio` is the peer's time over ours, so greater is
better.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import imagecodecs
import numba
import numpy as np
import simplejpeg
import tifffile
from PIL import Image as Picture

from omero_jlab.model import ChannelSettings, ImportRequest, Settings, Tile
from omero_jlab.repository import Store

LEAST = {
    "tile-256-zstd-vs-large_image": 4,
    "tile-512-zstd-vs-large_image": 4,
    "tile-256-plain-vs-large_image": 8,
    "tile-256-zstd-vs-bare": 0.75,
}
COLORS = ("FF0000", "00FF00", "0000FF")
WINDOW = (100.0, 4000.0)
SETTINGS = Settings(
    channels=tuple(ChannelSettings(start=WINDOW[0], end=WINDOW[1], color=c) for c in COLORS)
)

Drawn = Callable[[int, int], bytes]
Places = list[tuple[int, int]]


def cells(side: int, channels: int = 3) -> np.ndarray:
    """Round cells on a dim background with shot noise, shape (C, Y, X), uint16."""
    block = min(side, 2048)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:256, :256]
    patch = np.exp(-(((y - 128) / 60) ** 2 + ((x - 128) / 45) ** 2) * 2)
    bright = rng.uniform(500, 3000, (channels, block // 256, 1, block // 256, 1))
    planes = (150 + bright * patch[None, None, :, None, :]).reshape(channels, block, block)
    return np.tile(rng.poisson(planes).astype("uint16"), (1, side // block, side // block))


def imported(store: Store, path: Path) -> int:
    """The id of the image in `path`, its smaller levels made."""
    session = store.session()
    job = session.ingest.start(ImportRequest(paths=(str(path),)))
    while job.state in ("queued", "running"):
        time.sleep(0.05)
        job = session.jobs.get(job.id)
    (image,) = session.images.find(name=path.name)
    while session.images.get(image.id).pyramid == "wanted":
        time.sleep(0.05)
    return image.id


@contextmanager
def ours(path: Path, size: int) -> Iterator[Drawn]:
    """A tile at row and column, as a Session of a new repository draws it."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["JUPYTER_RUNTIME_DIR"] = str(Path(name) / "runtime")
        store = Store.open(Path(name) / "repository", create=True)
        try:
            image_id, session = imported(store, path), store.session()
            yield lambda row, column: session.tile(
                image_id, Tile(level=0, t=0, z=0, row=row, column=column, size=size), SETTINGS
            )
        finally:
            store.close()


@contextmanager
def large_images(path: Path, size: int) -> Iterator[Drawn]:
    """The same from large_image."""
    import large_image

    start, end = WINDOW
    bands = [
        {"frame": i, "palette": f"#{color}", "min": start, "max": end}
        for i, color in enumerate(COLORS)
    ]
    source = large_image.open(
        str(path), style={"bands": bands}, encoding="JPEG", jpegQuality=85, jpegSubsampling=2
    )
    assert (source.tileWidth, source.tileHeight) == (size, size)
    top = source.levels - 1
    yield lambda row, column: bytes(source.getTile(column, row, top))


@numba.njit(nogil=True)
def _mixed(planes: np.ndarray, tables: np.ndarray, out: np.ndarray) -> None:
    red, green, blue = planes
    for i in range(red.size):
        total = tables[0, red[i]] + tables[1, green[i]] + tables[2, blue[i]]
        for sample in range(3):
            value = (total >> np.uint64(20 * sample)) & np.uint64(0xFFFFF)
            out[3 * i + sample] = np.uint8(min((value + np.uint64(128)) >> np.uint64(8), 255))


@contextmanager
def bare(path: Path, size: int) -> Iterator[Drawn]:
    """The same from nothing but the steps, each the fastest that is known."""
    with tifffile.TiffFile(path) as file:
        places = [(page.dataoffsets, page.databytecounts) for page in file.pages]
        columns = -(-file.pages[0].imagewidth // size)
    descriptor = os.open(path, os.O_RDONLY)
    values = np.clip((np.arange(65536) - WINDOW[0]) / (WINDOW[1] - WINDOW[0]), 0, 1)
    levels = np.round(values * 255 * 256).astype(np.uint64)
    tables = np.stack([levels << np.uint64(20 * i) for i in range(3)])

    def drawn(row: int, column: int) -> bytes:
        place = row * columns + column
        planes = np.empty((3, size * size), np.uint16)
        for plane, (offsets, lengths) in zip(planes, places, strict=True):
            data = os.pread(descriptor, lengths[place], offsets[place])
            imagecodecs.zstd_decode(data, out=plane.view(np.uint8))
        out = np.empty((size, size, 3), np.uint8)
        _mixed(planes, tables, out.reshape(-1))
        return bytes(simplejpeg.encode_jpeg(out, quality=85, colorsubsampling="420"))

    yield drawn
    os.close(descriptor)


class Apart:
    """A way of drawing tiles, in a process of its own."""

    def __init__(self, way: Callable[..., Any], *given: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, end = context.Pipe()
        self._process = context.Process(target=_draw, args=(end, way, given))
        self._process.start()
        end.close()

    def picture(self, place: tuple[int, int]) -> np.ndarray:
        """One tile, as numbers."""
        self._pipe.send([place])
        return pixels(self._pipe.recv()[1])

    def seconds(self, places: Places) -> float:
        """What it takes to draw these tiles."""
        self._pipe.send(places)
        taken: float = self._pipe.recv()[0]
        return taken

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join()


def _draw(pipe: Connection, way: Callable[..., Any], given: tuple[Any, ...]) -> None:
    with way(*given) as drawn:
        while True:
            try:
                places = pipe.recv()
            except EOFError:
                return
            start = time.perf_counter()
            for row, column in places:
                last = drawn(row, column)
            pipe.send((time.perf_counter() - start, last))


def pixels(data: bytes) -> np.ndarray:
    """A picture as numbers."""
    return np.asarray(Picture.open(io.BytesIO(data)), np.float64)


def milliseconds(ways: dict[str, Apart], rows: int, rounds: int) -> dict[str, float]:
    """The median over rounds of the time a tile takes; ways take turns, tiles are new."""
    order = np.random.default_rng(1).permutation(rows * rows)
    first, *places = [(int(i) // rows, int(i) % rows) for i in order]
    pictures = {name: way.picture(first) for name, way in ways.items()}
    for name, picture in pictures.items():
        assert np.abs(picture - pictures["ours"]).mean() < 3, name
    each = len(places) // rounds
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for i in range(rounds):
        share = places[i * each : (i + 1) * each]
        for name, way in ways.items():
            taken[name].append(way.seconds(share) / each * 1000)
    return {name: statistics.median(times) for name, times in taken.items()}


def measure(quick: bool, folder: Path) -> list[dict[str, Any]]:
    """One line for each peer and file."""
    side, rounds = (4096, 7) if quick else (8192, 15)
    planes = cells(side)
    lines = []
    for size, codec in ((256, "zstd"), (512, "zstd"), (256, "plain")):
        path = folder / f"{codec}-{size}.ome.tif"
        tifffile.imwrite(
            path,
            planes,
            photometric="minisblack",
            tile=(size, size),
            compression="zstd" if codec == "zstd" else None,
            metadata={"axes": "CYX"},
        )
        ways = {"ours": Apart(ours, path, size)}
        if find_spec("large_image"):
            ways["large_image"] = Apart(large_images, path, size)
        if (size, codec) == (256, "zstd"):
            ways["bare"] = Apart(bare, path, size)
        try:
            found = milliseconds(ways, side // size, rounds)
        finally:
            for way in ways.values():
                way.close()
        for name in ways:
            id = f"tile-{size}-{codec}-vs-{name}"
            if id in LEAST:
                lines.append(
                    {
                        "id": id,
                        "work": f"3 channels of {size}² uint16 ({codec}) to JPEG, ms a tile",
                        "ours": found["ours"],
                        "peer": name,
                        "peer_value": found[name],
                        "ratio": round(found[name] / found["ours"], 3),
                        "least": LEAST[id],
                    }
                )
    if not find_spec("large_image"):
        print("large_image is not installed: pip install 'omero-jlab[bench]'", file=sys.stderr)
    return lines


def main() -> None:
    """Write the files, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a quarter of the tiles")
    with tempfile.TemporaryDirectory() as name:
        for line in measure(parser.parse_args().quick, Path(name)):
            print(json.dumps(line, ensure_ascii=False))


if __name__ == "__main__":
    main()
