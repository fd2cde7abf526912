"""Recognisers of other packages; a broken one breaks nothing."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from omero_jlab.errors import Invalid
from omero_jlab.results import call_here, recognise, recognised

MODULE = """
from omero_jlab.results import ImageSet, Output

class Spots(Output):
    program = "Spotter"

    def __init__(self, path):
        self._path = path

    @property
    def image_sets(self):
        return (ImageSet(number=1, names=(self._path.stem,)),)

def recognise(path, confined):
    return Spots(path) if path.suffix == ".spots" else None

def fail(path, confined):
    raise KeyError("no such thing")

def wrong(path, confined):
    return 3
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Installs a distribution with the entry points given."""

    def distribution(points: str) -> None:
        site = tmp_path / "site"
        info = site / "spotter-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: spotter\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[omero_jlab.results]\n{points}\n")
        (site / "spotter_plugin.py").write_text(MODULE)
        monkeypatch.syspath_prepend(site)

    yield distribution
    for name in ("spotter_plugin", "documented_plugin"):
        sys.modules.pop(name, None)


def test_a_plugin_is_asked(install: Callable[[str], None], tmp_path: Path) -> None:
    install("spots = spotter_plugin:recognise")
    (tmp_path / "cells.spots").write_text("1 2\n")
    output = recognise(tmp_path / "cells.spots")
    assert (output.program, output.image_sets[0].names) == ("Spotter", ("cells",))
    assert list(output.tables(1)) == []


def test_the_documented_one_works(install: Callable[[str], None], tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "results-of-another-program.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    install("spots = documented_plugin:recognise")
    (tmp_path / "site" / "documented_plugin.py").write_text(code)
    (tmp_path / "cells.spots").write_text("1 2\n3 4\n")
    ((name, frame),) = recognise(tmp_path / "cells.spots").tables(1)
    assert (name, list(frame["y"])) == ("Spots", [2, 4])


def test_broken_ones_are_named_and_passed_over(
    install: Callable[[str], None], tmp_path: Path
) -> None:
    install(
        "a = spotter_plugin:fail\nb = spotter_plugin:absent\nc = missing_module:x\n"
        "d = spotter_plugin:wrong\nz = spotter_plugin:recognise"
    )
    (tmp_path / "cells.spots").write_text("1 2\n")
    output, notes = recognised(tmp_path / "cells.spots", call_here)
    assert output.program == "Spotter"
    assert [note.split()[2] for note in notes] == ["a", "b", "c", "d"]
    assert "KeyError" in notes[0]
    (tmp_path / "other.txt").write_text("")
    with pytest.raises(Invalid, match=r"not recognised.*plug-in a .* passed over"):
        recognise(tmp_path / "other.txt")
