"""An image as a dask array, and the statistics of its channels."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest

from omero_jlab.errors import Invalid
from omero_jlab.pixels import (
    PixelReader,
    aligned_chunk,
    dask_array,
    statistics,
    write_image,
)


class Level0:
    """A read function of one level, as a remote one would be: picklable, with its own state."""

    def __init__(self, reader: PixelReader) -> None:
        self.reader = reader

    def __call__(self, *region: int) -> np.ndarray:
        return self.reader.region(0, *region)


@pytest.fixture
def stored(tmp_path: Path, picture: Any) -> tuple[PixelReader, np.ndarray]:
    array = picture((2, 3, 2, 2100, 1100), "uint16")
    index = write_image(tmp_path / "new", array)
    return PixelReader(index, {"pixels": tmp_path / "new"}), array


def test_a_lazy_array_equals_the_image(stored: tuple[PixelReader, np.ndarray]) -> None:
    reader, array = stored
    read = pickle.loads(pickle.dumps(Level0(reader)))
    lazy = dask_array(read, reader.sizes(0), reader.dtype)
    assert lazy.shape == array.shape
    assert lazy.dtype == array.dtype
    assert lazy.chunksize == (1, 1, 1, 2048, 1100)
    np.testing.assert_array_equal(lazy.compute(), array)
    assert lazy[:, :, :, 2000:].mean().compute() == array[:, :, :, 2000:].mean()
    np.testing.assert_array_equal(lazy[1, 2, 0].compute(), array[1, 2, 0])
    pickled = pickle.loads(pickle.dumps(lazy))
    np.testing.assert_array_equal(pickled[0, 0, 1].compute(), array[0, 0, 1])


def test_only_what_is_asked_for_is_read(stored: tuple[PixelReader, np.ndarray]) -> None:
    reader, array = stored
    asked = []

    def read(*region: int) -> np.ndarray:
        asked.append(region)
        return reader.region(0, *region)

    lazy = dask_array(read, reader.sizes(0), reader.dtype, chunk=(500, 400), channels=[2, 0])
    assert asked == []
    assert lazy.shape == (2, 2, 2, 2100, 1100)
    with dask.config.set(scheduler="synchronous"):
        found = lazy[1, 0, 1, 1900:, 900:].compute()
    np.testing.assert_array_equal(found, array[1, 2, 1, 1900:, 900:])
    assert sorted(asked) == [(1, 2, 1, 1500, 800, 500, 300), (1, 2, 1, 2000, 800, 100, 300)]


def test_blocks_cut_no_stored_chunk(stored: tuple[PixelReader, np.ndarray]) -> None:
    reader, _ = stored
    assert aligned_chunk(reader.index) == (2100, 1100)
    assert aligned_chunk(reader.index, 0, 600) == (512, 512)
    strips = reader.index.header.levels[0].model_copy(
        update={"shape": (1, 1, 1, 50_000, 40_000, 1), "chunk": (1, 1, 1, 30, 40_000, 1)}
    )
    header = reader.index.header.model_copy(update={"levels": (strips,)})
    index = type(reader.index)(header, (), (), ())
    assert aligned_chunk(index) == (90, 40_000)


@pytest.mark.parametrize("channels", [[], [3], [-1]])
def test_channels_that_are_not_there_are_refused(
    channels: list[int], stored: tuple[PixelReader, np.ndarray]
) -> None:
    reader, _ = stored
    with pytest.raises(Invalid):
        dask_array(Level0(reader), reader.sizes(0), reader.dtype, channels=channels)


def test_many_threads_read_with_one_reader(stored: tuple[PixelReader, np.ndarray]) -> None:
    reader, array = stored
    wrong = []

    def work(seed: int) -> None:
        random = np.random.default_rng(seed)
        for _ in range(30):
            t, c, z = (int(random.integers(n)) for n in array.shape[:3])
            y, x = int(random.integers(2000)), int(random.integers(1000))
            height, width = int(random.integers(1, 2101 - y)), int(random.integers(1, 1101 - x))
            found = reader.region(0, t, c, z, y, x, height, width)
            if not np.array_equal(found, array[t, c, z, y : y + height, x : x + width]):
                wrong.append((seed, t, c, z, y, x))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def _statistics(tmp_path: Path, array: np.ndarray) -> Any:
    return statistics(PixelReader(write_image(tmp_path / "new", array),
                                  {"pixels": tmp_path / "new"}))  # fmt: skip


def test_statistics_of_channels(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    array = np.empty((1, 5, 3, 500, 600), "float32")
    array[:, 0] = random.normal(100, 10, array[:, 0].shape)
    array[0, 0, 1, 5, 5] = 1e6
    array[:, 1] = 7
    array[:, 2] = np.nan
    array[:, 3] = np.where(random.random(array[:, 3].shape) < 0.5, np.inf, 2)
    array[:, 4] = 0
    array[0, 4, :, :5, :5] = 9
    found = _statistics(tmp_path, array)
    assert len(found) == 5
    assert found[0].minimum == array[:, 0].min()
    assert found[0].maximum == 1e6
    assert found[0].low == pytest.approx(np.percentile(array[:, 0], 0.5), abs=0.1)
    assert found[0].high == pytest.approx(np.percentile(array[:, 0], 99.8), abs=0.1)
    assert (found[1].minimum, found[1].maximum, found[1].low) == (7, 7, 7)
    assert found[1].high > 7
    assert (found[2].minimum, found[2].maximum) == (None, None)
    assert found[2].low < found[2].high
    assert (found[3].minimum, found[3].maximum) == (2, 2)
    assert (found[4].low, found[4].high) == (0, 9)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int32", "uint64", "float16"])
def test_a_window_is_never_empty(dtype: str, tmp_path: Path) -> None:
    for i, value in enumerate([0, 1]):
        array = np.full((1, 1, 1, 30, 30), value, dtype)
        found = _statistics(tmp_path / str(i), array)[0]
        assert found.minimum == found.maximum == value
        assert found.low < found.high


def test_the_cost_is_bounded(stored: tuple[PixelReader, np.ndarray]) -> None:
    """A level of hundreds of large planes, as sparse as can be: few pixels are read."""
    reader, _ = stored
    layout = reader.index.header.levels[0].model_copy(
        update={"shape": (50, 2, 40, 9000, 9000, 1), "chunk": (1, 1, 1, 9000, 9000, 1)}
    )
    nothing = np.zeros(layout.grid, np.int64)
    header = reader.index.header.model_copy(update={"levels": (layout,)})
    index = type(reader.index)(header, (nothing.astype(np.int32),), (nothing,), (nothing,))
    read = []

    class Counting(PixelReader):
        def planes(self, *region: Any) -> np.ndarray:
            found = super().planes(*region)
            read.append(found.size)
            return found

    assert len(statistics(Counting(index, reader.roots))) == 2
    assert sum(read) <= 2 * (1 << 22)
    with pytest.raises(Invalid):
        statistics(reader, 9)
