"""QuPath: objects as GeoJSON, and tables of measurements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from ...errors import OmeroError
from ..confined import Confined, frame_from_bytes, unpack
from ..contract import Output, Regions, StoredImage
from ..folders import files_at
from ..records import ImageSet
from ..regions import rois_from_array
from ..text_tables import header_of, text_table

__all__ = ["QuPathOutput", "recognise"]

_SNIFFED = 1 << 16
_FEATURE = re.compile(rb'"type"\s*:\s*"Feature(Collection)?"')
_BEHIND = re.compile(r"(.+?)[-_ ]+(annotations|detections|cells|tiles|objects|measurements)$")
_MARKS = ({"Object type", "Object ID", "Centroid X µm", "Centroid X px"}, {"Class", "Parent"})
"""Columns beside `Image` that tell a table of QuPath's: one of the first, or all of the second."""


class QuPathOutput(Output):
    """Objects as regions, with their classes and measurements as a table that links to them."""

    program = "QuPath"

    def __init__(
        self,
        objects: list[Path],
        tables: list[tuple[Path, str, str]],
        notes: list[str],
        confined: Confined,
    ) -> None:
        self._notes = notes
        self._confined = confined
        self._objects: dict[int, list[Path]] = {}
        self._tables: dict[int, list[tuple[Path, str, str]]] = {}
        self._names: dict[int, tuple[str, ...]] = {}
        numbers: dict[str, int] = {}
        for path in objects:
            behind = _BEHIND.fullmatch(path.stem)
            names = (path.stem, behind[1]) if behind else (path.stem,)
            number = numbers.setdefault(names[-1].casefold(), len(numbers) + 1)
            self._names.setdefault(number, names)
            self._objects.setdefault(number, []).append(path)
        for path, delimiter, image in tables:
            number = numbers.setdefault(image.casefold(), len(numbers) + 1)
            self._names.setdefault(number, (image,))
            self._tables.setdefault(number, []).append((path, delimiter, image))

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out."""
        return tuple(dict.fromkeys(self._notes))

    @property
    def files(self) -> tuple[Path, ...]:
        """The GeoJSON files and tables."""
        return tuple(
            dict.fromkeys(
                [
                    *(path for paths in self._objects.values() for path in paths),
                    *(path for found in self._tables.values() for path, _, _ in found),
                ]
            )
        )

    @property
    def image_sets(self) -> tuple[ImageSet, ...]:
        """One for each image that a file or a row names."""
        return tuple(ImageSet(number=number, names=names) for number, names in self._names.items())

    @property
    def may_be_one_image(self) -> bool:
        """Objects of any number of files may be of one image."""
        return True

    def tables(self, number: int) -> Iterator[tuple[str, pd.DataFrame]]:
        """The rows of tables of measurements that name this image."""
        for path, delimiter, image in self._tables.get(number, ()):
            frame = text_table(path, delimiter, self._confined)
            yield path.stem[:255], frame[frame["Image"].astype(str) == image].reset_index(drop=True)

    def regions(self, number: int, image: StoredImage) -> Iterator[Regions]:
        """The objects of each kind (annotations, detections, cells), with what was measured."""
        sizes = [image.sizes.t, image.sizes.z]
        function = "omero_jlab.results.qupath.reading:read_geojson"
        for path in self._objects.get(number, ()):
            facts, arrays = unpack(self._confined(function, path, sizes))
            self._notes += facts["notes"]
            for i, kind in enumerate(facts["kinds"]):
                rois = rois_from_array(arrays[f"rois{i}"])
                table = arrays[f"measured{i}"].tobytes()
                measured = frame_from_bytes(table) if table else None
                yield Regions(f"{path.stem} {kind}s".replace("ss", "s")[:255], rois, measured)


def recognise(path: Path, confined: Confined) -> QuPathOutput | None:
    """The objects and measurements in the folder `path`, or in the file `path`."""
    objects: list[Path] = []
    tables: list[tuple[Path, str, str]] = []
    notes: list[str] = []
    for file in files_at(path):
        suffix = file.suffix.casefold()
        if suffix in (".json", ".geojson") and _has_features(file):
            objects.append(file)
        elif suffix in (".tsv", ".csv", ".txt"):
            delimiter, columns = header_of(file)
            first, second = _MARKS
            if "Image" in columns and (first & set(columns) or second <= set(columns)):
                try:
                    frame = text_table(file, delimiter, confined)
                    tables += [(file, delimiter, str(name)) for name in frame["Image"].unique()]
                except OmeroError as error:
                    notes.append(f"{file.name} was skipped: {error}")
    return QuPathOutput(objects, tables, notes, confined) if objects or tables else None


def _has_features(file: Path) -> bool:
    with file.open("rb") as opened:
        return _FEATURE.search(opened.read(_SNIFFED)) is not None
