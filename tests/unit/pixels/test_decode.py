"""Chunks of Zarr, damaged chunks, and chunks that are not what the index says."""

from __future__ import annotations

import gzip
import json
import os
import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import zarr

from omero_jlab.errors import Unreadable
from omero_jlab.model.chunks import ChunkIndex, Codec, FileEntry, IndexHeader, LevelLayout
from omero_jlab.pixels import PixelReader
from omero_jlab.pixels.decode import Pipeline

LITTLE = Codec(name="bytes", configuration={"endian": "little"})
STORES = {
    "v2-none": (2, None, (LITTLE,)),
    "v2-blosc": (2, "blosc", (LITTLE, Codec(name="blosc"))),
    "v2-zlib": (2, "zlib", (LITTLE, Codec(name="zlib"))),
    "v2-gzip": (2, "gzip", (LITTLE, Codec(name="gzip"))),
    "v2-lz4": (2, "lz4", (LITTLE, Codec(name="lz4"))),
    "v2-zstd": (2, "zstd", (LITTLE, Codec(name="zstd"))),
    "v3-none": (3, None, (LITTLE,)),
    "v3-gzip": (3, "gzip", (LITTLE, Codec(name="gzip"))),
    "v3-zstd-crc": (3, "zstd-crc", (LITTLE, Codec(name="zstd"), Codec(name="crc32c"))),
    "v3-transposed": (
        3,
        "transposed",
        (Codec(name="transpose", configuration={"order": [0, 1, 2, 4, 3, 5]}), LITTLE),
    ),
}


def _make_store(path: Path, version: int, kind: str | None, array: np.ndarray) -> Any:
    import numcodecs

    options: dict[str, Any] = {"compressors": None}
    if version == 2 and kind is not None:
        made = {
            "blosc": numcodecs.Blosc("zstd", shuffle=numcodecs.Blosc.BITSHUFFLE),
            "zlib": numcodecs.Zlib(),
            "gzip": numcodecs.GZip(),
            "lz4": numcodecs.LZ4(),
            "zstd": numcodecs.Zstd(),
        }
        options = {"compressors": made[kind]}
    elif kind == "gzip":
        options = {"compressors": zarr.codecs.GzipCodec()}
    elif kind == "zstd-crc":
        options = {"compressors": [zarr.codecs.ZstdCodec(), zarr.codecs.Crc32cCodec()]}
    elif kind == "transposed":
        order = (0, 1, 2, 4, 3, 5)
        options["filters"] = [zarr.codecs.TransposeCodec(order=order)]
    store = zarr.create_array(
        path,
        shape=array.shape,
        chunks=(1, 2, 2, 40, 50, 1),
        dtype=array.dtype,
        zarr_format=version,
        fill_value=7,
        config={"write_empty_chunks": False},
        **options,
    )
    store[...] = array
    return store


def _index_of_store(path: Path, version: int, layout: LevelLayout) -> ChunkIndex:
    files, numbers = [], np.zeros(layout.grid, np.int32)
    lengths = np.zeros(layout.grid, np.int64)
    for at in np.ndindex(layout.grid):
        name = ".".join(map(str, at)) if version == 2 else "/".join(["c", *map(str, at)])
        if (path / name).exists():
            found = (path / name).stat()
            numbers[at], lengths[at] = len(files), found.st_size
            files.append(
                FileEntry(root="fileset", path=name, size=found.st_size, mtime_ns=found.st_mtime_ns)
            )
    header = IndexHeader(files=tuple(files), levels=(layout,))
    return ChunkIndex(header, (numbers,), (np.zeros(layout.grid, np.int64),), (lengths,))


@pytest.mark.parametrize("name", STORES)
def test_zarr_stores_are_read_as_zarr_reads_them(name: str, tmp_path: Path, picture: Any) -> None:
    version, kind, codecs = STORES[name]
    array = picture((1, 3, 3, 1, 90, 130), "uint16").transpose(0, 1, 2, 4, 5, 3).copy()
    array[:, :2, :2, 40:80, 50:100] = 7
    store = _make_store(tmp_path / "a.zarr", version, kind, array)
    layout = LevelLayout(
        shape=array.shape, chunk=(1, 2, 2, 40, 50, 1), dtype="uint16", fill=7, codecs=codecs
    )
    index = ChunkIndex.from_bytes(_index_of_store(tmp_path / "a.zarr", version, layout).to_bytes())
    assert (index.length[0] == 0).any(), "an empty chunk is not stored"
    reader = PixelReader(index, {"fileset": tmp_path / "a.zarr"})
    for c, z in [(0, 0), (1, 2), (2, 1)]:
        np.testing.assert_array_equal(
            reader.region(0, 0, c, z, 0, 0, 90, 130), store[0, c, z, :, :, 0]
        )
        np.testing.assert_array_equal(
            reader.region(0, 0, c, z, 38, 47, 45, 81), array[0, c, z, 38:83, 47:128, 0]
        )
    np.testing.assert_array_equal(
        reader.planes(0, 0, (2, 1, 0), 1, 5, 5, 60, 60), array[0, ::-1, 1, 5:65, 5:65, 0]
    )


def _encoded(name: str, data: bytes) -> bytes:
    encode = {
        "lzw": imagecodecs.lzw_encode,
        "packbits": imagecodecs.packbits_encode,
        "deflate": imagecodecs.zlib_encode,
        "zlib": imagecodecs.zlib_encode,
        "gzip": gzip.compress,
        "zstd": imagecodecs.zstd_encode,
        "blosc": lambda raw: imagecodecs.blosc_encode(raw, typesize=2),
        "lz4": lambda raw: imagecodecs.lz4_encode(raw, header=True),
    }
    return bytes(encode[name](data))


COMPRESSORS = ["lzw", "packbits", "deflate", "zlib", "gzip", "zstd", "blosc", "lz4"]
SHAPE = (1, 1, 1, 50, 40, 1)


def _pipeline(*codecs: Codec, dtype: str = "uint16", chunk: Any = SHAPE) -> Pipeline:
    return Pipeline(LevelLayout(shape=chunk, chunk=chunk, dtype=dtype, codecs=codecs))


@pytest.mark.parametrize("name", COMPRESSORS)
@pytest.mark.parametrize("rows", [49, 51, 500])
def test_a_chunk_of_another_size_is_refused(name: str, rows: int, picture: Any) -> None:
    data = _encoded(name, picture((rows, 40), "uint16").tobytes())
    with pytest.raises(Unreadable, match=name):
        _pipeline(LITTLE, Codec(name=name)).decode(data, SHAPE)


@pytest.mark.parametrize("name", COMPRESSORS)
def test_damaged_chunks_are_refused_or_decode_to_the_right_size(name: str, picture: Any) -> None:
    """Damage never ends the process, and never gives fewer or more pixels."""
    random = np.random.default_rng(len(name))
    good = _encoded(name, picture((50, 40), "uint16").tobytes())
    pipeline = _pipeline(LITTLE, Codec(name=name))
    assert pipeline.decode(good, SHAPE).shape == SHAPE
    cases = [b"", good[:1], good[: len(good) // 2], good[:-1], random.bytes(500)]
    for _ in range(200):
        broken = bytearray(good)
        for position in random.integers(0, len(good), 3):
            broken[position] = random.integers(256)
        cases.append(bytes(broken))
    for case in cases:
        try:
            assert pipeline.decode(case, SHAPE).shape == SHAPE
        except Unreadable:
            continue
    for case in cases[:3]:
        with pytest.raises(Unreadable):
            pipeline.decode(case, SHAPE)


def test_a_small_file_cannot_claim_much_memory() -> None:
    bomb = bytes(imagecodecs.zlib_encode(bytes(64 << 20), 9))
    with pytest.raises(Unreadable):
        _pipeline(LITTLE, Codec(name="deflate")).decode(bomb, SHAPE)
    with pytest.raises(Unreadable, match="at most"):
        _pipeline(LITTLE, Codec(name="zstd"), chunk=(1, 1, 1, 40_000, 40_000, 1))


def test_damaged_jpeg_is_refused_or_has_the_right_size(picture: Any) -> None:
    shape = (1, 1, 1, 64, 64, 3)
    pipeline = _pipeline(
        Codec(name="jpeg", configuration={"color": "YCbCr"}), dtype="uint8", chunk=shape
    )
    good = bytes(imagecodecs.jpeg8_encode(np.moveaxis(picture((3, 64, 64), "uint8"), 0, -1).copy()))
    assert pipeline.decode(good, shape).shape == shape
    random = np.random.default_rng(1)
    for _ in range(200):
        broken = bytearray(good)
        for position in random.integers(0, len(good), 4):
            broken[position] = random.integers(256)
        try:
            assert pipeline.decode(bytes(broken), shape).shape == shape
        except Unreadable:
            continue
    for size in [(64, 32, 3), (128, 64, 3), (64, 64)]:
        other = bytes(imagecodecs.jpeg8_encode(np.zeros(size, np.uint8)))
        with pytest.raises(Unreadable, match="it claims"):
            pipeline.decode(other, shape)
    for wrong in [b"", b"\xff\xd8", b"no picture at all", good[:20]]:
        with pytest.raises(Unreadable):
            pipeline.decode(wrong, shape)


def test_a_wrong_checksum_is_found(picture: Any) -> None:
    raw = picture((50, 40), "uint16").tobytes()
    pipeline = _pipeline(LITTLE, Codec(name="crc32c"))
    with pytest.raises(Unreadable, match="checksum"):
        pipeline.decode(raw + struct.pack("<I", 1), SHAPE)


@pytest.mark.parametrize(
    "codecs",
    [
        (Codec(name="jpeg2000"),),
        (Codec(name="zstd"), Codec(name="zlib")),
        (Codec(name="zstd"), LITTLE),
        (Codec(name="predictor", configuration={"kind": "paeth"}),),
        (Codec(name="predictor", configuration={"kind": "float"}),),
        (Codec(name="transpose", configuration={"order": [1, 0]}),),
        (Codec(name="bits", configuration={"depth": 17}),),
        (Codec(name="bytes", configuration={"endian": "middle"}),),
        (Codec(name="jpeg"),),
        (Codec(name="jpeg", configuration={"tables": "?"}),),
    ],
)
def test_what_is_not_decoded_here_says_so(codecs: tuple[Codec, ...]) -> None:
    with pytest.raises(Unreadable):
        _pipeline(*codecs)


def _plain_index(path: Path, **changes: Any) -> ChunkIndex:
    found = path.stat()
    entry = FileEntry(root="fileset", path="a.bin", size=found.st_size, mtime_ns=found.st_mtime_ns)
    layout = LevelLayout(shape=SHAPE, chunk=SHAPE, dtype="uint16", codecs=(LITTLE,))
    one = np.zeros(layout.grid, np.int64)
    header = IndexHeader(
        files=(entry.model_copy(update=changes.get("entry", {})),),
        levels=(layout.model_copy(update=changes.get("layout", {})),),
    )
    return ChunkIndex(
        header,
        ((one + changes.get("file", 0)).astype(np.int32),),
        (one + changes.get("offset", 0),),
        (one + changes.get("length", 4000),),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"entry": {"path": "../a.bin"}},
        {"entry": {"path": "/etc/passwd"}},
        {"file": 1},
        {"file": -1},
        {"offset": -1},
        {"length": -1},
        {"layout": {"dtype": "object"}},
        {"layout": {"dtype": "nonsense"}},
        {"layout": {"shape": (1, 1, 1, 60, 40, 1)}},
        {"layout": {"chunk": (1, 1, 1, 0, 40, 1)}},
    ],
)
def test_an_index_that_contradicts_itself_is_refused(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(4000))
    with pytest.raises(Unreadable):
        PixelReader(_plain_index(tmp_path / "a.bin", **changes), {"fileset": tmp_path})


@pytest.mark.parametrize("changes", [{"length": 3998}, {"length": 4002}, {"offset": 2},
                                     {"offset": 2**62}])  # fmt: skip
def test_a_chunk_that_does_not_lie_in_its_file_is_refused(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(4000))
    reader = PixelReader(_plain_index(tmp_path / "a.bin", **changes), {"fileset": tmp_path})
    with pytest.raises(Unreadable):
        reader.region(0, 0, 0, 0, 0, 0, 50, 40)


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(4000))
    index = _plain_index(tmp_path / "a.bin")
    (tmp_path / "a.bin").unlink()
    os.mkfifo(tmp_path / "a.bin")
    with pytest.raises(Unreadable, match="no regular file"):
        PixelReader(index, {"fileset": tmp_path}).region(0, 0, 0, 0, 0, 0, 5, 5)


def test_nan_may_fill_sparse_chunks(tmp_path: Path) -> None:
    layout = LevelLayout(
        shape=SHAPE, chunk=SHAPE, dtype="float32", fill=float("nan"), codecs=(LITTLE,)
    )
    nothing = np.zeros(layout.grid, np.int64)
    header = IndexHeader.model_validate_json(
        json.dumps(json.loads(IndexHeader(files=(), levels=(layout,)).model_dump_json()))
    )
    index = ChunkIndex(header, (nothing.astype(np.int32),), (nothing,), (nothing,))
    assert np.isnan(PixelReader(index, {}).region(0, 0, 0, 0, 1, 1, 5, 5)).all()
