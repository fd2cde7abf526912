"""The exported file is what OMERO.tables itself would have written."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy
import pandas
import pytest
import tables

from omero_jlab.errors import Invalid
from omero_jlab.model import Column
from omero_jlab.tables import (
    Conversion,
    Converted,
    columns_of,
    converted_batches,
    export_table,
    frame_from_arrow,
)
from omero_jlab.tables.foreign.convert import convert_in_worker

from .omero_code import OmeroStorage, omero_storage  # noqa: F401

# OMERO's tables have names that PyTables finds unnatural, too.
pytestmark = pytest.mark.filterwarnings("ignore::tables.NaturalNameWarning")

EVERYTHING = pandas.DataFrame(
    {
        "flag": [True, False, True],
        "small": numpy.array([1, 2, 3], "u1"),
        "large": [2**62 + 1, -(2**63), 0],
        "area": [1.5, numpy.nan, 3],
        "single": numpy.array([0.1, 2, 3], "f4"),
        "Predicted Class": ["Zelle", None, "größer"],
        "when": pandas.to_datetime(
            ["2024-01-01", None, "2024-01-02 10:00:00.5"], format="ISO8601", utc=True
        ),
        "whole": pandas.array([1, 2, 3], dtype="Int64"),
        "count": pandas.array([1, None, 3], dtype="Int64"),
        "seen": pandas.array([True, None, False], dtype="boolean"),
        "centre": [numpy.array([1.0, 2.0])] * 3,
        "colour": [numpy.array([1, 2], "f4")] * 3,
        "one": [numpy.array([7])] * 3,
        "box": [numpy.array([[1, 2], [3, 4]])] * 3,
        "perhaps": [numpy.array([1, 2]), None, numpy.array([5, 6])],
        "Image": pandas.array([11, None, 12], dtype="Int64"),
        "m/s": [1, 2, 3],
    }
)
KEPT = {
    "flag": ("Bool", [True, False, True]),
    "small": ("Long", [1, 2, 3]),
    "large": ("Long", [2**62 + 1, -(2**63), 0]),
    "area": ("Double", [1.5, numpy.nan, 3]),
    "single": ("Double", [float(numpy.float32(0.1)), 2, 3]),
    "Predicted Class": ("String", ["Zelle", "", "größer"]),
    "when": ("String", ["2024-01-01T00:00:00.000000Z", "", "2024-01-02T10:00:00.500000Z"]),
    "whole": ("Long", [1, 2, 3]),
    "count": ("Double", [1, numpy.nan, 3]),
    "seen": ("Double", [1, numpy.nan, 0]),
    "centre": ("DoubleArray", [[1, 2]] * 3),
    "colour": ("FloatArray", [[1, 2]] * 3),
    "one": ("LongArray", [[7]] * 3),
    "box": ("LongArray", [[1, 2, 3, 4]] * 3),
    "perhaps": ("DoubleArray", [[1, 2], [numpy.nan] * 2, [5, 6]]),
    "Image": ("Image", [11, -1, 12]),
    "m|s": ("Long", [1, 2, 3]),
}


def columns(frame: pandas.DataFrame) -> tuple[Column, ...]:
    found = columns_of(frame)
    told = {"kind": "link", "target": "image", "description": "where it is", "nullable": True}
    return tuple(c.model_copy(update=told) if c.name == "Image" else c for c in found)


def export(path: Path, frame: pandas.DataFrame, **more: Any) -> tuple[str, ...]:
    def pages(names: Sequence[str]) -> Iterator[pandas.DataFrame]:
        for start in range(0, max(len(frame), 1), 2):
            yield frame[list(names)].iloc[start : start + 2]

    return export_table(path, columns(frame), pages, **more)


def opened_as_omero(path: Path) -> tuple[dict[str, tuple[str, Any]], Any]:
    """Columns with their types and values, and attributes, by the steps of OMERO's storage."""
    with tables.open_file(str(path), mode="a", title="OMERO", rootUEP="/") as file:
        table = file.root.OME.Measurements
        types = [each.decode() for each in file.root.OME.ColumnTypes[:]]
        assert len(file.root.OME.ColumnDescriptions[:]) == len(types) == len(table.colnames)
        found = {}
        for name, kind in zip(table.colnames, types, strict=True):
            kind = kind.removeprefix("::omero::grid::").removesuffix("Column")
            dtype = table.cols.__getattribute__(name).descr._v_dtypes[name]
            values = table.read_coordinates(list(range(table.nrows)), field=name)
            _check_dtype(kind, dtype)
            plain = values.tolist()
            found[name] = kind, [v.decode() if isinstance(v, bytes) else v for v in plain]
        attributes = {name: table.attrs[name] for name in table.attrs._v_attrnamesuser}
    return found, attributes


def _check_dtype(kind: str, dtype: Any) -> None:
    known = {"Bool": "bool", "Double": "float64", "FloatArray": "float32", "DoubleArray": "float64"}
    if kind == "String":
        assert dtype.base.kind == "S" and dtype.base.itemsize > 0
    else:
        assert dtype.base == numpy.dtype(known.get(kind, "int64"))
    assert bool(dtype.shape) == kind.endswith("Array")


def test_every_kind_of_column_is_as_omero_has_it(tmp_path: Path) -> None:
    metadata = {"study": "idr0001", "plates": 3, "dose": 0.5, "__version": "9"}
    notes = export(tmp_path / "x.h5", EVERYTHING, metadata=metadata)
    found, attributes = opened_as_omero(tmp_path / "x.h5")
    assert {name: kind for name, (kind, _) in found.items()} == {n: k for n, (k, _) in KEPT.items()}
    for name, (_, values) in KEPT.items():
        numpy.testing.assert_array_equal(found[name][1], values, name)
    assert attributes.pop("__initialized") > 1.7e9
    assert attributes == {"study": "idr0001", "plates": 3, "dose": 0.5, "__version": "2"}
    assert {note.split(":")[0] for note in notes} == {
        "column 'Predicted Class'", "column 'when'", "column 'count'", "column 'seen'",
        "column 'box'", "column 'perhaps'", "column 'Image'", "column 'm/s' is called 'm|s'",
    }  # fmt: skip


def test_conditions_and_new_rows_as_omero_asks_for_them(tmp_path: Path) -> None:
    export(tmp_path / "x.h5", EVERYTHING)
    with tables.open_file(tmp_path / "x.h5", "a") as file:
        table = file.root.OME.Measurements
        assert table.get_where_list("(area > 2) & flag", {}, None, 0, 3, 1).tolist() == [2]
        table.append(table[:])
        assert table.nrows == 6
        table.cols.area[1] = 4.0
    with tables.open_file(tmp_path / "x.h5") as file:
        assert file.root.OME.Measurements.col("area").tolist()[:2] == [1.5, 4.0]
        assert file.title == "OMERO HDF Measurement Storage"


def test_omeros_own_code_reads_asks_and_appends(
    tmp_path: Path,
    omero_storage: OmeroStorage,  # noqa: F811
) -> None:
    export(tmp_path / "x.h5", EVERYTHING, metadata={"study": "idr0001"})
    with omero_storage.open(tmp_path / "x.h5") as storage:
        found = omero_storage.read(storage)
        for name, (_, values) in KEPT.items():
            numpy.testing.assert_array_equal(found[name], values, name)
        hits = storage.getWhereList(storage._stamp, "(area>2)&flag", None, None, 0, 3, 1)
        assert hits == [2]
        assert storage.get_meta_map()["study"] == "idr0001"
        again = storage.cols(None, omero_storage.current)
        for column in again:
            column.values = found[column.name]
        storage.append(again)
        assert storage.rows() == 6
    with omero_storage.open(tmp_path / "x.h5") as storage:
        assert omero_storage.read(storage)["Predicted Class"] == ["Zelle", "", "größer"] * 2


def masks(name: str = "cell") -> tuple[tuple[Column, ...], pandas.DataFrame]:
    """What a mask column becomes that is read, with a number before and behind it."""
    frame = pandas.DataFrame(
        {
            "n": [1, 2, 3],
            f"{name} image": pandas.array([7, None, 9], dtype="Int64"),
            f"{name} z": numpy.array([1, 0, 2], "i4"),
            f"{name} t": numpy.array([0, 5, 0], "i4"),
            f"{name} x": [0.5, 1, 2],
            f"{name} y": [1.5, 1, 2],
            f"{name} width": [8.0, 0, 3],
            f"{name} height": [2.0, 0, 1],
            f"{name} bytes": ["AQL/", None, "gA=="],
            "area": [1.5, numpy.nan, 3],
        }
    )
    link = {"kind": "link", "target": "image"}
    told = tuple(
        column.model_copy(update=link if column.name == f"{name} image" else {})
        for column in columns(frame)
    )
    return told, frame


def test_masks_are_written_as_masks(tmp_path: Path) -> None:
    told, frame = masks()
    notes = export_table(
        tmp_path / "x.h5", told, lambda names: [frame[list(names)][:2], frame[list(names)][2:]]
    )
    assert notes == ()
    with tables.open_file(tmp_path / "x.h5") as file:
        assert [text.decode() for text in file.root.OME.ColumnTypes[:]] == [
            f"::omero::grid::{kind}Column" for kind in ("Long", "Mask", "Double")
        ]
        found = file.root.OME.Measurements[:]
        assert found.dtype.names == ("n", "cell", "area")
        assert found["cell"].tolist() == [
            (7, 1, 0, 0.5, 1.5, 8, 2), (-1, 0, 5, 1, 1, 0, 0), (9, 2, 0, 2, 2, 3, 1),
        ]  # fmt: skip
        assert [row.tolist() for row in file.root.OME.Measurements_masks] == [
            [1, 2, 255],
            [],
            [128],
        ]
    asked = Conversion().model_dump_json()
    rows = tmp_path / "x.rows"
    made = Converted.model_validate_json(
        convert_in_worker(str(tmp_path / "x.h5"), str(rows), asked)
    )
    again = frame_from_arrow(converted_batches(rows, made))
    assert list(again.columns) == list(frame.columns)
    assert again["cell image"].fillna(-1).tolist() == [7, -1, 9]
    assert again["cell bytes"].fillna("").tolist() == ["AQL/", "", "gA=="]


def test_omeros_own_code_reads_masks(
    tmp_path: Path,
    omero_storage: OmeroStorage,  # noqa: F811
) -> None:
    told, frame = masks()
    export_table(tmp_path / "x.h5", told, lambda names: [frame[list(names)]])
    with omero_storage.open(tmp_path / "x.h5") as storage:
        data = storage.readCoordinates(storage._stamp, [0, 1, 2], omero_storage.current)
        _, mask, area = data.columns
        assert (mask.imageId, mask.theZ, mask.theT) == ([7, -1, 9], [1, 0, 2], [0, 5, 0])
        assert list(mask.w) == [8, 0, 3] and mask.bytes == [[1, 2, 255], [], [128]]
        numpy.testing.assert_array_equal(area.values, frame["area"])


@pytest.mark.parametrize("lost", ["cell t", "cell image"])
def test_what_is_no_whole_mask_stays_columns(lost: str, tmp_path: Path) -> None:
    told, frame = masks()
    told = tuple(column for column in told if column.name != lost)
    export_table(tmp_path / "x.h5", told, lambda names: [frame[list(names)]])
    with tables.open_file(tmp_path / "x.h5") as file:
        assert len(file.root.OME.Measurements.colnames) == 9
        assert "Measurements_masks" not in file.root.OME


def test_masks_of_two_columns_stay_columns(tmp_path: Path) -> None:
    (one, frame), (other, more) = masks("a"), masks("b")
    told = (*one[:-1], *other[1:-1])
    whole = pandas.concat([frame, more.drop(columns=["n", "area"])], axis=1)
    export_table(tmp_path / "x.h5", told, lambda names: [whole[list(names)]])
    with tables.open_file(tmp_path / "x.h5") as file:
        assert len(file.root.OME.Measurements.colnames) == 17


def test_bits_that_are_no_base64_are_refused(tmp_path: Path) -> None:
    told, frame = masks()
    frame.loc[1, "cell bytes"] = "not base64!"
    with pytest.raises(Invalid, match="'cell bytes' holds bits of masks as base64, but in row 1"):
        export_table(tmp_path / "x.h5", told, lambda names: [frame[list(names)]])


def test_no_word_of_a_table_runs_as_code(tmp_path: Path) -> None:
    class Runs:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "run",))

    evil = pickle.dumps(Runs(), 0).decode()
    assert evil.endswith(".")
    frame = pandas.DataFrame({evil.replace("/", "|"): [1], "plain.": [2]})
    export(tmp_path / "x.h5", frame, metadata={"evil": evil})
    _, attributes = opened_as_omero(tmp_path / "x.h5")
    assert attributes["evil"] == evil
    with tables.open_file(tmp_path / "x.h5") as file:
        attributes = file.root.OME.Measurements.attrs
        assert attributes.FIELD_1_NAME == "plain." and attributes.FIELD_0_NAME.endswith(".")
    assert not (tmp_path / "run").exists()


def test_many_columns(tmp_path: Path) -> None:
    values = numpy.arange(700.0 * 3).reshape(3, 700)
    frame = pandas.DataFrame(values, columns=[f"Intensity_Feature_{n}" for n in range(700)])
    export(tmp_path / "x.h5", frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tables.PerformanceWarning)
        with tables.open_file(tmp_path / "x.h5") as file:
            found = pandas.DataFrame.from_records(file.root.OME.Measurements[:])
    pandas.testing.assert_frame_equal(found, frame)
    wider = pandas.concat([frame.add_prefix(f"{n}_") for n in range(3)], axis=1)
    with pytest.raises(Invalid, match="2,100 columns, more than"):
        export(tmp_path / "y.h5", wider)
    assert [path.name for path in tmp_path.iterdir()] == ["x.h5"]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (pandas.array([2**53 + 1, None], dtype="Int64"), "missing values and numbers beyond 2..53"),
        (numpy.array([2**63, 1], "u8"), "below 2..63 only"),
        ([numpy.array([2**53 + 1]), None], "cannot hold exactly"),
    ],
)
def test_what_would_lose_precision_is_refused(tmp_path: Path, values: Any, told: str) -> None:
    with pytest.raises(Invalid, match=f"column 'id' .*{told}"):
        export(tmp_path / "x.h5", pandas.DataFrame({"id": values}))
    assert list(tmp_path.iterdir()) == []


def test_what_fits_after_all_is_kept(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"id": numpy.array([2**63 - 1, 1], "u8")})
    export(tmp_path / "x.h5", frame)
    assert opened_as_omero(tmp_path / "x.h5")[0] == {"id": ("Long", [2**63 - 1, 1])}


def test_no_file_is_overwritten_unless_asked(tmp_path: Path) -> None:
    (tmp_path / "x.h5").write_text("mine")
    with pytest.raises(Invalid, match="is there already"):
        export(tmp_path / "x.h5", pandas.DataFrame({"a": [1]}))
    assert (tmp_path / "x.h5").read_text() == "mine"
    export(tmp_path / "x.h5", pandas.DataFrame({"a": [1]}), overwrite=True)
    assert opened_as_omero(tmp_path / "x.h5")[0] == {"a": ("Long", [1])}
    assert [path.name for path in tmp_path.iterdir()] == ["x.h5"]


def test_a_table_without_rows_is_exported(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"a": pandas.Series(dtype="f8"), "s": pandas.Series(dtype="str")})
    export(tmp_path / "x.h5", frame)
    assert opened_as_omero(tmp_path / "x.h5")[0] == {"a": ("Double", []), "s": ("String", [])}


def test_the_layout_names_what_omero_names(tmp_path: Path) -> None:
    export(tmp_path / "x.h5", pandas.DataFrame({"Image": [1], "a": [2.0]}))
    with h5py.File(tmp_path / "x.h5") as file:
        assert set(file["OME"]) == {"Measurements", "ColumnTypes", "ColumnDescriptions"}
        assert file["OME/ColumnTypes"][:].tolist() == [
            b"::omero::grid::ImageColumn", b"::omero::grid::DoubleColumn",
        ]  # fmt: skip
        assert file["OME/ColumnDescriptions"][:].tolist() == [b"where it is", b""]


def test_an_unknown_suffix_is_told(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"x\.xlsx names no format: it may end with \.h5"):
        export(tmp_path / "x.xlsx", pandas.DataFrame({"a": [1]}))


LINKS = {"Image": "image", "Dataset": "dataset", "Well": "well", "Plate": "plate", "Roi": "roi"}


@pytest.mark.parametrize("rows", [0, 3])
def test_links_odd_names_and_no_rows_as_omeros_own_code_takes_them(
    tmp_path: Path,
    omero_storage: OmeroStorage,  # noqa: F811
    rows: int,
) -> None:
    values = {name: pandas.array([1, None, 3][:rows], dtype="Int64") for name in LINKS}
    odd = {"a/b": [0.5, 1, 2], "__hidden": [1, 2, 3], "π 中": ["ß𝄞", "", "中" * 9]}
    arrays = {"pair": [numpy.array([1.5, 2])] * 3}
    more = {name: pandas.Series(each[:rows], dtype="str" if name == "π 中" else None)
            for name, each in (odd | arrays).items()}  # fmt: skip
    frame = pandas.DataFrame(values | more)
    if not rows:
        frame["a/b"], frame["__hidden"] = frame["a/b"].astype("f8"), frame["__hidden"].astype("i8")
        frame = frame.drop(columns="pair")
    told = tuple(
        column.model_copy(update={"kind": "link", "target": LINKS[column.name]})
        if column.name in LINKS
        else column
        for column in columns_of(frame)
    )
    export_table(tmp_path / "x.h5", told, lambda names: [frame[list(names)]])
    with omero_storage.open(tmp_path / "x.h5") as storage:
        made = storage.cols(None, omero_storage.current)
        kinds = [type(column).__name__.removesuffix("ColumnI") for column in made]
        assert kinds[:5] == list(LINKS)
        assert storage.rows() == rows
        found = omero_storage.read(storage) if rows else {}
        if rows:
            assert found["Dataset"] == [1, -1, 3]
            assert found["a|b"] == [0.5, 1, 2] and found["hidden"] == [1, 2, 3]
            assert found["π 中"] == odd["π 中"]
            stamp = storage._stamp
            assert storage.getWhereList(
                stamp, "(Well > 0) & (x > 1)", {"x": "a|b"}, 0, 0, 3, 1
            ) == [2]
        for column in made:
            plain = {"S": "e", "D": 0.5, "L": 7}.get(type(column).__name__[0], 9)
            column.values = found.get(column.name) or [plain]
        storage.append(made)
        assert storage.rows() == (rows * 2 or 1)
