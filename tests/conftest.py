"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import omero_jlab

_DEFAULT_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real files; the test is skipped where it is absent."""
    folder = Path(os.environ.get("OMERO_JLAB_DATA", _DEFAULT_DATA))
    if not folder.is_dir():
        pytest.skip(f"no folder of real files at {folder}; set OMERO_JLAB_DATA to have one")
    return folder


@pytest.fixture(scope="session")
def demo_plate() -> Path:
    """The demo plate that ships with the package: images/, cellprofiler/, facts.json."""
    return Path(omero_jlab.__file__).parent / "demo" / "plate-1"
