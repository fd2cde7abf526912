"""Segmentation tile by tile, against the same on the whole plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from skimage.measure import label, regionprops_table

from omero_jlab.analysis import measure_tiles
from omero_jlab.errors import Invalid

PROPERTIES = ("label", "area", "centroid", "bbox", "eccentricity", "intensity_mean")


class FakeImage:
    """Planes that are asked for region by region."""

    def __init__(self, *planes: NDArray[Any]) -> None:
        self._planes = planes
        self.levels = [planes[0].shape]

    def region(
        self, y: int, x: int, height: int, width: int, c: int = 0, z: int = 0, t: int = 0,
        level: int = 0,
    ) -> NDArray[Any]:  # fmt: skip
        return self._planes[c][y : y + height, x : x + width]


def discs(side: int, count: int, radius: int, seed: int) -> NDArray[np.uint16]:
    """Discs that touch nothing, brighter from left to right."""
    random = np.random.default_rng(seed)
    plane = np.zeros((side, side + 37), np.uint16)
    y, x = np.mgrid[: plane.shape[0], : plane.shape[1]]
    placed: list[tuple[int, int]] = []
    while len(placed) < count:
        cy, cx = (int(random.integers(0, size)) for size in plane.shape)
        if all((cy - a) ** 2 + (cx - b) ** 2 > (2 * radius + 3) ** 2 for a, b in placed):
            placed.append((cy, cx))
            plane[(y - cy) ** 2 + (x - cx) ** 2 <= radius**2] = 100 + cx
    return plane


def find(pixels: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(label(pixels > 0))


def by_place(table: pd.DataFrame) -> pd.DataFrame:
    keys = ["bbox-0", "bbox-1", "bbox-2", "bbox-3"]
    return table.drop(columns="label").sort_values(keys, ignore_index=True)


@pytest.mark.parametrize(("tile", "seed"), [(50, 1), (64, 2), (101, 3), (400, 4)])
def test_objects_are_those_of_the_whole_plane(tile: int, seed: int) -> None:
    plane = discs(300, 40, 9, seed)
    expected = pd.DataFrame(regionprops_table(find(plane), plane, properties=PROPERTIES))
    found = measure_tiles(FakeImage(plane), find, properties=PROPERTIES, tile=tile, overlap=24)  # type: ignore[arg-type]
    assert found.count == 40
    assert list(found.table["label"]) == list(range(1, 41))
    assert list(found.table.columns) == list(expected.columns)
    pd.testing.assert_frame_equal(by_place(found.table), by_place(expected), check_dtype=False)
    labels = found.labels.compute()
    assert (labels > 0).tolist() == (plane > 0).tolist()
    for each in range(1, 41):
        ours = labels == each
        assert len(np.unique(find(plane)[ours])) == 1, "two objects have one number"


def test_a_long_object_is_one(tmp_path: object) -> None:
    plane = np.zeros((200, 640), np.uint16)
    plane[90:110, 5:635] = 7
    found = measure_tiles(FakeImage(plane), find, tile=64, overlap=16)  # type: ignore[arg-type]
    assert found.table["area"].tolist() == [20 * 630]
    assert found.table[["centroid-0", "centroid-1"]].to_numpy().tolist() == [[99.5, 319.5]]


def test_labels_may_be_sparse_and_channels_many() -> None:
    plane = discs(200, 20, 9, 3)
    other = np.full_like(plane, 5)

    def segment(pixels: NDArray[Any]) -> NDArray[Any]:
        assert pixels.shape[0] == 2 and (pixels[1] == 5).all()
        return find(pixels[0]).astype(np.int64) * 1_000_003

    found = measure_tiles(
        FakeImage(plane, other),  # type: ignore[arg-type]
        segment,
        channels=(0, 1),
        properties=("intensity_max",),
        measured=(1, 0),
        tile=80,
        overlap=30,
    )
    assert found.count == 20
    assert (found.table["intensity_max-0"] == 5).all()
    assert found.table["intensity_max-1"].between(100, 340).all()


def test_a_plane_without_objects_has_an_empty_table() -> None:
    found = measure_tiles(FakeImage(np.zeros((90, 90), np.uint8)), find, tile=40, overlap=10)  # type: ignore[arg-type]
    assert found.count == 0 and not found.labels.compute().any()
    assert list(found.table.columns) == ["label", "area", "centroid-0", "centroid-1"]


@pytest.mark.parametrize(
    ("segment", "message"),
    [
        (lambda pixels: pixels[1:].astype(int), "of that shape"),
        (lambda pixels: pixels.astype(float), "integers"),
        (lambda pixels: pixels.astype(int) - 1, "labels from -1"),
    ],
)
def test_wrong_labels_are_refused(segment: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        measure_tiles(FakeImage(np.zeros((64, 64), np.uint8)), segment, tile=64, overlap=8)  # type: ignore[arg-type]


def test_wrong_tiles_and_properties_are_refused() -> None:
    image: Any = FakeImage(discs(100, 3, 5, 1))
    with pytest.raises(Invalid, match="at most half a tile"):
        measure_tiles(image, find, tile=64, overlap=40)
    with pytest.raises(Invalid, match="regionprops_table"):
        measure_tiles(image, find, properties=("roundness",))
    with pytest.raises(Invalid, match="no number"):
        measure_tiles(image, find, properties=("coords",))


def test_a_large_object_is_one_though_no_two_of_its_parts_agree() -> None:
    plane = np.zeros((16, 32), np.uint16)
    for rows in (slice(1, 3), slice(5, 8), slice(11, 14)):
        plane[rows, 3:29] = 7
    # Left of the border the first two bars are one, right of it the first and the third.
    plane[1:8, 3] = 7
    plane[1:14, 28] = 7
    plane[5:8, 24:28] = 0
    found = measure_tiles(FakeImage(plane), find, tile=16, overlap=2)  # type: ignore[arg-type]
    assert found.count == 1 == find(plane).max()
    assert found.table["area"].tolist() == [np.count_nonzero(plane)]


def test_cells_that_two_tiles_part_differently_stay_two() -> None:
    plane = np.ones((16, 32), np.uint16)

    def segment(pixels: NDArray[Any]) -> NDArray[Any]:
        """Two cells that touch; who sees the right tile has the border between them lower."""
        rows = 8 if pixels[0, 0] == 1 else 11
        labels = np.ones(pixels.shape, int)
        labels[rows:] = 2
        return labels

    plane[:, 14:] = 2
    found = measure_tiles(FakeImage(plane), segment, tile=16, overlap=2)  # type: ignore[arg-type]
    assert found.count == 2
    assert sorted(found.table["area"]) == [16 * 8 + 16 * 5, 16 * 8 + 16 * 11]


def test_a_stack_is_measured_in_micrometres() -> None:
    planes = np.stack([discs(120, 6, 9, 3)] * 5)
    planes[4] = 0

    class Stack(FakeImage):
        shape = (1, 1, *planes.shape)
        pixel_size_um = (2.0, 0.5, 0.25)

        def region(
            self, y: int, x: int, height: int, width: int, c: int = 0, z: int = 0, t: int = 0,
            level: int = 0,
        ) -> NDArray[Any]:  # fmt: skip
            return planes[z, y : y + height, x : x + width]

    image: Any = Stack(planes[0])
    chosen = ("area", "centroid", "bbox", "orientation")
    found = measure_tiles(image, find, tile=50, overlap=20, z=slice(1, None), physical=True,
                          properties=chosen[:3])  # fmt: skip
    area = np.count_nonzero(find(planes[0]) == 1)
    assert found.count == 6 and found.labels.shape == planes[1:].shape
    assert found.table["area"].iloc[0] == pytest.approx(3 * area * 2 * 0.5 * 0.25)
    assert (found.table["centroid-0"] == 2 * 2.0).all(), "planes 1, 2 and 3"
    assert (found.table["bbox-0"] == 1).all() and (found.table["bbox-3"] == 4).all()
    assert found.units == {"area": "µm³"} | {f"centroid-{axis}": "µm" for axis in range(3)}
    flat = measure_tiles(image, find, tile=50, overlap=20, properties=chosen, physical=True)
    assert flat.units["area"] == "µm²" and flat.units["orientation"] == "rad"
    with pytest.raises(Invalid, match="leave this property out"):
        measure_tiles(image, find, tile=50, properties=("perimeter",), overlap=20, physical=True)
    with pytest.raises(Invalid, match="planes 0 to 4"):
        measure_tiles(image, find, tile=50, overlap=20, z=slice(5, 9))
    image.pixel_size_um = (None, 0.5, 0.5)
    measure_tiles(image, find, tile=50, overlap=20, physical=True)
    with pytest.raises(Invalid, match="pixel size"):
        measure_tiles(image, find, tile=50, overlap=20, z=slice(None), physical=True)
