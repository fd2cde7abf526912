"""Many uncompressed chunks that are read in one go have the pixels of the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from omero_jlab.errors import Unreadable
from omero_jlab.formats import plan, read
from omero_jlab.pixels import PixelReader, load_loops, scatter

SHAPE = (3, 300, 1111)
PIXELS = np.random.default_rng(0).integers(0, 1 << 16, SHAPE).astype("uint16")
FORMS: dict[str, dict[str, Any]] = {
    "tiles": {"tile": (32, 64)},
    "rows": {"rowsperstrip": 1},
    "strips": {"rowsperstrip": 64},
    "big-endian": {"tile": (32, 64), "byteorder": ">"},
}


@pytest.fixture(autouse=True)
def _loaded() -> Iterator[None]:
    before = scatter._read_rows
    load_loops()
    yield
    scatter._read_rows = before


def reader_of(path: Path) -> PixelReader:
    fileset = plan([path]).plans[0]
    index = read(fileset).indexes[0]
    assert index is not None
    return PixelReader(index, {"fileset": fileset.root})


@pytest.fixture(scope="module", params=FORMS)
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> PixelReader:
    path = tmp_path_factory.mktemp("scatter") / "a.ome.tif"
    options = FORMS[request.param]
    tifffile.imwrite(
        path, PIXELS, photometric="minisblack", metadata={"axes": "CYX"}, ome=True, **options
    )
    return reader_of(path)


def stretch(length: int) -> st.SearchStrategy[tuple[int, int]]:
    ends = st.tuples(st.integers(0, length), st.integers(0, length))
    return ends.map(lambda each: (min(each), max(each))).filter(lambda each: each[0] < each[1])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    y=stretch(SHAPE[1]),
    x=st.one_of(stretch(SHAPE[2]), st.sampled_from([(0, 1111), (64, 1024), (0, 64)])),
    channels=st.lists(st.integers(0, 2), min_size=1, max_size=4).map(tuple),
)
def test_every_region_has_its_pixels(
    reader: PixelReader, y: tuple[int, int], x: tuple[int, int], channels: tuple[int, ...]
) -> None:
    found = reader.planes(0, 0, channels, 0, y[0], x[0], y[1] - y[0], x[1] - x[0])
    np.testing.assert_array_equal(found, PIXELS[list(channels), y[0] : y[1], x[0] : x[1]])


def test_whole_chunks_are_read_so(reader: PixelReader, monkeypatch: pytest.MonkeyPatch) -> None:
    assert scatter._read_rows is not None
    read_rows, answers = scatter._read_rows, []

    def counted(file: int, pieces: NDArray[np.int64], stride: int) -> bool:
        answers.append(read_rows(file, pieces, stride))
        return answers[-1]

    monkeypatch.setattr(scatter, "_read_rows", counted)
    reader.region(0, 0, 1, 0, 64, 0, 128, 1024)
    native = reader.level(0).pipeline.stored.isnative
    whole = reader.level(0).layout.chunk[4] in (64, 1024)
    assert answers == ([True] if native and whole else [])


def test_an_index_that_leads_behind_the_end_of_a_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS[0], tile=(32, 64))
    reader = reader_of(path)
    index = reader.index
    offset = index.offset[0].copy()
    offset[0, 0, 0, 3, 4, 0] = index.header.files[0].size - 100
    lying = PixelReader(replace(index, offset=(offset, *index.offset[1:])), reader.roots)
    lying.region(0, 0, 0, 0, 0, 0, 96, 1024)
    with pytest.raises(Unreadable, match="truncated"):
        lying.region(0, 0, 0, 0, 0, 0, 288, 1024)
