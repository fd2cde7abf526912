"""OME-Zarr: both versions of Zarr, shards, plates, collections; and no way out of the folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray
from reader_contract import ReaderContract, contents_of, pixels_of
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, TransposeCodec, ZstdCodec

from omero_jlab.errors import OmeroError, Unreadable
from omero_jlab.formats import plan
from omero_jlab.model import Position

_UNITS = {"t": "second", "z": "micrometer", "y": "micrometer", "x": "micrometer"}


def _multiscales(axes: str, paths: list[str], scales: list[list[float]]) -> dict[str, Any]:
    kinds = {"t": "time", "c": "channel"}
    return {
        "axes": [
            {"name": a, "type": kinds.get(a, "space")} | ({"unit": _UNITS[a]} if a != "c" else {})
            for a in axes
        ],
        "datasets": [
            {"path": p, "coordinateTransformations": [{"type": "scale", "scale": s}]}
            for p, s in zip(paths, scales, strict=True)
        ],
        "name": "sample",
        "version": "0.4-dev-spatialdata",
    }


def _write(
    path: Path, array: NDArray[Any], axes: str = "tczyx", version: int = 2, **options: Any
) -> None:
    group = zarr.create_group(str(path), zarr_format=2 if version == 2 else 3)
    options.setdefault("chunks", tuple(min(n, 32) for n in array.shape))
    stored = group.create_array("0", shape=array.shape, dtype=array.dtype, **options)
    stored[...] = array
    said = {"multiscales": [_multiscales(axes, ["0"], [[1, 1, 2, 0.5, 0.25][-array.ndim :]])]}
    group.attrs.update(said if version == 2 else {"ome": {"version": "0.5", **said}})


class TestVersion4(ReaderContract):
    format, suffix = "OME-Zarr", ".ome.zarr"

    def write(self, path: Path, array: NDArray[Any]) -> None:
        _write(path, array)


class TestVersion5(ReaderContract):
    format, suffix = "OME-Zarr", ".zarr"
    dtype = "float32"

    def write(self, path: Path, array: NDArray[Any]) -> None:
        _write(path, array, version=3)


class TestSharded(ReaderContract):
    format, suffix = "OME-Zarr", ".zarr"

    def write(self, path: Path, array: NDArray[Any]) -> None:
        _write(path, array, version=3, chunks=(1, 1, 1, 16, 16), shards=(1, 1, 2, 32, 64))


class TestCodecThatIsTranscoded(ReaderContract):
    format, suffix = "OME-Zarr", ".zarr"
    shape = (1, 2, 1, 50, 70)

    def write(self, path: Path, array: NDArray[Any]) -> None:
        from numcodecs import BZ2

        _write(path, array, compressors=BZ2())

    test_a_truncated_file_is_refused = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    "options",
    [
        {"version": 2, "order": "F"},
        {"version": 2, "compressors": None},
        {"version": 2, "chunk_key_encoding": {"name": "v2", "separator": "/"}},
        {"version": 3, "compressors": None},
        {"version": 3, "compressors": [GzipCodec()]},
        {"version": 3, "compressors": [BloscCodec(cname="lz4", shuffle="bitshuffle")]},
        {"version": 3, "compressors": [ZstdCodec(), Crc32cCodec()]},
        {"version": 3, "serializer": BytesCodec(endian="big")},
        {"version": 3, "filters": [TransposeCodec(order=(4, 2, 0, 1, 3))]},
        {"version": 3, "chunk_key_encoding": {"name": "v2", "separator": "."}},
    ],
)
def test_every_encoding_decodes_to_what_was_written(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    array = np.random.default_rng(3).integers(0, 999, (2, 2, 3, 40, 50)).astype("uint16")
    path = tmp_path / "a.zarr"
    _write(path, array, **options)
    made, contents = contents_of(path, tmp_path)
    assert contents.transcode == ("",)
    assert np.array_equal(pixels_of(contents.indexes[0], made.root, tmp_path), array)


@pytest.mark.parametrize("axes", ["yx", "cyx", "zyx", "tyx", "czyx", "yxc", "xyz"])
def test_any_order_and_number_of_axes(tmp_path: Path, axes: str) -> None:
    sizes = {"t": 2, "c": 3, "z": 4, "y": 40, "x": 50}
    array = np.random.default_rng(3).integers(0, 99, [sizes[a] for a in axes]).astype("uint8")
    path = tmp_path / "a.zarr"
    _write(path, array, axes)
    made, contents = contents_of(path, tmp_path)
    expected = array
    for axis in "tczyx":
        if axis not in axes:
            expected = expected[..., np.newaxis]
    names = axes + "".join(a for a in "tczyx" if a not in axes)
    expected = expected.transpose([names.index(a) for a in "tczyx"])
    assert np.array_equal(pixels_of(contents.indexes[0], made.root, tmp_path), expected)


def test_absent_chunks_are_fill(tmp_path: Path) -> None:
    array = np.zeros((64, 64), "uint8")
    array[:32, :32] = 7
    _write(tmp_path / "a.zarr", array, "yx", version=3, fill_value=0)
    made, contents = contents_of(tmp_path / "a.zarr", tmp_path)
    index = contents.indexes[0]
    assert index is not None and (index.length[0] > 0).sum() == 1
    assert np.array_equal(pixels_of(index, made.root, tmp_path)[0, 0, 0], array)


def test_levels_scales_and_channels(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    group = zarr.create_group(str(path), zarr_format=2)
    array = np.random.default_rng(3).integers(0, 99, (2, 64, 80)).astype("uint16")
    for name, step in (("1", 1), ("2", 2), ("deep", 4)):
        reduced = array[:, ::step, ::step]
        level = group.create_array(name, shape=reduced.shape, dtype="uint16")
        level[...] = reduced
    scales = [[1, 0.5, 0.25], [1, 1, 0.5], [1, 2, 1]]
    group.attrs["multiscales"] = [_multiscales("cyx", ["1", "2", "deep"], scales)]
    group.attrs["omero"] = {
        "channels": [{"label": "DNA", "color": "0000ff"}, {"label": "ER", "color": "no colour"}]
    }
    made, contents = contents_of(path, tmp_path)
    (image,) = contents.images
    assert image.name == "a.zarr"
    assert (image.pixel_size_y_um, image.pixel_size_x_um) == (0.5, 0.25)
    assert [(c.name, c.color) for c in image.channels] == [("DNA", "0000FF"), ("ER", None)]
    for number, step in enumerate((1, 2, 4)):
        found = pixels_of(contents.indexes[0], made.root, tmp_path, number)[0, :, 0]
        assert np.array_equal(found, array[:, ::step, ::step])


def test_a_plate_has_positions(tmp_path: Path) -> None:
    path = tmp_path / "p.zarr"
    group = zarr.create_group(str(path), zarr_format=2)
    group.attrs["plate"] = {
        "name": "P7",
        "rows": [{"name": "B"}],
        "columns": [{"name": "03"}],
        "wells": [{"path": "B/03", "rowIndex": 0, "columnIndex": 0}],
    }
    well = zarr.create_group(str(path / "B" / "03"), zarr_format=2)
    well.attrs["well"] = {"images": [{"path": "0"}, {"path": "1"}]}
    for field in "01":
        _write(path / "B" / "03" / field, np.full((8, 9), int(field) + 1, "uint8"), "yx")
    _, contents = contents_of(path, tmp_path)
    assert [image.position for image in contents.images] == [
        Position(plate="P7", row=1, column=2, site=1),
        Position(plate="P7", row=1, column=2, site=2),
    ]
    assert len({image.name for image in contents.images}) == 2


def test_a_collection_of_bioformats2raw(tmp_path: Path) -> None:
    path = tmp_path / "c.zarr"
    group = zarr.create_group(str(path), zarr_format=3)
    group.attrs["ome"] = {"version": "0.5", "bioformats2raw.layout": 3}
    for number in ("0", "1", "10", "2"):
        _write(path / number, np.full((8, 9), int(number) + 1, "uint8"), "yx", version=3)
    made, contents = contents_of(path, tmp_path)
    values = [pixels_of(index, made.root, tmp_path).max() for index in contents.indexes]
    assert values == [1, 2, 3, 11]


@pytest.mark.parametrize("reference", ["../other.zarr/0", "/etc", "0/../../other.zarr/0"])
def test_paths_out_of_the_store_are_refused(tmp_path: Path, reference: str) -> None:
    _write(tmp_path / "other.zarr", np.ones((8, 9), "uint8"), "yx")
    path = tmp_path / "a.zarr"
    _write(path, np.ones((8, 9), "uint8"), "yx")
    said = json.loads((path / ".zattrs").read_text())
    said["multiscales"][0]["datasets"][0]["path"] = reference
    (path / ".zattrs").write_text(json.dumps(said))
    with pytest.raises(Unreadable, match="outside"):
        contents_of(path, tmp_path)


def test_links_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"12345678")
    path = tmp_path / "a.zarr"
    _write(path, np.ones((8, 9), "uint8"), "yx")
    (path / "0" / "0.1").symlink_to(secret)
    assert "link" in plan([path]).failed[0].reason


def test_metadata_without_chunks_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    _write(path, np.zeros((8, 9), "uint8"), "yx")
    for chunk in (path / "0").glob("[0-9]*"):
        chunk.unlink()
    with pytest.raises(Unreadable, match="no chunk"):
        contents_of(path, tmp_path)


def test_a_shard_with_a_damaged_index_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    _write(path, np.ones((64, 64), "uint8"), "yx", version=3, chunks=(16, 16), shards=(64, 64))
    shard = path / "0" / "c" / "0" / "0"
    data = bytearray(shard.read_bytes())
    data[-20] ^= 1
    shard.write_bytes(data)
    with pytest.raises(Unreadable, match="checksum"):
        contents_of(path, tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("shape", [1 << 30, 1 << 30]), ("shape", [-1, 5]), ("chunks", [1 << 20, 1 << 20]),
     ("dtype", "|O"), ("fill_value", "x"), ("shape", "long"), ("compressor", 5)],
)  # fmt: skip
def test_claims_that_no_honest_store_makes_are_refused(
    tmp_path: Path, key: str, value: object
) -> None:
    path = tmp_path / "a.zarr"
    _write(path, np.ones((8, 9), "uint8"), "yx")
    said = json.loads((path / "0" / ".zarray").read_text())
    said[key] = value
    (path / "0" / ".zarray").write_text(json.dumps(said))
    with pytest.raises(OmeroError):
        contents_of(path, tmp_path)
