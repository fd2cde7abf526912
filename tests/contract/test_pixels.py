"""Images made from arrays, their pictures and labels, alike in the process and over HTTP."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
from PIL import Image as Picture

from omero_jlab.errors import Denied, Invalid, NotFound, TooLarge
from omero_jlab.model import GroupType, Placement, Tile
from omero_jlab.objects import Image, Repository
from omero_jlab.rendering import render

from .conftest import World

PIXELS = np.random.default_rng(1).integers(0, 60_000, (2, 2, 3, 300, 410), dtype=np.uint16)


@pytest.fixture(scope="module")
def image(world: World) -> Image:
    repo = Repository(world.session("owner", GroupType.READ_ONLY))
    return repo.save_image(PIXELS, name="noise", dataset="arrays", channels=["DNA", "ER"])


def test_pixels_come_back(image: Image) -> None:
    assert image.shape == PIXELS.shape
    assert image.dtype == np.uint16
    assert np.array_equal(image.dask().compute(), PIXELS)
    assert np.array_equal(image.plane("ER", z=2, t=1), PIXELS[1, 1, 2])
    assert np.array_equal(image.region(7, 300, 20, 110, c=1), PIXELS[0, 1, 0, 7:27, 300:410])


def test_dask_takes_channels_by_name(image: Image) -> None:
    chosen = image.dask(channels=["ER"])
    assert np.array_equal(chosen.compute(), PIXELS[:, 1:])


def test_raw_tiles_are_cut_at_the_edge(image: Image) -> None:
    tile = Tile(level=0, t=1, z=2, row=1, column=1)
    raw = image._session.raw_tile(image.id, tile, [1, 0])
    assert raw.dtype == np.uint16
    assert np.array_equal(raw, PIXELS[1, ::-1, 2, 256:, 256:])


def test_a_rendered_tile_is_what_rendering_draws(image: Image) -> None:
    tile = Tile(level=0, t=0, z=1, row=0, column=0)
    png = image._session.tile(image.id, tile, format="png")
    drawn = np.asarray(Picture.open(io.BytesIO(png)))[..., :3]
    assert np.array_equal(drawn, render(PIXELS[0, :, 1, :256, :256], image.settings))


def test_settings_are_each_users_own(world: World, image: Image) -> None:
    mine = image.settings
    inverted = [c.model_copy(update={"reverse": True}) for c in mine.channels]
    other = mine.model_copy(update={"channels": tuple(inverted)})
    image.settings = other
    assert image.settings == other
    member = Repository(world.session("member", GroupType.READ_ONLY)).image(image.id)
    assert member.settings == other, "a member without settings sees the owner's"
    image._session.images.reset_settings(image.id)
    assert image.settings == mine


def test_a_thumbnail_follows_the_settings(image: Image) -> None:
    before = image.thumbnail(64)
    channels = image.settings.channels
    off = [c.model_copy(update={"active": False}) for c in channels]
    image.settings = image.settings.model_copy(update={"channels": tuple(off)})
    black = np.asarray(Picture.open(io.BytesIO(image.thumbnail(64))))
    image._session.images.reset_settings(image.id)
    assert black.max() == 0
    assert image.thumbnail(64) == before


@pytest.mark.parametrize(
    "asked",
    [
        {"level": 1},
        {"level": -1},
        {"row": 2},
        {"column": -1},
        {"z": 3},
        {"t": 2},
        {"size": 0},
        {"size": 100_000},
    ],
)
def test_a_tile_that_is_not_there_is_refused(image: Image, asked: dict[str, int]) -> None:
    place = {"level": 0, "t": 0, "z": 0, "row": 0, "column": 0} | asked
    with pytest.raises((Invalid, NotFound)):
        image._session.raw_tile(image.id, Tile(**place), [0])


def test_a_region_that_is_too_large_is_refused(image: Image) -> None:
    with pytest.raises(TooLarge):
        image._session.region(image.id, 0, 0, 0, 0, 0, 0, 100_000, 100_000)


def test_labels_lie_over_the_image(image: Image) -> None:
    labels = np.zeros((300, 410), np.int64)
    labels[10:20, 300:330] = 7
    made = image.attach_labels(labels, name="cells")
    assert made.record.maximum == 7
    assert np.array_equal(made.array(), labels)
    tile = image._session.labels_tile(made.id, Tile(level=0, t=1, z=2, row=0, column=1))
    assert np.array_equal(tile, labels[:256, 256:])


def test_labels_of_a_part_are_placed(image: Image) -> None:
    labels = np.arange(1, 21, dtype=np.uint8).reshape(4, 5)
    with pytest.raises(Invalid, match="4 × 5"):
        image.attach_labels(labels)
    made = image.attach_labels(labels, placement=Placement(y=10, x=20, scale_y=2, scale_x=2))
    tile = image._session.labels_tile(made.id, Tile(level=0, t=0, z=0, row=0, column=0))
    expected = np.zeros((256, 256), np.uint32)
    expected[10:18, 20:30] = np.kron(labels, np.ones((2, 2), np.uint8))
    assert np.array_equal(tile, expected)


@pytest.mark.parametrize("bad", [np.array([[-1, 2]]), np.array([[0.5, 1]]), np.zeros(5)])
def test_what_is_no_label_image_is_refused(image: Image, bad: Any) -> None:
    with pytest.raises(Invalid):
        image.attach_labels(bad, placement=Placement())


def test_a_large_image_gets_its_missing_levels(world: World) -> None:
    repo = Repository(world.session("owner", GroupType.READ_ONLY))
    array = da.ones((1, 1, 1, 4000, 3000), chunks=(1, 1, 1, 1000, 1000), dtype=np.uint8) * 9
    made = repo.save_image(array, name="large")
    assert [max(size) for size in made.levels][-1] <= 3192
    coarsest = len(made.levels) - 1
    assert (made.dask(level=coarsest) == 9).all().compute()


def test_an_array_whose_axes_nobody_names_is_refused(world: World) -> None:
    repo = Repository(world.session("owner", GroupType.READ_ONLY))
    with pytest.raises(Invalid, match="TCZYX"):
        repo.save_image(np.zeros((5, 5, 5), np.uint8), name="flat")


def test_who_may_not_annotate_attaches_no_labels(world: World, image: Image) -> None:
    member = Repository(world.session("member", GroupType.READ_ONLY)).image(image.id)
    with pytest.raises(Denied):
        member.attach_labels(np.zeros((300, 410), np.uint8))


def test_an_outsider_finds_no_image(world: World, image: Image) -> None:
    session = world.session("outsider")
    tile = Tile(level=0, t=0, z=0, row=0, column=0)
    for attempt in (
        lambda: session.images.get(image.id),
        lambda: session.thumbnail(image.id),
        lambda: session.tile(image.id, tile),
        lambda: session.raw_tile(image.id, tile, [0]),
        lambda: session.region(image.id, 0, 0, 0, 0, 0, 0, 5, 5),
        lambda: session.images.files(image.id),
        lambda: session.images.settings(image.id),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_files_are_attached_and_come_back(image: Image, tmp_path: Path) -> None:
    path = tmp_path / "protocol.txt"
    path.write_bytes(b"fixed in PFA\n" * 100_000)
    attached = image.attach_file(path)
    assert attached.read() == path.read_bytes()
    folder = tmp_path / "back"
    folder.mkdir()
    assert attached.download(folder).read_bytes() == path.read_bytes()
