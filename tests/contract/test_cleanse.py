"""Files that no row names: found, set aside, put back, removed; and no other file ever."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omero_jlab.errors import Invalid, NotFound
from omero_jlab.model import CheckReport, CleanseReport, GroupType
from omero_jlab.objects import Image, Repository, wait
from omero_jlab.repository.intents import intending

from .conftest import World

STRAYS = (
    "ManagedRepository/owner_2/2020-01/01/stray.tif",
    "ManagedRepository/owner_2/2020-01/01/stray.tif.log",
    "Pixels/images/987654/index",
    "Pixels/left behind",
    "Files/attached/987654",
    "Files/tables/987654/s.h5",
    "Thumbnails/987654/v1.jpg",
)


@pytest.fixture(params=["in-process", "http"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "world", request.param == "http")
    try:
        yield world
    finally:
        world.close()


@pytest.fixture
def image(world: World) -> Image:
    repo = Repository(world.session("owner", GroupType.PRIVATE))
    image = repo.save_image(np.ones((1, 1, 1, 8, 8), np.uint8), name="mine")
    image.thumbnail()
    return image


@pytest.fixture
def strays(world: World, image: Image) -> dict[str, int]:
    """Files that no row names, long since, and their sizes."""
    for number, name in enumerate(STRAYS, 1):
        path = world.store.layout.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * number)
    return {name: number for number, name in enumerate(STRAYS, 1)}


def run(world: World, name: str, *arguments: Any, **named: Any) -> CleanseReport:
    session = world.session("admin")
    job = getattr(session.admin, name)(*arguments, **named)
    report = wait(session, job, name, quiet=True)
    assert isinstance(report, CleanseReport)
    return report


def files_in(world: World) -> set[str]:
    root = world.store.layout.root
    tops = [top for top in root.iterdir() if top.is_dir() and not top.name.startswith(".")]
    found = (p for top in tops for p in top.rglob("*") if p.is_file())
    return {p.relative_to(root).as_posix() for p in found}


def test_what_no_row_names_is_found_and_nothing_moves(world: World, strays: dict[str, int]) -> None:
    before = files_in(world)
    report = run(world, "cleanse", older_than_minutes=0)
    assert {each.path: each.size for each in report.strays} == strays
    assert (report.done, report.files, report.size) == ("found", 7, sum(strays.values()))
    assert files_in(world) == before
    assert run(world, "cleanse").files == 0, "all of them are young"


def test_what_was_set_aside_is_put_back(world: World, image: Image, strays: dict[str, int]) -> None:
    before = files_in(world)
    report = run(world, "cleanse", apply=True, older_than_minutes=0)
    assert report.files == 7
    there = files_in(world)
    assert before - there == set(strays)
    assert all("/.quarantine/" in name for name in there - before)
    image.refresh()
    assert image.plane().sum() == 64
    session = world.session("admin")
    checked = wait(session, session.admin.check(verify=True), "check", quiet=True)
    assert isinstance(checked, CheckReport) and checked.problems == ()
    (kept,) = session.admin.quarantines()
    assert (kept.name, kept.files, kept.size) == (report.name, 7, sum(strays.values()))
    assert run(world, "cleanse", older_than_minutes=0).files == 0
    taken = world.store.layout.root / STRAYS[3]
    taken.write_bytes(b"another")
    back = run(world, "restore_quarantine", report.name[:10])
    assert (back.files, len(back.left)) == (6, 1)
    assert taken.read_bytes() == b"another"
    taken.unlink()
    assert run(world, "restore_quarantine", report.name).files == 1
    assert files_in(world) == before
    assert session.admin.quarantines() == ()
    with pytest.raises(NotFound):
        run(world, "restore_quarantine", report.name)


def test_what_was_set_aside_goes_after_a_while(world: World, strays: dict[str, int]) -> None:
    for name in STRAYS[:2]:
        (world.store.layout.root / name).touch()
    run(world, "cleanse", apply=True, older_than_minutes=0)
    (world.store.layout.root / STRAYS[0]).write_bytes(b"later")
    run(world, "cleanse", apply=True, older_than_minutes=0)
    with pytest.raises(Invalid, match="may be each of"):
        run(world, "restore_quarantine", "2")
    assert run(world, "remove_quarantines", 1.0).files == 0
    assert len(world.session("admin").admin.quarantines()) == 2
    assert run(world, "remove_quarantines", 0.0).files == 8
    assert world.session("admin").admin.quarantines() == ()
    assert not [name for name in files_in(world) if "quarantine" in name]


def test_what_is_being_made_is_left_alone(world: World, image: Image) -> None:
    root = world.store.layout.root
    with intending(world.store, "test", lambda ids: ["Pixels/images/777", "Files/attached/778"]):
        made = root / "Pixels" / "images" / "777" / "0" / "c"
        made.parent.mkdir(parents=True)
        made.write_bytes(b"x")
        aside = root / "Files" / "attached" / ".778.abc"
        aside.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(b"x")
        staged = world.store.layout.staging(world.store.layout.files) / "uploads" / "u" / "x"
        staged.parent.mkdir(parents=True)
        staged.write_bytes(b"x")
        assert run(world, "cleanse", older_than_minutes=0).files == 0


def test_what_lies_in_the_trash_is_named(world: World, image: Image) -> None:
    image.delete()
    assert run(world, "cleanse", older_than_minutes=0).files == 0


def test_a_file_that_changed_lately_is_left_alone(world: World, strays: dict[str, int]) -> None:
    # A rename keeps the time of change of the content: that of the inode tells.
    old = time.time() - 86_400
    os.utime(world.store.layout.root / STRAYS[3], (old, old))
    assert run(world, "cleanse", older_than_minutes=1).files == 0
