"""ImageJ: regions of interest (.roi, RoiSet.zip) and tables of results."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from ...errors import OmeroError
from ..confined import Confined
from ..folders import files_at
from ..text_tables import header_of
from .output import ImageJOutput, OfImage, image_in_label, read_results

__all__ = ["ImageJOutput", "recognise"]

_BEHIND = re.compile(r"(.*?)[-_. ]*(cp_)?(rois?|roi[-_ ]?set|results|outlines)\d*$", re.IGNORECASE)
_BEFORE = re.compile(r"(rois?|roi[-_ ]?set|results)[-_. ]+(.+)$", re.IGNORECASE)
_MEASURED = {
    "Area", "Mean", "StdDev", "Mode", "Min", "Max", "XM", "YM", "Perim.", "Major", "Minor",
    "Angle", "Circ.", "Feret", "IntDen", "Median", "Skew", "Kurt", "%Area", "RawIntDen", "AR",
    "Round", "Solidity", "BX", "BY",
}  # fmt: skip
_FEWEST_MEASURED = 2


def recognise(path: Path, confined: Confined) -> ImageJOutput | None:
    """The regions and results in the folder `path`, or in the file `path`."""
    found: dict[str, OfImage] = {}
    notes: list[str] = []

    def of(*names: str) -> OfImage:
        kept = tuple(dict.fromkeys(name for name in names if name))
        return found.setdefault(kept[0].casefold() if kept else "", OfImage(kept))

    for file in files_at(path):
        suffix = file.suffix.casefold()
        if suffix == ".roi":
            names = (file.stem,) if path.is_file() else (file.parent.name,)
            of(*names).regions.append(file)
        elif suffix == ".zip" and _has_regions(file):
            of(*_names(file)).regions.append(file)
        elif suffix in (".csv", ".tsv", ".txt", ".xls"):
            delimiter = _results_delimiter(file)
            if not delimiter:
                continue
            try:
                frame = read_results(file, delimiter, confined)
            except OmeroError as error:
                notes.append(f"{file.name} was skipped: {error}")
                continue
            if "Label" not in frame:
                of(*_names(file)).tables.append((file, delimiter, None))
                continue
            labels: dict[str, set[str]] = {}
            for label in frame["Label"].astype(str).unique():
                labels.setdefault(image_in_label(label), set()).add(label)
            for name, some in labels.items():
                of(name).tables.append((file, delimiter, frozenset(some)))
    return ImageJOutput(list(found.values()), notes, confined) if found else None


def _has_regions(file: Path) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return any(name.casefold().endswith(".roi") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def _names(file: Path) -> tuple[str, ...]:
    """What the image may be called, from the name of a file of regions or results."""
    behind = _BEHIND.fullmatch(file.stem)
    if behind:
        return (behind[1], file.stem) if behind[1] else ()
    before = _BEFORE.fullmatch(file.stem)
    return (before[2], file.stem) if before else (file.stem,)


def _results_delimiter(file: Path) -> str:
    """What separates the columns of ImageJ's results; empty where it is no such table."""
    delimiter, columns = header_of(file)
    measured = len(_MEASURED & set(columns))
    if measured >= _FEWEST_MEASURED and (columns[0] in ("", "Label") or "Label" in columns):
        return delimiter
    return delimiter if columns[0] == "" and measured and len(columns) > 1 else ""
