"""Small files come from memory, large ones from HDF5; PyTables and h5py read both alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest
import tables

from omero_jlab.tables.segments.skeleton import Room, make_skeleton


def rooms(rows: int) -> list[Room]:
    return [
        Room("values", "area", "area", np.dtype("f8"), (rows,)),
        Room("values", "c0001", "mean of DNA", np.dtype("i4"), (rows, 2)),
        Room("valid", "area", "area", np.dtype("?"), (rows,)),
    ]


@pytest.mark.parametrize("rows", [0, 1, 50, 200_000])
def test_both_readers_find_what_lies_in_the_rooms(tmp_path: Path, rows: int) -> None:
    for name in ("first.h5", "second.h5"):
        path = tmp_path / name
        offsets = make_skeleton(path, rooms(rows))
        area = np.arange(rows, dtype="f8")
        with path.open("r+b") as file:
            file.seek(offsets[0])
            file.write(area.tobytes())
        with h5py.File(path) as h5:
            assert np.array_equal(h5["values/area"][()], area)
            assert h5["values/c0001"].shape == (rows, 2)
            assert all(offset % 64 == 0 for offset in offsets)
        with tables.open_file(path) as h5:
            assert np.array_equal(h5.root.values.area.read(), area)
            assert h5.root.values.c0001.title == "mean of DNA"
            assert h5.root.valid.area.dtype == bool


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "rows.h5"
    path.write_bytes(b"mine")
    for rows in (50, 200_000):
        with pytest.raises(OSError):
            make_skeleton(path, rooms(rows))
    assert path.read_bytes() == b"mine"


def test_several_threads_make_files_at_once(tmp_path: Path) -> None:
    def make(rows: int) -> int:
        path = tmp_path / f"{rows}.h5"
        make_skeleton(path, rooms(rows))
        with h5py.File(path) as h5:
            return int(h5["values/area"].shape[0])

    counts = range(700, 732)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(make, counts)) == list(counts)
