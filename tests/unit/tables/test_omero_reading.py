"""Files of OMERO.tables are read whole, and hostile ones are refused."""

from __future__ import annotations

import base64
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy
import pandas
import pytest
import tables

from omero_jlab.errors import Newer, OmeroError, Unreadable
from omero_jlab.tables import Conversion, Converted, converted_batches, frame_from_arrow
from omero_jlab.tables.foreign.convert import convert_in_worker

from .omero_code import OmeroStorage, omero_storage  # noqa: F401

pytestmark = pytest.mark.filterwarnings("ignore::tables.NaturalNameWarning")


def read(path: Path, **how: Any) -> tuple[Converted, pandas.DataFrame]:
    out = path.with_name(f"{path.name}.rows")
    asked = Conversion(**how).model_dump_json()
    made = Converted.model_validate_json(convert_in_worker(str(path), str(out), asked))
    return made, frame_from_arrow(converted_batches(out, made))


def write(path: Path, fields: dict[str, tuple[str, Any, Any]], version: int = 2) -> Path:
    """A file as OMERO's storage makes it: type, PyTables' description and values by column."""
    kinds = {name: kind for name, (kind, _, _) in fields.items()}
    described = {name: column for name, (_, column, _) in fields.items()}
    with tables.open_file(path, "w", title="OMERO HDF Measurement Storage") as file:
        group = file.create_group("/", "OME")
        table = file.create_table(group, "Measurements", described)
        names = [f"::omero::grid::{kinds[name]}Column" for name in table.colnames]
        file.create_array(group, "ColumnTypes", [name.encode() for name in names])
        about = [f"über {name}".encode() for name in table.colnames]
        file.create_array(group, "ColumnDescriptions", about)
        if version == 1:
            table.attrs["version"] = numpy.bytes_(b"v1")
        else:
            table.attrs["__version"], table.attrs["__initialized"] = str(version), 1.0
            table.attrs["study"], table.attrs["plates"] = "idr0001", 3
        rows = zip(*(values for _, _, values in fields.values()), strict=True)
        order = list(fields)
        for values in rows:
            row = table.row
            for name, value in zip(order, values, strict=True):
                if isinstance(value, dict):
                    for part, each in value.items():
                        row[f"{name}/{part}"] = each
                else:
                    row[name] = value
            row.append()
        table.flush()
    return path


def everything() -> dict[str, tuple[str, Any, Any]]:
    ids = {
        f"{kind}": (kind, tables.Int64Col(pos=place), [1, -1])
        for place, kind in enumerate(("Image", "Well", "Plate", "Dataset", "Roi", "File"))
    }
    return ids | {
        "n": ("Long", tables.Int64Col(pos=10), [2**62 + 1, -5]),
        "ok": ("Bool", tables.BoolCol(pos=11), [True, False]),
        "x": ("Double", tables.Float64Col(pos=12), [0.5, numpy.nan]),
        "text": ("String", tables.StringCol(8, pos=13), ["größer".encode(), b""]),
        "floats": ("FloatArray", tables.Float32Col(shape=2, pos=14), [[1, 2], [3, 4]]),
        "doubles": ("DoubleArray", tables.Float64Col(shape=1, pos=15), [[1], [2]]),
        "longs": ("LongArray", tables.Int64Col(shape=3, pos=16), [[1, 2, 3], [4, 5, 6]]),
    }


@pytest.mark.parametrize("version", [1, 2])
def test_every_type_of_both_versions(tmp_path: Path, version: int) -> None:
    made, frame = read(write(tmp_path / "x.h5", everything(), version))
    targets = {c.name: c.target for c in made.columns if c.kind == "link"}
    assert targets == {k: k.lower() for k in ("Image", "Well", "Plate", "Dataset", "Roi")}
    for name in targets:
        assert frame[name].tolist() == [1, pandas.NA] or frame[name].isna().tolist() == [
            False,
            True,
        ]
    assert frame["File"].tolist() == [1, -1]
    assert frame["n"].tolist() == [2**62 + 1, -5]
    assert frame["ok"].tolist() == [True, False] and frame["ok"].dtype == bool
    numpy.testing.assert_array_equal(frame["x"], [0.5, numpy.nan])
    assert frame["text"].tolist() == ["größer", ""]
    for name, (_, _, values) in list(everything().items())[-3:]:
        numpy.testing.assert_array_equal(numpy.stack(list(frame[name])), values)
    assert {c.name: c.description for c in made.columns}["n"] == "über n"
    assert made.metadata == ({} if version == 1 else {"study": "idr0001", "plates": 3})
    assert made.notes == ()


def test_links_may_be_left_numbers(tmp_path: Path) -> None:
    made, frame = read(write(tmp_path / "x.h5", everything()), links=False)
    assert all(column.kind != "link" for column in made.columns)
    assert frame["Image"].tolist() == [1, -1]


def test_masks_become_columns(tmp_path: Path) -> None:
    class Mask(tables.IsDescription):
        _v_pos = 1
        i = tables.Int64Col(pos=0)
        z = tables.Int32Col(pos=1)
        t = tables.Int32Col(pos=2)
        x = tables.Float64Col(pos=3)
        y = tables.Float64Col(pos=4)
        w = tables.Float64Col(pos=5)
        h = tables.Float64Col(pos=6)

    one = {"i": 7, "z": 1, "t": 2, "x": 0.5, "y": 1.5, "w": 8, "h": 2}
    fields = {
        "n": ("Long", tables.Int64Col(pos=0), [1, 2]),
        "cell": ("Mask", Mask(), [one, one | {"i": -1}]),
    }
    path = write(tmp_path / "x.h5", fields)
    with tables.open_file(path, "a") as file:
        masks = file.create_vlarray("/OME", "Measurements_masks", tables.UInt8Atom())
        masks.append(numpy.array([1, 2, 255], "u1"))
        masks.append(numpy.array([], "u1"))
    made, frame = read(path)
    assert [c.name for c in made.columns] == [
        "n", "cell image", "cell z", "cell t", "cell x", "cell y", "cell width", "cell height",
        "cell bytes",
    ]  # fmt: skip
    assert frame["cell image"].tolist()[0] == 7 and frame["cell image"].isna().tolist()[1]
    assert frame["cell width"].tolist() == [8, 8] and frame["cell t"].tolist() == [2, 2]
    assert [base64.b64decode(text) for text in frame["cell bytes"]] == [b"\x01\x02\xff", b""]
    assert made.notes == ("column 'cell' holds masks: it became 8 columns",)


def test_what_omeros_own_code_wrote(
    tmp_path: Path,
    omero_storage: OmeroStorage,  # noqa: F811
) -> None:
    columns = omero_storage.columns
    made = [columns.ImageColumnI("Image"), columns.StringColumnI("s"), columns.DoubleColumnI("d")]
    for column, values in zip(made, ([4, 5], ["é", "b"], [0.5, 1]), strict=True):
        column.size, column.values = 4, values
    with omero_storage.open(tmp_path / "x.h5") as storage:
        storage.initialize(made, {"study": "A sentence."})
        storage.append(made)
    found, frame = read(tmp_path / "x.h5")
    assert frame.to_dict("list") == {"Image": [4, 5], "s": ["é", "b"], "d": [0.5, 1]}
    assert found.metadata == {"study": "A sentence."}


def test_a_table_without_rows(tmp_path: Path) -> None:
    empty = {name: (kind, column, []) for name, (kind, column, _) in everything().items()}
    path = write(tmp_path / "x.h5", empty)
    out = tmp_path / "x.arrow"
    told = convert_in_worker(str(path), str(out), "{}")
    made = Converted.model_validate_json(told)
    assert made.rows == 0 and len(made.columns) == 13


def _external_link(path: Path) -> None:
    with h5py.File(path, "a") as file:
        del file["OME/ColumnTypes"]
        file["OME/ColumnTypes"] = h5py.ExternalLink("/etc/hostname", "/x")


def _soft_link(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file.move("OME/Measurements", "elsewhere")
        file["OME/Measurements"] = h5py.SoftLink("/elsewhere")


def _virtual(path: Path) -> None:
    with h5py.File(path, "a") as file:
        old = file["OME/Measurements"]
        layout = h5py.VirtualLayout(old.shape, old.dtype)
        layout[:] = h5py.VirtualSource("/etc/hostname", "x", old.shape, old.dtype)
        del file["OME/Measurements"]
        file.create_virtual_dataset("OME/Measurements", layout)


def _external_storage(path: Path) -> None:
    with h5py.File(path, "a") as file:
        dtype = file["OME/Measurements"].dtype
        del file["OME/Measurements"]
        outside = [("/etc/passwd", 0, 2 * dtype.itemsize)]
        file.create_dataset("OME/Measurements", (2,), dtype, external=outside)


def _claims(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["OME/Measurements"].resize((10**12,))


def _large_chunks(path: Path) -> None:
    with h5py.File(path, "a") as file:
        dtype = file["OME/Measurements"].dtype
        del file["OME/Measurements"]
        file.create_dataset("OME/Measurements", (1,), dtype, chunks=(10**6,), maxshape=(None,))


def _too_few_types(path: Path) -> None:
    with h5py.File(path, "a") as file:
        del file["OME/ColumnTypes"]
        file["OME/ColumnTypes"] = numpy.array([b"::omero::grid::LongColumn"])


def _object_column(path: Path) -> None:
    with h5py.File(path, "a") as file:
        del file["OME/Measurements"]
        dtype = numpy.dtype([("a", h5py.string_dtype())] + [(f"c{i}", "i8") for i in range(12)])
        file.create_dataset("OME/Measurements", (0,), dtype, maxshape=(None,))


def _later_version(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["OME/Measurements"].attrs["__version"] = "3"


def _another_file(path: Path) -> None:
    path.unlink()
    with h5py.File(path, "w") as file:
        file["table"] = [1, 2]


def _text(path: Path) -> None:
    path.write_text("a,b\n1,2\n")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_external_link, "ColumnTypes in .* is a link to elsewhere"),
        (_soft_link, "Measurements in .* is a link to elsewhere"),
        (_virtual, "keeps its values in another file"),
        (_external_storage, "keeps its values in another file"),
        (_claims, "claims .* bytes of rows, but stores"),
        (_large_chunks, "has chunks of"),
        (_too_few_types, "has 1 types for 13 columns"),
        (_object_column, "is of type"),
        (_later_version, "in version '3'; 1 and 2 are read"),
        (_another_file, "no OMERO.tables file: it has no 'OME', but table"),
        (_text, "is no HDF5 file"),
    ],
)
def test_hostile_files_are_refused(
    tmp_path: Path, spoil: Callable[[Path], None], told: str
) -> None:
    path = write(tmp_path / "x.h5", everything())
    spoil(path)
    with pytest.raises(OmeroError, match=told) as error:
        read(path)
    assert isinstance(error.value, Unreadable | Newer)


def test_no_attribute_runs_as_code(tmp_path: Path) -> None:
    class Runs:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "run",))

    path = write(tmp_path / "x.h5", everything())
    with h5py.File(path, "a") as file:
        attributes = file["OME/Measurements"].attrs
        attributes["evil"] = numpy.bytes_(pickle.dumps(Runs(), 0))
    made, _ = read(path)
    assert made.metadata == {"study": "idr0001", "plates": 3}
    assert made.notes == ("metadata 'evil' is neither text nor a number, and was left out",)
    assert not (tmp_path / "run").exists()


def _numbers(path: Path, **how: Any) -> Path:
    """A table of one column of numbers, as OMERO's storage would make it."""
    with tables.open_file(path, "w") as file:
        group = file.create_group("/", "OME")
        made = file.create_table(group, "Measurements", {"n": tables.Int64Col()}, **how)
        file.create_array(group, "ColumnTypes", [b"::omero::grid::LongColumn"])
        file.create_array(group, "ColumnDescriptions", [b""])
        made.append([(n,) for n in range(5000)])
    return path


def test_numbers_of_the_other_byte_order_and_without_a_version(tmp_path: Path) -> None:
    made, frame = read(_numbers(tmp_path / "x.h5", byteorder="big"))
    assert frame["n"].tolist() == list(range(5000))
    assert made.notes == ("the file does not say which version of OMERO.tables wrote it",)


@pytest.mark.parametrize("library", ["zlib", "blosc", "bzip2", "lzo"])
def test_packed_rows_are_read_or_refused_with_a_way_on(tmp_path: Path, library: str) -> None:
    if tables.which_lib_version(library) is None:
        pytest.skip(f"PyTables has no {library} here")
    filters = tables.Filters(5, library, shuffle=True)
    path = _numbers(tmp_path / "x.h5", filters=filters)
    if library == "zlib":
        assert read(path)[1]["n"].tolist() == list(range(5000))
        return
    with pytest.raises(Unreadable, match=r"filter \d+; .*ptrepack --complib=zlib"):
        read(path)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.95])
def test_a_file_that_was_cut_is_refused(tmp_path: Path, part: float) -> None:
    path = _numbers(tmp_path / "x.h5")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(Unreadable, match="damaged or was cut"):
        read(path)
