"""Writes stop when the disk under the repository is not the one it was opened on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from omero_jlab.errors import Unavailable
from omero_jlab.storage import Guard, Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.create(tmp_path / "repository")


def _gone(layout: Layout) -> None:
    layout.root.rename(layout.root.with_name("away"))


def _empty_mount_point(layout: Layout) -> None:
    _gone(layout)
    layout.root.mkdir()


def _another_repository(layout: Layout) -> None:
    other = Layout.create(layout.root.with_name("other"))
    _gone(layout)
    other.root.rename(layout.root)


def _clone(layout: Layout) -> None:
    _gone(layout)
    shutil.copytree(layout.root.with_name("away"), layout.root)


def _no_sentinel(layout: Layout) -> None:
    layout.sentinel.rename(layout.root / "aside")


def _damaged(layout: Layout) -> None:
    with layout.sentinel.open("r+b") as file:
        file.write(b"\0\0\0")


def _other_uuid(layout: Layout) -> None:
    text = layout.sentinel.read_text()
    first = layout.identity().uuid[0]
    other = text.replace(layout.identity().uuid, ("0" if first != "0" else "1") + text[10:46][1:])
    with layout.sentinel.open("r+") as file:
        file.write(other)


@pytest.mark.parametrize(
    "event",
    [_gone, _empty_mount_point, _another_repository, _clone, _no_sentinel, _damaged, _other_uuid],
)
def test_whatever_takes_the_place_of_the_repository_is_not_written(
    layout: Layout, event: Callable[[Layout], None]
) -> None:
    guard = Guard(layout)
    guard.check()
    event(layout)
    for _ in range(2):
        with pytest.raises(Unavailable, match="takes no writes"):
            guard.check()


@pytest.mark.parametrize("event", [_gone, _empty_mount_point, _another_repository])
def test_work_goes_on_when_the_disk_is_back(
    layout: Layout, event: Callable[[Layout], None]
) -> None:
    guard = Guard(layout)
    event(layout)
    with pytest.raises(Unavailable):
        guard.check()
    shutil.rmtree(layout.root, ignore_errors=True)
    layout.root.with_name("away").rename(layout.root)
    guard.check()


def test_another_start_elsewhere_is_noticed(layout: Layout) -> None:
    guard = Guard(layout)
    layout.set_generation(2)
    with pytest.raises(Unavailable):
        guard.check()
    Guard(layout).check()
