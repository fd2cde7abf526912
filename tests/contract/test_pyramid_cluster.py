"""Pyramids on a Dask cluster: with a shared disk, by HTTP alone, and where nobody answers."""

from __future__ import annotations

import asyncio
import os
import pickle
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from jupyter_server.auth.decorator import allow_unauthenticated

import omero_jlab
from omero_jlab.model import GroupType
from omero_jlab.objects import Image, Repository
from omero_jlab.pixels.halve import mean
from omero_jlab.repository import Store
from omero_jlab.repository.config import DaskConfig
from omero_jlab.repository.jobs import pyramids
from omero_jlab.repository.places import image_place
from omero_jlab.server.zarr import CapabilityHandler

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


# -- workers that see no file of the repository


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Store]:
    """A repository whose cluster's workers are told where to ask for pixels."""
    from omero_jlab.server import Holder, Listener

    store = Store.open(tmp_path / "repository", create=True)
    listener = Listener(Holder.of(store))
    url = listener.start().url
    store.config = store.config.model_copy(update={"dask": DaskConfig(url=url)})
    yield store
    listener.stop()
    listener.holder.close()
    store.close()


def ask_at(store: Store, address: str) -> None:
    dask = store.config.dask.model_copy(update={"address": address})
    store.config = store.config.model_copy(update={"dask": dask})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """How many requests with a capability had which answer, each taking a moment."""
    counts: dict[int, int] = {}
    get, fail = CapabilityHandler.get, CapabilityHandler.write_error

    async def slow(self: Any, rest: str) -> None:
        await asyncio.sleep(0.25)
        await get(self, rest)
        counts[200] = counts.get(200, 0) + 1

    def failed(self: Any, status: int, **more: Any) -> None:
        fail(self, status, **more)
        counts[self.get_status()] = counts.get(self.get_status(), 0) + 1

    monkeypatch.setattr(CapabilityHandler, "get", allow_unauthenticated(slow))
    monkeypatch.setattr(CapabilityHandler, "write_error", failed)
    return counts


class Blind:
    """Workers of their own, before whose eyes another file system lies where `hidden` is."""

    def __init__(self, hidden: Path, count: int) -> None:
        distributed = pytest.importorskip("distributed")
        if os.geteuid() != 0 or shutil.which("unshare") is None:
            pytest.skip("needs root and unshare")
        self.cluster = distributed.LocalCluster(n_workers=0, dashboard_address=None)
        script = 'mount -t tmpfs none "$0" && cd / && exec "$@"'
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", self.address]
        more = ["--no-nanny", "--nthreads", "1", "--no-dashboard"]
        command = ["unshare", "-m", "sh", "-c", script, str(hidden), *worker, *more]
        place = str(Path(omero_jlab.__file__).parents[1])
        self.processes = [
            subprocess.Popen(
                command,
                env=os.environ | {"PYTHONPATH": place},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for _ in range(count)
        ]
        with distributed.Client(self.cluster, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=120)
            seen = client.run(lambda path: len(list(Path(path).iterdir())), str(hidden))
            assert set(seen.values()) == {0}, "the workers see the repository"

    @property
    def address(self) -> str:
        return str(self.cluster.scheduler_address)

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        self.cluster.close()


@pytest.mark.long
@pytest.mark.parametrize("renewed", [True, False])
def test_workers_ask_the_server_under_a_right_that_is_renewed(
    served: Store,
    large: Path,
    asked: dict[int, int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    renewed: bool,
) -> None:
    monkeypatch.setattr(pyramids, "LASTS_S", 1)
    if not renewed:
        monkeypatch.setattr(pyramids._Reach, "renew", lambda self: None)
    blind = Blind(served.layout.root, 1)
    try:
        ask_at(served, blind.address)
        imported(served, large)
    finally:
        blind.close()
    assert (asked.get(200, 0) > 0) or not renewed
    assert (401 in asked) is not renewed, asked
    assert ("made here" in caplog.text) is not renewed
    assert served.session().zarr.capabilities() == (), "the right ends with the work"


@pytest.mark.long
def test_who_dies_in_the_middle_takes_no_level_along(
    served: Store,
    large: Path,
    asked: dict[int, int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    blind = Blind(served.layout.root, 2)

    def kill() -> None:
        while not asked:
            time.sleep(0.05)
        for process in blind.processes:
            process.kill()

    killing = threading.Thread(target=kill, daemon=True)
    try:
        ask_at(served, blind.address)
        killing.start()
        imported(served, large)
    finally:
        blind.close()
    assert "had no workers" in caplog.text


def test_a_right_of_workers_is_renewed_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyramids, "LASTS_S", 2)
    with closing(Store.open(tmp_path / "repository", create=True)) as store:
        session: Any = store.session()
        image = Repository(session).save_image(np.zeros((8, 8), np.uint8), "small")
        reach = pyramids._Reach(session, image.id)
        (first,) = session.zarr.capabilities()
        reach.renew()
        assert session.zarr.capabilities()[0].expires_at == first.expires_at
        later = time.monotonic() + 1.1
        monkeypatch.setattr(time, "monotonic", lambda: later)
        reach.renew()
        assert session.zarr.capabilities()[0].expires_at > first.expires_at
        assert store.grant_of(reach.secret or "") == (store.local_user, image.id)
        reach.end()
        assert store.grant_of(reach.secret or "") is None
        reach.renew()
        reach.end()


@pytest.mark.long
def test_everything_is_computed_where_no_file_is_seen(served: Store) -> None:
    distributed = pytest.importorskip("distributed")
    import pandas as pd

    from omero_jlab.analysis import map_images
    from omero_jlab.remote import RemoteSession

    here = served.session()
    token = here.accounts.add_token(here.server.status().user.id).secret
    session: Any = RemoteSession(served.config.dask.url, token)
    repo = Repository(session)
    pixels = np.random.default_rng(3).integers(0, 999, (1, 2, 1, 700, 900), dtype=np.uint16)
    images = [repo.save_image(pixels + n, f"image {n}", dataset="here") for n in range(5)]
    dataset = repo.datasets.find("here")
    table = dataset.attach_table(pd.DataFrame({"a": np.arange(1000)}), "numbers")

    def measured(image: Image, factor: int) -> Any:
        plane = image.plane(1)
        frame = pd.DataFrame({"mean": [float(plane.mean()) * factor]})
        return {"labels": (plane > 500).astype("uint8"), "rows": frame, "largest": int(plane.max())}

    blind = Blind(served.layout.root, 2)
    try:
        with distributed.Client(blind.address, set_as_default=False) as client:
            lazy = images[0].dask()
            assert client.compute(lazy.sum(dtype="u8")).result() == pixels.sum(dtype="u8")
            total = client.submit(lambda group: int(group["0"][0, 1, 0].sum()), images[0].zarr())
            assert total.result() == int(pixels[0, 1, 0].sum())
            assert client.compute(table.to_dask(partition_rows=100).a.sum()).result() == 499_500
        asked: dict[str, Any] = {"parameters": {"factor": 2}, "on": blind.address}
        outcomes = map_images(measured, dataset, "on a cluster", **asked)
        assert outcomes.failed == [], outcomes.failed[0].traceback
        assert outcomes[4].value == {"largest": int(pixels[0, 1].max()) + 4}
        for n, image in enumerate(images):
            (mean,) = image.table("rows").to_pandas()["mean"]
            assert mean == pytest.approx(2 * (pixels[0, 1].mean() + n))
            assert image.labels[0].array().sum() == (pixels[0, 1, 0] + n > 500).sum()
        again = map_images(measured, dataset, "on a cluster", **asked)
        assert {outcome.state for outcome in again} == {"skipped"}
        assert session.delegations.list() == () or all(
            each.table_id == table.id for each in session.delegations.list()
        )
    finally:
        blind.close()
        session.close()
