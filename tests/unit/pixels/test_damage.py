"""What the disk changed of what we wrote: found when it is read, and named when verified."""

from __future__ import annotations

import json
import os
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from omero_jlab.errors import Damaged, OmeroError
from omero_jlab.model.chunks import ChunkIndex
from omero_jlab.pixels import PixelReader, verified_pixels, write_image, write_labels
from omero_jlab.pixels.kept import KEPT


def flip(path: Path, at: int, keep_time: bool = True) -> None:
    """Change one bit, as a disk does: the time of change stays."""
    found = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ (1 << (at % 8))]))
    if keep_time:
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def cells() -> NDArray[np.uint16]:
    """An image of two levels that is stored compressed."""
    y, x = np.mgrid[:600, :1100]
    plane = (100 * np.sin(y / 30) * np.cos(x / 40) + 400).astype(np.uint16)
    return np.stack([plane, plane // 2])[None, :, None]


def noise() -> NDArray[np.uint16]:
    """The same, stored as it is."""
    return np.random.default_rng(1).integers(0, 60_000, (1, 2, 1, 600, 1100), np.uint16)


@pytest.fixture(params=[cells, noise], ids=["compressed", "plain"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[ChunkIndex, Path]:
    folder = tmp_path / "image"
    KEPT.clear()
    return write_image(folder, request.param()), folder


def everything(reader: PixelReader, level: int) -> list[NDArray[np.uint16] | None]:
    """Every chunk of a level; None for one that says it is damaged."""
    found: list[NDArray[np.uint16] | None] = []
    _, c, _, height, width = reader.sizes(level)
    for channel, y, x in np.ndindex(c, -(-height // 512), -(-width // 512)):
        size = min(512, height - 512 * y), min(512, width - 512 * x)
        try:
            found.append(reader.region(level, 0, channel, 0, 512 * y, 512 * x, *size))
        except Damaged:
            found.append(None)
    return found


def shards(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".json")


def places(size: int, count: int) -> list[int]:
    chosen = random.Random(size)
    return [0, size - 1, *(chosen.randrange(size) for _ in range(count))]


@pytest.mark.parametrize("count", [8, pytest.param(300, marks=pytest.mark.long)])
def test_a_flipped_bit_in_a_shard_is_never_read_as_pixels(
    written: tuple[ChunkIndex, Path], count: int
) -> None:
    index, folder = written
    whole = PixelReader(index, {"pixels": folder})
    wanted = [everything(whole, level) for level in range(whole.levels)]
    for path in shards(folder):
        level = int(path.relative_to(folder).parts[0])
        for at in places(path.stat().st_size, count):
            flip(path, at)
            KEPT.clear()
            # Another reader has verified nothing yet; this one has, before the file changed.
            for reader in (PixelReader(index, {"pixels": folder}), whole):
                found = everything(reader, level)
                same = [
                    a is None or np.array_equal(a, b)
                    for a, b in zip(found, wanted[level], strict=True)
                ]
                assert all(same), f"{path} at {at}"
                in_chunks = at < (index.offset[level] + index.length[level]).max()
                assert sum(a is None for a in found) == in_chunks
            name = path.relative_to(folder).as_posix()
            bad = [p for p, fault in verified_pixels(index, folder, lambda size: None) if fault]
            assert bad == [name]
            flip(path, at)
    assert all(not fault for _, fault in verified_pixels(index, folder, lambda size: None))
    assert all(a is not None for a in everything(whole, 0))


def test_a_flipped_bit_in_a_description_is_found(written: tuple[ChunkIndex, Path]) -> None:
    index, folder = written
    documents = sorted(folder.rglob("zarr.json"))
    assert [entry.path for entry in index.header.documents] == [
        path.relative_to(folder).as_posix() for path in documents
    ]
    for path in documents:
        for at in places(path.stat().st_size, 2):
            flip(path, at)
            found = verified_pixels(index, folder, lambda size: None)
            bad = [name for name, fault in found if fault]
            assert bad == [path.relative_to(folder).as_posix()]
            flip(path, at)


def test_missing_and_shorter_files_are_told_apart(written: tuple[ChunkIndex, Path]) -> None:
    index, folder = written
    first, second = shards(folder)
    first.unlink()
    second.write_bytes(second.read_bytes()[:-1])
    (folder / "zarr.json").unlink()
    faults = {
        name: fault for name, fault in verified_pixels(index, folder, lambda size: None) if fault
    }
    assert faults.pop(first.relative_to(folder).as_posix()) == "missing"
    assert faults.pop("zarr.json") == "missing"
    (fault,) = faults.values()
    assert "bytes, and must have" in fault


def test_another_time_of_change_is_no_damage_where_chunks_are_checked(
    written: tuple[ChunkIndex, Path],
) -> None:
    index, folder = written
    for path in shards(folder):
        os.utime(path, ns=(0, 1_000_000_000))
    assert all(found is not None for found in everything(PixelReader(index, {"pixels": folder}), 0))


def test_a_file_put_in_place_of_another_is_read(written: tuple[ChunkIndex, Path]) -> None:
    """A restored file has the same name and is another one: the one held open must not stay."""
    index, folder = written
    reader = PixelReader(index, {"pixels": folder})
    path = shards(folder)[0]
    good = path.read_bytes()
    flip(path, 1000)
    with pytest.raises(Damaged, match=r"is damaged.*Restore it from the backup"):
        for channel in (0, 1):
            reader.region(0, 0, channel, 0, 0, 0, 600, 1100)
    new = path.with_name("new")
    new.write_bytes(good)
    new.replace(path)
    assert all(found is not None for found in everything(reader, 0))


def test_labels_are_checked_too(tmp_path: Path) -> None:
    labels = np.arange(600 * 700, dtype=np.uint32).reshape(1, 1, 600, 700)
    index, _ = write_labels(tmp_path / "labels", labels)
    reader = PixelReader(index, {"pixels": tmp_path / "labels"})
    flip(shards(tmp_path / "labels")[0], 77)
    assert sum(found is None for found in everything(reader, 0)) == 1


def test_other_readers_check_it_as_well(tmp_path: Path) -> None:
    import zarr

    folder = tmp_path / "image"
    pixels = noise()
    write_image(folder, pixels)
    array = zarr.open_array(folder / "0", mode="r")
    assert np.array_equal(np.asarray(array[:]), pixels)
    flip(shards(folder)[0], 77)
    with pytest.raises(ValueError, match="checksum"):
        zarr.open_array(folder / "0", mode="r")[:]


class TestIndex:
    def test_any_flipped_bit_is_found(self, written: tuple[ChunkIndex, Path]) -> None:
        data = written[0].to_bytes()
        for at in range(len(data)):
            wrong = bytearray(data)
            wrong[at] ^= 1 << (at % 8)
            with pytest.raises(Damaged):
                ChunkIndex.from_bytes(bytes(wrong))

    def test_a_cut_one_is_damaged(self, written: tuple[ChunkIndex, Path]) -> None:
        data = written[0].to_bytes()
        for length in range(0, len(data), 7):
            with pytest.raises(Damaged):
                ChunkIndex.from_bytes(data[:length])

    def test_one_of_the_first_release_is_read_and_checked(
        self, written: tuple[ChunkIndex, Path]
    ) -> None:
        index = written[0]
        data = first_release(index)
        found = ChunkIndex.from_bytes(data)
        assert found.header.files == index.header.files
        assert found.header.documents == ()
        for at in range(len(data)):
            wrong = bytearray(data)
            wrong[at] ^= 1 << (at % 8)
            with pytest.raises(OmeroError):
                ChunkIndex.from_bytes(bytes(wrong))


def first_release(index: ChunkIndex) -> bytes:
    """An index as 0.1.0 wrote it."""
    header = json.loads(index.header.model_dump_json())
    del header["documents"]
    head = json.dumps(header).encode()
    arrays = []
    for file, offset, length in zip(index.file, index.offset, index.length, strict=True):
        arrays += [file.astype("<i4"), offset.astype("<i8"), length.astype("<i8")]
    body = b"".join([struct.pack("<Q", len(head)), head, *(a.tobytes() for a in arrays)])
    packed = zlib.compress(body, 1)
    return b"OJCHUNK1" + struct.pack("<IQ", zlib.crc32(packed), len(body)) + packed
