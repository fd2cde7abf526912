"""CellProfiler's outputs: spreadsheets, an SQLite database or the measurement file (HDF5)."""

from __future__ import annotations

from pathlib import Path

from ..confined import Confined, call_here
from ..label_images import confined_reader
from .output import CellProfilerOutput
from .routes import find_route

__all__ = ["CellProfilerOutput", "recognise"]


def recognise(path: Path, confined: Confined = call_here) -> CellProfilerOutput | None:
    """The output in the folder `path`, or the one that the file `path` belongs to."""
    found = find_route(path, confined)
    return None if found is None else CellProfilerOutput(found, confined_reader(confined), confined)
