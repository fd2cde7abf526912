"""QuPath: objects as GeoJSON, and tables of measurements."""

from __future__ import annotations

import re
import zipfile
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
from ..texts import encoding_of, opened, stem_of, suffix_of
from .reading import GEOMETRIES

__all__ = ["QuPathOutput", "recognise"]

_SNIFFED = 1 << 16
_FEATURE = re.compile(r'"type"\s*:\s*"Feature(Collection)?"')
_GEOMETRY = re.compile(rf'\s*\[?\s*{{\s*"type"\s*:\s*"({"|".join(GEOMETRIES)})"')
_BEHIND = re.compile(
    r"(.+?)[-_ ]+(annotations?|detections?|cells|tiles|objects|measurements)$", re.IGNORECASE
)
_MARKS = (
    {"Object type", "Object ID", "Centroid X µm", "Centroid X px"},
    {"Class", "Parent"},
    {"Classification", "Parent"},
)
"""Columns beside `Image` that tell a table of QuPath's: one of the first, or all of another."""

_WITHOUT_IMAGE = ({"ROI", "Parent", "Class"}, {"ROI", "Parent", "Classification"})
"""What tells a table that was exported for one image, which names none."""


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
            stem = stem_of(path)
            behind = _BEHIND.fullmatch(stem)
            names = (stem, behind[1]) if behind else (stem,)
            number = numbers.setdefault(names[-1].casefold(), len(numbers) + 1)
            self._names.setdefault(number, names)
            self._objects.setdefault(number, []).append(path)
        for path, delimiter, image in tables:
            behind = None if image else _BEHIND.fullmatch(stem_of(path))
            name = image or (behind[1] if behind else stem_of(path))
            number = numbers.setdefault(name.casefold(), len(numbers) + 1)
            self._names.setdefault(number, (name,))
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
            if image:
                frame = frame[frame["Image"].astype(str) == image].reset_index(drop=True)
            yield stem_of(path)[:255], frame

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
                yield Regions(f"{stem_of(path)} {kind}s".replace("ss", "s")[:255], rois, measured)


def recognise(path: Path, confined: Confined) -> QuPathOutput | None:
    """The objects and measurements in the folder `path`, or in the file `path`."""
    objects: list[Path] = []
    tables: list[tuple[Path, str, str]] = []
    notes: list[str] = []
    failures: list[OmeroError] = []
    for file in files_at(path):
        suffix = suffix_of(file)
        try:
            if suffix in (".json", ".geojson", ".zip") and _has_features(file):
                objects.append(file)
            elif suffix in (".tsv", ".csv", ".txt"):
                tables += _tables(file, confined)
        except OmeroError as error:
            failures.append(error)
            notes.append(f"{file.name} was skipped: {error}")
    if failures and path.is_file():
        raise failures[0]
    return QuPathOutput(objects, tables, notes, confined) if objects or tables else None


def _tables(file: Path, confined: Confined) -> list[tuple[Path, str, str]]:
    """The file, its delimiter, and each image whose rows it has; empty for the one image."""
    delimiter, columns = header_of(file)
    known = set(columns)
    one, *others = _MARKS
    if "Image" in known and (one & known or any(marks <= known for marks in others)):
        frame = text_table(file, delimiter, confined)
        return [(file, delimiter, str(name)) for name in frame["Image"].unique()]
    if any(marks <= known for marks in _WITHOUT_IMAGE):
        return [(file, delimiter, "")]
    return []


def _has_features(file: Path) -> bool:
    try:
        if file.suffix.casefold() == ".zip":
            with zipfile.ZipFile(file) as archive:
                names = archive.namelist()
                return any(name.casefold().endswith((".geojson", ".json")) for name in names)
        with opened(file) as packed:
            start = packed.read(_SNIFFED).decode(encoding_of(file), "ignore")
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return False
    return bool(_FEATURE.search(start) or _GEOMETRY.match(start))
