"""A bit that the disk flipped in a segment: values are as they were written, or do not come."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from omero_jlab.errors import Damaged
from omero_jlab.model import Column, Segment
from omero_jlab.tables import TableView, columns_of, verify, write_segment


def flip(path: Path, at: int) -> None:
    found = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ (1 << (at % 8))]))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rows = 300_000
    chosen = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "area": chosen.normal(size=rows),
            "count": pd.array(chosen.integers(0, 9, rows), "Int16").copy(),
            "class": chosen.choice(["alive", "dead", "dividing"], rows),
        }
    ).assign(count=lambda f: f["count"].where(f["count"] > 2))


@pytest.fixture
def stored(frame: pd.DataFrame, tmp_path: Path) -> tuple[tuple[Column, ...], Segment]:
    columns = columns_of(frame)
    return columns, write_segment(tmp_path, "0.h5", frame, columns, 0)


def test_each_part_is_verified_when_it_is_read(
    frame: pd.DataFrame, stored: tuple[tuple[Column, ...], Segment], tmp_path: Path
) -> None:
    columns, segment = stored
    path = tmp_path / "0.h5"
    assert {part.part for part in segment.parts} >= {"values", "valid", "codes", "words"}
    for part in segment.parts:
        for at in (part.offset, part.offset + part.nbytes // 2, part.offset + part.nbytes - 1):
            flip(path, at)
            view = TableView(tmp_path, columns, (segment,))
            with pytest.raises(Damaged, match=f"column {part.column} at byte"):
                view.read([part.column])
            others = [column.name for column in columns if column.name != part.column]
            pd.testing.assert_frame_equal(view.read(others), frame[others], check_names=False)
            assert verify(tmp_path, segment) == [part.column]
            flip(path, at)
            assert len(view.read([part.column])) == len(frame)


@pytest.mark.parametrize("count", [25, pytest.param(2000, marks=pytest.mark.long)])
def test_rows_are_as_they_were_or_not_at_all(
    frame: pd.DataFrame,
    stored: tuple[tuple[Column, ...], Segment],
    tmp_path: Path,
    count: int,
) -> None:
    columns, segment = stored
    path = tmp_path / "0.h5"
    chosen = random.Random(5)
    for _ in range(count):
        at = chosen.randrange(segment.size)
        flip(path, at)
        view = TableView(tmp_path, columns, (segment,))
        first = chosen.randrange(len(frame) - 10)
        for options in ({"limit": 7, "offset": first}, {"condition": f"row_id == {first}"}):
            try:
                found = view.read(**options)  # type: ignore[arg-type]
            except Damaged as damaged:
                assert damaged.path == str(path)
                continue
            expected = frame.iloc[first : first + len(found)]
            pd.testing.assert_frame_equal(found, expected, check_names=False)
        assert verify(tmp_path, segment), f"byte {at}"
        flip(path, at)
    assert verify(tmp_path, segment) == []


def test_a_block_is_verified_once(
    stored: tuple[tuple[Column, ...], Segment], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from omero_jlab.tables.segments import reader

    columns, segment = stored
    seen: list[int] = []
    real = reader.xxhash.xxh3_128_hexdigest

    def counting(block: memoryview) -> str:
        seen.append(len(block))
        return str(real(block))

    monkeypatch.setattr(reader.xxhash, "xxh3_128_hexdigest", counting)
    for _ in range(3):
        view = TableView(tmp_path, columns, (segment,))
        view.read(["area"], limit=10, offset=200_000)
    assert seen == [1 << 20]
    view.read(["area"])
    assert sum(seen) == 300_000 * 8
    os.utime(tmp_path / "0.h5")
    view.read(["area"], limit=1)
    assert len(seen) == 4, "a file that was touched is verified again"
