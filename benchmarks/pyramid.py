"""Writing an image with all its levels, against copying the file and against other writers.

Each measure is one line of JSON; `ratio` is the peer's value over ours, so greater is better.
Methods alternate within one run; what they wrote is forced to the disk and deleted in between.
All read the same uncompressed TIFF and write every level, level 0 too; where a peer is another
writer, both store with the same codec.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from omero_jlab.formats import plan, read
from omero_jlab.pixels import PixelReader, build_pyramid, write_image
from omero_jlab.pixels.encode import codec_name, jpeg_codec

MEMORY_MIB = 150
QUALITY = 85
CHILD = """
import re, sys
from pathlib import Path
import numpy as np
from omero_jlab.pixels import write_image, halve, write

halve.mean(np.zeros((9, 9), "uint16"))

def peak():
    # Not getrusage: its maximum is inherited from the parent.
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

before = peak()
target, channels, side = sys.argv[1:]
tile = np.random.default_rng(0).poisson(300, (512, 512)).astype("uint16")

class Made:
    # As large as asked for, and nowhere: what is measured is the writer.
    shape, dtype = (1, int(channels), 1, int(side), int(side)), np.dtype("uint16")
    def __getitem__(self, where):
        *outer, y, x = where
        rows, columns = y.stop - y.start, x.stop - x.start
        plane = np.tile(tile, (-(-rows // 512), -(-columns // 512)))[:rows, :columns]
        return plane[None, None, None]

write_image(Path(target), Made())
print(peak() - before)
"""

LEVELS_CHILD = """
import re, sys
from pathlib import Path
import numpy as np
from omero_jlab.model.chunks import ChunkIndex
from omero_jlab.pixels import PixelReader, build_pyramid, halve

halve.mean(np.zeros((9, 9), "uint16"))
halve.mean(np.zeros((9, 9), "uint8"))

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

before = peak()
index, folder, target = map(Path, sys.argv[1:])
reader = PixelReader(ChunkIndex.from_bytes(index.read_bytes()), {"fileset": folder})
build_pyramid(reader, target)
print(peak() - before)
"""
FLAVOURS: dict[str, dict[str, Any]] = {
    "jpeg": {"tile": (256, 256), "compression": "jpeg", "photometric": "ycbcr"},
    "rgb-deflate": {"tile": (512, 512), "compression": "zlib", "photometric": "rgb"},
    "lzw": {"tile": (256, 256), "compression": "lzw"},
    "lzw-strips": {"rowsperstrip": 16, "compression": "lzw"},
    "one-strip": {"rowsperstrip": 1 << 20},
    "one-deflate-strip": {"rowsperstrip": 1 << 20, "compression": "zlib"},
}


def printed(id: str, work: str, ours: float, peer: str, peer_value: float) -> None:
    """One measure as a line of JSON."""
    line = {
        "id": id, "work": work, "ours": round(ours, 4), "peer": peer,
        "peer_value": round(peer_value, 4), "ratio": round(peer_value / ours, 3),
    }  # fmt: skip
    print(json.dumps(line), flush=True)


def reader_of(path: Path) -> PixelReader:
    """A reader of the only image in a file."""
    fileset = plan([path]).plans[0]
    index = read(fileset).indexes[0]
    assert index is not None
    return PixelReader(index, {"fileset": fileset.root})


def alternated(rounds: int, methods: Sequence[Callable[[], Path]]) -> list[float]:
    """The median seconds of each method, until what it wrote is on the disk."""
    taken: list[list[float]] = [[] for _ in methods]
    for i in range(rounds * len(methods)):
        which = (i + i // len(methods)) % len(methods)
        start = time.perf_counter()
        wrote = methods[which]()
        subprocess.run(["sync", str(wrote)], check=True)
        taken[which].append(time.perf_counter() - start)
        if wrote.is_dir():
            shutil.rmtree(wrote)
        else:
            wrote.unlink()
    return [statistics.median(each) for each in taken]


def ours(folder: Path, reader: PixelReader, **options: Any) -> Callable[[], Path]:
    """Writes the image of a reader, and says how once."""
    told = []

    def write() -> Path:
        index = write_image(folder / "ours", reader, **options)
        if not told:
            told.append(codec_name(index.header.levels[0]))
            print(f"ours: {told[0]}, {len(index.header.levels)} levels", file=sys.stderr)
        return folder / "ours"

    return write


def fluorescence(folder: Path, side: int, channels: int, rounds: int) -> None:
    """Five channels of 16 bits, against `cp` of the file and large_image's converter."""
    random = np.random.default_rng(0)
    array = random.poisson(300, (channels, side, side)).astype("uint16")
    source = folder / "flat.ome.tif"
    tifffile.imwrite(source, array, ome=True, metadata={"axes": "CYX"}, bigtiff=True)
    work = f"{array.nbytes / 1e6:.0f} MB uint16, every level"
    reader = reader_of(source)

    def copied() -> Path:
        subprocess.run(["cp", str(source), str(folder / "copy")], check=True)
        return folder / "copy"

    ours(folder, reader)()
    shutil.rmtree(folder / "ours")
    took, cp = alternated(rounds, [ours(folder, reader), copied])
    printed("pyramid-vs-cp", work, took, "cp", cp)

    def levels() -> Path:
        build_pyramid(reader, folder / "levels")
        return folder / "levels"

    took, cp = alternated(rounds, [levels, copied])
    printed("levels-vs-cp", f"{work} but the first", took, "cp", cp)
    # No codec makes noise much smaller, so that ours stores it as the peer is told to.
    array = random.integers(0, 1 << 16, array.shape, "uint16")
    tifffile.imwrite(source, array, ome=True, metadata={"axes": "CYX"}, bigtiff=True)
    reader.close()
    reader = reader_of(source)
    del array
    import large_image_converter

    def converted() -> Path:
        target = folder / "peer.tiff"
        large_image_converter.convert(
            str(source), str(target), compression="none", tileSize=512, overwrite=True
        )
        return target

    took, peer = alternated(max(2, rounds // 2), [ours(folder, reader), converted])
    printed("pyramid-vs-large_image", f"{work}, uncompressed", took, "large_image", peer)
    reader.close()
    source.unlink()


def brightfield(folder: Path, height: int, width: int, rounds: int) -> None:
    """An RGB slide as JPEG, against pyvips."""
    import pyvips

    random = np.random.default_rng(1)
    # Smooth colours with a grain: JPEG takes its time with neither flat nor random pixels.
    coarse = random.integers(90, 240, (height // 64, width // 64, 3)).astype("uint8")
    array = np.kron(coarse, np.ones((64, 64, 1), "uint8"))
    for top in range(0, len(array), 512):
        array[top : top + 512] += random.integers(0, 12, array[top : top + 512].shape, "uint8")
    source = folder / "slide.tif"
    tifffile.imwrite(source, array, photometric="rgb", tile=(512, 512), bigtiff=True)
    work = f"{array.nbytes / 1e6:.0f} MB RGB, JPEG {QUALITY} 4:2:0, every level"
    del array
    reader = reader_of(source)

    def saved() -> Path:
        target = folder / "peer.tif"
        image = pyvips.Image.new_from_file(str(source), access="sequential")
        image.tiffsave(
            str(target), tile=True, tile_width=256, tile_height=256, pyramid=True,
            compression="jpeg", Q=QUALITY, bigtiff=True,
        )  # fmt: skip
        return target

    mine = ours(folder, reader, codec=jpeg_codec(QUALITY, "420"))
    mine()
    shutil.rmtree(folder / "ours")
    took, peer = alternated(rounds, [mine, saved])
    printed("pyramid-rgb-vs-pyvips", work, took, "pyvips", peer)
    reader.close()
    source.unlink()


def memory(folder: Path, side: int, channels: int) -> None:
    """The highest memory of a process that writes an image, and one of ten times its size."""
    for id, count in (("pyramid-memory", channels), ("pyramid-memory-10x", 10 * channels)):
        arguments = [str(folder / "child"), str(count), str(side)]
        done = subprocess.run(
            [sys.executable, "-c", CHILD, *arguments], check=True, capture_output=True, text=True
        )
        shutil.rmtree(folder / "child")
        size = count * side * side * 2 / 1e6
        work = f"MiB above the bare process, {size:.0f} MB"
        printed(id, work, float(done.stdout), "limit", MEMORY_MIB)


def memory_of(folder: Path, flavour: str, side: int, planes: int) -> None:
    """The highest memory of a process that makes the levels of a file, and of a larger one."""
    options = FLAVOURS[flavour]
    samples = (3,) if "photometric" in options else ()
    dtype = "uint8" if samples else "uint16"
    made = np.random.default_rng(0).poisson(100, (1024, 1024, *samples)).astype(dtype)
    plane = np.tile(made, (side // 1024, side // 1024, *(1 for _ in samples)))
    for id, count in ((f"pyramid-memory-{flavour}", 1), (f"pyramid-memory-{flavour}-10x", planes)):
        path = folder / "source.tif"
        with tifffile.TiffWriter(path, bigtiff=True) as writer:
            for _ in range(count):
                writer.write(plane, metadata=None, contiguous=False, **options)
        reader = reader_of(path)
        (folder / "index").write_bytes(reader.index.to_bytes())
        done = subprocess.run(
            [sys.executable, "-c", LEVELS_CHILD, folder / "index", folder, folder / "levels"],
            check=True,
            capture_output=True,
            text=True,
        )
        shutil.rmtree(folder / "levels")
        work = f"MiB above the bare process, {count * plane.nbytes / 1e6:.0f} MB"
        printed(id, work, float(done.stdout), "limit", MEMORY_MIB)
        path.unlink()


def main() -> None:
    """Write, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    parser.add_argument("--only", default="", help="measure what has this in its id")
    asked = parser.parse_args()
    side, channels, rounds = (4096, 2, 3) if asked.quick else (8192, 5, 5)
    height, width = (4096, 6144) if asked.quick else (12288, 16384)
    warnings.simplefilter("ignore")
    # The peer logs each step.
    logging.getLogger("large-image-converter").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as name:
        # Where the peers keep what they make in between.
        os.environ["TMPDIR"] = tempfile.tempdir = name
        parts: dict[str, Callable[[Path], None]] = {
            "pyramid-vs-cp levels-vs-cp pyramid-vs-large_image": lambda folder: fluorescence(
                folder, side, channels, rounds
            ),
            "pyramid-rgb-vs-pyvips": lambda folder: brightfield(folder, height, width, rounds),
            "pyramid-memory pyramid-memory-10x": lambda folder: memory(folder, side, channels),
        }
        for flavour in FLAVOURS:
            ids = f"pyramid-memory-{flavour} pyramid-memory-{flavour}-10x"
            parts[ids] = partial(memory_of, flavour=flavour, side=side, planes=10)
        for ids, measure in parts.items():
            if asked.only in ids:
                measure(Path(name))


if __name__ == "__main__":
    main()
