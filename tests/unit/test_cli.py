"""The command `omero-jlab`: what it prints, and with which status it ends."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import omero_jlab
from omero_jlab.cli import main
from omero_jlab.connection import connect, disconnect
from omero_jlab.errors import Unauthenticated
from omero_jlab.objects import Repository
from omero_jlab.repository import Store

PATTERN = "{well}_{field}_{channel}.tif"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's own repository, which commands without --repository mean."""
    for name in ("OMERO_JLAB_URL", "OMERO_JLAB_TOKEN_FILE", "JPY_PARENT_PID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("OMERO_JLAB_REPOSITORY", str(tmp_path / "repository"))
    yield tmp_path / "repository"
    disconnect()


@pytest.fixture
def run(root: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; status, output and errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        status = main([str(each) for each in arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def repo(root: Path) -> Repository:
    return Repository(connect(root))


def refused(said: tuple[int, str, str]) -> str:
    """The one line with which a command was refused."""
    status, out, err = said
    assert status == 1
    assert out == ""
    assert err.startswith("omero-jlab: ") and err.count("\n") == 1, err
    return err


class TestImport:
    def test_a_dry_run_changes_nothing(self, run: Run, repo: Repository, demo_plate: Path) -> None:
        command = ("import", demo_plate / "images", "--channels", PATTERN, "--dry-run")
        status, out, _ = run(*command)
        assert status == 0
        assert "A01_s1" in out and "4 filesets" in out
        planned = json.loads(run(*command, "--json")[1])
        assert [len(fileset["files"]) for fileset in planned["filesets"]] == [2] * 4
        assert planned["bytes_to_copy"] == sum(fileset["size"] for fileset in planned["filesets"])
        assert list(repo.images) == []

    def test_json_is_all_that_is_printed(
        self, run: Run, repo: Repository, demo_plate: Path
    ) -> None:
        status, out, _ = run(
            *("import", demo_plate / "images", "--channels", PATTERN, "--json"),
            *("--screen", "Pilot", "--plate", "plate-9"),
        )
        assert status == 0
        report = json.loads(out)
        assert report["failed"] == []
        assert report["images"] == [image.id for image in repo.images]
        assert [plate.name for plate in repo.screens.find("Pilot").plates] == ["plate-9"]

    def test_a_file_goes_into_its_dataset(
        self, run: Run, repo: Repository, demo_plate: Path
    ) -> None:
        file = demo_plate / "images" / "A01_s1_DNA.tif"
        status, out, _ = run("import", file, "--dataset", "Nuclei", "--project", "Mine")
        assert status == 0
        assert "1 images imported, 0 files not" in out
        assert [image.name for image in repo.datasets.find("Nuclei").images] == [file.name]
        assert [d.name for d in repo.projects.find("Mine").datasets] == ["Nuclei"]

    def test_what_was_not_imported_is_named(
        self, run: Run, repo: Repository, demo_plate: Path, tmp_path: Path
    ) -> None:
        bad = tmp_path / "bad.tif"
        bad.write_bytes(b"II*\0nothing behind it")
        status, out, _ = run("import", bad)
        assert status == 1, "nothing at all was imported"
        assert str(bad) in out and "0 images imported, 1 files not" in out
        status, out, _ = run("import", bad, demo_plate / "images" / "A01_s1_ER.tif", "--json")
        assert status == 0, "something was imported"
        report = json.loads(out)
        assert [failure["path"] for failure in report["failed"]] == [str(bad)]
        assert len(report["images"]) == 1 == len(list(repo.images))

    def test_a_missing_path_is_one_line(self, run: Run, tmp_path: Path) -> None:
        assert "missing.tif" in refused(run("import", tmp_path / "missing.tif"))

    def test_a_bad_pattern_is_one_line(self, run: Run, demo_plate: Path) -> None:
        said = refused(
            run("import", demo_plate / "images", "--channels", "{well_{field}.tif", "--json")
        )
        assert "{well_{field}.tif" in said

    def test_another_repository(self, run: Run, demo_plate: Path, tmp_path: Path) -> None:
        file = demo_plate / "images" / "A01_s1_DNA.tif"
        other = tmp_path / "other"
        assert run("import", file, "--repository", other, "--json")[0] == 0
        assert len(list(Repository(connect(other)).images)) == 1
        assert len(list(omero_jlab.connect().images)) == 0

    def test_a_group_is_named(self, run: Run, repo: Repository, demo_plate: Path) -> None:
        run("group", "add", "lab", "--type", "rwr---")
        run("group", "join", "lab", repo.user.name)
        file = demo_plate / "images" / "A01_s1_DNA.tif"
        assert run("import", file, "--group", "lab", "--json")[0] == 0
        (group,) = (group for group in repo.groups if group.name == "lab")
        assert [image.record.group_id for image in repo.images] == [group.id]
        assert "nobody's" in refused(run("import", file, "--group", "nobody's", "--json"))


class TestResults:
    @pytest.fixture(autouse=True)
    def images(self, repo: Repository, demo_plate: Path) -> None:
        repo.import_files(demo_plate / "images", channels=PATTERN, quiet=True)

    def test_a_dry_run_says_which_image_each_set_is(
        self, run: Run, repo: Repository, demo_plate: Path
    ) -> None:
        status, out, _ = run("results", demo_plate / "cellprofiler", "--dry-run", "--json")
        assert status == 0
        report = json.loads(out)
        assert [row["image_id"] for row in report["sets"]] == [image.id for image in repo.images]
        assert not any(image.tables for image in repo.images)

    def test_results_are_attached(self, run: Run, repo: Repository, demo_plate: Path) -> None:
        status, out, _ = run("results", demo_plate / "cellprofiler", "--json")
        assert status == 0
        report = json.loads(out)
        tables = [table.id for image in repo.images for table in image.tables]
        assert sorted(report["table_ids"]) == sorted(tables)
        assert all({"Cells", "Nuclei"} <= {t.name for t in image.tables} for image in repo.images)
        assert "--again" in refused(run("results", demo_plate / "cellprofiler"))
        status, out, _ = run("results", demo_plate / "cellprofiler", "--dry-run")
        assert "4 of 4 image sets are images here" in out
        assert f"→ image {report['sets'][0]['image_id']}, by md5" in out

    def test_a_folder_without_results_is_one_line(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        refused(run("results", tmp_path / "empty"))
        assert "absent" in refused(run("results", tmp_path / "absent"))


class TestUsers:
    def test_users_are_added_and_listed(self, run: Run) -> None:
        status, out, _ = run("user", "add", "ada", "--full-name", "Ada Lovelace")
        assert status == 0 and "ada" in out
        assert run("user", "add", "boss", "--admin")[0] == 0
        status, out, _ = run("user", "list")
        assert status == 0
        listed = {line.split("\t")[1]: line.split("\t")[2:] for line in out.splitlines()}
        assert listed["ada"] == ["Ada Lovelace", ""]
        assert listed["boss"] == ["", "admin"]

    def test_the_same_name_twice_is_one_line(self, run: Run) -> None:
        run("user", "add", "ada")
        assert "ada" in refused(run("user", "add", "ada"))

    def test_a_password_is_asked_for(
        self, run: Run, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run("user", "add", "ada")
        asked = []
        monkeypatch.setattr("getpass.getpass", lambda p: asked.append(p) or "correct horse battery")
        assert run("user", "password", "ada") == (0, "", "")
        assert "ada" in asked[0]
        run("group", "add", "lab")
        run("group", "join", "lab", "ada")
        session = connect(root, user="ada", password="correct horse battery")
        assert session.server.status().user.name == "ada"
        with pytest.raises(Unauthenticated):
            connect(root, user="ada", password="wrong").server.status()

    def test_a_token_stands_for_the_user(self, run: Run, root: Path) -> None:
        run("user", "add", "ada")
        status, out, _ = run("user", "token", "ada")
        assert status == 0
        disconnect()
        store = Store.open(root)
        try:
            assert store.user_of_token(out.strip()) == "ada"
        finally:
            store.close()

    @pytest.mark.parametrize("action", ["password", "token"])
    def test_an_unknown_user_is_one_line(self, run: Run, action: str) -> None:
        assert "'eve'" in refused(run("user", action, "eve"))


class TestGroups:
    def test_members_join_and_leave(self, run: Run) -> None:
        run("user", "add", "ada")
        assert run("group", "add", "lab", "--type", "rwra--")[0] == 0
        assert run("group", "join", "lab", "ada", "--owner")[0] == 0
        assert self.listed(run)["lab"] == ["rwra--", "ada"]
        assert run("group", "leave", "lab", "ada")[0] == 0
        assert self.listed(run)["lab"] == ["rwra--", ""]

    def test_unknown_names_are_one_line(self, run: Run) -> None:
        assert "'lab'" in refused(run("group", "join", "lab", "ada"))
        run("group", "add", "lab")
        assert "'ada'" in refused(run("group", "join", "lab", "ada"))

    @staticmethod
    def listed(run: Run) -> dict[str, list[str]]:
        status, out, _ = run("group", "list")
        assert status == 0
        return {line.split("\t")[1]: line.split("\t")[2:] for line in out.splitlines()}


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["import"],
        ["results"],
        ["user", "add"],
        ["user", "fly"],
        ["group", "add"],
        ["group", "join", "lab"],
        ["group", "add", "lab", "--type", "rwxrwx"],
        ["user", "list", "--nonsense"],
        ["import", "x.tif", "--nonsense"],
    ],
    ids=" ".join,
)
def test_a_wrong_call_is_explained(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "usage: omero-jlab" in said.err and "error: " in said.err
    assert not root.exists(), "a call that was wrong made a repository"


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip() == f"omero-jlab {omero_jlab.__version__}"


def test_a_folder_with_something_else_is_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("mine")
    assert "thesis" in refused(run("user", "list", "--repository", tmp_path / "thesis"))
    assert sorted(p.name for p in (tmp_path / "thesis").iterdir()) == ["chapter.txt"]


def test_the_demo_is_prepared(
    run: Run, demo_plate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import omero_jlab.demo

    filled = []

    def fill(repo: Repository) -> None:
        repo.import_files(demo_plate / "images" / "A01_s1_DNA.tif", quiet=True)
        filled.append(repo)

    monkeypatch.setattr(omero_jlab.demo, "fill", fill)
    status, out, _ = run("demo", "--prepare", "--repository", tmp_path / "demo")
    assert status == 0 and str(tmp_path / "demo") in out
    assert len(filled) == 1
    # It is closed again: whoever comes next may open it, or move it.
    shutil.move(tmp_path / "demo", tmp_path / "moved")
    store = Store.open(tmp_path / "moved")
    try:
        assert len(store.session().images.find()) == 1
    finally:
        store.close()
