"""Which program wrote a folder.  A new program is a module with a `Recogniser`, listed here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from ..errors import Invalid, NotFound, OmeroError
from . import cellpose, cellprofiler, ilastik, imagej, masks, qupath
from .confined import Confined, call_here
from .contract import Output, Recogniser
from .folders import entries_at
from .joined import Joined
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
    "Cellpose's _seg.npy, _cp_masks and _cp_outlines",
    "QuPath's GeoJSON and measurements",
    "ImageJ's .roi and .zip files and results",
    "label images called …_labels or …_masks, or in a folder called so",
)
_OTHERWISE = (
    "Any other table is attached by import_table(path, to=image), labels by "
    "image.attach_labels(array)."
)
_WITH_MASKS = (imagej.ImageJOutput, qupath.QuPathOutput)
_FEW_FILES = 2_000


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
    """The same, and a line for each plug-in that failed and for what else lies there."""
    if not path.exists():
        raise NotFound(f"There is no file or folder {path}.")
    # What is CellProfiler's and cannot be read is nobody else's.
    output: Output | None = cellprofiler.recognise(path, confined)
    others: list[Output] = []
    failures: list[OmeroError] = []
    if output is None or _is_small(path):
        for recogniser in RECOGNISERS[1:]:
            try:
                found = recogniser(path, confined)
            except OmeroError as error:
                failures.append(error)
                continue
            if found is not None and output is None:
                output = found
            elif found is not None and not set(found.files) <= set((output or found).files):
                others.append(found)
    notes: list[str] = []
    if output is None:
        output, notes = recognised_by_plugins(path, confined)
    if output is None or (path.is_dir() and isinstance(output, _WITH_MASKS)):
        try:
            beside = masks.recognise(path, confined)
        except OmeroError as error:
            failures.append(error)
            beside = None
        if beside is not None:
            output = beside if output is None else Joined(output, beside)
    if output is None and failures:
        raise failures[0]
    if output is None:
        raise Invalid(
            f"{path} was not recognised as an analysis result: {_contents(path)}. Recognised are "
            f"{'; '.join(_KNOWN)}. {_OTHERWISE}" + "".join(f" {note}" for note in notes)
        )
    notes += [str(error) for error in failures]
    notes += [
        f"Also here, and not attached with it: {one.program}'s {_few(one.files)}. Name "
        f"{'it' if len(one.files) == 1 else 'one of them'} to attach it."
        for one in others
    ]
    return output, tuple(notes)


def _is_small(path: Path) -> bool:
    """Whether looking for other programs' files takes no time."""
    return path.is_dir() and len(entries_at(path)) <= _FEW_FILES


def _few(paths: tuple[Path, ...]) -> str:
    names = [path.name for path in paths]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _contents(path: Path) -> str:
    if path.is_file():
        return f"it is one file of kind {path.suffix or 'unknown'}{_of_workbooks([path.suffix])}"
    kinds = Counter(entry.suffix or "folder" for entry in islice(path.iterdir(), 10_000))
    if not kinds:
        return "the folder is empty"
    listed = ", ".join(f"{count} × {kind}" for kind, count in kinds.most_common(5))
    return f"it holds {listed}{_of_workbooks(kinds)}"


def _of_workbooks(kinds: Iterable[str]) -> str:
    workbooks = {".xlsx", ".xls", ".xlsm", ".ods"} & {kind.casefold() for kind in kinds}
    return " (workbooks are not read: save each sheet as CSV)" if workbooks else ""
