"""`omero-jlab demo --check`: content with what is right, and not with anything else."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pandas
import pytest

import omero_jlab
from omero_jlab.connection import disconnect
from omero_jlab.demo import EXPECTED, check, fill
from omero_jlab.errors import OmeroError
from omero_jlab.model import Tile
from omero_jlab.objects import Repository
from omero_jlab.remote import RemoteSession

SIDE = 1024
# A large image of one level only: three tiles fewer than in the demo itself.
SMALL = EXPECTED | {"tiles": EXPECTED["tiles"] - 3}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The demo's repository with a smaller large image, filled once."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("OMERO_JLAB_URL", "OMERO_JLAB_TOKEN_FILE", "JPY_PARENT_PID"):
            patch.delenv(name, raising=False)
        patch.setenv("OMERO_JLAB_REPOSITORY", str(folder / "repository"))
        patch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "runtime"))
        patch.setattr(check, "fill", functools.partial(fill, side=SIDE))
        patch.setattr(check, "EXPECTED", SMALL)
        fill(omero_jlab.connect(folder / "repository"), side=SIDE, quiet=True)
        yield folder / "repository"
        disconnect()


@pytest.fixture
def repo(root: Path) -> Repository:
    return omero_jlab.connect(root)


@pytest.fixture
def no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is counted is wrong before the notebook's turn comes."""
    monkeypatch.setattr(check, "_run_notebook", lambda _: pytest.fail("the notebook was run"))


def test_a_right_demo_is_reported_in_one_line(root: Path) -> None:
    report = check.check(root)
    assert "\n" not in report
    found = json.loads(report)
    assert found.pop("seconds") > 0
    assert found == SMALL


def test_filling_again_changes_nothing(root: Path, repo: Repository) -> None:
    before = check._counts(repo)
    fill(repo, side=SIDE, quiet=True)
    assert check._counts(repo) == before


@pytest.mark.parametrize("name", sorted(SMALL))
def test_each_count_is_compared(
    root: Path, monkeypatch: pytest.MonkeyPatch, no_notebook: None, name: str
) -> None:
    monkeypatch.setattr(check, "EXPECTED", {name: 1000})
    with pytest.raises(OmeroError, match=rf"^There are \d+ {name}, and must be 1000\.$"):
        check.check(root)


def test_too_much_in_a_new_demo_is_found(
    root: Path, monkeypatch: pytest.MonkeyPatch, no_notebook: None
) -> None:
    monkeypatch.setattr(check, "fill", lambda *_, **__: True)
    monkeypatch.setattr(check, "EXPECTED", {"images": 6})
    with pytest.raises(OmeroError, match="There are 7 images, and must be 6"):
        check.check(root)


def test_work_in_the_demo_is_no_mistake(
    root: Path, repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = next(iter(repo.images))
    table = image.attach_table(pandas.DataFrame({"area": [1.0, 2.0]}), "one more")
    try:
        monkeypatch.setattr(check, "_run_notebook", lambda _: None)
        assert json.loads(check.check(root))["tables"] > SMALL["tables"]
    finally:
        table.delete()


def test_a_tile_that_is_no_picture_is_found(
    root: Path, monkeypatch: pytest.MonkeyPatch, no_notebook: None
) -> None:
    real = RemoteSession.tile

    def no_picture(session: RemoteSession, image_id: int, tile: Tile) -> bytes:
        real(session, image_id, tile)
        return b"<html>sorry</html>"

    monkeypatch.setattr(RemoteSession, "tile", no_picture)
    with pytest.raises(OmeroError, match="no JPEG"):
        check.check(root)


def test_a_guest_who_sees_too_much_is_found(
    root: Path, monkeypatch: pytest.MonkeyPatch, no_notebook: None
) -> None:
    monkeypatch.setattr(RemoteSession, "tile", lambda *_, **__: b"\xff\xd8")
    with pytest.raises(OmeroError, match=r"guest sees image .* private"):
        check.check(root)


def test_a_notebook_that_fails_is_named(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "broken.ipynb"
    cell = nbformat.v4.new_code_cell("raise RuntimeError('no such nucleus')")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    monkeypatch.setattr(check, "copy_notebooks", lambda _: path)
    with pytest.raises(OmeroError, match=r"broken\.ipynb failed: (.|\n)*no such nucleus"):
        check.check(root)
