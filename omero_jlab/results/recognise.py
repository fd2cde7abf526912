"""Which program wrote a folder.  A new program is a module with a `Recogniser`, listed here."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

from ..errors import Invalid, NotFound
from . import cellprofiler
from .contract import Output, Recogniser
from .label_images import LabelReader, read_labels

__all__ = ["RECOGNISERS", "recognise"]

RECOGNISERS: tuple[Recogniser, ...] = (cellprofiler.recognise,)


def recognise(path: Path, read_labels: LabelReader = read_labels) -> Output:
    """The output of an analysis program at `path`, a folder or one of its files.

    Raises
    ------
    NotFound
        There is nothing at `path`.
    Invalid
        No known program wrote it.
    """
    if not path.exists():
        raise NotFound(f"There is no file or folder {path}.")
    for recogniser in RECOGNISERS:
        output = recogniser(path, read_labels)
        if output is not None:
            return output
    raise Invalid(
        f"{path} was not recognised as an analysis result: {_contents(path)}. Recognised are "
        "folders with the CSV files of CellProfiler's ExportToSpreadsheet (an image table such as "
        "Image.csv, or object tables with the columns ImageNumber and ObjectNumber)."
    )


def _contents(path: Path) -> str:
    if path.is_file():
        return f"it is one file of kind {path.suffix or 'unknown'}"
    kinds = Counter(entry.suffix or "folder" for entry in islice(path.iterdir(), 10_000))
    if not kinds:
        return "the folder is empty"
    return "it holds " + ", ".join(f"{count} × {kind}" for kind, count in kinds.most_common(5))
