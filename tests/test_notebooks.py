"""The notebooks, and the examples of ARCHITECTURE.md, executed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import omero_jlab
from omero_jlab.connection import disconnect
from omero_jlab.demo import fill

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SIDE = 2048


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for everything; no server of the user's is found from here."""
    folder = tmp_path_factory.mktemp("notebooks")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("OMERO_JLAB_URL", "OMERO_JLAB_TOKEN_FILE", "JPY_PARENT_PID"):
            patch.delenv(name, raising=False)
        patch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "runtime"))
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        patch.setenv("PYTHONPATH", str(ROOT))
        yield folder


@pytest.fixture(scope="module")
def filled(alone: Path) -> Path:
    """A repository with the demo's contents, but for the large image's size."""
    root = alone / "demo"
    fill(omero_jlab.connect(root), side=SIDE, quiet=True)
    disconnect()
    return root


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.long)])
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(
    path: Path, times: int, filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMERO_JLAB_REPOSITORY", str(filled))
    for _ in range(times):
        notebook = executed(path, tmp_path)
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        outputs = [output for cell in cells for output in cell.outputs]
        assert all(cell.execution_count for cell in cells)
        assert not [o for o in outputs if o.output_type == "error"]
        assert not [o for o in outputs if o.get("name") == "stderr" and "Warning" in o.text]
        shown = [kind for output in outputs for kind in output.get("data", {})]
        assert "text/html" in shown, "no object shows itself"
        assert "application/vnd.jupyter.widget-view+json" in shown, "no widget is shown"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def executed(path: Path, folder: Path) -> Any:
    notebook = read(path)
    client = NotebookClient(
        notebook,
        timeout=240,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    return notebook


def example(document: str, heading: str) -> str:
    """The Python block under a heading of a document."""
    text = (ROOT / document).read_text(encoding="utf-8")
    found = re.search(rf"^## {heading}\n.*?^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"{document} has no example under {heading!r}"
    return found[1]


@pytest.fixture
def bench(tmp_path: Path, demo_plate: Path) -> Path:
    """A folder with a plate and what CellProfiler measured on it, as the examples name them."""
    shutil.copytree(demo_plate / "images", tmp_path / "plate-1")
    shutil.copytree(demo_plate / "cellprofiler", tmp_path / "cellprofiler-output")
    return tmp_path


AFTER = """
assert [i.name for i in images] == ["A01_s1", "A01_s2", "A02_s1", "A02_s2"]
assert images.failed == ()
(plate,) = repo.plates
assert plate.name == "plate-1"
assert [s.name for s in repo.screens] == ["Pilot"]
assert len(image.table("nuclei")) == nuclei.max() > 0
assert {"nuclei", "Nuclei"} <= {labels.name for labels in image.labels}
assert (image.table("Nuclei").query()["AreaShape_Area"] > 0).all()
"""


@pytest.mark.parametrize(
    ("document", "heading", "before", "after"),
    [
        (
            "ARCHITECTURE.md",
            "What a notebook looks like",
            "",
            """
(projection,) = repo.datasets.find("Projections").images
import numpy
assert numpy.array_equal(projection.plane(0), image.dask().max(axis=2).compute()[0, 0])
""",
        ),
        (
            "README.md",
            "Work with it",
            """
import numpy, pandas
nuclei = numpy.zeros((0, 0), int)
measured = pandas.DataFrame({"area": [150.0, 90.0], "eccentricity": [0.2, 0.9]})
""",
            None,
        ),
    ],
    ids=["architecture", "readme"],
)
def test_an_example_runs(
    alone: Path,
    bench: Path,
    monkeypatch: pytest.MonkeyPatch,
    document: str,
    heading: str,
    before: str,
    after: str | None,
) -> None:
    monkeypatch.setenv("OMERO_JLAB_REPOSITORY", str(bench / "repository"))
    script = before + example(document, heading)
    if after is None:
        # The README measures between two of its lines.
        line = "image.attach_labels(nuclei"
        assert line in script
        script = script.replace(line, "nuclei = (dna > dna.mean()).astype(int)\n" + line)
    else:
        script += AFTER + after
    run = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", "-c", script],
        cwd=bench,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert run.returncode == 0, run.stderr
    assert any((bench / "repository" / "ManagedRepository").rglob("*.tif"))
