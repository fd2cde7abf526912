"""Arrays become images and label images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import zarr

from omero_jlab.errors import Conflict, Invalid
from omero_jlab.pixels import Cancelled, PixelReader, write_image, write_labels
from omero_jlab.pixels.halve import majority


def read(index: Any, folder: Path, level: int = 0) -> np.ndarray:
    reader = PixelReader(index, {"pixels": folder})
    t, c, z, y, x = reader.sizes(level)
    found = np.empty((t, c, z, y, x), reader.dtype)
    for at in np.ndindex(t, c, z):
        found[at] = reader.region(level, *at, 0, 0, y, x)
    return found


@pytest.mark.parametrize(
    "dtype",
    ["bool", "int8", "uint8", ">u2", "int16", "uint32", "int64", "float16", "float32", ">f8"],
)
def test_every_dtype_is_kept(dtype: str, tmp_path: Path) -> None:
    array = (np.random.default_rng(0).random((2, 3, 2, 37, 53)) * 2).astype(dtype)
    index = write_image(tmp_path / "new", array)
    np.testing.assert_array_equal(read(index, tmp_path / "new"), array)
    assert PixelReader(index, {"pixels": tmp_path / "new"}).dtype == array.dtype.newbyteorder("=")
    stored = zarr.open_group(tmp_path / "new", mode="r")["0"]
    np.testing.assert_array_equal(stored[...], array)


def sources(array: np.ndarray, folder: Path) -> dict[str, Any]:
    small = (1, 2, 1, 700, 900)
    store = zarr.create_array(folder / "in.zarr", shape=array.shape, chunks=small, dtype="uint16")
    store[...] = array
    return {
        "numpy": array,
        "fortran": np.asfortranarray(array),
        "dask": da.from_array(array, chunks=small),
        "dask-max": da.from_array(array, chunks=(1, 1, 2, 2048, 2048)).max(axis=2, keepdims=True),
        "zarr": store,
    }


@pytest.mark.parametrize("kind", ["numpy", "fortran", "dask", "dask-max", "zarr"])
def test_arrays_of_every_kind_are_written(kind: str, tmp_path: Path, picture: Any) -> None:
    array = picture((1, 2, 2, 2200, 2500), "uint16")
    source = sources(array, tmp_path)[kind]
    told: list[tuple[int, int]] = []
    index = write_image(tmp_path / "new", source, progress=lambda *step: told.append(step))
    expected = array.max(axis=2, keepdims=True) if kind == "dask-max" else array
    np.testing.assert_array_equal(read(index, tmp_path / "new"), expected)
    assert [level.shape[3:5] for level in index.header.levels] == [
        (2200, 2500), (1100, 1250), (550, 625),
    ]  # fmt: skip
    assert told[-1][0] == told[-1][1]
    ome = zarr.open_group(tmp_path / "new", mode="r").attrs["ome"]
    assert [entry["path"] for entry in ome["multiscales"][0]["datasets"]] == ["0", "1", "2"]


def test_each_block_of_a_lazy_array_is_computed_once(tmp_path: Path) -> None:
    computed = []

    def block(block_id: Any = None) -> np.ndarray:
        computed.append(block_id)
        return np.full((1, 1, 1, 2048, 1000), 5, np.uint8)

    lazy = da.map_blocks(
        block, chunks=((1,), (1, 1), (1,), (2048, 2048), (1000,)), dtype=np.uint8,
        meta=np.empty((0,) * 5, np.uint8),
    )  # fmt: skip
    write_image(tmp_path / "new", lazy)
    # One more for a look at what compresses.
    assert len(computed) == 4 + 1


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((5, 5)),
        np.zeros((1, 1, 1, 0, 5)),
        np.zeros((1, 1, 1, 5, 5), complex),
        np.zeros((1, 1, 1, 5, 5), object),
        np.zeros((1, 1, 1, 5, 5), "datetime64[s]"),
        [[1, 2]],
    ],
)
def test_what_is_no_image_is_refused(array: Any, tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        write_image(tmp_path / "new", array)
    assert not (tmp_path / "new").exists()


def test_a_failure_leaves_an_empty_folder(tmp_path: Path) -> None:
    def fail(block_id: Any = None) -> np.ndarray:
        raise ValueError("no such luck")

    lazy = da.map_blocks(
        fail, chunks=((1,), (1,), (1,), (20,), (20,)), dtype=np.uint8,
        meta=np.empty((0,) * 5, np.uint8),
    )  # fmt: skip
    with pytest.raises(ValueError, match="luck"):
        write_image(tmp_path / "new", lazy)
    with pytest.raises(Cancelled):
        write_image(tmp_path / "new", np.ones((1, 1, 1, 9, 9)), cancelled=lambda: True)
    assert list((tmp_path / "new").iterdir()) == []
    write_image(tmp_path / "new", np.ones((1, 1, 1, 9, 9)))
    with pytest.raises(Conflict):
        write_image(tmp_path / "new", np.ones((1, 1, 1, 9, 9)))


@pytest.mark.parametrize(
    ("maximum", "dtype"),
    [(0, "uint8"), (255, "uint8"), (256, "uint16"), (65_536, "uint32"), (2**32 - 1, "uint32")],
)
@pytest.mark.parametrize("given", ["int64", "float64", "uint32"])
def test_labels_take_as_few_bits_as_they_need(
    maximum: int, dtype: str, given: str, tmp_path: Path
) -> None:
    labels = np.zeros((2, 1, 60, 70), given)
    labels[1, 0, 30, 7] = maximum
    index, found = write_labels(tmp_path / "new", labels)
    assert found == maximum
    assert index.header.levels[0].dtype == dtype
    np.testing.assert_array_equal(read(index, tmp_path / "new")[:, 0], labels)


def test_labels_are_never_averaged(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).choice([0, 3, 900], (1, 2, 2051, 1300))
    index, maximum = write_labels(tmp_path / "new", da.from_array(labels, chunks=(1, 1, 800, 800)))
    assert maximum == 900
    expected = labels[:, None]
    for level in range(len(index.header.levels)):
        np.testing.assert_array_equal(read(index, tmp_path / "new", level), expected)
        planes = expected.reshape(-1, *expected.shape[-2:])
        smaller = np.stack([majority(plane) for plane in planes])
        expected = smaller.reshape(*expected.shape[:-2], *smaller.shape[-2:])
    assert level == 2


@pytest.mark.parametrize(
    "labels",
    [
        np.full((1, 1, 5, 5), -1),
        np.full((1, 1, 5, 5), 2**32),
        np.full((1, 1, 5, 5), 0.5),
        np.full((1, 1, 5, 5), np.nan),
        np.full((1, 1, 5, 5), np.inf),
        np.zeros((1, 1, 5, 5), complex),
        np.zeros((5, 5), int),
    ],
)
def test_what_are_no_labels_is_refused(labels: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        write_labels(tmp_path / "new", labels)
    assert not (tmp_path / "new").exists()


def test_blocks_of_another_dtype_than_promised_are_refused(tmp_path: Path) -> None:
    whole = da.ones((1, 1, 1, 20, 30), dtype="uint16", chunks=-1)
    promised = np.empty((0,) * 5, "uint16")
    lying = whole.map_blocks(lambda block: block * 0.7, dtype="uint16", meta=promised)
    with pytest.raises(Invalid, match="uint16, but its blocks are float64"):
        write_image(tmp_path / "new", lying)
    assert not list((tmp_path / "new").iterdir())


def test_a_dask_array_of_unknown_size_is_refused(tmp_path: Path) -> None:
    whole = da.ones((2, 1, 1, 20, 30), chunks=(1, 1, 1, 20, 30))
    with pytest.raises(Invalid, match="compute_chunk_sizes"):
        write_image(tmp_path / "new", whole[whole[:, 0, 0, 0, 0] > 0])
