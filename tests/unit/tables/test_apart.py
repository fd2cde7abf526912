"""Few rows, or rows far apart, are read by themselves: the same values, verified all the same."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from omero_jlab.errors import Damaged, Unreadable
from omero_jlab.model import Segment
from omero_jlab.tables import TableView, columns_of, write_segment
from omero_jlab.tables.segments import singly
from omero_jlab.tables.segments.apart import are_apart, stretches_of

ROWS = 120_000
RANDOM = np.random.default_rng(7)
FRAME = pd.DataFrame(
    {
        "key": RANDOM.permutation(ROWS),
        "area": RANDOM.random(ROWS),
        "mean": RANDOM.random(ROWS).astype("f4").astype("f8"),
        "whole": RANDOM.integers(0, 200, ROWS).astype("f8"),
        "maybe": pd.array(np.where(RANDOM.random(ROWS) < 0.1, None, 1), dtype="Int64"),
        "class": pd.array(RANDOM.choice(["G1", "S", "G2"], ROWS), dtype="str"),
        "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(ROWS), "us").as_unit("us"),
        "centre": list(RANDOM.random((ROWS, 2))),
    }
)
FLOATS = ["area", "mean", "whole"]
# Single rows, neighbours, a run, and rows behind a wide gap.
CONDITIONS = ["key < 100", "key < 4", "key < 24000", "row_id in [5, 6, 119999]", "key == 77"]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[Segment, ...]]:
    folder = tmp_path_factory.mktemp("table")
    columns = columns_of(FRAME)
    halves = [FRAME[: ROWS // 2], FRAME[ROWS // 2 :]]
    return folder, tuple(
        write_segment(folder, f"{place}.h5", half, columns, int(half.index[0]))
        for place, half in enumerate(halves)
    )


@pytest.fixture(params=["compiled", "interpreted"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small reads by compiled code, and by the interpreter."""
    if request.param == "compiled":
        pytest.importorskip("numba")
        monkeypatch.setattr(singly, "_done", 1 << 40)
    else:
        monkeypatch.setattr(singly, "_compiled", lambda: None)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("condition", CONDITIONS)
def test_rows_are_those_that_pandas_finds(
    stored: tuple[Path, tuple[Segment, ...]], condition: str
) -> None:
    view = TableView(stored[0], columns_of(FRAME), stored[1])
    expected = FRAME.rename_axis(index="row_id").query(condition)
    assert_frame_equal(view.read(condition=condition), expected, check_index_type=False)
    # Alone, numbers of one type are one array.
    found = view.read(FLOATS, condition, order_by="area", descending=True, limit=50)
    sorted_rows = expected.sort_values("area", ascending=False)[FLOATS][:50]
    assert_frame_equal(found, sorted_rows, check_index_type=False)


def test_stretches_hold_the_rows_and_little_else() -> None:
    rows = np.unique(np.concatenate([RANDOM.integers(0, 10**6, 3000), np.arange(500, 900)]))
    assert are_apart(rows, 64) and not are_apart(rows, 1)
    read = np.arange(2 * 10**6).astype("i8")
    for each in stretches_of(rows, 8):
        parts = [
            read[start // 8 : (start + size) // 8]
            for start, size in zip(each.starts, each.sizes, strict=True)
        ]
        held = np.concatenate(parts)
        assert len(held) * 8 == each.total <= (each.end - each.begin)
        assert np.array_equal(held if each.places is None else held[each.places], rows[each.rows])


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("condition", ["key < 100", "row_id in [70000, 70001]"])
def test_a_changed_byte_between_single_rows_is_found(tmp_path: Path, condition: str) -> None:
    frame = FRAME[["key", "area"]]
    columns = columns_of(frame)
    segment = write_segment(tmp_path, "0.h5", frame, columns, 0)
    part = next(part for part in segment.parts if part.column == "area")
    path = tmp_path / segment.path
    with path.open("r+b") as file:
        # A row that nobody asks for, in a block that is read for the first time.
        file.seek(part.offset + 8 * 70_003)
        file.write(b"\0\1\2")
    with pytest.raises(Damaged, match="column area"):
        TableView(tmp_path, columns, (segment,)).read(["area"], condition)


@pytest.mark.usefixtures("way")
def test_a_file_that_ends_early_is_told(tmp_path: Path) -> None:
    path = tmp_path / "short"
    path.write_bytes(b"12345678")
    file = os.open(path, os.O_RDONLY)
    try:
        starts, sizes = np.array([0, 4, 6]), np.array([4, 4, 4])
        assert len(singly.read_singly(file, starts, sizes)) == 10
        assert bytes(singly.read_singly(file, starts[:2], sizes[:2])) == b"12345678"
    finally:
        os.close(file)
    with pytest.raises(OSError):
        singly.read_singly(file, starts, sizes)
    frame = FRAME[["area"]]
    segment = write_segment(tmp_path, "0.h5", frame, columns_of(frame), 0)
    os.truncate(tmp_path / "0.h5", segment.size - 8)
    with pytest.raises(Unreadable):
        TableView(tmp_path, columns_of(frame), (segment,)).read(condition="row_id == 3")
