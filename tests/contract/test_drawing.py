"""Settings, lookup tables, projections, measurements and pictures, in the process and over HTTP."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from omero_jlab.errors import Conflict, Denied, Invalid, NotFound, OmeroError, TooLarge
from omero_jlab.model import GroupType, Picture, Placement, Projection, Tile
from omero_jlab.objects import Image, Repository
from omero_jlab.rendering import colorize_labels, lut_of, render

from .conftest import World

RANDOM = np.random.default_rng(7)
PIXELS = RANDOM.integers(0, 60_000, (3, 2, 4, 90, 130), dtype=np.uint16)


@pytest.fixture(scope="module")
def repo(world: World) -> Repository:
    return Repository(world.session("owner", GroupType.READ_ONLY))


@pytest.fixture(scope="module")
def image(repo: Repository) -> Image:
    return repo.save_image(PIXELS, name="noise", channels=["DNA", "ER"])


def seen(image: Image, member: Any) -> Image:
    return Repository(member).image(image.id)


# -- settings


@pytest.mark.parametrize("user", ["member", "leader", "admin"])
def test_who_sees_an_image_keeps_settings_that_touch_nobody_elses(
    world: World, image: Image, user: str
) -> None:
    group = "elsewhere" if user == "admin" else GroupType.READ_ONLY
    other = seen(image, world.session(user, group))
    before = image.settings
    other.set_channel("ER", window=(10, 20), lut="fire")
    assert other.settings.channels[1].lut == "fire"
    assert image.settings == before
    assert set(other.everybodys_settings()) >= {user}
    other.reset_settings()
    assert other.settings == before


@pytest.mark.parametrize("user", ["leader", "admin"])
def test_in_a_private_group_settings_are_the_owners_alone(world: World, user: str) -> None:
    owner = Repository(world.session("owner", GroupType.PRIVATE))
    made = owner.save_image(PIXELS[:1, :, :1], name="hidden")
    group = "elsewhere" if user == "admin" else GroupType.PRIVATE
    other = seen(made, world.session(user, group))
    with pytest.raises(Denied):
        other.set_channel(0, window=(1, 2))
    copied = other._session.images.copy_settings(made.id, (made.id,))
    assert [each.image_id for each in copied.refused] == [made.id]


def test_settings_are_copied_to_what_fits_and_the_rest_is_named(
    repo: Repository, image: Image, world: World
) -> None:
    alike = repo.save_image(PIXELS[:1, :, :2], name="alike")
    typed = repo.save_image(PIXELS.astype(np.float32), name="typed")
    single = repo.save_image(PIXELS[:, :1], name="single")
    image.set_channel("DNA", window=(5, 500), lut="ice", gamma=0.5)
    image.settings = image.settings.model_copy(update={"z": 3, "t": 2})
    copied = image.copy_settings([alike, typed, single, 987_654])
    assert copied.changed == (alike.id,)
    assert [each.image_id for each in copied.refused] == [typed.id, single.id, 987_654]
    assert "float32" in copied.refused[0].reason
    assert "1 channels" in copied.refused[1].reason
    assert alike.settings.channels == image.settings.channels
    assert (alike.settings.z, alike.settings.t) == (1, 0)
    assert typed.settings == typed._session.images.default_settings(typed.id)
    image.reset_settings()


def test_settings_go_back_to_the_file_the_extremes_the_type_or_the_owner(
    world: World, image: Image
) -> None:
    imported = image._session.images.default_settings(image.id)
    image.set_channel("DNA", window=(1, 2), family="logarithmic")
    full = image.adjust_settings("full")
    assert [(c.start, c.end) for c in full.channels] == [(0, 65535)] * 2
    assert full.channels[0].family == "logarithmic"
    extremes = image.adjust_settings("minmax")
    assert [(c.start, c.end) for c in extremes.channels] == [
        (channel.minimum, channel.maximum) for channel in image.channels
    ]
    member = seen(image, world.session("member", GroupType.READ_ONLY))
    assert member.adjust_settings("imported") == imported
    assert member.adjust_settings("owner") == extremes
    member.reset_settings()
    assert image.adjust_settings("imported") == imported
    image.reset_settings()


def test_a_float_image_has_no_full_range(repo: Repository) -> None:
    made = repo.save_image(np.ones((1, 1, 1, 5, 5), np.float32), name="float")
    with pytest.raises(Invalid, match="minmax"):
        made.adjust_settings("full")


# -- lookup tables


def test_lookup_tables_are_added_drawn_with_and_removed(
    world: World, repo: Repository, image: Image, tmp_path: Path
) -> None:
    table = RANDOM.integers(0, 256, (256, 3), dtype=np.uint8)
    path = tmp_path / "ours.lut"
    path.write_bytes(table.T.tobytes())
    with pytest.raises(Denied):
        repo.luts.add(path)
    admin = Repository(world.session("admin", "elsewhere"))
    assert admin.luts.add(path) == "ours"
    with pytest.raises(Conflict):
        admin.luts.add(path)
    with pytest.raises(Conflict):
        admin.luts.add(path, "Fire")
    try:
        assert {"ours", "fire", "viridis", "16_colors"} <= set(repo.luts)
        assert np.array_equal(repo.luts["ours"], table)
        assert np.array_equal(repo.luts["fire"], lut_of("fire"))
        image.set_channel("DNA", lut="ours", window=(0, 255), active=True)
        image.set_channel("ER", active=False)
        tile = image._session.tile(image.id, Tile(level=0, t=0, z=0, row=0, column=0), format="png")
        drawn = np.asarray(Pillow.open(io.BytesIO(tile)))
        assert np.array_equal(drawn, table[np.minimum(PIXELS[0, 0, 0], 255)])
        with pytest.raises(Denied):
            repo.luts.remove("ours")
    finally:
        admin.luts.remove("ours")
    assert image.settings.channels[0].lut == "", "drawn in its colour again"
    assert image.thumbnail(64)[:2] == b"\xff\xd8"
    image.reset_settings()


@pytest.mark.parametrize("name", ["nothing", "../config", "a/b", "", "x" * 200, "fire\n"])
def test_a_table_that_is_not_there(world: World, image: Image, name: str) -> None:
    session = image._session
    if name:
        with pytest.raises((NotFound, Invalid)):
            image.set_channel(0, lut=name)
        settings = image.settings
        broken = settings.channels[0].model_copy(update={"lut": name})
        drawn = settings.model_copy(update={"channels": (broken, settings.channels[1])})
        with pytest.raises((NotFound, Invalid)):
            session.picture(image.id, Picture(settings=drawn))
    admin = world.session("admin", "elsewhere")
    for call in (lambda: session.images.lut(name), lambda: admin.images.remove_lut(name)):
        with pytest.raises(OmeroError):
            call()
    if name != "nothing":
        with pytest.raises(OmeroError):
            admin.images.add_lut(name, ("000000",) * 256)


def test_a_table_has_256_colours(world: World) -> None:
    admin = world.session("admin", "elsewhere")
    for colors in (("000000",) * 255, ("black",) * 256, ()):
        with pytest.raises(Invalid, match="256"):
            admin.images.add_lut("wrong", colors)
    with pytest.raises(Denied):
        admin.images.remove_lut("fire")


# -- projections


@pytest.mark.parametrize("method", ["max", "mean", "sum", "min"])
def test_projections_are_numpys(image: Image, method: str) -> None:
    along_z = image.project(method, z=range(1, 4), t=2)  # type: ignore[arg-type]
    expected = getattr(PIXELS[2, :, 1:4], method)(axis=1)
    assert along_z.dtype == expected.dtype
    np.testing.assert_allclose(along_z, expected, rtol=1e-12)
    along_t = image.project(method, t=range(3), z=1, channels=["ER"])  # type: ignore[arg-type]
    np.testing.assert_allclose(along_t, getattr(PIXELS[:, 1:, 1], method)(axis=0), rtol=1e-12)


def test_a_projection_is_drawn(image: Image) -> None:
    session, settings = image._session, image.settings
    projection = Projection(method="max", start=1)
    drawn = session.render(image.id, 0, 1, 0, 10, 20, 30, 40, projection=projection)
    planes = PIXELS[1, :, 1:, 10:40, 20:60].max(axis=1)
    assert np.array_equal(drawn, render(planes, settings))
    tile = Tile(level=0, t=1, z=0, row=0, column=0)
    png = session.tile(image.id, tile, format="png", projection=projection)
    whole = np.asarray(Pillow.open(io.BytesIO(png)))
    assert np.array_equal(whole[10:40, 20:60], drawn)


@pytest.mark.parametrize(
    "projection",
    [
        Projection(start=-1),
        Projection(stop=5),
        Projection(start=2, stop=2),
        Projection(start=3, stop=1),
        Projection(axis="t", stop=4),
        Projection(start=2**40),
    ],
)
def test_planes_that_are_not_there_are_not_projected(image: Image, projection: Projection) -> None:
    with pytest.raises(Invalid, match="projection"):
        image._session.project(image.id, projection)
    with pytest.raises(Invalid):
        image._session.picture(image.id, Picture(projection=projection))


def test_a_projection_has_a_limit(world: World) -> None:
    import dask.array as da

    here = Repository(world.here("owner", GroupType.READ_ONLY))
    array = da.zeros((1, 1, 100, 3000, 3000), dtype=np.float64, chunks=(1, 1, 100, 3000, 3000))
    from omero_jlab.repository.pictures import projections

    image = here.save_image(np.zeros((1, 1, 9, 30, 30)), name="deep")
    assert array.nbytes > projections._MOST_READ
    before = projections._MOST_READ
    projections._MOST_READ = 9 * 30 * 30 * 8 - 1
    try:
        with pytest.raises(TooLarge, match="coarser level"):
            world.session("owner", GroupType.READ_ONLY).project(image.id, Projection())
    finally:
        projections._MOST_READ = before


# -- measurements


def test_statistics_are_exact(image: Image) -> None:
    for values in image.statistics():
        pixels = PIXELS[:, values.channel]
        assert (values.minimum, values.maximum) == (pixels.min(), pixels.max())
        assert values.count == pixels.size
        assert values.mean == pytest.approx(pixels.mean())
        assert values.deviation == pytest.approx(pixels.std())
        for percent, value in values.percentiles:
            assert value == np.percentile(pixels, percent, method="inverted_cdf")
    (one,) = image.statistics(["ER"], z=2, t=1)
    assert one.maximum == PIXELS[1, 1, 2].max()


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint32", "int32", "f4", "f8"])
def test_every_type_is_measured(repo: Repository, dtype: str) -> None:
    pixels = (RANDOM.normal(0, 40, (1, 1, 2, 40, 50)).clip(-120, 120)).astype(dtype)
    image = repo.save_image(pixels, name=dtype)
    (values,) = image.statistics()
    assert (values.minimum, values.maximum) == (pixels.min(), pixels.max())
    assert values.mean == pytest.approx(float(pixels.mean(dtype=float)))
    wide = float(pixels.max()) - float(pixels.min())
    for percent, value in values.percentiles:
        exact = float(np.percentile(pixels, percent, method="inverted_cdf"))
        assert abs(value - exact) <= wide / 65536 * 1.01
    counts, edges = image.histogram(bins=17)
    expected, known = np.histogram(pixels.astype(float), 17)
    np.testing.assert_allclose(edges, known)
    assert np.abs(counts - expected).sum() <= 2
    assert counts.sum() == pixels.size


def test_what_is_no_number_is_left_out(repo: Repository) -> None:
    pixels = np.arange(60, dtype=np.float32).reshape(1, 1, 1, 6, 10)
    pixels[..., 0, :3] = [np.nan, np.inf, -np.inf]
    image = repo.save_image(pixels, name="holes")
    (values,) = image.statistics()
    assert (values.minimum, values.maximum, values.count) == (3, 59, 57)
    found = image._session.images.histogram(image.id)
    assert (found.below, found.above, found.nan, sum(found.counts)) == (1, 1, 1, 57)
    nothing = repo.save_image(np.full((1, 1, 1, 3, 3), np.nan, np.float32), name="nothing")
    (none,) = nothing.statistics()
    assert (none.minimum, none.count, none.low < none.high) == (None, 0, True)
    assert sum(nothing._session.images.histogram(nothing.id).counts) == 0


def test_complex_pixels_count_by_magnitude(world: World, repo: Repository, tmp_path: Path) -> None:
    pixels = (RANDOM.normal(size=(3, 8, 9)) + 1j).astype(np.complex64)
    tifffile.imwrite(tmp_path / "complex.ome.tif", pixels, ome=True, metadata={"axes": "ZYX"})
    here = Repository(world.here("owner", GroupType.READ_ONLY))
    (imported,) = here.import_files(tmp_path / "complex.ome.tif", quiet=True)
    image = repo.image(imported.id)
    size = np.abs(pixels)
    (values,) = image.statistics()
    assert (values.minimum, values.maximum) == (size.min(), size.max())
    np.testing.assert_allclose(image.project("max")[0], size.max(axis=0))
    np.testing.assert_allclose(image.values([(3, 4)], z=1), [[size[1, 3, 4]]])
    profile = image.line_profile((2.5, 0.5), (2.5, 8.5), z=2)
    np.testing.assert_allclose(profile.values[0], size[2, 2])
    assert np.array_equal(np.asarray(image.picture(z=1)), render(size[1:2], image.settings))


def test_histograms_in_a_range(image: Image) -> None:
    counts, edges = image.histogram("ER", bins=10, range=(1000, 2000), z=0, t=0)
    expected, known = np.histogram(PIXELS[0, 1, 0], 10, (1000, 2000))
    assert np.array_equal(counts, expected)
    np.testing.assert_allclose(edges, known)


@pytest.mark.parametrize(
    "asked",
    [
        {"bins": 0},
        {"bins": 10**9},
        {"low": 5.0, "high": 5.0},
        {"low": float("nan")},
        {"high": float("inf")},
        {"low": -1e308, "high": 1e308},
        {"c": 2},
        {"c": -1},
        {"z": 4},
        {"level": 1},
    ],
)
def test_histograms_that_make_no_sense(image: Image, asked: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        image._session.images.histogram(image.id, **asked)


def test_values_at_points(image: Image) -> None:
    points = [(0, 0), (89.9, 129.9), (12.5, 7.49)]
    expected = [PIXELS[2, :, 3, y, x] for y, x in ((0, 0), (89, 129), (12, 7))]
    assert np.array_equal(image.values(points, z=3, t=2), expected)
    assert image.values(np.zeros((0, 2))).shape == (0, 2)
    many = RANDOM.uniform(0, 90, (1100, 2))
    assert np.array_equal(image.values(many), [PIXELS[0, :, 0, int(y), int(x)] for y, x in many])
    for bad in ((-0.1, 0), (90, 0), (0, 130), (float("nan"), 1), (1e30, 1)):
        with pytest.raises(Invalid):
            image.values([bad])


def test_line_profiles(image: Image) -> None:
    flat = image.line_profile((10.5, 3.5), (10.5, 13.5))
    assert np.array_equal(flat.values, PIXELS[0, :, 0, 10, 3:14])
    assert flat.distance == tuple(range(11)) and flat.distance_um is None
    wide = image.line_profile((10.5, 3.5), (10.5, 13.5), ["ER"], width=3)
    np.testing.assert_allclose(wide.values, [PIXELS[0, 1, 0, 9:12, 3:14].mean(axis=0)])
    slanted = image.line_profile((2.2, 4.1), (77.7, 121.9), [0], z=1, t=1)
    y, x = np.linspace((2.2, 4.1), (77.7, 121.9), len(slanted.distance)).T - 0.5
    plane = PIXELS[1, 0, 1].astype(float)
    rows, columns = y.astype(int), x.astype(int)
    dy, dx = y - rows, x - columns
    expected = (plane[rows, columns] * (1 - dx) + plane[rows, columns + 1] * dx) * (1 - dy) + (
        plane[rows + 1, columns] * (1 - dx) + plane[rows + 1, columns + 1] * dx
    ) * dy
    np.testing.assert_allclose(slanted.values[0], expected)
    assert slanted.distance[-1] == pytest.approx(np.hypot(75.5, 117.8))
    for bad in ({"start": (-1, 0), "end": (5, 5)}, {"start": (0, 0), "end": (float("nan"), 5)}):
        with pytest.raises(Invalid):
            image.line_profile(**bad)
    with pytest.raises(Invalid):
        image.line_profile((0, 0), (5, 5), width=0)


# -- pictures


def test_a_picture_of_a_region_is_what_rendering_draws(image: Image) -> None:
    drawn = np.asarray(image.picture(y=5, x=7, height=50, width=60, z=2, t=1))
    assert np.array_equal(drawn, render(PIXELS[1, :, 2, 5:55, 7:67], image.settings))


def test_a_smaller_picture_is_the_average(image: Image) -> None:
    drawn = np.asarray(image.picture(size=65, z=0, t=0))
    means = PIXELS[0, :, 0].reshape(2, 45, 2, 65, 2).mean(axis=(2, 4))
    rounded = np.floor(means + 0.5).astype(np.uint16)
    assert np.array_equal(drawn, render(rounded, image.settings))


def test_a_larger_picture_repeats_pixels(image: Image) -> None:
    drawn = np.asarray(image.picture(y=3, x=4, height=10, width=12, size=36, z=0, t=0))
    squares = np.kron(PIXELS[0, :, 0, 3:13, 4:16], np.ones((1, 3, 3), np.uint16))
    assert np.array_equal(drawn, render(squares, image.settings))


def test_channels_are_split(image: Image) -> None:
    drawn = np.asarray(image.picture(layout="split", z=0, t=0))
    assert drawn.shape == (90, 3 * 130 + 2 * 4, 3)
    settings = image.settings
    for c in (0, 1):
        alone = [
            each.model_copy(update={"active": i == c}) for i, each in enumerate(settings.channels)
        ]
        expected = render(PIXELS[0, :, 0], settings.model_copy(update={"channels": tuple(alone)}))
        assert np.array_equal(drawn[:, c * 134 : c * 134 + 130], expected)
    assert np.array_equal(drawn[:, 268:], render(PIXELS[0, :, 0], settings))
    assert (drawn[:, 130:134] == 255).all()


def test_planes_are_mounted(image: Image) -> None:
    drawn = np.asarray(image.picture(layout="z", t=1))
    assert drawn.shape == (2 * 90 + 4, 2 * 130 + 4, 3)
    assert np.array_equal(drawn[94:, 134:], render(PIXELS[1, :, 3], image.settings))
    times = np.asarray(image.picture(layout="t", z=1, start=0, step=2, columns=1))
    assert times.shape == (184, 130, 3)
    assert np.array_equal(times[94:], render(PIXELS[2, :, 1], image.settings))


def test_labels_lie_over_a_picture(image: Image) -> None:
    labels = np.zeros((90, 130), np.uint8)
    labels[20:40, 30:60] = 5
    made = image.attach_labels(labels, name="cells")
    drawn = np.asarray(image.picture(labels=[made], opacity=1, z=0, t=0))
    color = colorize_labels(np.array([[5]]))[0, 0, :3]
    plain = np.asarray(image.picture(z=0, t=0))
    assert (drawn[20:40, 30:60] == color).all()
    assert np.array_equal(drawn[labels == 0], plain[labels == 0])
    half = np.asarray(image.picture(labels=made, z=0, t=0))
    mixed = np.floor((plain[20:40, 30:60] + color.astype(float)) / 2 + 0.5)
    assert np.array_equal(half[20:40, 30:60], mixed)
    small = np.asarray(image.picture(labels=made, opacity=1, size=13, z=0, t=0))
    assert (small[2:4, 3:6] == color).all()
    made.placement = Placement(y=10, x=0)
    moved = np.asarray(image.picture(labels=made, opacity=1, z=0, t=0))
    assert (moved[30:50, 30:60] == color).all()


def test_labels_of_another_image_are_refused(repo: Repository, image: Image) -> None:
    other = repo.save_image(PIXELS[:1, :1, :1], name="other")
    labels = other.attach_labels(np.ones((90, 130), np.uint8))
    with pytest.raises(Invalid, match="lies over"):
        image.picture(labels=labels)
    with pytest.raises(NotFound):
        image.picture(labels=[987_654])


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp", ".tif"])
def test_pictures_are_saved(image: Image, tmp_path: Path, ending: str) -> None:
    path = image.save_picture(tmp_path / f"cells{ending}", size=100, quality=95)
    with Pillow.open(path) as picture:
        assert picture.size == (100, 69)
    with pytest.raises(Invalid, match="gif"):
        image.save_picture(tmp_path / "cells.gif")


def test_sizes_go_into_a_tiff_and_a_scale_bar_over_a_picture(
    world: World, repo: Repository, image: Image, tmp_path: Path
) -> None:
    from omero_jlab.database import ImageRow

    with pytest.raises(Invalid, match="how large"):
        image.picture(scale_bar_um=0)
    made = repo.save_image(np.zeros((1, 1, 1, 200, 400), np.uint8), name="measured")
    with world.here("owner", GroupType.READ_ONLY).writing() as unit:
        row = unit.db.get(ImageRow, made.id)
        row.pixel_size_x_um, row.pixel_size_y_um = 0.25, 0.5
    path = made.save_picture(tmp_path / "measured.tif", size=200)
    with tifffile.TiffFile(path) as tiff:
        tags = tiff.pages[0].tags
        assert tags["ResolutionUnit"].value == 3
        x, y = (tags[name].value for name in ("XResolution", "YResolution"))
        assert (x[0] / x[1], y[0] / y[1]) == pytest.approx((1e4 / 0.5, 1e4 / 1.0))
        assert 'PhysicalSizeX="0.5"' in tiff.ome_metadata
        assert tiff.asarray().shape == (100, 200, 3)
    bar = np.asarray(made.picture(scale_bar_um=50))
    rows = np.flatnonzero((bar == 255).all(axis=2).sum(axis=1) >= 200)
    assert len(rows) and (bar == 255).all(axis=2)[rows[0]].sum() == 200, "50 µm are 200 pixels"
    fitting = np.asarray(made.picture(scale_bar_um=0))
    assert (fitting == 255).all(axis=2).sum(axis=1).max() == 80, "20 µm of a width of 100"
    with pytest.raises(Invalid, match="does not fit"):
        made.picture(scale_bar_um=99)
    for bad in (-1.0, float("nan"), 1e300):
        with pytest.raises(Invalid):
            made.picture(scale_bar_um=bad)


def test_a_legend_names_channels_in_their_colours(image: Image) -> None:
    off = [
        each.model_copy(update={"start": 60_000, "end": 60_001}) for each in image.settings.channels
    ]
    dark = image.settings.model_copy(update={"channels": tuple(off)})
    drawn = np.asarray(image.picture(settings=dark, legend=True, size=600))
    for channel in dark.channels:
        rgb = np.frombuffer(bytes.fromhex(channel.color), np.uint8)
        assert (drawn[:200] == rgb).all(axis=2).any(), channel.color
    assert not drawn[300:].any()


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"size": 0}, Invalid),
        ({"size": -5}, Invalid),
        ({"size": 20_000}, TooLarge),
        ({"size": 10**12}, Invalid),
        ({"y": -1}, Invalid),
        ({"y": 90}, Invalid),
        ({"height": 0}, Invalid),
        ({"height": 91}, Invalid),
        ({"x": 2**62}, Invalid),
        ({"z": 4}, Invalid),
        ({"t": -1}, Invalid),
        ({"layout": "z", "step": 0}, Invalid),
        ({"layout": "z", "stop": 9}, Invalid),
        ({"layout": "z", "projection": Projection()}, Invalid),
        ({"columns": 0}, Invalid),
        ({"labels": (1,) * 3, "opacity": 2.0}, OmeroError),
        ({"quality": 0, "format": "jpeg"}, Invalid),
    ],
)
def test_pictures_that_cannot_be(image: Image, asked: dict[str, Any], error: type) -> None:
    with pytest.raises(error):
        image._session.picture(image.id, Picture(**asked))


def test_pictures_and_measurements_of_what_is_hidden(world: World, image: Image) -> None:
    session = world.session("outsider", "elsewhere")
    calls: tuple[Callable[[], Any], ...] = (
        lambda: session.picture(image.id),
        lambda: session.project(image.id, Projection()),
        lambda: session.images.statistics(image.id),
        lambda: session.images.all_settings(image.id),
    )
    for call in calls:
        with pytest.raises(NotFound):
            call()


def test_a_tag_is_of_settings_labels_and_rights(world: World, image: Image) -> None:
    if not world.over_http:
        pytest.skip("tags are of HTTP")
    image._session.server.status()
    root = f"{world.url}omero-jlab/api/v1/images/{image.id}/picture"
    headers = {"Authorization": f"Bearer {world._tokens['owner']}"}
    with httpx.Client(trust_env=False, headers=headers) as client:
        first = client.get(root, params={"size": 32})
        assert first.headers["Content-Type"] == "image/png"
        tag = {"If-None-Match": first.headers["Etag"]}
        assert client.get(root, params={"size": 32}, headers=tag).status_code == 304
        image.set_channel(0, window=(1, 2))
        assert client.get(root, params={"size": 32}, headers=tag).status_code == 200
        image.reset_settings()
    world.session("outsider", "elsewhere").server.status()
    headers = {"Authorization": f"Bearer {world._tokens['outsider']}"} | tag
    with httpx.Client(trust_env=False, headers=headers) as client:
        assert client.get(root, params={"size": 32}).status_code == 404
