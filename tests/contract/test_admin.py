"""Looking after a repository: what a check finds, and what emptying the trash frees."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omero_jlab.errors import Denied, NotFound
from omero_jlab.model import CheckReport, GroupType, PurgeReport
from omero_jlab.objects import Image, Repository, wait
from omero_jlab.repository import Store

from .conftest import World


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path, over_http: bool) -> Iterator[World]:
    """A repository of its own for each test: some of them damage it."""
    world = World(tmp_path / "world", over_http)
    try:
        yield world
    finally:
        world.close()


@pytest.fixture(params=["in-process", "http"])
def over_http(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "http")


@pytest.fixture
def image(world: World, demo_plate: Path) -> Image:
    """An imported image with all that can hang on one."""
    repo = Repository(world.session("owner", GroupType.READ_WRITE))
    (image,) = repo.import_files(demo_plate / "images" / "A01_s1_DNA.tif", quiet=True)
    image.attach_table(pd.DataFrame({"a": [1, 2, 3]}), name="rows")
    image.attach_labels(np.ones(image.shape[-2:], np.uint8))
    image.attach_file(demo_plate / "facts.json")
    image.thumbnail()
    return image


def check(world: World, verify: bool = False) -> CheckReport:
    session = world.session("admin", "read-write")
    report = wait(session, session.admin.check(verify), "check", quiet=True)
    assert isinstance(report, CheckReport)
    return report


def purge(world: World, days: float = 0.0) -> PurgeReport:
    session = world.session("admin", "read-write")
    report = wait(session, session.admin.purge(days), "purge", quiet=True)
    assert isinstance(report, PurgeReport)
    return report


def bytes_in(world: World) -> int:
    layout = world.store.layout
    folders = (layout.managed, layout.pixels, layout.files, layout.thumbnails)
    files = (p for folder in folders for p in folder.rglob("*") if p.is_file())
    return sum(p.stat().st_size for p in files)


def test_a_healthy_repository_has_no_problems(world: World, image: Image) -> None:
    report = check(world, verify=True)
    assert report.problems == ()
    assert report.verified
    assert report.files >= 6


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(bytes(data))


def the_one(folder: Path, pattern: str) -> Path:
    (path,) = (p for p in folder.rglob(pattern) if p.is_file())
    return path


@pytest.mark.parametrize(
    ("folder", "pattern"),
    [
        ("ManagedRepository", "*.tif"),
        ("Files/attached", "*"),
        ("Files/tables", "*.h5"),
        ("Pixels/images", "index"),
    ],
)
def test_damage_is_found_by_its_checksum(
    world: World, image: Image, folder: str, pattern: str
) -> None:
    path = the_one(world.store.layout.root / folder, pattern)
    flip(path)
    assert check(world).problems == (), "sizes alone tell nothing of a flipped bit"
    (problem,) = check(world, verify=True).problems
    assert problem.kind == "damaged"
    assert problem.path == str(path.relative_to(world.store.layout.root))


def test_missing_truncated_and_stray_files_are_found(world: World, image: Image) -> None:
    root = world.store.layout.root
    original = the_one(root / "ManagedRepository", "*.tif")
    segment = the_one(root / "Files" / "tables", "*.h5")
    original.unlink()
    segment.write_bytes(segment.read_bytes()[:-1])
    (root / "Pixels" / "left behind").write_bytes(b"x")
    found = {(p.kind, p.path) for p in check(world).problems}
    assert found == {
        ("missing", str(original.relative_to(root))),
        ("size", str(segment.relative_to(root))),
        ("stray", "Pixels/left behind"),
    }


def test_the_trash_keeps_what_was_deleted_until_it_is_emptied(world: World, image: Image) -> None:
    empty = bytes_in(world)
    image.delete()
    assert bytes_in(world) == empty, "deleting alone frees nothing"
    assert purge(world, days=1).rows == 0
    report = purge(world)
    assert report.rows > 4
    assert report.size > 100_000
    assert bytes_in(world) == 0
    assert check(world, verify=True).problems == ()
    with pytest.raises(NotFound):
        image.refresh()
    assert purge(world).rows == 0


def test_emptying_the_trash_leaves_the_rest(world: World, image: Image, demo_plate: Path) -> None:
    repo = Repository(world.session("owner", GroupType.READ_WRITE))
    (other,) = repo.import_files(demo_plate / "images" / "A01_s2_DNA.tif", quiet=True)
    image.delete()
    purge(world)
    assert check(world, verify=True).problems == ()
    assert other.plane().mean() > 0
    assert not repo._session.tables.list("image", other.id)


def test_usage_counts_what_lies_on_the_disk(world: World, image: Image) -> None:
    admin = world.session("admin", "read-write").admin
    (usage,) = [u for u in admin.usage() if u.name == "owner"]
    kept = {each.kind: each for each in usage.kept}
    assert set(kept) == {
        "originals", "pyramids", "tables", "labels", "attachments", "thumbnails"
    }  # fmt: skip
    assert usage.images == 1
    assert (usage.size, usage.files) == (bytes_in(world), sum(k.files for k in usage.kept))
    assert kept["originals"].size > 100_000
    (group,) = [u for u in admin.usage("group") if u.files]
    assert (group.name, group.size, group.images) == ("read-write", usage.size, 1)
    (none,) = [u for u in admin.usage("project") if u.files]
    assert (none.name, none.size) == ("", usage.size)
    kinds = {each.name: each for each in admin.usage("kind")}
    assert {name: each.size for name, each in kinds.items()} == {
        name: each.size for name, each in kept.items()
    }
    image.delete()
    (usage,) = [u for u in admin.usage() if u.name == "owner"]
    assert (usage.images, {k.kind for k in usage.kept}) == (0, {"trash"})
    assert usage.size == bytes_in(world)


def test_usage_by_project_counts_what_hangs_in_it(world: World) -> None:
    repo = Repository(world.session("owner", GroupType.READ_WRITE))
    for name in ("one", "two"):
        image = repo.save_image(np.ones((1, 1, 1, 8, 8), np.uint8), name, name, project=name)
        image.attach_table(pd.DataFrame({"a": [1]}), name="rows")
    image.attach_labels(np.ones((8, 8), np.uint8))
    found = {u.name: u for u in world.session("admin").admin.usage("project")}
    assert set(found) == {"one", "two"}
    assert {k.kind for k in found["one"].kept} == {"pyramids", "tables"}
    assert {k.kind for k in found["two"].kept} == {"pyramids", "tables", "labels"}


def test_diagnostics_name_what_is_wrong(world: World, image: Image) -> None:
    session = world.session("admin", "read-write")
    found = session.admin.diagnostics()
    assert (found.images, found.tables, found.findings) == (1, 1, ())
    assert found.schema_version
    world.store.layout.managed.chmod(0o777)
    (finding,) = session.admin.diagnostics().findings
    assert "ManagedRepository" in finding


def test_what_was_deleted_long_ago_goes_at_the_next_opening(
    tmp_path: Path, demo_plate: Path
) -> None:
    root = tmp_path / "r"
    store = Store.open(root, create=True)
    repo = Repository(store.session())
    (image,) = repo.import_files(demo_plate / "images" / "A01_s1_DNA.tif", quiet=True)
    image.delete()
    store.close()
    for days, left in (("30", 1), ("0", 0)):
        (root / "config.toml").write_text(f"[trash]\ndays = {days}")
        store = Store.open(root)
        # Both threads come here only when they have done what the opening gave them.
        both = threading.Barrier(2)
        for waiting in [store.jobs.submit(both.wait) for _ in range(2)]:
            waiting.result()
        store.close()
        assert len(list((root / "ManagedRepository").rglob("*.tif"))) == left


def test_only_administrators_look_after_a_repository(world: World) -> None:
    session: Any = world.session("leader", GroupType.READ_WRITE)
    for attempt in (
        session.admin.check,
        session.admin.purge,
        session.admin.usage,
        session.admin.diagnostics,
        session.admin.trash,
        session.admin.cleanse,
        session.admin.quarantines,
        lambda: session.admin.restore_quarantine("2020"),
        lambda: session.admin.remove_quarantines(0),
        lambda: session.admin.backup("/tmp/anywhere"),
        lambda: session.admin.verify_backup("/tmp/anywhere"),
        lambda: session.admin.restore_damaged("/tmp/anywhere"),
        lambda: session.admin.erase("image", 1),
        lambda: session.admin.erase("image", 987_654),
        session.admin.erasures,
    ):
        with pytest.raises(Denied):
            attempt()
