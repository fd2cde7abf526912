"""A chunk index that is lost, or of an older version, is made again on first use."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
import tifffile
import zarr

from omero_jlab.errors import Newer, Unavailable, Unreadable
from omero_jlab.model.chunks import VERSION, ChunkIndex
from omero_jlab.objects import Repository
from omero_jlab.repository import Store
from omero_jlab.repository.places import image_place, labels_place


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "repository", create=True)
    yield store
    store.close()


@pytest.fixture
def repo(store: Store) -> Repository:
    return Repository(store.session())


def settled(repo: Repository) -> None:
    deadline = time.monotonic() + 60
    while any(job.finished_at is None for job in repo.jobs(100)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def waited_for(read: Callable[[], Any]) -> Any:
    """What `read` answers once the index is there again; at first it is not."""
    with pytest.raises(Unavailable, match="being made again"):
        read()
    deadline = time.monotonic() + 60
    while True:
        try:
            return read()
        except Unavailable:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def without(store: Store, place: str) -> Path:
    index = store.layout.root / place / "index"
    index.unlink()
    store.readers.forget()
    return index


def test_the_index_of_an_import_and_its_pyramid_is_made_again(
    store: Store, repo: Repository, tmp_path: Path
) -> None:
    random = np.random.default_rng(2)
    large = random.integers(0, 99, (60, 3300), np.uint16)
    with tifffile.TiffWriter(tmp_path / "two.tif") as tiff:
        tiff.write(np.zeros((30, 40), np.uint8), photometric="minisblack")
        tiff.write(large, compression="zlib", tile=(64, 64), photometric="minisblack")
    images = repo.import_files(tmp_path / "two.tif", quiet=True)
    settled(repo)
    image = next(image for image in images if image.shape[-1] == 3300)
    image.refresh()
    before = [image.plane(level=level) for level in range(len(image.levels))]
    assert len(before) == 3
    index = store.layout.root / image_place(image.id) / "index"
    written = index.read_bytes()
    without(store, image_place(image.id))
    np.testing.assert_array_equal(waited_for(lambda: image.plane()), large)
    for level, pixels in enumerate(before):
        np.testing.assert_array_equal(image.plane(level=level), pixels)
    assert ChunkIndex.from_bytes(index.read_bytes()).header == ChunkIndex.from_bytes(written).header
    assert [job.kind for job in repo.jobs(100) if job.state == "failed"] == []


def test_those_of_saved_images_and_labels_are_made_again(store: Store, repo: Repository) -> None:
    random = np.random.default_rng(3)
    array = random.poisson(40, (2, 2, 3, 1100, 300)).astype("uint16")
    array[0, 1] = 0
    image = repo.save_image(array, "saved")
    labels = image.attach_labels((array[0, 0, 0] > 40).astype("uint8"), name="bright")
    index = store.layout.root / image_place(image.id) / "index"
    written = ChunkIndex.from_bytes(index.read_bytes())
    without(store, image_place(image.id))
    waited_for(lambda: image.plane())
    for t, c, z in np.ndindex(2, 2, 3):
        np.testing.assert_array_equal(image.plane(t=t, c=c, z=z), array[t, c, z])
    again = ChunkIndex.from_bytes(index.read_bytes())
    assert again.header.levels == written.header.levels
    assert sorted(again.header.documents, key=str) == sorted(written.header.documents, key=str)
    without(store, labels_place(labels.id))
    session = repo._session
    found = waited_for(lambda: session.labels_region(labels.id, 0, 0, 0, 0, 1100, 300))
    np.testing.assert_array_equal(found, array[0, 0, 0] > 40)


def test_an_older_version_is_made_again_and_a_newer_one_refused(
    store: Store, repo: Repository
) -> None:
    array = np.arange(600, dtype="uint16").reshape(1, 1, 1, 20, 30)
    image = repo.save_image(array, "old")
    index = store.layout.root / image_place(image.id) / "index"
    known = ChunkIndex.from_bytes(index.read_bytes())
    assert known.header.version == VERSION

    def write(version: int) -> None:
        header = known.header.model_copy(update={"version": version})
        other = ChunkIndex(header, known.file, known.offset, known.length)
        index.write_bytes(other.to_bytes())
        store.readers.forget()

    write(VERSION - 1)
    np.testing.assert_array_equal(waited_for(lambda: image.plane()), array[0, 0, 0])
    assert ChunkIndex.from_bytes(index.read_bytes()).header.version == VERSION
    write(VERSION + 1)
    with pytest.raises(Newer, match="update"):
        image.plane()


def test_what_cannot_be_made_again_says_why(store: Store, repo: Repository, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((30, 40), np.uint8))
    (image,) = repo.import_files(tmp_path / "a.tif", quiet=True)
    settled(repo)
    (original,) = repo._session.images.files(image.id)
    path = store.layout.root / original.path
    path.write_bytes(b"no TIFF")
    without(store, image_place(image.id))
    with pytest.raises(Unavailable):
        image.plane()
    settled(repo)
    with pytest.raises(Unreadable, match=r"cannot be made again: .*restore"):
        while True:
            try:
                image.plane()
            except Unavailable:
                time.sleep(0.01)


def pattern_of_files(folder: Path, planes: np.ndarray[Any, Any]) -> dict[str, Any]:
    for c, z in np.ndindex(2, 3):
        tifffile.imwrite(folder / f"s1_{'ab'[c]}_z{z}.tif", planes[c, z])
    return {"channels": "s{field}_{channel}_z{z}.tif"}


def companion(folder: Path, planes: np.ndarray[Any, Any]) -> dict[str, Any]:
    """OME-TIFFs of one channel each, which name each other."""
    ids = [f"urn:uuid:{uuid4()}" for _ in range(2)]
    places = "".join(
        f'<TiffData FirstC="{c}" FirstZ="0" IFD="0" PlaneCount="3">'
        f'<UUID FileName="{c}.ome.tif">{ids[c]}</UUID></TiffData>'
        for c in range(2)
    )
    channels = "".join(f'<Channel ID="Channel:0:{c}" SamplesPerPixel="1"/>' for c in range(2))
    for c in range(2):
        text = (
            f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="{ids[c]}"><Image ID="Image:0" Name="joined"><Pixels ID="Pixels:0" '
            f'DimensionOrder="XYZCT" Type="uint16" SizeX="40" SizeY="30" SizeZ="3" SizeC="2" '
            f'SizeT="1">{channels}{places}</Pixels></Image></OME>'
        )
        tifffile.imwrite(
            folder / f"{c}.ome.tif", planes[c], description=text, metadata=None,
            photometric="minisblack",
        )  # fmt: skip
    return {}


def ome_zarr(folder: Path, planes: np.ndarray[Any, Any], version: int = 3) -> dict[str, Any]:
    group = zarr.create_group(str(folder / "a.ome.zarr"), zarr_format=version)
    named: dict[str, Any] = {"dimension_names": ["c", "z", "y", "x"]} if version == 3 else {}
    level = group.create_array("0", shape=planes.shape, chunks=(1, 1, 16, 16), dtype="u2", **named)
    level[:] = planes
    axes = [{"name": n, "type": "channel" if n == "c" else "space"} for n in "czyx"]
    scale = [{"type": "scale", "scale": [1.0] * 4}]
    told = [{"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}]
    if version == 3:
        group.attrs["ome"] = {"version": "0.5", "multiscales": told}
    else:
        group.attrs["multiscales"] = [{**told[0], "version": "0.4"}]
    return {}


def older_zarr(folder: Path, planes: np.ndarray[Any, Any]) -> dict[str, Any]:
    return ome_zarr(folder, planes, 2)


ALSO_LONG = [
    pytest.param(write, transfer, loss, marks=pytest.mark.long)
    for write in (pattern_of_files, companion, ome_zarr, older_zarr)
    for transfer in ("copy", "symlink")
    for loss in ("lost", "older")
]


@pytest.mark.parametrize(
    ("write", "transfer", "loss"),
    [
        (pattern_of_files, "copy", "lost"),
        (companion, "symlink", "older"),
        (ome_zarr, "symlink", "lost"),
        *ALSO_LONG,
    ],
)
def test_those_of_many_files_are_made_again(
    store: Store,
    repo: Repository,
    tmp_path: Path,
    write: Callable[[Path, Any], dict[str, Any]],
    transfer: Any,
    loss: str,
) -> None:
    planes = np.random.default_rng(5).integers(0, 999, (2, 3, 30, 40), np.uint16)
    folder = tmp_path / "microscope"
    folder.mkdir()
    options = write(folder, planes)
    source = folder / "a.ome.zarr" if "zarr" in write.__name__ else folder
    images = repo.import_files(source, transfer=transfer, quiet=True, **options)
    assert not images.failed
    (image,) = images
    settled(repo)
    place = image_place(image.id)
    index = store.layout.root / place / "index"
    before = ChunkIndex.from_bytes(index.read_bytes())
    if loss == "lost":
        without(store, place)
    else:
        header = before.header.model_copy(update={"version": VERSION - 1})
        index.write_bytes(ChunkIndex(header, before.file, before.offset, before.length).to_bytes())
        store.readers.forget()
    waited_for(lambda: image.plane())
    for c, z in np.ndindex(2, 3):
        np.testing.assert_array_equal(image.plane(c=c, z=z), planes[c, z])
    after = ChunkIndex.from_bytes(index.read_bytes())
    assert after.header.levels == before.header.levels
    assert {file.path for file in after.header.files} == {f.path for f in before.header.files}
    assert [job.kind for job in repo.jobs(100) if job.state == "failed"] == []


def test_one_in_place_that_was_written_to_is_not_made_again(
    store: Store, repo: Repository, tmp_path: Path
) -> None:
    """Nobody knows what it holds now: registering it again is for people to decide."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.ones((30, 40), np.uint8))
    (image,) = repo.import_files(path, transfer="symlink", quiet=True)
    settled(repo)
    tifffile.imwrite(path, np.full((30, 40), 7, np.uint8))
    os.utime(path, ns=(1, 1))
    without(store, image_place(image.id))
    with pytest.raises(Unavailable):
        image.plane()
    settled(repo)
    deadline = time.monotonic() + 60
    with pytest.raises(Unreadable, match="changed"):
        while time.monotonic() < deadline:
            try:
                image.plane()
            except Unavailable:
                time.sleep(0.01)
            else:
                break
