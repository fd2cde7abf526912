"""Where the user's own repository lies."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

__all__ = ["default_repository"]


def default_repository() -> Path:
    """`OMERO_JLAB_REPOSITORY`, or a folder in the user's data folder."""
    named = os.environ.get("OMERO_JLAB_REPOSITORY")
    if named:
        return Path(named).expanduser()
    return Path(platformdirs.user_data_dir("omero-jlab", appauthor=False)) / "repository"
