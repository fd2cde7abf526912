"""Filesets of thirty one-channel files, with pixels that say which file they are of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

PATTERN = "s{field}_{channel}_z{z}.tif"
SHAPE = (1, 3, 10, 48, 64)


def write_filesets(folder: Path, count: int) -> dict[str, NDArray[np.uint16]]:
    """Write `count` filesets; answers the TCZYX pixels of each image by its name."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(count)
    pixels = {}
    for field in range(1, count + 1):
        array = random.integers(0, 4096, SHAPE, np.uint16)
        for c, channel in enumerate("ABC"):
            for z in range(SHAPE[2]):
                tifffile.imwrite(folder / f"s{field}_{channel}_z{z}.tif", array[0, c, z])
        pixels[f"s{field}"] = array
    return pixels
