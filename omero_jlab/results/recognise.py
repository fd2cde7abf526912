"""Which program wrote a folder.  A new program is a module with a `Recogniser`, listed here."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

from ..errors import Invalid, NotFound
from . import cellpose, cellprofiler, ilastik, imagej, masks, qupath
from .confined import Confined, call_here
from .contract import Output, Recogniser
from .plugins import recognised_by_plugins

__all__ = ["RECOGNISERS", "recognise", "recognised"]

RECOGNISERS: tuple[Recogniser, ...] = (
    cellprofiler.recognise,
    ilastik.recognise,
    cellpose.recognise,
    qupath.recognise,
    imagej.recognise,
)
"""Asked in this order; plug-ins come behind them, and label images by themselves last."""

_KNOWN = (
    "the CSV files of CellProfiler's ExportToSpreadsheet (an image table such as Image.csv, or "
    "object tables with the columns ImageNumber and ObjectNumber), its SQLite and HDF5 files",
    "what ilastik exports (tables with labelimage_oid, HDF5 files, projects)",
    "Cellpose's _seg.npy and _cp_masks",
    "QuPath's GeoJSON and measurements",
    "ImageJ's .roi and .zip files and results",
    "label images called …_labels or …_masks",
)


def recognise(path: Path, confined: Confined = call_here) -> Output:
    """The output of an analysis program at `path`, a folder or one of its files.

    Raises
    ------
    NotFound
        There is nothing at `path`.
    Invalid
        No known program wrote it.
    """
    return recognised(path, confined)[0]


def recognised(path: Path, confined: Confined) -> tuple[Output, tuple[str, ...]]:
    """The same, and a line for each plug-in that failed."""
    if not path.exists():
        raise NotFound(f"There is no file or folder {path}.")
    for recogniser in RECOGNISERS:
        output = recogniser(path, confined)
        if output is not None:
            return output, ()
    output, notes = recognised_by_plugins(path, confined)
    output = output or masks.recognise(path, confined)
    if output is None:
        raise Invalid(
            f"{path} was not recognised as an analysis result: {_contents(path)}. Recognised are "
            f"{'; '.join(_KNOWN)}." + "".join(f" {note}" for note in notes)
        )
    return output, tuple(notes)


def _contents(path: Path) -> str:
    if path.is_file():
        return f"it is one file of kind {path.suffix or 'unknown'}"
    kinds = Counter(entry.suffix or "folder" for entry in islice(path.iterdir(), 10_000))
    if not kinds:
        return "the folder is empty"
    return "it holds " + ", ".join(f"{count} × {kind}" for kind, count in kinds.most_common(5))
