"""Pyramids on a Dask cluster: with a shared disk, by HTTP alone, and where nobody answers."""

from __future__ import annotations

import pickle
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from omero_jlab.model import GroupType
from omero_jlab.objects import Image, Repository
from omero_jlab.pixels.halve import mean
from omero_jlab.repository import Store
from omero_jlab.repository.places import image_place

from .conftest import World

LARGE = np.random.default_rng(8).poisson(90, (2, 700, 3300)).astype("uint16")


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.ome.tif"
    tifffile.imwrite(path, LARGE, ome=True, metadata={"axes": "CYX"}, tile=(256, 256))
    return path


def configured(root: Path, **dask: str) -> Store:
    Store.open(root, create=True).close()
    lines = [f'{name} = "{value}"' for name, value in dask.items()]
    (root / "config.toml").write_text("\n".join(["[dask]", *lines, ""]))
    return Store.open(root)


def imported(store: Store, path: Path) -> Image:
    """The image with its pyramid, whose levels are compared."""
    repo = Repository(store.session())
    (image,) = repo.import_files(path, quiet=True)
    deadline = time.monotonic() + 120
    while any(job.finished_at is None for job in repo.jobs(100)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert [job.error for job in repo.jobs(100) if job.state == "failed"] == []
    image.refresh()
    assert image.record.pyramid == "complete"
    for c in (0, 1):
        expected: Any = LARGE[c]
        for level in range(1, len(image.levels)):
            expected = mean(expected)
            np.testing.assert_array_equal(image.plane(c, level=level), expected)
    return image


@pytest.mark.long
def test_where_no_cluster_answers_the_pyramid_is_made_here(
    tmp_path: Path, large: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = configured(tmp_path / "repository", address="tcp://127.0.0.1:1")
    try:
        image = imported(store, large)
        assert "without a cluster" in caplog.text and "does not answer" in caplog.text
        assert "stored as blosc lz4, shuffle" in image.import_log
    finally:
        store.close()


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Iterator[Any]:
    if "long" not in str(request.config.option.markexpr):
        pytest.skip("run with -m long")
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        yield cluster


def tasks_done(cluster: Any) -> int:
    from distributed import Client

    with Client(cluster, set_as_default=False) as client:
        logs = client.run(lambda dask_worker: len(dask_worker.state.log))
        return sum(logs.values())


@pytest.mark.long
def test_workers_that_see_the_disk_make_the_levels(
    tmp_path: Path, large: Path, cluster: Any
) -> None:
    store = configured(tmp_path / "repository", address=cluster.scheduler_address)
    try:
        imported(store, large)
        assert tasks_done(cluster) > 0
    finally:
        store.close()
    shutil.rmtree(tmp_path / "repository")


def test_blocks_come_from_the_server_where_the_disk_is_not_seen(
    world: World, tmp_path: Path
) -> None:
    if not world.over_http:
        pytest.skip("nobody listens")
    from omero_jlab.pixels.encode import Encoding, jpeg_codec
    from omero_jlab.pixels.pieces import ChunksOf, encoded_block
    from omero_jlab.remote.cluster import pixels_for_workers
    from omero_jlab.remote.zarr import CapabilityFiles

    session = world.session("owner", GroupType.READ_WRITE)
    pixels = np.random.default_rng(6).integers(0, 256, (1, 3, 1, 700, 900), "uint8")
    image = Repository(session).save_image(pixels, "blocks")
    secret = session.zarr.add_capability(image.id).secret
    files = CapabilityFiles(world.url, secret, image.id)
    layout = world.store.readers.get(
        world.store.layout.root / image_place(image.id), len(image.levels)
    ).level(0).layout  # fmt: skip
    read = pickle.loads(pickle.dumps(pixels_for_workers(files, 0, layout, None)))
    chunk = (1, 3, 1, 256, 256)
    lossless = Encoding(chunk, np.dtype("uint8"), None)
    lossy = Encoding(chunk, np.dtype("uint8"), jpeg_codec(90, "444"))
    wanted = ChunksOf((lossless, lossy), False, mean)
    found = encoded_block(read, (0, 0, 0, 0, 0, 512, 512), 3, 512, wanted)
    assert [(i, y, x) for i, y, x, _ in found] == [(0, 0, 0), (1, 0, 0)]
    half = np.stack([mean(plane) for plane in pixels[0, :, 0, :512, :512]])
    stored = np.frombuffer(found[0][3] or b"", "uint8").reshape(3, 256, 256)
    np.testing.assert_array_equal(stored, half)
    assert (found[1][3] or b"")[:2] == b"\xff\xd8"
