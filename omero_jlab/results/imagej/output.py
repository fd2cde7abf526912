"""ImageJ's regions and tables of measurements, read as an `Output`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ...model import NewRoi
from ..confined import Confined, unpack
from ..contract import Output, Regions, StoredImage
from ..records import ImageSet
from ..regions import rois_from_array
from ..text_tables import text_table
from ..texts import stem_of

__all__ = ["TIFFS", "ImageJOutput", "OfImage", "Table", "image_in_label", "read_results"]

TIFFS = (".tif", ".tiff")
"""ImageJ keeps the regions of an overlay in the picture itself."""

_SLICE = re.compile(r"[:.](?:\d{4}-){1,3}\d{4}.*$|:.*$")


@dataclass(frozen=True)
class Table:
    """A table of measurements: the rows that have one of `labels` in `column`, or all rows.

    `skipped` lines stand between its header and its rows.
    """

    path: Path
    delimiter: str
    skipped: int = 0
    column: str = ""
    labels: frozenset[str] = frozenset()


@dataclass
class OfImage:
    """Files of one image, which they call `names`; rows of a table have its `labels`."""

    names: tuple[str, ...]
    regions: list[Path] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)


class ImageJOutput(Output):
    """Regions of interest and results."""

    def __init__(self, found: list[OfImage], notes: list[str], confined: Confined) -> None:
        self._found = dict(enumerate(found, 1))
        self._notes = notes
        self._confined = confined
        paths = [str(path).casefold() for one in found for path in one.regions]
        self.program = "StarDist" if any("stardist" in path for path in paths) else "ImageJ"

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out."""
        return tuple(self._notes)

    @property
    def files(self) -> tuple[Path, ...]:
        """The regions and tables."""
        return tuple(
            dict.fromkeys(
                path
                for one in self._found.values()
                for path in (*one.regions, *(table.path for table in one.tables))
            )
        )

    @property
    def image_sets(self) -> tuple[ImageSet, ...]:
        """One for each image that a file or a row names."""
        return tuple(
            ImageSet(number=number, names=one.names) for number, one in self._found.items()
        )

    @property
    def may_be_one_image(self) -> bool:
        """Regions of any number of files may be of one image; so may tables."""
        return True

    def tables(self, number: int) -> Iterator[tuple[str, pd.DataFrame]]:
        """The rows of each table of measurements that are of this image."""
        for table in self._found[number].tables:
            frame = read_results(table, self._confined)
            if table.column:
                is_own = frame[table.column].astype(str).isin(table.labels)
                frame = frame[is_own].reset_index(drop=True)
            yield stem_of(table.path)[:255], frame

    def regions(self, number: int, image: StoredImage) -> Iterator[Regions]:
        """The regions: those of an archive in a folder called after it, single ones in one."""
        sizes = [image.sizes.t, image.sizes.c, image.sizes.z]
        single: list[NewRoi] = []
        for path in self._found[number].regions:
            is_overlay = path.suffix.casefold() in TIFFS
            function = "read_overlays" if is_overlay else "read_rois"
            facts, arrays = unpack(
                self._confined(f"omero_jlab.results.imagej.rois:{function}", path, sizes)
            )
            self._notes += facts["notes"]
            rois = rois_from_array(arrays["rois"])
            if path.suffix.casefold() == ".roi":
                single += rois
            elif rois:
                yield Regions(path.stem[:255], rois)
        if single:
            yield Regions(self.program, tuple(single))


def read_results(table: Table, confined: Confined) -> pd.DataFrame:
    """A table of ImageJ's; its first column, which has no name and counts rows, is left out."""
    frame = text_table(table.path, table.delimiter, confined, table.skipped)
    first = str(frame.columns[0]).strip()
    return frame.iloc[:, 1:] if first == "" or first.startswith("Unnamed") else frame


def image_in_label(label: str) -> str:
    """The image in a row's label: `a.tif` in `a.tif:0001-0077-0068` and in `a.tif:3/10`."""
    return _SLICE.sub("", label)
