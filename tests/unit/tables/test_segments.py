"""Segments: what is written comes back, through our reader and PyTables, or is not there."""

from __future__ import annotations

import errno
import os
from itertools import pairwise
from pathlib import Path

import numpy
import pandas
import pytest
import tables
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omero_jlab.errors import Full, Invalid, Newer, Unreadable
from omero_jlab.model import Column, Segment
from omero_jlab.tables import (
    TableView,
    columns_of,
    in_segments,
    verify,
    write_segment,
)
from omero_jlab.tables.segments import segment as writing

KINDS = {
    "bool": pandas.Series([True, False, True]),
    "int8": pandas.Series([-128, 0, 127], dtype="int8"),
    "int16": pandas.Series([-32768, 0, 32767], dtype="int16"),
    "int32": pandas.Series([-(2**31), 0, 2**31 - 1], dtype="int32"),
    "int64": pandas.Series([-(2**63), 0, 2**63 - 1], dtype="int64"),
    "uint8": pandas.Series([0, 1, 255], dtype="uint8"),
    "uint16": pandas.Series([0, 1, 65535], dtype="uint16"),
    "uint32": pandas.Series([0, 1, 2**32 - 1], dtype="uint32"),
    "uint64": pandas.Series([0, 1, 2**64 - 1], dtype="uint64"),
    "float16": pandas.Series([0.5, numpy.nan, -2], dtype="float16"),
    "float32": pandas.Series([0.1, numpy.nan, -numpy.inf], dtype="float32"),
    "float64": pandas.Series([0.1, numpy.nan, numpy.inf]),
    "Int32": pandas.Series([1, None, -3], dtype="Int32"),
    "UInt64": pandas.Series([2**64 - 1, None, 0], dtype="UInt64"),
    "Float64": pandas.Series([1.5, None, -3], dtype="Float64"),
    "boolean": pandas.Series([True, None, False], dtype="boolean"),
    "text": pandas.Series(["größe", None, ""]),
    "zoned": pandas.to_datetime(
        pandas.Series(["2024-03-01 10:00", None, "1969-12-31 23:59"]), utc=True
    ),
    "naive": pandas.to_datetime(
        pandas.Series(["2024-03-01 10:00:00.000001", None, "1969-12-31 00:00:00.5"])
    ),
}
ARRAYS = {
    "vector": [numpy.array([1.5, numpy.nan, 3]), numpy.zeros(3), numpy.ones(3)],
    "matrix": [
        numpy.eye(2, dtype="int16"),
        numpy.zeros((2, 2), "int16"),
        -numpy.eye(2, dtype="i2"),
    ],
    "bits": [numpy.array([True, False])] * 3,
    "list": [[1, 2], [3, 4], [5, 6]],
}


def view_of(folder: Path, frame: pandas.DataFrame) -> TableView:
    columns = columns_of(frame)
    return TableView(folder, columns, (write_segment(folder, "0.h5", frame, columns, 0),))


@pytest.mark.parametrize("kind", KINDS)
def test_values_come_back(tmp_path: Path, kind: str) -> None:
    expected = KINDS[kind]
    found = view_of(tmp_path, pandas.DataFrame({"x": expected})).read()["x"]
    if kind in ("zoned", "naive"):
        expected = expected.astype("datetime64[us, UTC]" if kind == "zoned" else "datetime64[us]")
    pandas.testing.assert_series_equal(
        found, expected.rename("x"), check_index=False, check_exact=True
    )


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_come_back(tmp_path: Path, kind: str) -> None:
    view = view_of(tmp_path, pandas.DataFrame({"x": ARRAYS[kind]}))
    found = view.read()["x"]
    expected = numpy.stack([numpy.asarray(value) for value in ARRAYS[kind]])
    numpy.testing.assert_array_equal(numpy.stack(list(found)), expected)
    assert found.iloc[0].dtype == expected.dtype
    assert view.columns[0].shape == expected.shape[1:]


def test_missing_arrays_come_back_as_none(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"x": [numpy.array([1, 2]), None, numpy.array([3, 4])]})
    found = view_of(tmp_path, frame).read()["x"]
    assert found.iloc[1] is None
    assert found.iloc[2].tolist() == [3, 4]
    assert view_of(make(tmp_path / "again"), frame).read([], "isnull(x)").index.tolist() == [1]


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.parametrize("kind", [*KINDS, *ARRAYS])
def test_pytables_opens_every_kind_without_a_warning(tmp_path: Path, kind: str) -> None:
    values = KINDS.get(kind, pandas.Series(ARRAYS.get(kind)))
    view = view_of(tmp_path, pandas.DataFrame({kind: values}))
    with tables.open_file(tmp_path / "0.h5") as file:
        nodes = {group._v_name: group[kind][:] for group in file.iter_nodes("/")}
    if kind == "text":
        words, ends = nodes["words"].tobytes(), nodes["word_offsets"]
        decoded = [words[a:b].decode() for a, b in pairwise(ends)]
        assert [None if c < 0 else decoded[c] for c in nodes["codes"]] == ["größe", None, ""]
    elif kind in ("zoned", "naive"):
        stored = pandas.Series(nodes["values"].view("M8[us]"))
        expected = view.read()[kind].astype("datetime64[us]" if kind == "naive" else "object")
        assert stored.isna().tolist() == expected.isna().tolist()
        assert stored.iloc[0] == pandas.Timestamp(expected.iloc[0]).tz_localize(None)
    else:
        if kind in ARRAYS:
            expected_values = numpy.stack([numpy.asarray(value) for value in values])
        else:
            plain = view.columns[0].dtype
            filler = False if plain == "bool" else 0
            filled = values.fillna(filler) if "valid" in nodes else values
            expected_values = filled.to_numpy(dtype=plain)
        assert numpy.can_cast(nodes["values"].dtype, expected_values.dtype, "safe")
        numpy.testing.assert_array_equal(nodes["values"], expected_values)
        if "valid" in nodes:
            assert nodes["valid"].tolist() == values.notna().tolist()


NAMES = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=30
).filter(str.strip)
AWKWARD = [
    "Predicted Class", "class", "_v_file", "c0003", "c0000", "a/b", ".", "..", "/", "größe", "x`y",
    "__init__", "1st", "Area", "area", "Zeile\nzwei", "x" * 900, "lambda", "values", "_c_y",
]  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(names=st.lists(NAMES | st.sampled_from(AWKWARD), min_size=1, max_size=6, unique=True))
def test_any_name_is_stored_and_can_be_asked_for(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    names = [name for name in names if name != "row_id"]
    frame = pandas.DataFrame({name: [place, 50] for place, name in enumerate(names)})
    if not names:
        return
    folder = tmp_path_factory.mktemp("names")
    view = view_of(folder, frame)
    pandas.testing.assert_frame_equal(view.read(), frame, check_index_type=False, check_names=False)
    for place, name in enumerate(names):
        condition = f"`{name.replace('`', '``')}` == {place}"
        assert view.read([name], condition)[name].tolist() == [place]
    with tables.open_file(folder / "0.h5") as file:
        titles = [str(node._v_title) for node in file.iter_nodes("/values")]
    assert sorted(titles) == sorted(names)


def test_awkward_names_together(tmp_path: Path) -> None:
    frame = pandas.DataFrame([range(len(AWKWARD))], columns=AWKWARD)
    assert view_of(tmp_path, frame).read().iloc[0].tolist() == list(range(len(AWKWARD)))


def test_a_name_that_is_a_pickle_runs_nothing(tmp_path: Path) -> None:
    name = f"cos\nmkdir\n(S'{tmp_path}/ran'\ntR."
    frame = pandas.DataFrame({name: [1], "s": [name]})
    view_of(tmp_path, frame)
    with tables.open_file(tmp_path / "0.h5") as file:
        for node in file.walk_nodes():
            assert [node._v_attrs[key] for key in node._v_attrs._f_list("all")]
    assert not (tmp_path / "ran").exists()


def test_a_table_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"x": pandas.Series(dtype="int16"), "s": pandas.Series(dtype="str")})
    view = view_of(tmp_path, frame)
    assert view.rows == 0 and view.count("x > 3") == 0
    assert view.read().dtypes.equals(frame.dtypes)
    with tables.open_file(tmp_path / "0.h5") as file:
        assert len(file.root.values.x) == 0


def test_arrays_begin_at_multiples_of_64_and_need_no_more_room(tmp_path: Path) -> None:
    frame = pandas.DataFrame({f"c{n}": numpy.random.default_rng(n).random(1001) for n in range(9)})
    (segment,) = view_of(tmp_path, frame).segments
    assert all(part.offset % 64 == 0 for part in segment.parts)
    assert (tmp_path / "0.h5").stat().st_size == segment.size < 9 * 1001 * 8 + 16_000


def test_bounds_are_of_valid_values_and_travel_as_json(tmp_path: Path) -> None:
    frame = pandas.DataFrame(
        {
            "f": [numpy.nan, 2.5, -1.0],
            "n": pandas.array([None, 5, 7], dtype="Int64"),
            "s": ["b", None, "ä"],
            "i": [numpy.inf, 1.0, -2.0],
            "none": pandas.array([None] * 3, dtype="Int8"),
            "t": pandas.to_datetime(["2024-01-01", None, "2024-01-02"]),
        }
    )
    (segment,) = view_of(tmp_path, frame).segments
    bounds = {
        p.column: (p.minimum, p.maximum) for p in segment.parts if p.part in ("values", "codes")
    }
    assert bounds["f"] == (-1.0, 2.5)
    assert bounds["n"] == (5, 7)
    assert bounds["s"] == ("b", "ä")
    assert bounds["i"] == (-2.0, None)
    assert bounds["none"] == (None, None)
    assert bounds["t"] == (1704067200000000, 1704153600000000)
    assert Segment.model_validate_json(segment.model_dump_json()) == segment


def test_a_truncated_or_missing_file_is_unreadable(tmp_path: Path) -> None:
    view = view_of(tmp_path, pandas.DataFrame({"x": numpy.arange(1000.0)}))
    os.truncate(tmp_path / "0.h5", 5000)
    with pytest.raises(Unreadable, match=r"0\.h5 has 5,000 bytes, but was written with"):
        view.read()
    with pytest.raises(Unreadable):
        view.count("x > 5")
    assert verify(tmp_path, view.segments[0]) == ["x"]
    (tmp_path / "0.h5").unlink()
    with pytest.raises(Unreadable, match="is missing"):
        view.read()


def test_a_link_in_place_of_a_segment_is_not_followed(tmp_path: Path) -> None:
    view = view_of(tmp_path, pandas.DataFrame({"x": [1]}))
    (tmp_path / "0.h5").rename(tmp_path / "elsewhere")
    (tmp_path / "0.h5").symlink_to("elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        view.read()


def test_a_newer_layout_is_refused(tmp_path: Path) -> None:
    view = view_of(tmp_path, pandas.DataFrame({"x": [1]}))
    segment = view.segments[0].model_copy(update={"layout": 2})
    with pytest.raises(Newer, match="layout 2"):
        TableView(tmp_path, view.columns, (segment,)).read()


def test_verify_finds_any_flipped_byte(tmp_path: Path) -> None:
    frame = pandas.DataFrame(
        {
            "a": numpy.random.default_rng(1).random(300_000),
            "n": pandas.array([1, None] * 150_000, dtype="Int16"),
            "s": ["left", "right"] * 150_000,
        }
    )
    (segment,) = view_of(tmp_path, frame).segments
    assert verify(tmp_path, segment) == []
    assert len(segment.parts[0].checksums) == 3
    path = tmp_path / "0.h5"
    whole = path.read_bytes()
    for part in segment.parts:
        for place in {0, part.nbytes // 2, part.nbytes - 1}:
            damaged = bytearray(whole)
            damaged[part.offset + place] ^= 4
            path.write_bytes(damaged)
            assert verify(tmp_path, segment) == [part.column]


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, Full), (errno.EDQUOT, Full), (errno.EIO, OSError)],
)
@pytest.mark.parametrize("call", ["pwrite", "fsync", "folder", "rename"])
def test_a_failed_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[OSError], call: str
) -> None:
    frame = pandas.DataFrame({"x": numpy.arange(10_000.0), "s": ["a", "b"] * 5000})
    columns = columns_of(frame)
    write_segment(tmp_path, "kept.h5", frame, columns, 0)
    name = {"folder": "fsync"}.get(call, call)
    real = getattr(os, name)
    calls = iter(range(10))
    fails = {"pwrite": 2, "fsync": 0, "folder": 1, "rename": 0}[call]

    def failing(*arguments: object, **keywords: object) -> object:
        if next(calls) == fails:
            raise OSError(number, os.strerror(number))
        return real(*arguments, **keywords)

    monkeypatch.setattr(os, name, failing)
    with pytest.raises(kind) as caught:
        write_segment(tmp_path, "0.h5", frame, columns, 10_000)
    monkeypatch.undo()
    assert (caught.value.errno == errno.EIO) or isinstance(caught.value, Full)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.h5"]


def test_a_segment_is_never_overwritten(tmp_path: Path) -> None:
    view = view_of(tmp_path, pandas.DataFrame({"x": [1]}))
    with pytest.raises(FileExistsError):
        write_segment(tmp_path, "0.h5", pandas.DataFrame({"x": [2]}), view.columns, 1)
    assert view.read()["x"].tolist() == [1]
    assert len(list(tmp_path.iterdir())) == 1
    for name in ("../x.h5", ".hidden", ""):
        with pytest.raises(Invalid, match="cannot be called"):
            write_segment(tmp_path, name, pandas.DataFrame({"x": [2]}), view.columns, 1)


def append(tmp_path: Path, first: pandas.DataFrame, then: pandas.DataFrame) -> pandas.DataFrame:
    columns = columns_of(first)
    segments = [
        write_segment(tmp_path, "0.h5", first, columns, 0),
        write_segment(tmp_path, "1.h5", then, columns, len(first)),
    ]
    return TableView(tmp_path, columns, tuple(segments)).read()


FIRST = pandas.DataFrame(
    {
        "area": [1.5],
        "label": numpy.array([3], "int16"),
        "small": numpy.array([0.5], "f4"),
        "count": pandas.array([1], dtype="Int64"),
        "name": ["a"],
    }
)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("area", [3]),
        ("area", pandas.array([3], dtype="Int64")),
        ("label", numpy.array([300], "int64")),
        ("label", [7.0]),
        ("label", numpy.array([7], "uint64")),
        ("small", [0.25]),
        ("small", [numpy.nan]),
        ("count", [numpy.nan]),
        ("count", [2.0]),
        ("count", [None]),
        ("name", [None]),
        ("name", pandas.Categorical(["z"])),
        ("name", [numpy.nan]),
    ],
)
def test_what_fits_exactly_is_appended(tmp_path: Path, column: str, values: object) -> None:
    found = append(tmp_path, FIRST, FIRST.assign(**{column: values}))
    assert found.dtypes.equals(FIRST.dtypes)
    value = pandas.Series(values).iloc[0]
    stored = found[column].iloc[1]
    assert (pandas.isna(stored) and pandas.isna(value)) or stored == value


@pytest.mark.parametrize(
    ("column", "values", "says"),
    [
        ("label", [40_000], r"column 'label' has 40000 in row 0, which the table's int16"),
        ("label", [1.5], "has 1.5 in row 0"),
        ("label", [numpy.nan], "has no value in row 0"),
        ("label", pandas.array([None], dtype="Int16"), "has no value in row 0"),
        ("label", ["1"], "holds string values, but the table's column is int16"),
        ("label", [True], "holds bool values"),
        ("small", [0.1], "has 0.1 in row 0, which the table's float32 cannot hold exactly"),
        ("area", [2**53 + 1], "cannot hold exactly"),
        ("count", [1e300], "cannot hold exactly"),
        ("name", [3], "column 'name' holds int64 values"),
    ],
)
def test_what_would_be_lost_is_refused(
    tmp_path: Path, column: str, values: object, says: str
) -> None:
    with pytest.raises(Invalid, match=says):
        append(tmp_path, FIRST, FIRST.assign(**{column: values}))
    assert [path.name for path in tmp_path.iterdir()] == ["0.h5"]


def test_missing_and_unknown_columns_name_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"has no column 'aera': did you mean 'area'\?"):
        append(tmp_path, FIRST, FIRST.assign(aera=1))
    with pytest.raises(Invalid, match="rows have no column 'label': there are 'area', 'small'"):
        append(make(tmp_path / "again"), FIRST, FIRST.drop(columns="label"))


def test_a_column_that_may_be_missing_can_be_left_out(tmp_path: Path) -> None:
    found = append(tmp_path, FIRST, FIRST.drop(columns=["count", "name"]))
    assert found["count"].isna().tolist() == [False, True]
    assert found["name"].isna().tolist() == [False, True]
    assert found["area"].tolist() == [1.5, 1.5]


def test_a_large_frame_is_cut_into_segments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_LARGEST", 1000)
    frame = pandas.DataFrame({"x": numpy.arange(100.0)})
    columns = columns_of(frame)
    pieces = list(in_segments(frame, columns))
    assert [len(piece) for piece in pieces] == [62, 38]
    segments = [
        write_segment(tmp_path, f"{n}.h5", piece, columns, int(piece.index[0]))
        for n, piece in enumerate(pieces)
    ]
    view = TableView(tmp_path, columns, tuple(segments))
    assert view.read()["x"].tolist() == frame["x"].tolist()
    assert [len(piece) for piece in in_segments(frame.iloc[:0], columns)] == [0]


def test_overlapping_segments_are_refused(tmp_path: Path) -> None:
    columns = columns_of(FIRST)
    one = write_segment(tmp_path, "0.h5", pandas.concat([FIRST] * 2), columns, 0)
    two = write_segment(tmp_path, "1.h5", FIRST, columns, 1)
    with pytest.raises(Invalid, match="hold row 1"):
        TableView(tmp_path, columns, (two, one))


def test_a_segment_of_another_type_is_refused(tmp_path: Path) -> None:
    view = view_of(tmp_path, pandas.DataFrame({"x": [0.1]}))
    wrong = (Column(name="x", kind="integer", dtype="int64"),)
    with pytest.raises(Invalid, match="holds values of column 'x' as <f8"):
        TableView(tmp_path, wrong, view.segments).read()


@pytest.mark.parametrize(
    ("values", "stored"),
    [
        (numpy.arange(3000), "<u2"),
        (numpy.arange(-5, 3000), "<i2"),
        (numpy.array([0, 2**40]), "<i8"),
        (numpy.array([1, 255], "uint64"), "|u1"),
        (numpy.arange(2000.0), "<u2"),
        (numpy.array([0.0, -0.0]), "<f4"),
        (numpy.array([0.5, numpy.nan, numpy.inf]), "<f4"),
        (numpy.array([0.1, 1.0]), "<f8"),
        (numpy.array([1e300, 1.0]), "<f8"),
        (numpy.array([2.0**24 + 1, 0.5]), "<f8"),
        # What only the whole says, and not the sample.
        (numpy.where(numpy.arange(5000) == 4321, 0.1, numpy.arange(5000) * 0.5), "<f8"),
        (numpy.where(numpy.arange(5000) == 4321, 0.5, numpy.arange(5000.0)), "<f4"),
        (numpy.array([1.0, 300.0], "float32"), "<u2"),
        (numpy.array([0.1, 300.0], "float32"), "<f4"),
        (numpy.array([0.1, 3.0], "float16"), "<f2"),
    ],
)
def test_numbers_are_stored_narrow_and_read_as_they_were(
    tmp_path: Path, values: numpy.ndarray, stored: str
) -> None:
    frame = pandas.DataFrame({"x": values})
    view = view_of(tmp_path, frame)
    assert view.segments[0].parts[0].dtype == stored
    found = view.read()["x"].to_numpy()
    assert found.dtype == values.dtype
    assert found.tobytes() == values.tobytes()
    some = view.read(["x"], f"row_id in [1, {len(values) - 1}]")["x"].to_numpy()
    assert some.tobytes() == values[sorted({1, len(values) - 1})].tobytes()
