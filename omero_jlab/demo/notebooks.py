"""The notebooks, copied to where they can be changed."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from pathlib import Path

from ..errors import NotFound

__all__ = ["FIRST", "copy_notebooks"]

FIRST = "01-from-images-to-measurements.ipynb"


def copy_notebooks(target: Path) -> Path:
    """Copy the notebooks into `target`, leaving those that are there; answers the first one."""
    target.mkdir(parents=True, exist_ok=True)
    with as_file(_source()) as folder:
        for notebook in sorted(Path(folder).glob("*.ipynb")):
            if not (target / notebook.name).exists():
                shutil.copyfile(notebook, target / notebook.name)
    return target / FIRST


def _source() -> Path:
    """In the package as it is installed, beside it in a checkout."""
    package = Path(str(files("omero_jlab")))
    for folder in (package / "demo" / "notebooks", package.parent / "notebooks"):
        if (folder / FIRST).is_file():
            return folder
    raise NotFound("This installation has no notebooks: install omero-jlab again.")
