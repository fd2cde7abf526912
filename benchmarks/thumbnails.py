"""A thumbnail of a plane of three channels: ours against Pillow.

Ours averages the area under each pixel, then draws; Pillow does the same with its box filter on
each channel as floats, which numpy then colours and adds.  Both send JPEG of quality 85, chroma
at half resolution.
Each measure is one line of JSON in ms; `ratio` is the peer's time over ours, so greater is better.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
from PIL import Image as Picture
from tiles import COLORS, SETTINGS, WINDOW, cells, pixels

from omero_jlab.rendering import thumbnail

SIDE = 2048
LONGEST = 128
LEAST = 5


def pillows(planes: np.ndarray) -> bytes:
    """The same from Pillow: each channel made small, coloured and added."""
    start, end = WINDOW
    total = np.zeros((LONGEST, LONGEST, 3), np.float32)
    for plane, color in zip(planes, COLORS, strict=True):
        whole = Picture.fromarray(plane.astype(np.float32))
        small = np.asarray(whole.resize((LONGEST, LONGEST), Picture.Resampling.BOX))
        bright = np.clip((small - start) / (end - start), 0, 1)
        total += bright[..., None] * np.array(list(bytes.fromhex(color)), np.float32)
    target = io.BytesIO()
    drawn = np.clip(total + 0.5, 0, 255).astype(np.uint8)
    Picture.fromarray(drawn).save(target, "JPEG", quality=85, subsampling="4:2:0")
    return target.getvalue()


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    rounds = 15 if parser.parse_args().quick else 60
    planes = cells(SIDE)
    methods: dict[str, Callable[[], bytes]] = {
        "ours": lambda: thumbnail(planes, SETTINGS, LONGEST),
        "Pillow": lambda: pillows(planes),
    }
    assert np.abs(pixels(methods["ours"]()) - pixels(methods["Pillow"]())).mean() < 2
    taken: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(rounds):
        for name, method in methods.items():
            start = time.perf_counter()
            method()
            taken[name].append((time.perf_counter() - start) * 1000)
    found = {name: statistics.median(times) for name, times in taken.items()}
    line = {
        "id": "thumbnail-vs-pillow",
        "work": f"3 × {SIDE}² uint16 to a JPEG of {LONGEST} pixels, ms",
        "ours": found["ours"],
        "peer": "Pillow",
        "peer_value": found["Pillow"],
        "ratio": round(found["Pillow"] / found["ours"], 3),
        "least": LEAST,
    }
    print(json.dumps(line, ensure_ascii=False))


if __name__ == "__main__":
    main()
