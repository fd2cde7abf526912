"""What an installation gets, and that the image for Binder can be built."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from omero_jlab import __version__

ROOT = Path(__file__).parents[1]
SHARE = f"omero_jlab-{__version__}.data/data"
LAB = f"{SHARE}/share/jupyter/labextensions/omero-jlab"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The wheel, built from this checkout with the hatchling that is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    run = subprocess.run(
        [*build, "--no-index", "--wheel-dir", str(folder), str(ROOT)],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert run.returncode == 0, run.stderr or run.stdout
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_the_panel_is_in_it_as_it_was_built(wheel: zipfile.ZipFile) -> None:
    built = ROOT / "omero_jlab" / "labextension"
    for path in built.rglob("*"):
        if path.is_file():
            assert wheel.read(f"{LAB}/{path.relative_to(built)}") == path.read_bytes()
    described = json.loads(wheel.read(f"{LAB}/package.json"))
    assert f"{LAB}/{described['jupyterlab']['_build']['load']}" in wheel.namelist()
    assert json.loads(wheel.read(f"{LAB}/install.json"))["packageName"] == "omero-jlab"


def test_jupyter_servers_load_the_extension(wheel: zipfile.ZipFile) -> None:
    config = wheel.read(f"{SHARE}/etc/jupyter/jupyter_server_config.d/omero_jlab.json")
    assert json.loads(config) == {"ServerApp": {"jpserver_extensions": {"omero_jlab": True}}}


def test_everything_that_is_read_at_run_time_is_in_it(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    package = ROOT / "omero_jlab"
    needed = [
        *(package / "database" / "migrations").rglob("*.py"),
        package / "database" / "migrations" / "script.py.mako",
        *(package / "widgets" / "static").iterdir(),
        *(path for path in (package / "demo" / "plate-1").rglob("*") if path.is_file()),
    ]
    assert len(needed) > 30
    assert {str(path.relative_to(ROOT)) for path in needed} <= names
    notebooks = {f"omero_jlab/demo/notebooks/{p.name}" for p in (ROOT / "notebooks").glob("*")}
    assert notebooks and notebooks <= names
    assert "omero-jlab=omero_jlab.cli:main" in _entry_points(wheel)


def test_nothing_else_is_in_it(wheel: zipfile.ZipFile) -> None:
    for name in wheel.namelist():
        assert name.split("/")[0].startswith("omero_jlab"), name
        assert not {"node_modules", "tests", "__pycache__", ".git"} & set(name.split("/")), name
    assert not [n for n in wheel.namelist() if n.startswith("omero_jlab/labextension")]
    assert len(set(wheel.namelist())) == len(wheel.namelist()), "a file is in it twice"


def test_the_demo_is_small(wheel: zipfile.ZipFile) -> None:
    sizes = [i.file_size for i in wheel.infolist() if i.filename.startswith("omero_jlab/demo/")]
    assert 0 < sum(sizes) <= 6e6
    assert sum(info.compress_size for info in wheel.infolist()) <= 12e6


def test_an_installed_demo_finds_its_notebooks(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path / "site")
    script = """
import sys, pathlib, omero_jlab
from omero_jlab.demo import copy_notebooks
assert pathlib.Path(omero_jlab.__file__).is_relative_to(sys.argv[1]), omero_jlab.__file__
print(copy_notebooks(pathlib.Path(sys.argv[2])))
"""
    site = str(tmp_path / "site")
    run = subprocess.run(
        [sys.executable, "-c", script, site, str(tmp_path / "mine")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": site},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    copied = Path(run.stdout.strip())
    assert copied.read_bytes() == (ROOT / "notebooks" / copied.name).read_bytes()


@pytest.mark.long
def test_the_image_for_binder_fills_its_repository(tmp_path: Path) -> None:
    """`postBuild` as it is, in an empty home, with a smaller large image."""
    home, commands = tmp_path / "home", tmp_path / "commands"
    home.mkdir()
    commands.mkdir()
    command = commands / "omero-jlab"
    command.write_text(
        f"#!{sys.executable}\n"
        "import functools, sys\n"
        "import omero_jlab.demo as demo\n"
        "from omero_jlab.cli import main\n"
        "demo.fill = functools.partial(demo.fill, side=1024)\n"
        "sys.exit(main())\n"
    )
    command.chmod(0o755)
    kept = ("LANG", "LC_ALL", "NUMBA_CACHE_DIR")
    environment = {name: os.environ[name] for name in kept if name in os.environ} | {
        "HOME": str(home),
        "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    run = subprocess.run(
        [str(ROOT / "binder" / "postBuild")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert run.returncode == 0, run.stderr
    # `start` sends every Jupyter server of the image to what `postBuild` made.
    start = [str(ROOT / "binder" / "start"), "printenv", "OMERO_JLAB_REPOSITORY"]
    run = subprocess.run(start, env=environment, capture_output=True, text=True, timeout=60)
    root = Path(run.stdout.strip())
    assert root.is_relative_to(home)
    assert (root / "omero-jlab.json").is_file()
    assert (root / "Pixels" / "images").is_dir()


def test_the_scripts_for_binder_can_be_run() -> None:
    for name in ("postBuild", "start"):
        path = ROOT / "binder" / name
        assert os.access(path, os.X_OK)
        assert subprocess.run([shutil.which("bash") or "bash", "-n", str(path)]).returncode == 0


def _entry_points(wheel: zipfile.ZipFile) -> str:
    text = wheel.read(f"omero_jlab-{__version__}.dist-info/entry_points.txt").decode()
    return text.replace(" ", "")
