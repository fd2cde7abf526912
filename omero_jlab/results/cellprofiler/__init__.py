"""CellProfiler's outputs: an ExportToSpreadsheet folder with label images beside it."""

from __future__ import annotations

from pathlib import Path

from ..label_images import LabelReader, read_labels
from .folder import find
from .output import CellProfilerOutput

__all__ = ["CellProfilerOutput", "recognise"]


def recognise(path: Path, read_labels: LabelReader = read_labels) -> CellProfilerOutput | None:
    """The output in the folder `path`, or in the folder of the CSV `path`."""
    if path.is_file() and path.suffix.casefold() != ".csv":
        return None
    folder = find(path if path.is_dir() else path.parent)
    if folder is None or (path.is_file() and path not in [t.path for t in folder.tables]):
        return None
    return CellProfilerOutput(folder, read_labels)
