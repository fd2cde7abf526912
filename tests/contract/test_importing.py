"""Imports as a notebook user or the command line asks for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from omero_jlab.cli import main
from omero_jlab.errors import Invalid
from omero_jlab.model import GroupType
from omero_jlab.objects import Repository
from omero_jlab.remote import RemoteSession
from omero_jlab.repository import Store

from .conftest import World

PIXELS = np.arange(600, dtype=np.uint16).reshape(20, 30)


@pytest.fixture
def repo(world: World) -> Repository:
    return Repository(world.session("owner", GroupType.READ_WRITE))


@pytest.fixture
def camera(tmp_path: Path, world: World) -> Path:
    """A folder of two files that nobody imported before, and a sheet that names them."""
    folder = tmp_path / "camera"
    folder.mkdir()
    for name in ("a.tif", "b.tif"):
        tifffile.imwrite(folder / name, PIXELS, description=f"{world.word()} {name}")
    (folder / "plan.csv").write_text(
        "path,dataset,name,tags,key:dose\na.tif,one,first,control,3 nM\nb.tif,,,,\n"
    )
    return folder


def test_a_sheet_is_imported_row_by_row(repo: Repository, camera: Path) -> None:
    images = repo.import_files(bulk=camera / "plan.csv", dataset="rest", tags=["all"], quiet=True)
    assert images.failed == ()
    assert [image.name for image in images] == ["first", "b.tif"]
    assert [image.tags for image in images] == [["control"], ["all"]]
    assert images[0].key_values == {"dose": ["3 nM"]}
    assert images[0].id in [i.id for i in repo.datasets.find("one").images]
    assert images[1].id in [i.id for i in repo.datasets.find("rest").images]


def test_a_sheet_that_is_wrong_imports_nothing(repo: Repository, camera: Path) -> None:
    before = len(list(repo.images))
    (camera / "bad.csv").write_text("path,nam\na.tif,x\nnone.tif,y\n")
    with pytest.raises(Invalid, match=r"line 2.*did you mean 'name'(.|\n)*line 3.*none\.tif"):
        repo.import_files(bulk=camera / "bad.csv", quiet=True)
    assert len(list(repo.images)) == before


def test_a_dry_run_shows_what_would_become_which_image(repo: Repository, camera: Path) -> None:
    before = len(list(repo.images))
    (camera / "notes.txt").write_text("no pixels")
    plan = repo.plan_import(camera, dataset="Trial", key_values={"n": 3})
    assert [(i.name, i.sizes, i.dtype) for f in plan.filesets for i in f.images] == [
        ("a.tif", "T 1, C 1, Z 1, Y 20, X 30", "uint16"),
        ("b.tif", "T 1, C 1, Z 1, Y 20, X 30", "uint16"),
    ]
    assert {f.target for f in plan.filesets} == {"dataset Trial"}
    text = plan.as_text()
    assert "b.tif" in text and "T 1, C 1, Z 1, Y 20, X 30" in text and "dataset Trial" in text
    assert "notes.txt" in text
    assert len(list(repo.images)) == before


def test_what_is_here_already_is_named(
    repo: Repository, camera: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = repo.import_files(camera / "a.tif", quiet=True)
    again = repo.import_files(camera, skip_existing=True)
    assert [image.name for image in again] == ["b.tif"]
    assert [s.image_ids for s in again.skipped] == [(first[0].id,)]
    said = capsys.readouterr().out
    assert f"here already: {camera / 'a.tif'}: image {first[0].id}" in said
    assert "here already" in repo.plan_import(camera, skip_existing=True).as_text()


def test_whose_disk_a_path_is_on_is_said(
    world: World, camera: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not world.over_http:
        repo = Repository(world.session("owner", GroupType.READ_WRITE))
        repo.import_files(camera / "a.tif")
        assert "1 path on the repository's disk: " in capsys.readouterr().out
        return
    monkeypatch.setattr(RemoteSession, "sees", lambda *_: False)
    repo = Repository(world.session("owner", GroupType.READ_WRITE))
    (image,) = repo.import_files(camera / "a.tif")
    assert "1 path uploaded from this machine: " in capsys.readouterr().out
    assert np.array_equal(image.plane(), PIXELS)
    for mode in ("move", "hardlink"):
        with pytest.raises(Invalid, match=r'lies on this machine.*transfer="copy" uploads it'):
            repo.import_files(camera / "b.tif", transfer=mode, quiet=True)
    assert (camera / "b.tif").is_file()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"transfer": "hard"}, "copy, hardlink, symlink, move"),
        ({"checksum": "MD5"}, "MD5-128"),
        ({"datset": "x"}, "no option 'datset'"),
    ],
)
def test_an_option_that_there_is_not_is_named(
    repo: Repository, camera: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(Invalid, match=words):
        repo.import_files(camera / "a.tif", quiet=True, **options)
    with pytest.raises(Invalid, match="No paths"):
        repo.import_files(quiet=True)


def test_names_for_another_number_of_channels_are_refused(repo: Repository, camera: Path) -> None:
    images = repo.import_files(camera / "a.tif", channel_names=["DNA", "ER"], quiet=True)
    assert not images
    assert "has 1 channels" in images.failed[0].reason
    (image,) = repo.import_files(camera / "a.tif", channel_names=["DNA"], quiet=True)
    assert [channel.name for channel in image.channels] == ["DNA"]


class TestCommand:
    """`omero-jlab import`."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        Store.open(tmp_path / "repository", create=True).close()
        return tmp_path / "repository"

    def run(self, root: Path, *words: object) -> int:
        return main(["import", "--repository", str(root), *map(str, words)])

    def test_everything_at_once(
        self, root: Path, camera: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        dry = ("--dry-run", "--bulk", camera / "plan.csv", "--tag", "x", "--parallel", 2)
        assert self.run(root, *dry) == 0
        said = capsys.readouterr().out
        assert "first" in said and "dataset one" in said and "2 filesets" in said
        assert self.run(root, *dry, "--json") == 0
        plan = json.loads(capsys.readouterr().out)
        assert [f["images"][0]["name"] for f in plan["filesets"]] == ["first", "b.tif"]
        how = ("--transfer", "hardlink", "--checksum", "CRC-32", "--key-value", "n=1")
        assert self.run(root, camera / "a.tif", *how, "--json") == 0
        made = json.loads(capsys.readouterr().out)
        assert len(made["images"]) == 1 and made["failed"] == [] and made["skipped"] == []
        assert self.run(root, camera, "--skip-existing") == 0
        assert "1 images imported, 0 files not, 1 here already" in capsys.readouterr().out

    @pytest.mark.parametrize(
        "words",
        [("--transfer", "ln"), ("--checksum", "MD5"), ("--parallel", "0"), ("--key-value", "x")],
    )
    def test_options_that_are_none(self, root: Path, camera: Path, words: tuple[str, str]) -> None:
        with pytest.raises(SystemExit):
            self.run(root, camera, *words)

    def test_a_bad_sheet_ends_it(
        self, root: Path, camera: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (camera / "bad.yml").write_text("- path: none.tif\n- path: a.tif\n  tagz: x\n")
        assert self.run(root, "--bulk", camera / "bad.yml") != 0
        said = capsys.readouterr().err
        assert "line 1" in said and "line 2" in said and "Traceback" not in said
