"""The commands that look after a repository: what they print, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from omero_jlab.cli import main
from omero_jlab.connection import connect, disconnect
from omero_jlab.objects import Image, Repository

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("OMERO_JLAB_URL", "OMERO_JLAB_TOKEN_FILE", "JPY_PARENT_PID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMERO_JLAB_REPOSITORY", str(tmp_path / "repository"))
    yield tmp_path / "repository"
    disconnect()


@pytest.fixture
def run(root: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; status, and what it printed."""

    def run(*arguments: object) -> tuple[int, str]:
        status = main([str(each) for each in arguments])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


@pytest.fixture
def image(root: Path) -> Image:
    repo = Repository(connect(root))
    return repo.save_image(np.ones((1, 1, 1, 32, 32), np.uint8), name="cells", dataset="d")


def test_deleting_and_bringing_back(run: Run, image: Image) -> None:
    assert run("delete", f"image:{image.id}") == (
        0,
        f"image {image.id} is in the trash, 1 images with it\n",
    )
    status, listed = run("admin", "trash", "--json")
    (kept,) = (json.loads(line) for line in listed.splitlines())
    assert (status, kept["deletion"]["name"]) == (0, "cells")
    assert "cells" in run("admin", "trash")[1]
    assert run("undelete")[1].split("\t")[3:] == [f"image {image.id}", "cells\n"]
    assert run("undelete", kept["deletion"]["id"])[0] == 0
    image.refresh()
    assert "gone for good" in run("delete", f"image:{image.id}", "--now")[1]
    assert run("admin", "trash", "--json") == (0, "")
    assert run("undelete", kept["deletion"]["id"])[0] == 1


def test_the_trash_is_emptied_from_an_age_on(run: Run, image: Image) -> None:
    image.delete()
    assert "0 rows" in run("admin", "trash", "--empty", "--older-than-days", 1)[1]
    report = json.loads(run("admin", "trash", "--empty", "--json")[1])
    assert report["files"] >= 1


def test_usage_is_a_table_or_json(run: Run, image: Image) -> None:
    head, first = run("admin", "usage", "--by", "group")[1].splitlines()[:2]
    assert head.split() == ["group", "images", "files", "bytes", "pyramids"]
    whole = json.loads(run("admin", "usage", "--by", "kind", "--json")[1].splitlines()[0])
    assert f"{whole['size']:,}" in first.split()
    with pytest.raises(SystemExit):
        run("admin", "usage", "--by", "weather")


def test_strays_are_found_moved_put_back_and_removed(run: Run, root: Path, image: Image) -> None:
    stray = root / "Pixels" / "stray"
    stray.write_bytes(b"12345")
    now = ("--older-than-minutes", 0)
    assert "Pixels/stray" in run("admin", "cleanse", *now)[1]
    assert stray.exists()
    report = json.loads(run("admin", "cleanse", "--apply", *now, "--json")[1])
    assert not stray.exists()
    assert report["name"] in run("admin", "cleanse", "--list")[1]
    assert run("admin", "cleanse", "--restore", report["name"])[0] == 0
    assert stray.read_bytes() == b"12345"
    assert run("admin", "cleanse", "--yes", *now)[0] == 0
    assert "1 files" in run("admin", "cleanse", "--purge", "--older-than-days", 0)[1]
    assert "Pixels" not in run("admin", "cleanse", *now)[1]


def test_backing_up_verifying_and_restoring(
    run: Run, root: Path, image: Image, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    assert run("admin", "backup", backup)[0] == 0
    assert run("admin", "backup", backup, "--verify")[0] == 0
    index = root / "Pixels" / "images" / str(image.id) / "index"
    index.unlink()
    assert run("admin", "check")[0] == 1
    status, said = run("admin", "restore", backup, "--damaged")
    assert (status, said.splitlines()[0]) == (0, f"restored: {index.relative_to(root)}")
    assert run("admin", "check")[0] == 0
    assert run("admin", "restore", backup, "--to", tmp_path / "new")[0] == 0
    (backup / index.relative_to(root)).unlink()
    assert run("admin", "backup", backup, "--verify")[0] == 1
    assert run("admin", "restore", backup, "--to", tmp_path / "newer")[0] == 1
    assert run("admin", "check", "--repository", tmp_path / "new")[0] == 0


def test_erasing_prints_the_protocol(run: Run, image: Image) -> None:
    what = ("admin", "erase", f"image:{image.id}")
    assert "would be erased" in run(*what, "--dry-run")[1]
    image.refresh()
    protocol = json.loads(run(*what, "--reason", "asked for", "--json")[1])
    assert (protocol["reason"], protocol["image_ids"]) == ("asked for", [image.id])
    assert "asked for" in run("admin", "erase", "--list")[1]
    assert run(*what)[0] == 1
    with pytest.raises(SystemExit):
        run("admin", "erase", "cells")
