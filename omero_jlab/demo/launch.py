"""JupyterLab on the demo: the first notebook, with the repository's panel beside it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .notebooks import copy_notebooks

__all__ = ["launch"]


def launch(root: Path, notebooks: Path, more: list[str]) -> None:
    """Become a JupyterLab whose repository is `root`; does not return."""
    first = copy_notebooks(notebooks)
    os.environ["OMERO_JLAB_REPOSITORY"] = str(root)
    arguments = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={first.parent}",
        f"--LabApp.default_url=/lab/tree/{first.name}",
        "--RepositoryApp.show_panel=True",
        # The demo asks nothing of any network.
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        *more,
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--allow-root")
    os.execv(sys.executable, arguments)
