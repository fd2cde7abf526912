"""A repository is made once, opened often, and never mistaken for something else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from omero_jlab.errors import Conflict, Invalid, Newer, NotFound, Unavailable, Unreadable
from omero_jlab.storage import LAYOUT_VERSION, Layout, shard, space


def test_a_created_repository_has_omeros_folders_and_opens(tmp_path: Path) -> None:
    made = Layout.create(tmp_path / "new" / "repository")
    names = {each.name for each in made.root.iterdir() if each.is_dir()}
    assert names == {
        "ManagedRepository", "Pixels", "Files", "Thumbnails", "FullText", "BioFormatsCache",
    }  # fmt: skip
    for folder in made.folders:
        assert made.staging(folder).is_dir() and made.trash(folder).is_dir()
        assert made.staging(folder).name.startswith(".") and made.trash(folder).name[0] == "."
        assert folder.stat().st_mode & 0o077 == 0
    assert made.root.stat().st_mode & 0o777 == 0o700
    assert Layout.open(made.root) == made
    identity = made.identity()
    assert (identity.generation, identity.layout) == (1, LAYOUT_VERSION)


def test_each_repository_has_an_identity_of_its_own(tmp_path: Path) -> None:
    first, second = Layout.create(tmp_path / "a"), Layout.create(tmp_path / "b")
    assert first.identity().uuid != second.identity().uuid


def test_the_generation_grows_and_the_rest_stays(tmp_path: Path) -> None:
    layout = Layout.create(tmp_path / "r")
    before = layout.identity()
    after = layout.set_generation(7)
    assert after == layout.identity()
    assert (after.uuid, after.generation) == (before.uuid, 7)


def test_an_existing_repository_is_not_made_again(tmp_path: Path) -> None:
    uuid = Layout.create(tmp_path).identity().uuid
    with pytest.raises(Conflict):
        Layout.create(tmp_path)
    assert Layout.open(tmp_path).identity().uuid == uuid


def test_somebody_elses_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("x")
    for attempt in (Layout.create, Layout.open):
        with pytest.raises(Invalid, match=r"thesis\.docx"):
            attempt(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.docx"]


def test_a_file_is_no_place_for_a_repository(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(Invalid, match="is a file"):
        Layout.create(tmp_path / "file")


@pytest.mark.parametrize("kept", [(), ("Pixels",), ("Pixels", "Files", "lost+found", ".lock")])
def test_a_creation_that_was_cut_short_is_taken_up_again(
    tmp_path: Path, kept: tuple[str, ...]
) -> None:
    for name in kept:
        (tmp_path / name).mkdir() if name != ".lock" else (tmp_path / name).touch()
    with pytest.raises(NotFound, match="no repository"):
        Layout.open(tmp_path)
    Layout.create(tmp_path)
    Layout.open(tmp_path)


def test_files_without_a_sentinel_are_not_overgrown(tmp_path: Path) -> None:
    layout = Layout.create(tmp_path)
    (layout.managed / "original.tif").write_bytes(b"data")
    layout.sentinel.unlink()
    for attempt in (Layout.create, Layout.open):
        with pytest.raises(Invalid, match="ManagedRepository"):
            attempt(tmp_path)


def test_a_missing_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"[Mm]ount its disk"):
        Layout.open(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_newer_layout_is_refused_in_one_line(tmp_path: Path) -> None:
    layout = Layout.create(tmp_path)
    text = json.loads(layout.sentinel.read_text())
    layout.sentinel.write_text(json.dumps(text | {"layout": LAYOUT_VERSION + 1}))
    with pytest.raises(Newer, match="Update omero-jlab") as caught:
        Layout.open(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"uuid": 3}', '{"uuid":"x","generation":1}'])
def test_a_damaged_sentinel_is_called_damaged(tmp_path: Path, text: str) -> None:
    layout = Layout.create(tmp_path)
    layout.sentinel.write_text(text)
    with pytest.raises(Unreadable, match="damaged"):
        Layout.open(tmp_path)


def test_a_lost_disk_is_named_and_a_lost_index_is_made_again(tmp_path: Path) -> None:
    layout = Layout.create(tmp_path)
    shutil.rmtree(layout.fulltext)
    Layout.open(tmp_path).ensure_folders()
    assert layout.fulltext.is_dir()
    shutil.rmtree(layout.pixels)
    with pytest.raises(Unavailable, match="Pixels"):
        Layout.open(tmp_path)


@pytest.mark.parametrize(
    ("number", "path"),
    [
        (0, "0"),
        (5, "5"),
        (999, "999"),
        (1000, "Dir-001/1000"),
        (28087, "Dir-028/28087"),
        (999500, "Dir-999/999500"),
        (1234567, "Dir-001/Dir-234/1234567"),
        (1000000, "Dir-001/Dir-000/1000000"),
    ],
)
def test_ids_are_sharded_as_omero_does(number: int, path: str) -> None:
    assert shard(number) == path


def test_an_id_is_not_negative() -> None:
    with pytest.raises(Invalid):
        shard(-1)


def test_space_is_that_of_the_nearest_folder(tmp_path: Path) -> None:
    found = space(tmp_path / "not" / "there")
    assert found.total == space(tmp_path).total == shutil.disk_usage(tmp_path).total
    assert 0 < found.free <= found.total
