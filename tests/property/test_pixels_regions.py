"""Any region of any layout of chunks is that of the whole array."""

from __future__ import annotations

import math
import pickle
import tempfile
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from omero_jlab.errors import Invalid
from omero_jlab.model.chunks import ChunkIndex, Codec, FileEntry, IndexHeader, LevelLayout
from omero_jlab.pixels import PixelReader
from omero_jlab.pixels.kept import KEPT

DTYPES = ["uint8", "int8", ">u2", "<u2", "<i4", ">f4", "<f8"]
sizes = st.tuples(
    st.integers(1, 3), st.integers(1, 3), st.integers(1, 3),
    st.integers(1, 40), st.integers(1, 40), st.integers(1, 4),
)  # fmt: skip
chunks = st.tuples(
    st.integers(1, 3), st.integers(1, 3), st.integers(1, 3),
    st.integers(1, 45), st.integers(1, 45), st.integers(1, 4),
)  # fmt: skip


@st.composite
def layouts(draw: Any) -> tuple[LevelLayout, bool]:
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    compressed = draw(st.booleans())
    codecs = [Codec(name="bytes", configuration={"endian": "big" if dtype.str[0] == ">"
                                                 else "little"})]  # fmt: skip
    if compressed:
        codecs.append(Codec(name="zstd"))
    layout = LevelLayout(
        shape=draw(sizes),
        chunk=draw(chunks),
        dtype=dtype.name,
        fill=draw(st.sampled_from([0.0, 5.0])),
        edge=draw(st.sampled_from(["full", "cut"])),
        codecs=tuple(codecs),
    )
    return layout, compressed


def _store(layout: LevelLayout, compressed: bool, folder: Path) -> tuple[ChunkIndex, np.ndarray]:
    """An array of random numbers in one file, chunks in random order, a fifth of them missing."""
    random = np.random.default_rng(math.prod(layout.shape))
    order = layout.codecs[0].configuration["endian"]
    stored = np.dtype(layout.dtype).newbyteorder(">" if order == "big" else "<")
    array = random.integers(0, 120, layout.shape).astype(layout.dtype)
    offset, length = np.zeros(layout.grid, np.int64), np.zeros(layout.grid, np.int64)
    data = b"head"
    for place in random.permutation(list(np.ndindex(layout.grid))):
        at = tuple(int(i) for i in place)
        here = tuple(
            slice(i * k, min((i + 1) * k, n))
            for i, k, n in zip(at, layout.chunk, layout.shape, strict=True)
        )
        if random.random() < 0.2:
            array[here] = layout.fill
            continue
        pixels = array[here]
        if layout.edge == "full":
            whole = np.full(layout.chunk, 99, layout.dtype)
            whole[tuple(slice(0, n) for n in pixels.shape)] = pixels
            pixels = whole
        raw = pixels.astype(stored).tobytes()
        raw = bytes(imagecodecs.zstd_encode(raw)) if compressed else raw
        offset[at], length[at] = len(data), len(raw)
        data += raw
    (folder / "a.bin").write_bytes(data)
    found = (folder / "a.bin").stat()
    entry = FileEntry(root="pixels", path="a.bin", size=len(data), mtime_ns=found.st_mtime_ns)
    header = IndexHeader(files=(entry,), levels=(layout,))
    file = np.zeros(layout.grid, np.int32)
    t, c, z, y, x, s = layout.shape
    expected = array.transpose(0, 1, 5, 2, 3, 4).reshape(t, c * s, z, y, x)
    return ChunkIndex(header, (file,), (offset,), (length,)), expected


@settings(max_examples=150, deadline=None)
@given(stored=layouts(), data=st.data())
def test_a_region_is_a_slice_of_the_array(stored: tuple[LevelLayout, bool], data: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        index, array = _store(*stored, Path(folder))
        KEPT.clear()
        reader = pickle.loads(pickle.dumps(PixelReader(index, {"pixels": Path(folder)})))
        assert reader.sizes(0) == array.shape
        t, c, z, y, x = (data.draw(st.integers(0, n - 1)) for n in array.shape)
        height = data.draw(st.integers(1, array.shape[3] - y))
        width = data.draw(st.integers(1, array.shape[4] - x))
        rows, columns = slice(y, y + height), slice(x, x + width)
        for _ in range(2):
            found = reader.region(0, t, c, z, y, x, height, width)
            assert found.dtype == np.dtype(stored[0].dtype)
            np.testing.assert_array_equal(found, array[t, c, z, rows, columns])
        channels = data.draw(st.lists(st.integers(0, array.shape[1] - 1), min_size=1, max_size=5))
        np.testing.assert_array_equal(
            reader.planes(0, t, channels, z, y, x, height, width),
            array[t, channels, z, rows, columns],
        )
        reader.close()


@settings(max_examples=60, deadline=None)
@given(
    stored=layouts(),
    region=st.tuples(*[st.integers(-3, 45)] * 7),
    level=st.integers(-1, 1),
)
def test_a_region_that_is_not_there_is_refused(
    stored: tuple[LevelLayout, bool], region: tuple[int, ...], level: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        index, array = _store(*stored, Path(folder))
        reader = PixelReader(index, {"pixels": Path(folder)})
        start, (height, width) = region[:5], region[5:]
        inside = level == 0 and height > 0 and width > 0 and all(i >= 0 for i in start)
        ends = (start[0] + 1, start[1] + 1, start[2] + 1, start[3] + height, start[4] + width)
        inside = inside and all(end <= n for end, n in zip(ends, array.shape, strict=True))
        try:
            found = reader.region(level, *start, height, width)
        except Invalid:
            assert not inside
        else:
            assert inside
            assert found.shape == (height, width)
        reader.close()
