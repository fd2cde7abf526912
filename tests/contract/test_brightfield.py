"""A slide looks as its scanner shows it: at every level, and from the thumbnail on."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from omero_jlab.model import GroupType, Tile
from omero_jlab.objects import Repository
from omero_jlab.pixels.halve import mean

from .conftest import World

Y, X = np.mgrid[:600, :3300]
SLIDE = np.stack([Y // 5 + 90, X // 40 + 120, 210 - (X + Y) // 60], axis=2).astype(np.uint8)


def imported(world: World, path: Path) -> dict[str, Any]:
    """The records of the images in a file, by name, when nothing is left to do."""
    session = world.here("owner", GroupType.READ_WRITE)
    session.shares_disk = True
    images = Repository(session).import_files(path, quiet=True)
    deadline = time.monotonic() + 60
    while any(job.finished_at is None for job in session.jobs.list()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return {image.name: session.images.get(image.id) for image in images}


def shown(data: bytes) -> np.ndarray:
    with Pillow.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def test_tiles_of_a_pyramid_leave_as_they_are_stored(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"{world.word()}.tif"
    tifffile.imwrite(
        path, SLIDE, photometric="ycbcr", tile=(256, 256), compression="jpeg",
        compressionargs={"level": 92}, subsampling=(1, 1),
    )  # fmt: skip
    (image,) = imported(world, path).values()
    assert image.pyramid == "complete" and len(image.levels) == 3
    session = world.session("owner", GroupType.READ_WRITE)
    truth = session.render(image.id, 1, 0, 0, 0, 256, 256, 256)
    with monkeypatch.context() as patch:
        # Nothing may be drawn, nor decoded.
        patch.setattr("omero_jlab.repository.pictures.render.draw", None)
        tile = session.tile(image.id, Tile(level=1, t=0, z=0, row=0, column=1, size=256))
    assert np.array_equal(shown(tile), truth)
    decoded = session.render(image.id, 0, 0, 0, 0, 0, 600, 3300).astype(int)
    assert np.abs(mean(decoded[..., 1])[:256, 256:512] - truth[..., 1]).max() <= 6
    thumbnail = shown(session.thumbnail(image.id, 128))
    assert np.abs(thumbnail.mean(axis=(0, 1)) - decoded.mean(axis=(0, 1))).max() < 2
    # The same pixels for programs that know nothing of JPEG.
    document = session.zarr_file(image.id, "1/zarr.json", "0.5")
    assert document is not None and b"zstd" in document and b"jpeg" not in document


@pytest.mark.real_data
def test_label_and_overview_are_images_of_their_own(world: World, real_data: Path) -> None:
    path = real_data / "svs" / "CMU-1-Small-Region.svs"
    images = imported(world, path)
    kinds = {name.partition("[")[2].rstrip("]").lower(): image for name, image in images.items()}
    assert {"label", "macro"} < set(kinds) and len(kinds) == 4
    session = world.session("owner", GroupType.READ_WRITE)
    with tifffile.TiffFile(path) as tiff:
        truths = {series.name.lower(): series.asarray() for series in tiff.series}
    for kind, image in kinds.items():
        assert image.is_rgb
        assert {(c.window_start, c.window_end) for c in image.channels} == {(0.0, 255.0)}
        thumbnail = shown(session.thumbnail(image.id, 128))
        truth = truths[kind]
        assert thumbnail.shape[0] == max(1, round(128 * truth.shape[0] / max(truth.shape[:2])))
        assert np.abs(thumbnail.mean(axis=(0, 1)) - truth.mean(axis=(0, 1))).max() < 3
