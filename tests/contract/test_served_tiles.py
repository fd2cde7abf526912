"""Tiles that are sent as they are stored, and what is kept of an image between two requests."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import httpx
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from PIL import ImageCms

from omero_jlab.errors import Invalid, NotFound, Unreadable
from omero_jlab.model import GroupType, Tile
from omero_jlab.objects import Image, Repository

from .conftest import World

Y, X = np.mgrid[:300, :400]
SLIDE = np.stack([Y // 2 + 40, X // 2 + 20, 200 - (X + Y) // 4], axis=2).astype(np.uint8)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def imported(world: World, path: Path) -> Any:
    """The record of the one image in a file on the repository's disk."""
    session = world.here("owner", GroupType.READ_WRITE)
    session.shares_disk = True
    Repository(session).import_files(path, quiet=True)
    (image,) = session.images.find(name=path.name)
    return image


def slide(path: Path, **options: Any) -> Path:
    tifffile.imwrite(
        path, SLIDE, tile=(128, 128), compression="jpeg", compressionargs={"level": 95}, **options
    )
    return path


def tile(world: World, image: Any, **place: Any) -> bytes:
    where = {"level": 0, "t": 0, "z": 0, "row": 0, "column": 0, "size": 128} | place
    session = world.session("owner", GroupType.READ_WRITE)
    answer: bytes = session.tile(image.id, Tile(**where))
    return answer


def shown(data: bytes) -> np.ndarray:
    return np.asarray(Pillow.open(io.BytesIO(data)).convert("RGB")).astype(int)


@pytest.mark.parametrize("photometric", ["ycbcr", "rgb"])
def test_a_slides_tile_is_the_stored_one(
    world: World, tmp_path: Path, photometric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = slide(tmp_path / f"{world.word()}.tif", photometric=photometric)
    image = imported(world, path)
    inside, cut = tile(world, image, row=1, column=1), tile(world, image, row=2, column=3)
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        place = 1 * 4 + 1
        file.filehandle.seek(page.dataoffsets[place])
        stored = file.filehandle.read(page.databytecounts[place])
        expected = page.decode(stored, place, jpegtables=page.jpegtables)[0].reshape(128, 128, 3)
    assert inside.endswith(stored[2:]), "not a bit of the picture is decoded and encoded again"
    # Browsers and decoders that know nothing of the file show the same colours.
    assert np.abs(shown(inside) - expected).max() <= 3
    assert np.abs(imagecodecs.jpeg8_decode(inside).astype(int) - expected).max() <= 3
    assert shown(cut).shape == (300 - 256, 400 - 384, 3), "an edge is cut, so it is drawn"
    png = world.session("owner", GroupType.READ_WRITE).tile(
        image.id, Tile(level=0, t=0, z=0, row=1, column=1, size=128), format="png"
    )
    assert np.abs(shown(png) - shown(inside)).max() <= 3


def test_a_slide_with_a_colour_profile_is_drawn(world: World, tmp_path: Path) -> None:
    path = slide(tmp_path / f"{world.word()}.tif", photometric="ycbcr", iccprofile=PROFILE)
    image = imported(world, path)
    drawn = tile(world, image)
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        file.filehandle.seek(page.dataoffsets[0])
        stored = file.filehandle.read(page.databytecounts[0])
    assert not drawn.endswith(stored[2:])
    png = world.session("owner", GroupType.READ_WRITE).tile(
        image.id, Tile(level=0, t=0, z=0, row=0, column=0, size=128), format="png"
    )
    assert np.abs(shown(drawn) - shown(png)).mean() < 3


def test_a_change_is_seen_at_once(world: World) -> None:
    """What is kept of an image holds until anything is written, for each user apart."""
    owner = world.session("owner", GroupType.READ_WRITE)
    pixels = np.arange(800).reshape(1, 2, 1, 20, 20).astype(np.uint8)
    image = owner.add_image(pixels, world.word(), channels=("a", "b"))
    member = world.session("member", GroupType.READ_WRITE)
    assert Repository(member).image(image.id).name == image.name
    word = world.word()
    Image(owner, image).rename(word)
    assert member.images.get(image.id).name == word
    before = member.tile(image.id, Tile(level=0, t=0, z=0, row=0, column=0))
    settings = owner.images.settings(image.id)
    off = tuple(each.model_copy(update={"active": False}) for each in settings.channels)
    owner.images.put_settings(image.id, settings.model_copy(update={"channels": off}))
    after = member.tile(image.id, Tile(level=0, t=0, z=0, row=0, column=0))
    assert shown(after).max() == 0 < shown(before).max(), "the owner's settings are the default"
    world.root.accounts.remove_member(world.groups["read-write"], world.users["member"])
    try:
        with pytest.raises(NotFound):
            world.session("member").tile(image.id, Tile(level=0, t=0, z=0, row=0, column=0))
    finally:
        world.root.accounts.put_member(world.groups["read-write"], world.users["member"], False)
    owner.graph.delete("image", image.id)
    with pytest.raises(NotFound):
        owner.tile(image.id, Tile(level=0, t=0, z=0, row=0, column=0))
    with pytest.raises(NotFound):
        owner.images.get(image.id)


@pytest.mark.parametrize("bad", [{"lut": "no such"}, {"start": float("nan")}, {"end": -1.0}])
def test_settings_that_draw_nothing_are_refused(world: World, bad: dict[str, Any]) -> None:
    owner = world.session("owner", GroupType.READ_WRITE)
    image = owner.add_image(np.zeros((1, 1, 1, 8, 8), np.uint8), world.word())
    settings = owner.images.settings(image.id)
    channel = settings.channels[0].model_copy(update={"start": 0.0, "end": 9.0} | bad)
    with pytest.raises((Invalid, NotFound)):
        owner.tile(
            image.id,
            Tile(level=0, t=0, z=0, row=0, column=0),
            settings.model_copy(update={"channels": (channel,)}),
        )


STORED = np.random.default_rng(3).integers(0, 300, (2, 200, 300), np.uint16)


def planes(path: Path, **options: Any) -> Path:
    options = {"tile": (64, 64), "photometric": "minisblack", "compression": "zstd"} | options
    tifffile.imwrite(path, STORED, metadata={"axes": "CYX"}, ome=True, **options)
    return path


def asked(world: World, image: Any, row: int, column: int, **more: Any) -> tuple[Any, np.ndarray]:
    """A raw tile of the second channel as it would be sent, and what it must hold."""
    if world.over_http:
        pytest.skip("the process that sends it decides")
    session = world.here("owner", GroupType.READ_WRITE)
    options = {"channels": (1,), "encodings": ("zstd",), "size": 64} | more
    where = Tile(level=0, t=0, z=0, row=row, column=column, size=options["size"])
    sent = session.sent_tile(image.id, where, options["channels"], options["encodings"])
    y, x, size = row * where.size, column * where.size, where.size
    return sent, STORED[list(options["channels"]), y : y + size, x : x + size]


def decoded(sent: Any) -> np.ndarray:
    data = imagecodecs.zstd_decode(sent.data) if sent.encoding else sent.data
    return np.frombuffer(data, sent.dtype).reshape(sent.shape)


def test_a_raw_tile_leaves_as_it_is_stored(world: World, tmp_path: Path) -> None:
    path = planes(tmp_path / f"{world.word()}.ome.tif")
    image = imported(world, path)
    sent, expected = asked(world, image, 1, 2)
    assert sent.encoding == "zstd"
    with tifffile.TiffFile(path) as file:
        page = file.pages[1]
        file.filehandle.seek(page.dataoffsets[7])
        assert sent.data == file.filehandle.read(page.databytecounts[7])
    assert np.array_equal(decoded(sent), expected)


@pytest.mark.parametrize(
    ("options", "more"),
    [
        ({"predictor": True}, {}),
        ({"byteorder": ">"}, {}),
        ({"compression": "zlib"}, {}),
        ({}, {"encodings": ()}),
        ({}, {"encodings": ("gzip", "br")}),
        ({}, {"channels": (1, 0)}),
        ({}, {"size": 128}),
        ({}, {"size": 32}),
        ({}, {"row": 3, "column": 4}),
    ],
    ids=str,
)
def test_what_does_not_fit_is_decoded(
    world: World, tmp_path: Path, options: dict[str, Any], more: dict[str, Any]
) -> None:
    if world.over_http:
        pytest.skip("the process that sends it decides")
    image = imported(world, planes(tmp_path / f"{world.word()}.ome.tif", **options))
    sent, expected = asked(world, image, **({"row": 0, "column": 1} | more))
    assert sent.encoding == ""
    assert np.array_equal(decoded(sent), expected)


def test_a_tile_that_was_never_compressed_is_sent_as_it_is(world: World, tmp_path: Path) -> None:
    image = imported(world, planes(tmp_path / f"{world.word()}.ome.tif", compression=None))
    for place in ((1, 2), (3, 4)):
        sent, expected = asked(world, image, *place)
        assert (sent.encoding, sent.dtype) == ("", "<u2")
        assert np.array_equal(decoded(sent), expected)


def test_who_says_so_gets_what_is_stored(world: World, tmp_path: Path) -> None:
    if not world.over_http:
        pytest.skip("nothing is coded in the process")
    image = imported(world, planes(tmp_path / f"{world.word()}.ome.tif"))
    secret = world.root.accounts.add_token(world.users["owner"]).secret
    url = f"{world.url}omero-jlab/api/v1/images/{image.id}/raw/0/0/0/1/2?size=64&channels=1"
    tags = set()
    for given, encoding in (
        ("gzip, zstd", "zstd"),
        ("zstd;q=0.5", "zstd"),
        ("gzip, deflate", None),
        ("zstd;q=0", None),
        ("*", None),
    ):
        headers = {"Authorization": f"Bearer {secret}", "Accept-Encoding": given}
        with httpx.stream("GET", url, headers=headers, trust_env=False) as answer:
            body = b"".join(answer.iter_raw())
        assert answer.status_code == 200
        assert answer.headers.get("Content-Encoding") == encoding
        assert answer.headers["Vary"] == "Accept-Encoding"
        tags.add((answer.headers["Etag"], encoding))
        data = imagecodecs.zstd_decode(body) if encoding else body
        assert data == STORED[1, 64:128, 128:192].tobytes()
    assert len({tag for tag, _ in tags}) == 2, "another body under the same tag"


def test_a_damaged_tile_is_told_and_not_passed_on(world: World, tmp_path: Path) -> None:
    """Its frame promises something else than the tile: nobody is sent that."""
    path = planes(tmp_path / f"{world.word()}.ome.tif")
    with tifffile.TiffFile(path) as file:
        offset, length = file.pages[1].dataoffsets[7], file.pages[1].databytecounts[7]
    image = imported(world, path)
    (kept,) = world.store.layout.managed.rglob(path.name)
    before = kept.stat().st_mtime_ns
    kept.chmod(0o600)
    with kept.open("r+b") as stored:
        stored.seek(offset)
        stored.write(imagecodecs.zstd_encode(bytes(1 << 16))[:length].ljust(length, b"\0"))
    os.utime(kept, ns=(before, before))
    with pytest.raises(Unreadable):
        asked(world, image, 1, 2)
