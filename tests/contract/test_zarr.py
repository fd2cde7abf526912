"""Dask arrays and Zarr groups of images, here, over HTTP, and on workers that know nothing else."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import zarr

import omero_jlab.remote.pixels as remote_pixels
from omero_jlab.connection import connect, disconnect
from omero_jlab.errors import Denied, Invalid, NotFound, Unauthenticated
from omero_jlab.model import GroupType, Placement
from omero_jlab.objects import Image, Repository
from omero_jlab.pixels.store import ImageStore
from omero_jlab.remote.pixels import LevelPixels, SessionFiles

from .conftest import World

PIXELS = np.random.default_rng(1).integers(0, 60_000, (2, 2, 3, 300, 410), dtype=np.uint16)
WIDE = np.random.default_rng(2).poisson(300, (1, 2, 1, 3000, 2500)).astype(np.uint16)


@pytest.fixture(scope="module")
def repo(world: World) -> Repository:
    return Repository(world.session("owner", GroupType.READ_ONLY))


@pytest.fixture(scope="module")
def image(repo: Repository) -> Image:
    made = repo.save_image(PIXELS, "noise", channels=["DNA", "ER"], pixel_size_um=0.5)
    made.attach_labels((PIXELS[0, 0, 0] % 5).astype(np.uint8), "cells")
    made.attach_labels(PIXELS[0, 0, 0, :30, :41] % 3, "coarse", Placement(scale_y=10, scale_x=10))
    return made


@pytest.fixture(scope="module")
def wide(repo: Repository) -> Image:
    return repo.save_image(WIDE, "wide")


def test_a_group_is_what_was_saved(world: World, image: Image) -> None:
    for who in ("owner", "member"):
        group = Repository(world.session(who, GroupType.READ_ONLY)).image(image.id).zarr()
        level = group["0"]
        assert isinstance(level, zarr.Array) and np.array_equal(level[:], PIXELS)
        assert sorted(group["labels"].group_keys()) == ["cells", "coarse"]  # type: ignore[union-attr]
        labels: Any = group["labels/cells/0"]
        assert np.array_equal(labels[0, 0, 0], PIXELS[0, 0, 0] % 5)
        ome: Any = group.attrs["ome"]
        assert [c["label"] for c in ome["omero"]["channels"]] == ["DNA", "ER"]
        scale = ome["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]["scale"]
        assert scale == [1, 1, 1, 0.5, 0.5]
        assert ome["multiscales"][0]["axes"][4]["unit"] == "micrometer"
        with pytest.raises((ValueError, PermissionError)):
            level[0, 0, 0, 0, 0] = 1


def test_chunks_are_near_2048_and_cut_no_stored_one(wide: Image) -> None:
    lazy = wide.dask()
    assert lazy.chunks[3:] == ((2048, 952), (2048, 452))
    assert np.array_equal(lazy.compute(), WIDE)
    assert wide.dask(chunks=1000).chunks[3] == (1000, 1000, 1000)
    assert wide.dask(chunks=(100, 2500)).chunksize[3:] == (100, 2500)
    assert np.array_equal(wide.dask(1, [1])[0, 0, 0].compute(), wide.plane(1, level=1))
    for asked in ({"chunks": "large"}, {"level": 9}, {"chunks": 0}):
        with pytest.raises(Invalid):
            wide.dask(**asked)  # type: ignore[arg-type]


def test_what_is_hidden_has_no_arrays(world: World, image: Image) -> None:
    session = world.session("outsider", "elsewhere")
    for call in (
        lambda: LevelPixels.of(session, image.id, 0),
        lambda: session.zarr_file(image.id, "zarr.json"),
        lambda: session.zarr.parts(image.id),
        lambda: session.zarr.add_capability(image.id),
    ):
        with pytest.raises(NotFound):
            call()


def test_a_plate_is_one_too(world: World, image: Image) -> None:
    plate = world.plate("owner", GroupType.READ_ONLY, (image.id, image.id))
    session = world.session("member", GroupType.READ_ONLY)
    root = zarr.open_group(_Plate(session, plate), mode="r")
    ome: Any = root.attrs["ome"]
    assert [w["path"] for w in ome["plate"]["wells"]] == ["A/1", "A/2"]
    well: Any = zarr.open_group(_Plate(session, plate), path="A/2", mode="r").attrs["ome"]
    assert well["well"]["images"] == [{"path": "0"}]
    field = zarr.open_group(_Plate(session, plate), path="A/2/0", mode="r")
    level: Any = field["0"]
    assert np.array_equal(level[1, 1, 2], PIXELS[1, 1, 2])
    for key in ("A/3/zarr.json", "B/1/zarr.json", "A/1/1/zarr.json", "A/1/0/0/c/9/0/0/0/0", "A"):
        assert session.zarr_plate_file(plate, key) is None
    assert session.zarr_plate_file(plate, ".zattrs", "0.4") is not None
    with pytest.raises(NotFound):
        world.session("outsider", "elsewhere").zarr_plate_file(plate, "zarr.json")


def _Plate(session: Any, plate: int) -> Any:  # noqa: N802 - reads like the class it makes
    class Files:
        def get(self, key: str) -> bytes | None:
            return session.zarr_plate_file(plate, key)  # type: ignore[no-any-return]

    return ImageStore(Files())


# -- what leaves the process


def test_no_users_token_is_in_what_is_pickled(world: World, image: Image) -> None:
    if not world.over_http:
        pytest.skip("what has no server is read from its files")
    token = image._session.transport.token  # type: ignore[attr-defined]
    lazy, group = image.dask(), image.zarr()
    for pickled in (pickle.dumps(lazy), pickle.dumps(group)):
        assert token.encode() not in pickled
    again = pickle.loads(pickle.dumps(lazy))
    assert np.array_equal(again[1, 0, 2].compute(), PIXELS[1, 0, 2])
    level: Any = pickle.loads(pickle.dumps(group))["0"]
    assert np.array_equal(level[1, 0, 2], PIXELS[1, 0, 2])


def test_one_capability_serves_many_tasks_and_ends(world: World, image: Image) -> None:
    if not world.over_http:
        pytest.skip("what has no server is read from its files")
    session = image._session
    before = {c.id for c in session.zarr.capabilities()}
    pixels = LevelPixels.of(session, image.id, 0)
    copies = [pickle.loads(pickle.dumps(pixels)) for _ in range(5)]
    (made,) = {c.id for c in session.zarr.capabilities()} - before
    assert np.array_equal(copies[4](0, 1, 2, 5, 6, 70, 80), PIXELS[0, 1, 2, 5:75, 6:86])
    session.zarr.remove_capability(made)
    with pytest.raises(Unauthenticated, match="revoked"):
        copies[3](0, 1, 2, 5, 6, 70, 80)


def test_an_empty_chunk_is_not_mistaken_for_a_lost_right(
    world: World, repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    sparse = np.zeros((1, 1, 1, 600, 700), np.uint16)
    sparse[..., 550:, 600:] = 7
    image = repo.save_image(sparse, "sparse")
    monkeypatch.setattr(remote_pixels, "_reader_of", lambda _: None)
    pixels = LevelPixels.of(image._session, image.id, 0)
    assert np.array_equal(pixels(0, 0, 0, 0, 0, 600, 700), sparse[0, 0, 0])
    assert SessionFiles(image._session, image.id).get("0/c/0/0/0/0/0") is None
    image._session.graph.delete("image", image.id)
    with pytest.raises(NotFound):
        pixels(0, 0, 0, 0, 0, 10, 10)


def test_everything_comes_through_the_session_where_no_file_is_seen(
    image: Image, wide: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_pixels, "_reader_of", lambda _: None)
    assert np.array_equal(wide.dask().compute(), WIDE)
    assert np.array_equal(image.dask()[1, 1].compute(), PIXELS[1, 1])
    level: Any = image.zarr()["0"]
    assert np.array_equal(level[:], PIXELS)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A repository that is open in this process, as a notebook has it."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    repo = Repository(connect(tmp_path / "repository"))
    yield repo
    repo.close()
    disconnect()


WORKER = """
import os, pickle, sys
assert not [name for name in os.environ if name.startswith(("OMERO", "JPY", "JUPYTER"))]
for path in sys.argv[1:]:
    lazy, group = pickle.load(open(path, "rb"))
    print(int(lazy.sum().compute()), int(group["0"][0].sum()))
print("sqlalchemy" in sys.modules)
"""


def test_a_worker_without_any_setting(
    own: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once from the files, which it sees, and once as from another machine."""
    image = own.save_image(PIXELS, "noise")
    paths = [tmp_path / "near.pickle", tmp_path / "far.pickle"]
    paths[0].write_bytes(pickle.dumps((image.dask(), image.zarr())))
    assert b"ImagePart" in paths[0].read_bytes()
    monkeypatch.setattr(remote_pixels, "_reader_of", lambda _: None)
    paths[1].write_bytes(pickle.dumps((image.dask(), image.zarr())))
    assert b"ImagePart" not in paths[1].read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", WORKER, *map(str, paths)],
        capture_output=True, text=True, check=True, env={"PATH": ""}, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    sums = [str(PIXELS.astype(np.int64).sum()), str(PIXELS[0].astype(np.int64).sum())]
    assert done.stdout.split() == [*sums, *sums, "False"]


@pytest.fixture
def long_form(request: pytest.FixtureRequest) -> None:
    """Skips what takes many seconds unless it is asked for."""
    if "long" not in str(request.config.option.markexpr):
        pytest.skip("run with -m long")


@pytest.mark.long
def test_a_cluster_computes_and_saves(own: Repository, long_form: None) -> None:
    distributed = pytest.importorskip("distributed")
    image = own.save_image(WIDE, "wide")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
    ):
        lazy = image.dask()
        assert lazy.mean().compute() == pytest.approx(WIDE.mean())
        assert np.array_equal(lazy[0, 1].compute(), WIDE[0, 1])
        projected = own.save_image(lazy.max(axis=1, keepdims=True), "maximum", like=image)
        assert np.array_equal(projected.plane(), WIDE.max(axis=1)[0, 0])


# -- writing


def test_axes_sizes_and_channels_of_new_images(world: World, repo: Repository) -> None:
    stack = PIXELS[0, :, 0]
    made = repo.save_image(
        stack, "cyx", dims="CYX", channels=["a", "b"], pixel_size_um=(2, 0.5, 0.25), time_step_s=9
    )
    assert made.shape == (1, 2, 1, 300, 410) and np.array_equal(made.plane("b"), stack[1])
    assert made.pixel_size_um == (2, 0.5, 0.25) and made.record.time_step_s == 9
    like = repo.save_image(stack[None, :, None], "like", like=made, pixel_size_um=1)
    assert like.pixel_size_um == (2, 1, 1) and [c.name for c in like.channels] == ["a", "b"]
    xarray = pytest.importorskip("xarray")
    array = xarray.DataArray(
        da.from_array(stack.transpose(1, 2, 0), chunks=128),
        dims=("y", "x", "c"),
        coords={"c": ["DNA", "ER"], "y": np.arange(300) * 0.65, "x": np.arange(410) * 0.65},
    )
    named = repo.save_image(array, "xarray")
    assert [c.name for c in named.channels] == ["DNA", "ER"]
    assert named.pixel_size_um == pytest.approx((None, 0.65, 0.65))
    assert np.array_equal(named.plane("ER"), stack[1])


def test_a_lazy_array_is_never_whole_in_memory(repo: Repository, tmp_path: Path) -> None:
    """Each block is forgotten before many others are made."""
    import threading

    alive, most, guard = [0], [0], threading.Lock()

    class Block(np.ndarray):
        def __array_finalize__(self, obj: Any) -> None:
            pass

        def __del__(self) -> None:
            with guard:
                alive[0] -= 1

    def block(block_info: Any = None) -> np.ndarray:
        with guard:
            alive[0] += 1
            most[0] = max(most[0], alive[0])
        made = np.full((1, 1, 1, 1024, 1024), 3, np.uint8).view(Block)
        return made

    lazy = da.map_blocks(
        block, chunks=((1,) * 40, (1,), (1,), (1024,), (1024,)), dtype=np.uint8,
        meta=np.empty((0,) * 5, np.uint8),
    )  # fmt: skip
    made = repo.save_image(lazy, "long")
    assert made.shape == (40, 1, 1, 1024, 1024) and (made.plane(t=39) == 3).all()
    assert most[0] <= 20


# -- opening elsewhere


def test_lines_for_other_programs(world: World, image: Image) -> None:
    if not world.over_http:
        with pytest.raises(Invalid, match="connect"):
            image.open_in("napari")
        return
    for program in ("napari", "fiji", "qupath", "neuroglancer", "vizarr"):
        assert str(image.id) in image.open_in(program)  # type: ignore[arg-type]
    line = image.open_in("napari", url="https://lab.example/user/ada/")
    assert "https://lab.example/user/ada/omero-jlab/api/v1/zarr/cap/" in line
    compile(line, "line", "exec")
    with pytest.raises(Invalid, match="napari, fiji"):
        image.open_in("imaris")  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="3600"):
        image.open_in("napari", seconds=86400)
    secret = line.partition("/cap/")[2].partition("/")[0]
    assert len(secret) >= 40


def test_a_reader_may_hand_an_image_on_and_no_more(world: World, image: Image) -> None:
    member = world.session("member", GroupType.READ_ONLY)
    made = member.zarr.add_capability(image.id)
    assert made.user_id == world.users["member"]
    with pytest.raises(NotFound):
        world.session("owner", GroupType.READ_ONLY).zarr.remove_capability(made.id)
    world.session("admin").zarr.remove_capability(made.id)
    with pytest.raises(Denied):
        member.graph.delete("image", image.id)


# -- real files


REAL = (
    "svs/CMU-1-Small-Region.svs",
    "stk/movie.stk",
    "wsi-tiff/boxes.tiff",
    "ome-tiff/multi-channel.ome.tif",
    "ome-zarr/5d_dataset_v4.ome.zarr",
    "ome-zarr/5d_dataset_v5.ome.zarr",
    "plain/immunohistochemistry.png",
)


@pytest.mark.real_data
def test_real_files_pixel_by_pixel(own: Repository, real_data: Path) -> None:
    images = own.import_files(*(real_data / name for name in REAL), quiet=True)
    assert len(images) >= len(REAL) and not images.failed
    for image in images:
        t, c, z, _, _ = image.shape
        for version, zarr_format in (("0.4", 2), ("0.5", 3)):
            store = ImageStore(remote_pixels.ImageFiles.of(image._session, image.id, version))
            for number in range(len(image.levels)):
                level = zarr.open_array(
                    store,
                    path=str(number),
                    mode="r",
                    zarr_format=zarr_format,  # type: ignore[arg-type]
                )
                assert level.shape == (t, c, z, *image.levels[number])
                for i, j, k in {(0, 0, 0), (t - 1, c - 1, z - 1)}:
                    plane = image.plane(j, k, i, number)
                    assert np.array_equal(level[i, j, k], plane), (image, version, number)


def test_what_workers_may_is_renewed_while_the_array_lives(
    world: World, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not world.over_http:
        pytest.skip("what has no server is read from its files")
    monkeypatch.setattr(remote_pixels, "LASTS_S", 3)
    session = image._session
    known = {c.id for c in session.zarr.capabilities()}

    def made() -> Any:
        (found,) = [c for c in session.zarr.capabilities() if c.id not in known]
        return found

    lazy = image.dask()
    pickled = pickle.dumps(lazy)
    first = made()
    deadline = time.monotonic() + 60
    while made().expires_at == first.expires_at:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    session.zarr.remove_capability(first.id)
    read = pickle.loads(pickled)
    # A worker that sees the files needs no right; others are told what to do.
    monkeypatch.setattr(remote_pixels, "_reader_of", lambda part: None)
    with pytest.raises(Unauthenticated, match=r"make the array again .*image\.dask"):
        read[0, 0, 0].compute()
    assert np.array_equal(lazy[0, 0, 0].compute(), PIXELS[0, 0, 0])
