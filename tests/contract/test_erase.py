"""An erasure leaves no byte: not in files, not in the database's free pages, not in its log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile

from omero_jlab.errors import Invalid, NotFound
from omero_jlab.model import CheckReport, Erasure, GroupType
from omero_jlab.objects import Image, Repository, wait

from .conftest import World

MARKER = "Zyxwvut4711"
PIXELS = np.full((96, 96), 0xBEEF, np.uint16)
RW = GroupType.READ_WRITE


@pytest.fixture(params=["in-process", "http"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "world", request.param == "http")
    try:
        yield world
    finally:
        world.close()


@pytest.fixture
def repo(world: World) -> Repository:
    return Repository(world.session("owner", RW))


@pytest.fixture
def image(repo: Repository, tmp_path: Path) -> Image:
    """An imported image, with the marker wherever a user can write something."""
    path = tmp_path / "from" / MARKER / f"{MARKER}.tif"
    path.parent.mkdir(parents=True)
    tifffile.imwrite(path, PIXELS)
    (image,) = repo.import_files(path, dataset="kept", quiet=True)
    image.rename(f"{MARKER} renamed", f"of {MARKER}")
    image.rename(f"{MARKER} once more", f"for {MARKER}")
    image.add_comment(f"says {MARKER}")
    image.add_key_values({MARKER: MARKER})
    table = image.attach_table(pd.DataFrame({"name": [MARKER] * 3}), name=MARKER)
    table.append(pd.DataFrame({"name": [f"{MARKER} again"]}))
    image.attach_labels(np.full((96, 96), 47, np.uint8), name=MARKER)
    (tmp_path / f"{MARKER}.txt").write_text(f"file of {MARKER}")
    image.attach_file(tmp_path / f"{MARKER}.txt")
    image.thumbnail()
    image.plane()
    return image


def erase(world: World, kind: str, number: int, **more: Any) -> Erasure:
    session = world.session("admin")
    report = wait(session, session.admin.erase(kind, number, **more), "erase", quiet=True)
    assert isinstance(report, Erasure)
    return report


def traces(world: World) -> list[str]:
    """Every file of the repository in which the marker or its pixels can still be read."""
    wanted = (MARKER.encode(), MARKER.lower().encode(), b"\xef\xbe" * 8, b"\xbe\xef" * 8)
    root = world.store.layout.root
    found = []
    for path in (p for p in root.rglob("*") if p.is_file()):
        data = path.read_bytes()
        if any(word in data for word in wanted) or MARKER in path.name:
            found.append(path.relative_to(root).as_posix())
    return found


def check(world: World) -> CheckReport:
    session = world.session("admin")
    report = wait(session, session.admin.check(verify=True), "check", quiet=True)
    assert isinstance(report, CheckReport)
    return report


def test_nothing_is_left_of_an_image(world: World, repo: Repository, image: Image) -> None:
    other = repo.save_image(np.full((1, 1, 1, 16, 16), 9, np.uint8), name="other")
    other.add_comment("stays")
    assert {name.split("/")[0] for name in traces(world)} >= {
        "ManagedRepository", "Files", "omero-jlab.db-wal"
    }  # fmt: skip
    protocol = erase(world, "image", image.id, reason="consent withdrawn")
    assert traces(world) == []
    assert check(world).problems == ()
    assert (protocol.object_id, protocol.user, protocol.reason) == (
        image.id, "admin", "consent withdrawn"
    )  # fmt: skip
    assert {place.place for place in protocol.places} >= {
        "image", "file", "fileset", "segment", "annotation", "ManagedRepository", "Pixels", "Files"
    }  # fmt: skip
    assert protocol.duties
    assert world.session("admin").admin.erasures() == (protocol,)
    with pytest.raises(NotFound):
        image.refresh()
    assert (other.comments, int(other.plane().sum())) == (["stays"], 9 * 256)
    assert [each.name for each in repo.datasets] == ["kept"]
    for hit in ("stays", "other"):
        assert repo._session.search.find(hit)
    assert repo._session.search.find(MARKER) == ()


def test_what_lies_in_trash_and_quarantine_goes_too(
    world: World, repo: Repository, image: Image
) -> None:
    session = world.session("admin")
    layout = world.store.layout
    stray = layout.root / "Pixels" / "images" / str(image.id) / MARKER
    stray.write_text(MARKER)
    (upload,) = [layout.staging(layout.files) / "uploads" / "u-0"]
    upload.mkdir(parents=True)
    (original,) = layout.managed.rglob("*.tif")
    (upload / "x").write_bytes(original.read_bytes())
    set_aside = layout.quarantine(layout.pixels) / "2020-01-01T000000.000000Z"
    inside = set_aside / "images" / str(image.id) / "old"
    inside.parent.mkdir(parents=True)
    inside.write_text(MARKER)
    name = f"Pixels/images/{image.id}/old"
    (set_aside / "moved.json").write_text(f'[{{"path": "{name}", "size": 11}}]')
    image.delete()
    protocol = erase(world, "image", image.id)
    assert traces(world) == []
    assert repo.deletions == ()
    assert session.admin.quarantines() == ()
    assert protocol.image_ids == (image.id,)
    with pytest.raises(NotFound):
        erase(world, "image", image.id)


def test_a_dry_run_says_what_would_go(world: World, image: Image) -> None:
    before = traces(world)
    protocol = erase(world, "image", image.id, dry_run=True)
    assert protocol.dry_run and protocol.id is None
    assert sum(place.files for place in protocol.places) >= 6
    assert MARKER not in protocol.model_dump_json(), "a protocol tells nothing of what went"
    assert traces(world) == before
    image.refresh()
    assert world.session("admin").admin.erasures() == ()


def test_images_of_the_same_files_go_together_or_not(world: World, repo: Repository) -> None:
    first, second = world.images("owner", RW, ("a", "b"))
    with pytest.raises(Invalid, match=f"image {second}"):
        erase(world, "image", first)
    assert repo.image(first).name == "a"
    assert erase(world, "image", first, with_fileset=True).image_ids == (first, second)


def test_a_container_goes_with_its_contents_where_asked(world: World, repo: Repository) -> None:
    pixels = np.ones((1, 1, 1, 8, 8), np.uint8)
    one, two = (repo.save_image(pixels, name, MARKER, project=MARKER) for name in ("a", "b"))
    (dataset,) = repo.datasets
    (project,) = repo.projects
    other = repo.datasets.add("other")
    repo._session.graph.link("dataset", other.id, "image", two.id)
    assert erase(world, "project", project.id).image_ids == ()
    assert erase(world, "dataset", dataset.id, contents=True).image_ids == (one.id,)
    assert repo.image(two.id).name == "b"
    assert traces(world) == []


def test_an_annotation_goes_from_every_object(world: World, repo: Repository, image: Image) -> None:
    (tag,) = [image.tag(MARKER), *repo.tags][1:]
    table = image.tables[0]
    erase(world, "annotation", table.id)
    erase(world, "annotation", tag.id)
    assert (image.tables, image.tags) == ([], [])
    assert not [*(world.store.layout.root / "Files" / "tables").rglob("*.h5")]
    assert check(world).problems == ()


def test_a_backup_is_named_as_a_duty(world: World, repo: Repository, tmp_path: Path) -> None:
    image = repo.save_image(np.ones((1, 1, 1, 8, 8), np.uint8), name="x")
    root = Repository(world.root)
    job = root.admin.backup(str(tmp_path / "backup"))
    wait(world.root, job, "backup", quiet=True)
    duties = erase(world, "image", image.id).duties
    assert any(str(tmp_path / "backup") in duty for duty in duties)
