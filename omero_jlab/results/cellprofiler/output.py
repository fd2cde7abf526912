"""An ExportToSpreadsheet folder, read as an `Output`."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...errors import Invalid, NotFound, OmeroError
from ...model import Placement
from ..contract import ReadPlane
from ..geometry import UPRIGHT, Placing
from ..label_images import LabelReader, read_labels
from ..records import ImageSet, LabelFile
from .folder import Folder, Table
from .image_sets import image_sets
from .labels import label_files
from .pipeline import Pipeline, parse, read_pipeline
from .placement import MEASURED, Memory, Placer
from .tables import combined, read_column, read_table, split_objects

__all__ = ["CellProfilerOutput"]

_MAX_EXPERIMENT = 64 * 2**20


class CellProfilerOutput:
    """What CellProfiler's ExportToSpreadsheet, and SaveImages beside it, wrote into a folder.

    Raises
    ------
    Invalid
        Several tables describe the same image set: the folder holds several outputs.
    """

    program = "CellProfiler"

    def __init__(self, folder: Folder, read_labels: LabelReader = read_labels) -> None:
        self._read_labels = read_labels
        self._folder = folder
        self._notes = list(folder.notes)
        self._experiment = self._read_experiment()
        self.pipeline, self._pipeline = self._read_pipeline()
        self._homes: dict[int, Path] = {}
        self._images = self._read_images()
        self._memory = Memory()
        self._sets = {one.number: one for one in image_sets(self._images)}

    @property
    def version(self) -> str:
        """CellProfiler's version as Experiment.csv or else the pipeline names it."""
        said = self._experiment.get("CellProfiler_Version", "")
        return said or (self._pipeline.version if self._pipeline else "")

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each thing that was skipped or found odd."""
        return tuple(self._notes)

    @property
    def image_sets(self) -> tuple[ImageSet, ...]:
        """The image sets, by number."""
        return tuple(self._sets.values())

    @cached_property
    def object_names(self) -> tuple[str, ...]:
        """The kinds of object that have a table with columns."""
        names = [table.name for table in self._folder.of("object")]
        for table in self._folder.of("objects"):
            names += [owner for owner in table.header.owners if owner != "Image"]
        return tuple(dict.fromkeys(names))

    def image_table(self) -> pd.DataFrame:
        """All columns of the image tables, one row for each image set."""
        return self._images.copy()

    def object_table(self, name: str) -> pd.DataFrame:
        """All rows of the objects `name`, by image set.

        Raises
        ------
        NotFound
            There are no such objects.
        Invalid
            Two tables have objects of the same image set.
        """
        frames: list[pd.DataFrame] = []
        seen: dict[int, Path] = {}
        for table in self._folder.of("object", "objects"):
            if table.name == name:
                frame = read_table(table.path, table.header)
            elif name in table.header.owners and name != "Image":
                frame = split_objects(read_table(table.path, table.header), table.header.owners)[
                    name
                ]
            else:
                continue
            self._claim(frame, table, seen)
            frames.append(frame)
        if not frames:
            known = ", ".join(self.object_names) or "none"
            raise NotFound(f"There are no objects {name!r}; there are {known}.")
        return combined(frames)

    def label_files(self, number: int) -> tuple[LabelFile, ...]:
        """The label images of image set `number`, in the order of `object_names`."""
        rows = self._images[self._images["ImageNumber"] == number].to_dict(orient="records")
        row: dict[Any, Any] = rows[0] if rows else {}
        return label_files(
            self._folder,
            self._pipeline,
            self._set(number),
            row,
            self.object_names,
            self._homes.get(number),
        )

    def placed_labels(
        self,
        number: int,
        object_name: str,
        image_shape: tuple[int, int],
        read_plane: ReadPlane,
    ) -> tuple[NDArray[np.int32], Placement]:
        """The labels of one kind of object set upright, shape (Y, X), and where they lie."""
        for file in self.label_files(number):
            if file.object_name == object_name:
                labels = self._read_labels(file.path)
                placer = self._placer(number, image_shape, read_plane)
                placing = self._place(placer, number, object_name, labels)
                upright = np.ascontiguousarray(placing.orientation.apply(labels), np.int32)
                return upright, placing.placement
        raise NotFound(f"Image set {number} has no label image of {object_name!r}.")

    def placement(
        self,
        number: int,
        label_shape: tuple[int, int],
        image_shape: tuple[int, int],
        read_plane: ReadPlane,
    ) -> Placement:
        """Where the label images of image set `number` with shape `label_shape` lie.

        Raises
        ------
        NotFound
            There is no label image of that shape.
        Invalid
            The place is unknown, contradicted by the measurements, or differs between objects,
            or the labels are mirrored against the image (`placed_labels` sets them upright).
        """
        placer = self._placer(number, image_shape, read_plane)
        found: dict[str, Placing] = {}
        for file in self.label_files(number):
            labels = self._read_labels(file.path)
            if labels.shape == tuple(label_shape):
                found[file.object_name] = self._place(placer, number, file.object_name, labels)
        if not found:
            raise NotFound(
                f"Image set {number} has no label image of {label_shape[0]} × {label_shape[1]} "
                "pixels."
            )
        first = next(iter(found.values()))
        if any(other != first for other in found.values()):
            raise Invalid(
                f"The label images of {', '.join(found)} have one size, but lie in different "
                f"places of image set {number}: place each by itself."
            )
        if first.orientation != UPRIGHT:
            raise Invalid(
                f"The labels of image set {number} are {first.orientation} against the image; "
                "read them by placed_labels(), which sets them upright."
            )
        return first.placement

    def _placer(self, number: int, size: tuple[int, int], read_plane: ReadPlane) -> Placer:
        image_set = self._set(number)
        return Placer(image_set, (size[0], size[1]), read_plane, self._pipeline, self._memory)

    def _place(self, placer: Placer, number: int, name: str, labels: NDArray[np.int32]) -> Placing:
        rows = self._measured(name)
        rows = rows[rows["ImageNumber"] == number]
        return placer.place(name, labels, rows)

    def _measured(self, name: str) -> pd.DataFrame:
        if name not in self._measurements:
            table = self.object_table(name)
            wanted = [c for c in table.columns if str(c).startswith(MEASURED)]
            self._measurements[name] = table[["ImageNumber", "ObjectNumber", *wanted]].copy()
        return self._measurements[name]

    @cached_property
    def _measurements(self) -> dict[str, pd.DataFrame]:
        return {}

    def _set(self, number: int) -> ImageSet:
        if number not in self._sets:
            raise NotFound(
                f"There is no image set {number}; there are {len(self._sets)}, from "
                f"{min(self._sets, default=0)} to {max(self._sets, default=0)}."
            )
        return self._sets[number]

    def _read_images(self) -> pd.DataFrame:
        frames = []
        seen: dict[int, Path] = {}
        for table in self._folder.of("image"):
            frame = read_table(table.path, table.header)
            self._claim(frame, table, seen)
            self._homes.update(dict.fromkeys(frame["ImageNumber"].tolist(), table.path.parent))
            frames.append(frame)
        missing = self._without_row({path.parent for path in seen.values()}) - set(seen)
        if missing:
            frames.append(pd.DataFrame({"ImageNumber": np.array(sorted(missing), dtype="int64")}))
            self._notes.append(
                f"{len(missing)} image set{'s have' if len(missing) > 1 else ' has'} objects, but "
                "no row in an image table."
            )
        return combined(frames)

    def _without_row(self, described: set[Path]) -> set[int]:
        """Image sets of folders that have object tables, but no row in an image table."""
        numbers: set[int] = set()
        for table in self._folder.of("object", "objects"):
            if table.path.parent not in described:
                found = read_column(table.path, table.header, "ImageNumber").unique().tolist()
                self._homes.update(dict.fromkeys(found, table.path.parent))
                numbers.update(found)
        return numbers

    def _claim(self, frame: pd.DataFrame, table: Table, seen: dict[int, Path]) -> None:
        """Two files that number image sets alike are two outputs."""
        for number in frame["ImageNumber"].unique().tolist():
            if seen.setdefault(number, table.path) != table.path:
                one, other = (
                    path.relative_to(self._folder.root).as_posix()
                    for path in (seen[number], table.path)
                )
                raise Invalid(
                    f"Image set {number} stands in both {one} and {other}: these are several "
                    "outputs. Attach each folder by itself."
                )

    def _read_experiment(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for table in self._folder.of("experiment"):
            if table.path.stat().st_size > _MAX_EXPERIMENT:
                self._notes.append(f"{table.path.name} is too large for what it is; skipped.")
                continue
            try:
                frame = pd.read_csv(
                    table.path, dtype=str, keep_default_na=False, encoding="utf-8-sig"
                )
            except (pd.errors.ParserError, UnicodeDecodeError) as error:
                self._notes.append(f"{table.path.name} was skipped: {error}")
                continue
            for key, value in zip(frame["Key"], frame["Value"], strict=True):
                found.setdefault(key, value)
        return found

    def _read_pipeline(self) -> tuple[Path | None, Pipeline | None]:
        """The pipeline file that made these objects, or the text of it in Experiment.csv."""
        read: list[tuple[Path, Pipeline]] = []
        for path in self._folder.pipelines:
            try:
                read.append((path, read_pipeline(path)))
            except OmeroError as error:
                self._notes.append(f"{path.name} was skipped: {error}")
        names = {table.name for table in self._folder.of("object")}
        making = [one for one in read if names and all(one[1].maker(name) for name in names)]
        if len(read) == 1 or len(making) == 1:
            return making[0] if making else read[0]
        if read:
            self._notes.append(
                f"{len(read)} pipelines lie in the folder and it is unclear which made the "
                "results; none was used."
            )
            return None, None
        text = self._experiment.get("Pipeline_Pipeline", "")
        try:
            return None, parse(text, "The pipeline in Experiment.csv") if text else None
        except OmeroError as error:
            self._notes.append(str(error))
            return None, None
