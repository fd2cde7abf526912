"""Objects found tile by tile are those of the whole, whatever their shapes and the tiles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter
from skimage.measure import label, regionprops_table

from omero_jlab.analysis import measure_tiles

PROPERTIES = (
    "label", "area", "bbox", "centroid", "equivalent_diameter_area", "intensity_mean",
)  # fmt: skip


class Stack:
    """An image of one channel, shape (z, y, x)."""

    def __init__(self, pixels: NDArray[Any]) -> None:
        self._pixels = pixels
        self.shape = (1, 1, *pixels.shape)
        self.levels = [pixels.shape[1:]]
        self.pixel_size_um = (2.0, 0.5, 0.25)

    def region(
        self, y: int, x: int, height: int, width: int, c: int = 0, z: int = 0, t: int = 0,
        level: int = 0,
    ) -> NDArray[Any]:  # fmt: skip
        return self._pixels[z, y : y + height, x : x + width]


def threshold(pixels: NDArray[Any]) -> NDArray[Any]:
    """Objects that touch nothing, of any shape and size."""
    return np.asarray(label(pixels > 0))


def named(pixels: NDArray[Any]) -> NDArray[Any]:
    """Objects that touch each other: pixels are their names; each tile numbers its own way."""
    parts = label(pixels, background=0)
    return np.where(parts > 0, parts.max() + 1 - parts, 0)


def speckles(random: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
    """Blobs, rings, threads and spirals: noise that was smoothed more or less."""
    noise = gaussian_filter(random.normal(size=shape), random.uniform(0, 3))
    return (noise > np.quantile(noise, random.uniform(0.3, 0.8))).astype(np.uint16)


def cells(random: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
    """Cells wall to wall, around points that lie anywhere."""
    points = np.ones(shape, bool)
    count = int(random.integers(1, 30))
    places = tuple(random.integers(0, size, count) for size in shape)
    points[places] = False
    nearest = distance_transform_edt(points, return_distances=False, return_indices=True)
    names = np.zeros(shape, np.uint16)
    names[places] = np.arange(1, count + 1)
    found = names[tuple(nearest)]
    return np.where(random.random(shape) < 0.02, 0, found).astype(np.uint16)


def compared(pixels: NDArray[Any], segment: Any, tile: int, overlap: int, flat: bool) -> None:
    z: Any = 0 if flat else slice(None)
    image: Any = Stack(pixels)
    found = measure_tiles(
        image, segment, properties=PROPERTIES, tile=tile, overlap=overlap, z=z, physical=True
    )
    whole = pixels[0] if flat else pixels
    spacing = image.pixel_size_um[1:] if flat else image.pixel_size_um
    labels = segment(whole)
    expected = pd.DataFrame(
        regionprops_table(labels, whole, properties=PROPERTIES, spacing=spacing)
    )
    # Each of ours is one of theirs, and the other way round.
    pairs = np.unique(np.stack([found.labels.compute().reshape(-1), labels.reshape(-1)]), axis=1)
    assert len(pairs[0]) == len(set(pairs[0])) == len(set(pairs[1]))
    theirs = dict(zip(*pairs.tolist(), strict=True))
    order = [theirs[each] for each in found.table["label"]]
    by_label = expected.set_index("label").loc[order].reset_index(drop=True)
    ours = found.table.drop(columns="label")
    assert list(found.table["label"]) == list(range(1, found.count + 1))
    pd.testing.assert_frame_equal(ours, by_label, check_dtype=False, rtol=1e-6)
    assert found.units["area"] == ("µm²" if flat else "µm³")
    assert found.units["centroid-0"] == "µm" and "bbox-0" not in found.units


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_tiles_are_as_good_as_the_whole(data: Any) -> None:
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    flat = data.draw(st.booleans())
    sides = st.integers(3, 70 if flat else 30)
    shape = (1 if flat else data.draw(st.integers(2, 6)), data.draw(sides), data.draw(sides))
    tile = data.draw(st.integers(6, 40))
    overlap = data.draw(st.integers(1, tile // 2))
    if data.draw(st.booleans()):
        compared(speckles(random, shape), threshold, tile, overlap, flat)
    else:
        compared(cells(random, shape), named, tile, overlap, flat)
