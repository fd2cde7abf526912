"""Files appear whole or not at all, and leftovers are found again."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from omero_jlab.errors import Conflict, Full, Invalid, Unavailable
from omero_jlab.storage import Layout, Stage, remove, shard, sweep, write_file


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.create(tmp_path / "repository")


@pytest.fixture
def staging(layout: Layout) -> Path:
    return layout.staging(layout.pixels)


def _names(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*"))


def test_a_published_stage_is_in_its_place(layout: Layout, staging: Path) -> None:
    target = layout.pixels / shard(1234567)
    with Stage(staging, "intent-1") as stage:
        (stage.path / "0").mkdir()
        write_file(stage.path / "0" / "chunk", b"pixels")
        (stage.path / "link").symlink_to("/nowhere/at/all")
        assert not target.exists()
        stage.publish(target)
    assert _names(target) == ["0", "0/chunk", "link"]
    assert _names(staging) == []


def test_what_was_not_published_is_gone(layout: Layout, staging: Path) -> None:
    with pytest.raises(KeyError), Stage(staging) as stage:
        write_file(stage.path / "half", b"x")
        raise KeyError
    with Stage(staging) as stage:
        write_file(stage.path / "forgotten", b"x")
    assert _names(staging) == []


def test_single_files_of_a_stage(layout: Layout, staging: Path) -> None:
    target = layout.pixels / "7" / "segment-1"
    with Stage(staging) as stage:
        write_file(stage.path / "a", b"1")
        write_file(stage.path / "b", b"2")
        stage.publish_file("a", target)
        with pytest.raises(Conflict):
            stage.publish_file("b", target)
    assert target.read_bytes() == b"1"
    assert _names(staging) == []


def test_an_empty_folder_is_a_reservation_and_a_full_one_a_conflict(
    layout: Layout, staging: Path
) -> None:
    reserved, full, link = (layout.pixels / name for name in ("1", "2", "3"))
    reserved.mkdir()
    full.mkdir()
    (full / "precious").write_bytes(b"x")
    link.symlink_to(reserved)
    for target in (full, full / "precious", link):
        with Stage(staging) as stage:
            write_file(stage.path / "data", b"y")
            with pytest.raises(Conflict):
                stage.publish(target)
    with Stage(staging) as stage:
        write_file(stage.path / "data", b"y")
        stage.publish(reserved)
    assert _names(reserved) == ["data"] and _names(full) == ["precious"]


@pytest.mark.parametrize(("code", "kind"), [(errno.ENOSPC, Full), (errno.EIO, Unavailable)])
def test_nothing_is_published_that_is_not_on_the_disk(
    layout: Layout,
    staging: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    kind: type[Exception],
) -> None:
    target = layout.pixels / "9"

    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    with Stage(staging) as stage:
        write_file(stage.path / "data", b"x")
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            with pytest.raises(kind):
                stage.publish(target)
    assert not target.exists() and _names(staging) == []


@pytest.mark.parametrize("name", ["..", ".", "a/b", "../up"])
def test_a_stage_has_a_plain_name(staging: Path, name: str) -> None:
    with pytest.raises(Invalid):
        Stage(staging, name)


def test_a_stage_in_use_is_not_shared(staging: Path) -> None:
    with Stage(staging, "intent-1"), pytest.raises(Conflict), Stage(staging, "intent-1"):
        pass


def test_leftovers_are_swept_but_for_those_to_keep(layout: Layout, staging: Path) -> None:
    for name in ("intent-1", "intent-2"):
        (staging / name / "deep").mkdir(parents=True)
        (staging / name / "deep" / "file").write_bytes(b"x")
    (staging / "stray").write_bytes(b"x")
    outside = layout.root / "outside"
    outside.mkdir()
    (staging / "link").symlink_to(outside)
    assert sweep(staging, keep={"intent-2"}) == ("intent-1", "link", "stray")
    assert _names(staging) == ["intent-2", "intent-2/deep", "intent-2/deep/file"]
    assert outside.is_dir()
    assert sweep(layout.root / "missing") == ()


def test_removing_takes_files_folders_links_and_nothing(layout: Layout) -> None:
    trash = layout.trash(layout.files)
    folder, file, link = (layout.files / name for name in ("1", "2", "3"))
    folder.mkdir()
    (folder / "data").write_bytes(b"x")
    file.write_bytes(b"x")
    link.symlink_to(layout.managed)
    for path in (folder, file, link, layout.files / "missing"):
        remove(path, trash)
        assert not os.path.lexists(path)
    assert _names(trash) == [] and layout.managed.is_dir()
