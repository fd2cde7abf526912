"""ilastik's exports: tables of objects, segmentations, probabilities, projects."""

from __future__ import annotations

from pathlib import Path

from ..confined import Confined
from .files import find
from .output import IlastikOutput

__all__ = ["IlastikOutput", "recognise"]


def recognise(path: Path, confined: Confined) -> IlastikOutput | None:
    """The output in the folder `path`, or the file `path`."""
    found = find(path, confined)
    return IlastikOutput(found, confined) if found.groups or found.projects else None
