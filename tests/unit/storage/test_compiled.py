"""Compiled loops are kept where the user's caches lie, whoever compiles at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

LOADED = """
import threading
from importlib import import_module
names = ["rendering.kernels", "pixels.halve_numba", "pixels.scatter_numba",
         "tables.segments.singly_numba"]
start = threading.Barrier(len(names))
def load(name):
    start.wait()
    import_module(f"omero_jlab.{name}")
threads = [threading.Thread(target=load, args=(name,)) for name in names]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_nothing_of_it_lies_in_the_working_directory(tmp_path: Path) -> None:
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home)}
    root = Path(__file__).parents[3]
    environment["PYTHONPATH"] = os.pathsep.join([str(root), *sys.path[1:]])
    subprocess.run([sys.executable, "-c", LOADED], cwd=work, env=environment, check=True)
    assert not list(work.iterdir())
    kept = [path.name for path in (home / "omero-jlab" / "numba").rglob("*.nbi")]
    assert any("_read_rows" in name for name in kept)
    assert any("_read_each" in name for name in kept)
