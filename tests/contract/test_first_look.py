"""How an image looks before anybody chose: as its file, its microscope or its scanner says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image as Pillow
from PIL import ImageCms

from omero_jlab.model import Tile
from omero_jlab.objects import Image, Repository
from omero_jlab.rendering import to_srgb
from omero_jlab.repository import Store

RANDOM = np.random.default_rng(9)
Y, X = np.mgrid[:40, :50]
SLIDE = np.stack([6 * Y, 2 * X + 30, 255 - 3 * (X + Y // 2)], axis=2).astype(np.uint8)


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    with closing(Store.open(tmp_path_factory.mktemp("looks") / "repo", create=True)) as store:
        yield Repository(store.session())


def imported(repo: Repository, path: Path) -> Image:
    images = repo.import_files(path, quiet=True)
    assert not images.failed, images.failed
    return images[0]


def swapped() -> bytes:
    """A profile whose red is sRGB's blue, and the other way round."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {bytes(data[i : i + 4]): i for i in range(132, 132 + 12 * data[131], 12)}
    red, blue = tags[b"rXYZ"] + 4, tags[b"bXYZ"] + 4
    data[red : red + 8], data[blue : blue + 8] = data[blue : blue + 8], data[red : red + 8]
    return bytes(data)


@pytest.mark.parametrize("kind", ["slide.tif", "slide.ome.tif", "slide.png"])
@pytest.mark.parametrize("has_profile", [True, False])
def test_a_colour_picture_looks_as_its_scanner_means_it(
    repo: Repository, tmp_path: Path, kind: str, has_profile: bool
) -> None:
    path = tmp_path / kind
    profile = swapped() if has_profile else None
    if kind.endswith("png"):
        Pillow.fromarray(SLIDE).save(path, icc_profile=profile)
    else:
        tifffile.imwrite(
            path, SLIDE, photometric="rgb", ome="ome" in kind, tile=(16, 16), iccprofile=profile
        )
    image = imported(repo, path)
    expected = SLIDE if profile is None else to_srgb(SLIDE, profile)
    if has_profile:
        assert np.abs(expected.astype(int) - SLIDE[..., ::-1]).max() <= 2
    assert image.is_rgb
    assert np.array_equal(np.asarray(image.picture()), expected)
    assert np.array_equal(image.rgb(), expected)
    png = image._session.tile(image.id, Tile(level=0, t=0, z=0, row=0, column=0), format="png")
    assert np.array_equal(_read(png), expected)
    small = _read(image.thumbnail(50)).astype(int)
    assert np.abs(small - expected).mean() < 10 < np.abs(small - expected[..., ::-1]).mean()
    assert np.array_equal(image.plane(0), SLIDE[..., 0]), "pixels stay what they are"


def test_a_profile_that_is_none_spoils_nothing(repo: Repository, tmp_path: Path) -> None:
    path = tmp_path / "odd.tif"
    tifffile.imwrite(path, SLIDE, photometric="rgb", iccprofile=b"no profile at all")
    image = imported(repo, path)
    assert np.array_equal(np.asarray(image.picture()), SLIDE)


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({"start": 5, "end": 700, "min": 0, "max": 65535}, (5.0, 700.0)),
        ({"start": 0, "end": 65535}, None),
        ({"start": 9, "end": 9}, None),
        ({"start": "a", "end": 9}, None),
        ({"start": 0, "end": 10**400}, None),
        ({"end": 9}, None),
        ([1, 2], None),
    ],
)
def test_the_window_in_an_ome_zarr_is_kept_where_somebody_chose_it(
    repo: Repository, tmp_path: Path, window: Any, expected: tuple[float, float] | None
) -> None:
    pixels = RANDOM.integers(0, 4000, (1, 30, 40), dtype=np.uint16)
    path = tmp_path / "cells.zarr"
    group = zarr.create_group(str(path), zarr_format=2)
    group.create_array("0", shape=pixels.shape, dtype=pixels.dtype, chunks=(1, 30, 40))[...] = (
        pixels
    )
    (path / ".zattrs").write_text(
        json.dumps(
            {
                "multiscales": [
                    {
                        "axes": [{"name": axis} for axis in "cyx"],
                        "datasets": [{"path": "0"}],
                        "version": "0.4",
                    }
                ],
                "omero": {"channels": [{"label": "DAPI", "color": "00FFFF", "window": window}]},
            }
        )
    )
    (channel,) = imported(repo, path).settings.channels
    found = (channel.start, channel.end)
    assert channel.color == "00FFFF"
    assert found == expected if expected else 0 <= found[0] < 100 and 3900 < found[1] < 4000


@pytest.mark.real_data
def test_a_field_of_cardiomyocytes_is_not_white(repo: Repository, real_data: Path) -> None:
    (path,) = (real_data / "ome-zarr").glob("*Cardiomyocyte*")
    image = imported(repo, path)
    assert [(c.start, c.end) for c in image.settings.channels] == [(0, 700), (0, 200), (0, 1500)]
    picture = np.asarray(image.picture(size=300))
    assert 40 < picture.mean() < 140
    assert (picture.min(axis=2) > 200).mean() < 0.05


@pytest.mark.real_data
def test_a_slide_is_as_its_file_has_it(repo: Repository, real_data: Path) -> None:
    path = real_data / "svs" / "CMU-1-Small-Region.svs"
    image = imported(repo, path)
    truth = tifffile.imread(path)[100:300, 200:500]
    drawn = np.asarray(image.picture(y=100, x=200, height=200, width=300))
    assert np.abs(drawn.astype(int) - truth).max() <= 3
    thumbnail = _read(image.thumbnail(128))
    assert np.abs(thumbnail.mean(axis=(0, 1)) - tifffile.imread(path).mean(axis=(0, 1))).max() < 3


def _read(data: bytes) -> np.ndarray:
    import io

    with Pillow.open(io.BytesIO(data)) as picture:
        return np.asarray(picture)
