"""ImageJ: regions of interest (.roi, RoiSet.zip) and tables of results."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from ...errors import OmeroError, Unreadable
from ..confined import Confined
from ..folders import files_at
from ..text_tables import header_of
from ..texts import opened, stem_of, suffix_of
from .output import TIFFS, ImageJOutput, OfImage, Table, image_in_label, read_results

__all__ = ["ImageJOutput", "recognise"]

_BEHIND = re.compile(
    r"(.*?)[-_. ]*(cp_)?(rois?|roi[-_ ]?set|results|outlines|summary|measurements|counter"
    r"|(lbl[-_ ])?morpho(metry)?|(all[-_ ])?spots|(all[-_ ])?tracks|edges)"
    r"([-_ ](in[-_ ]tracks?[-_ ])?statistics)?\d*$",
    re.IGNORECASE,
)
_BEFORE = re.compile(r"(rois?|roi[-_ ]?set|results)[-_. ]+(.+)$", re.IGNORECASE)
_MEASURED = {
    "Area", "Mean", "StdDev", "Mode", "Min", "Max", "XM", "YM", "Perim.", "Major", "Minor",
    "Angle", "Circ.", "Feret", "IntDen", "Median", "Skew", "Kurt", "%Area", "RawIntDen", "AR",
    "Round", "Solidity", "BX", "BY",
}  # fmt: skip
_PLACES = {
    "", "X", "Y", "Z", "Label", "Slice", "Frame", "Ch", "Counter", "Count", "MinThr", "MaxThr",
    "FeretX", "FeretY", "FeretAngle", "MinFeret", "Length", "Group", "Name",
}  # fmt: skip
"""What stands beside measurements in ImageJ's own tables."""
_SUMMARY = {"Slice", "Count", "Total Area"}
_MORPHOMETRY = {
    "Perimeter", "Circularity", "Centroid.X", "Volume", "Ellipse.Center.X", "MaxFeretDiam",
    "GeodesicDiameter", "Tortuosity", "NumberOfVoxels", "Box.X.Min", "SurfaceArea",
}  # fmt: skip
"""Columns of MorphoLibJ, whose `Label` is the number of an object."""
_TRACKMATE = ({"LABEL", "TRACK_ID"}, {"LABEL", "SPOT_SOURCE_ID"}, {"LABEL", "TRACK_INDEX"})
_FEWEST_MEASURED = 2
_NUMBER = re.compile(r"-?[0-9.]+([eE][-+]?[0-9]+)?")
_SNIFFED = 1 << 16


def recognise(path: Path, confined: Confined) -> ImageJOutput | None:
    """The regions and results in the folder `path`, or in the file `path`."""
    found: dict[str, OfImage] = {}
    notes: list[str] = []
    failures: list[OmeroError] = []

    def of(*names: str) -> OfImage:
        kept = tuple(dict.fromkeys(name for name in names if name))
        return found.setdefault(kept[0].casefold() if kept else "", OfImage(kept))

    for file in files_at(path):
        suffix = suffix_of(file)
        try:
            if suffix == ".roi":
                names = (file.stem,) if path.is_file() else (file.parent.name,)
                of(*names).regions.append(file)
            elif suffix == ".zip" and _has_regions(file):
                of(*_names(file)).regions.append(file)
            elif suffix in TIFFS and _has_overlay(file, confined):
                of(file.name).regions.append(file)
            elif suffix in (".csv", ".tsv", ".txt", ".xls"):
                table = _table(file)
                if table is not None:
                    _sort(table, of, confined)
        except OmeroError as error:
            failures.append(error)
            is_workbook = suffix == ".xls" and isinstance(error, Unreadable)
            why = "an Excel workbook: save it as CSV." if is_workbook else str(error)
            notes.append(f"{file.name} was skipped: {why}")
    if failures and not found and path.is_file():
        raise failures[0]
    return ImageJOutput(list(found.values()), notes, confined) if found else None


def _sort(table: Table, of: Callable[..., OfImage], confined: Confined) -> None:
    """Find the images that a table's rows are of."""
    frame = read_results(table, confined)
    column = "Label" if "Label" in frame else "Slice" if set(frame) >= _SUMMARY else ""
    if not column or pd.api.types.is_numeric_dtype(frame[column].dtype):
        of(*_names(table.path)).tables.append(table)
        return
    labels: dict[str, set[str]] = {}
    for label in frame[column].astype(str).unique():
        labels.setdefault(image_in_label(label), set()).add(label)
    for name, some in labels.items():
        of(name).tables.append(replace(table, column=column, labels=frozenset(some)))


def _has_overlay(file: Path, confined: Confined) -> bool:
    with file.open("rb") as opened_file:
        if b"ImageJ=" not in opened_file.read(_SNIFFED):
            return False
    return confined("omero_jlab.results.imagej.rois:count_overlays", file) != b"0"


def _has_regions(file: Path) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return any(name.casefold().endswith(".roi") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def _names(file: Path) -> tuple[str, ...]:
    """What the image may be called, from the name of a file of regions or results."""
    stem = stem_of(file)
    behind = _BEHIND.fullmatch(stem)
    if behind:
        return (behind[1], stem) if behind[1] else ()
    before = _BEFORE.fullmatch(stem)
    return (before[2], stem) if before else (stem,)


def _table(file: Path) -> Table | None:
    """The table in the file, where its columns are ImageJ's, MorphoLibJ's or TrackMate's."""
    delimiter, columns = header_of(file)
    known = set(columns)
    measured = len(_MEASURED & known)
    if any(marks <= known for marks in _TRACKMATE):
        return Table(file, delimiter, skipped=_lines_of_units(file, delimiter))
    is_own = (
        (measured >= _FEWEST_MEASURED and (columns[0] in ("", "Label") or "Label" in known))
        or (columns[0] == "" and len(columns) > 1 and (measured or len(_PLACES & known) > 2))
        or (measured >= _FEWEST_MEASURED and known <= _MEASURED | _PLACES)
        or known >= _SUMMARY
        or (columns[0] in ("", "Label") and "Label" in known and bool(_MORPHOMETRY & known))
    )
    return Table(file, delimiter) if is_own else None


def _lines_of_units(file: Path, delimiter: str) -> int:
    """How many lines of names and units TrackMate wrote below the header: three, or none."""
    with opened(file) as lines:
        second = lines.readlines(_SNIFFED)[1:2]
    cells = second[0].decode("utf-8", "replace").split(delimiter) if second else []
    return 3 if cells and not any(_NUMBER.fullmatch(cell.strip()) for cell in cells) else 0
