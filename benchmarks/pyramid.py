"""Writing an image with all its levels, against copying the file.

Each measure is one line of JSON; `ratio` is the peer's value over ours, so greater is better.
Methods alternate within one run; what they wrote is forced to the disk and deleted in between.
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

from omero_jlab.pixels import PixelReader, build_pyramid, write_image

MEMORY_MIB = 150
CHILD = """
import re, sys
from pathlib import Path
import numpy as np
from omero_jlab.pixels import write_image, halve
halve.mean(np.zeros((9, 9), "uint16"))
def peak():
    # Not getrusage: its maximum is inherited from the parent.
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

before = peak()
source, target, channels, side = sys.argv[1:]
size = (1, int(channels), 1, int(side), int(side))

class File:
    shape, dtype = size, np.dtype("uint16")
    def __getitem__(self, where):
        t, c, z, y, x = where
        rows = np.empty((y.stop - y.start, x.stop - x.start), self.dtype)
        with open(source, "rb") as file:
            for i in range(len(rows)):
                file.seek(((c.start * size[3] + y.start + i) * size[4] + x.start) * 2)
                file.readinto(rows[i].data)
        return rows[None, None, None]

write_image(Path(target), File())
print(peak() - before)
"""


def printed(id: str, work: str, ours: float, peer: str, peer_value: float) -> None:
    """One measure as a line of JSON."""
    line = {
        "id": id, "work": work, "ours": ours, "peer": peer, "peer_value": peer_value,
        "ratio": round(peer_value / ours, 3),
    }  # fmt: skip
    print(json.dumps(line))


def copied(source: Path, target: Path) -> float:
    """Seconds of `cp` and making it durable, as ours is."""
    start = time.perf_counter()
    subprocess.run(["cp", str(source), str(target)], check=True)
    subprocess.run(["sync", str(target)], check=True)
    return time.perf_counter() - start


def main() -> None:
    """Write, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    quick = parser.parse_args().quick
    side, channels, rounds = (4096, 2, 3) if quick else (8192, 5, 5)
    array = np.random.default_rng(0).poisson(300, (1, channels, 1, side, side)).astype("uint16")
    work = f"{array.nbytes / 1e6:.0f} MB uint16, every level"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "flat.bin"
        array.tofile(source)
        mapped = np.memmap(source, "uint16", "r", shape=array.shape)
        write_image(folder / "warm", array[..., :1500, :1500])
        ours, cp, levels = [], [], []
        for _ in range(rounds):
            cp.append(copied(source, folder / "copy"))
            (folder / "copy").unlink()
            start = time.perf_counter()
            index = write_image(folder / "new", mapped)
            ours.append(time.perf_counter() - start)
            shutil.rmtree(folder / "new")
        printed("pyramid-vs-cp", work, statistics.median(ours), "cp", statistics.median(cp))
        base = write_image(folder / "base", array)
        one = type(base)(
            base.header.model_copy(update={"levels": base.header.levels[:1]}),
            base.file[:1], base.offset[:1], base.length[:1],
        )  # fmt: skip
        reader = PixelReader(one, {"fileset": folder, "pixels": folder / "base"})
        for _ in range(rounds):
            start = time.perf_counter()
            build_pyramid(reader, folder / "base" / "levels")
            levels.append(time.perf_counter() - start)
            shutil.rmtree(folder / "base" / "levels")
        work = f"{array.nbytes / 1e6:.0f} MB uint16, the missing levels"
        printed("levels-vs-cp", work, statistics.median(levels), "cp", statistics.median(cp))
        arguments = [str(source), str(folder / "child"), str(channels), str(side)]
        done = subprocess.run(
            [sys.executable, "-c", CHILD, *arguments], check=True, capture_output=True, text=True
        )
        work = f"MiB above the bare process, {array.nbytes / 1e6:.0f} MB"
        printed("pyramid-memory", work, float(done.stdout), "limit", MEMORY_MIB)
        assert len(index.header.levels) == len(base.header.levels)


if __name__ == "__main__":
    main()
