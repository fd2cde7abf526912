"""Rendered tiles of three channels, in process: ours against large_image and the bare steps.

Ours is what a Session answers, access check and all, of an imported tiled TIFF; large_image reads
the same file, and the bare steps are a positioned read, the decoder, a compiled lookup and the
encoder, with everything known beforehand.  All send JPEG of quality 85, chroma at half
resolution.  No tile is asked for twice, so that no cache answers.  Each measure is one line of
JSON in ms a tile; `ratio` is the peer's time over ours, so greater is better.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numba
import numpy as np
import simplejpeg
import tifffile
from PIL import Image as Picture

from omero_jlab.model import ChannelSettings, ImportRequest, Settings, Tile
from omero_jlab.repository import Session, Store

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


def ours(session: Session, image_id: int, size: int) -> Drawn:
    """A tile at row and column, as a Session draws it."""
    return lambda row, column: session.tile(
        image_id, Tile(level=0, t=0, z=0, row=row, column=column, size=size), SETTINGS
    )


def large_images(path: Path) -> Drawn | None:
    """The same from large_image, or None where it is not installed."""
    try:
        import large_image
    except ImportError:
        return None
    start, end = WINDOW
    bands = [
        {"frame": i, "palette": f"#{color}", "min": start, "max": end}
        for i, color in enumerate(COLORS)
    ]
    source = large_image.open(
        str(path), style={"bands": bands}, encoding="JPEG", jpegQuality=85, jpegSubsampling=2
    )
    top = source.levels - 1
    return lambda row, column: bytes(source.getTile(column, row, top))


@numba.njit(nogil=True)
def _mixed(planes: np.ndarray, tables: np.ndarray, out: np.ndarray) -> None:
    red, green, blue = planes
    for i in range(red.size):
        total = tables[0, red[i]] + tables[1, green[i]] + tables[2, blue[i]]
        for sample in range(3):
            value = (total >> np.uint64(20 * sample)) & np.uint64(0xFFFFF)
            out[3 * i + sample] = np.uint8(min((value + np.uint64(128)) >> np.uint64(8), 255))


def bare(path: Path, size: int) -> Drawn:
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

    return drawn


def pixels(data: bytes) -> np.ndarray:
    """A picture as numbers."""
    return np.asarray(Picture.open(io.BytesIO(data)), np.float64)


def milliseconds(methods: dict[str, Drawn], rows: int, rounds: int) -> dict[str, float]:
    """The median over rounds of the time a tile takes; methods take turns, tiles are new."""
    places = [(row, column) for row in range(rows) for column in range(rows)]
    np.random.default_rng(1).shuffle(places)
    first, *places = places
    pictures = {name: pixels(method(*first)) for name, method in methods.items()}
    for name, picture in pictures.items():
        assert np.abs(picture - pictures["ours"]).mean() < 3, name
    each = len(places) // rounds
    taken: dict[str, list[float]] = {name: [] for name in methods}
    for i in range(rounds):
        for name, method in methods.items():
            start = time.perf_counter()
            for row, column in places[i * each : (i + 1) * each]:
                method(int(row), int(column))
            taken[name].append((time.perf_counter() - start) / each * 1000)
    return {name: statistics.median(times) for name, times in taken.items()}


def measure(quick: bool, folder: Path) -> list[dict[str, Any]]:
    """One line for each peer and file."""
    side, rounds = (4096, 7) if quick else (8192, 15)
    planes = cells(side)
    os.environ["JUPYTER_RUNTIME_DIR"] = str(folder / "runtime")
    store = Store.open(folder / "repository", create=True)
    lines = []
    try:
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
            methods: dict[str, Drawn] = {"ours": ours(store.session(), imported(store, path), size)}
            peer = large_images(path)
            if peer is not None:
                methods["large_image"] = peer
            if (size, codec) == (256, "zstd"):
                methods["bare"] = bare(path, size)
            found = milliseconds(methods, side // size, rounds)
            for name in methods:
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
        if peer is None:
            print("large_image is not installed: pip install 'omero-jlab[bench]'", file=sys.stderr)
    finally:
        store.close()
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
