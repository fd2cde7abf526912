"""CellProfiler's output, however it was exported, as an `Output`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...errors import Invalid, NotFound, OmeroError
from ...model import Placement
from ..confined import Confined, call_here
from ..contract import LabelStack, NewPixels, Output, ReadPlane, StoredImage
from ..geometry import UPRIGHT, Placing
from ..label_images import LabelReader, read_labels
from ..records import ImageSet, LabelFile
from .frames import origin
from .image_sets import as_told, image_sets
from .labels import label_files
from .making import Making, made_by
from .outlines import OutlineFile, numbered, outline_files, read_outlines
from .placement import MEASURED, Memory, Placer
from .relationships import NAME, of_image_set, orphans
from .routes import Found

__all__ = ["CellProfilerOutput"]

_RUN = ("Run_Timestamp", "Modification_Timestamp")
_PICTURES = (".tif", ".tiff", ".png", ".jpg", ".jpeg")


class CellProfilerOutput(Output):
    """What CellProfiler measured, and the label images that SaveImages wrote beside it."""

    program = "CellProfiler"

    def __init__(
        self,
        found: Found,
        read_labels: LabelReader = read_labels,
        confined: Confined = call_here,
    ) -> None:
        self._read_labels = read_labels
        self._confined = confined
        self._folder = found.folder
        self._route = found.route
        self._properties = found.properties
        self._making: Making = made_by(found.folder, found.route, found.projects)
        self._notes: list[str] = []
        self._images = found.route.images()
        self._memory = Memory()
        told = as_told(self._images, found.properties)
        self._sets = {one.number: one for one in image_sets(told)}
        self._note_missing()
        if found.named is not None:
            self._note_beside(found.named)

    @property
    def version(self) -> str:
        """CellProfiler's version as the run recorded it, or else as the pipeline names it."""
        said = self._route.experiment.get("CellProfiler_Version", "")
        pipeline = self._making.pipeline
        return said or (pipeline.version if pipeline else "")

    @property
    def pipeline(self) -> Path | None:
        """The pipeline's file, where it lies in the folder."""
        return self._making.path

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each thing that was skipped or found odd."""
        return tuple(dict.fromkeys([*self._route.notes, *self._making.notes, *self._notes]))

    @property
    def image_sets(self) -> tuple[ImageSet, ...]:
        """The image sets, by number."""
        return tuple(self._sets.values())

    @property
    def files(self) -> tuple[Path, ...]:
        """The tables, database or measurement file."""
        return self._route.files

    @property
    def object_names(self) -> tuple[str, ...]:
        """The kinds of object that have a table with columns."""
        return self._route.object_names

    def kept_files(self, number: int) -> tuple[Path, ...]:
        """The pipeline and CellProfiler Analyst's properties, where they lie in the folder."""
        kept = [self._making.path, self._properties.path if self._properties else None]
        return tuple(path for path in kept if path is not None)

    @property
    def kept_texts(self) -> Mapping[str, str]:
        """The pipeline that the run recorded, where no file in the folder is the same."""
        return {} if self._making.path or not self._making.text else {
            f"{self._route.files[0].stem}.cppipe": self._making.text
        }  # fmt: skip

    def parameters(self, number: int) -> Mapping[str, str]:
        """When it ran, the modules in order, and the steps that made each kind of object."""
        known = self._route.experiment
        told = {key: known[key] for key in _RUN if known.get(key)}
        pipeline = self._making.pipeline
        if pipeline is not None:
            told["Modules"] = ", ".join(module.name for module in pipeline.modules)
            for name in self.object_names:
                steps = pipeline.steps(name)
                if steps:
                    told[name] = steps
        return told

    def tables(self, number: int) -> Iterator[tuple[str, pd.DataFrame]]:
        """The rows of the image set in the image table and in each table of objects.

        A column `Parent_X` holds the `ObjectNumber` in table X that an object came from, or 0;
        the table `Relationships`, where modules recorded pairs, has both ends of each.
        """
        for name, frame in self._frames.items():
            first, last = frame["ImageNumber"].searchsorted([number, number + 1])
            if last > first:
                yield name, frame.iloc[first:last].reset_index(drop=True)
        if self._pairs is not None:
            pairs = of_image_set(self._pairs, number)
            if len(pairs):
                yield NAME, pairs

    def label_paths(self, number: int) -> tuple[Path, ...]:
        """Each kind's label image."""
        return tuple(file.path for file in self.label_files(number))

    def labels(self, number: int, image: StoredImage) -> Iterator[LabelStack]:
        """Each kind's label image, upright, and its place: the caller's, or what is found."""
        shape = (image.sizes.y, image.sizes.x)
        for file in self.label_files(number):
            if image.placement is None:
                found = self.placed_labels(number, file.object_name, shape, image.read_plane)
            else:
                found = self._read_labels(file.path), image.placement
            yield LabelStack(file.object_name, *found)
        for outline in self._outlines(number):
            if not outline.made.is_blank:
                continue
            try:
                lines = numbered(read_outlines(outline.path, self._confined))
                yield LabelStack(
                    outline.name, *self._placed_outlines(number, outline, lines, image)
                )
            except OmeroError as error:
                self._notes.append(f"{outline.path.name} is not attached: {error}")

    def pictures(self, number: int, image: StoredImage) -> Iterator[NewPixels]:
        """Pictures with outlines over an image, in red, green and blue."""
        for outline in self._outlines(number):
            if outline.made.is_blank:
                continue
            try:
                picture = read_outlines(outline.path, self._confined)[:3]
            except OmeroError as error:
                self._notes.append(f"{outline.path.name} is not attached: {error}")
                continue
            names = ("Red", "Green", "Blue") if len(picture) == 3 else (outline.name,)
            if len(picture) == len(names):
                name = f"{image.name} {outline.name}"[:255]
                yield NewPixels(name, picture[None, :, None], names)

    def picture_paths(self, number: int) -> tuple[Path, ...]:
        """Pictures with outlines."""
        return tuple(outline.path for outline in self._outlines(number))

    def _outlines(self, number: int) -> list[OutlineFile]:
        near = self._route.homes().get(number)
        pipeline, image_set = self._making.pipeline, self.image_set(number)
        return list(outline_files(self._folder, pipeline, image_set, self._row(number), near))

    def _placed_outlines(
        self, number: int, outline: OutlineFile, lines: NDArray[np.uint32], image: StoredImage
    ) -> tuple[NDArray[np.uint32], Placement]:
        """Outlines upright, and where they lie: as the labels of their objects, or as is told."""
        if image.placement is not None:
            return lines, image.placement
        size = (image.sizes.y, image.sizes.x)
        files = {file.object_name: file.path for file in self.label_files(number)}
        placing = None
        for name in outline.made.objects:
            labels = self._read_labels(files[name]) if name in files else None
            if labels is not None and labels.shape == lines.shape:
                placer = self._placer(number, size, image.read_plane)
                placing = self._place(placer, number, name, labels)
                break
            pipeline = self._making.pipeline
            frame = origin(pipeline, name, size).frame if pipeline else None
            if frame is not None and frame.size == lines.shape:
                placing = frame.placing()
                break
        if placing is None and lines.shape != size:
            raise Invalid(
                f"it has {lines.shape[0]} × {lines.shape[1]} pixels (height × width), the image "
                f"{size[0]} × {size[1]}. Pass placement=Placement(y=…, x=…)."
            )
        placing = placing or Placing.at(0, 0)
        return np.ascontiguousarray(placing.orientation.apply(lines)), placing.placement

    def _row(self, number: int) -> dict[Any, Any]:
        at = self._images["ImageNumber"].searchsorted(number)
        row: dict[Any, Any] = self._images.iloc[at].to_dict()
        return row

    def image_table(self) -> pd.DataFrame:
        """All columns of the image table, one row for each image set."""
        return self._images.copy()

    def object_table(self, name: str) -> pd.DataFrame:
        """All rows of the objects `name`, by image set.

        Raises
        ------
        NotFound
            There are no such objects.
        Invalid, Unreadable
            They are ambiguous or damaged.
        """
        return self._route.objects(name)

    def relationships(self) -> pd.DataFrame | None:
        """The pairs of objects that modules recorded; None where none were written."""
        return self._route.relationships()

    def label_files(self, number: int) -> tuple[LabelFile, ...]:
        """The label images of image set `number`, in the order of `object_names`."""
        image_set = self.image_set(number)
        return label_files(
            self._folder,
            self._making.pipeline,
            image_set,
            self._row(number),
            self.object_names,
            self._route.homes().get(number),
        )

    def placed_labels(
        self,
        number: int,
        object_name: str,
        image_shape: tuple[int, int],
        read_plane: ReadPlane,
    ) -> tuple[NDArray[np.int32], Placement]:
        """The labels of one kind of object set upright, shape (Y, X), and where they lie.

        Raises
        ------
        NotFound
            There is no such label image.
        Invalid
            The place is unknown or contradicted by the measurements.
        """
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
        image_set = self.image_set(number)
        pipeline = self._making.pipeline
        return Placer(image_set, (size[0], size[1]), read_plane, pipeline, self._memory)

    def _place(self, placer: Placer, number: int, name: str, labels: NDArray[np.int32]) -> Placing:
        rows = self._measured(name)
        first, last = rows["ImageNumber"].searchsorted([number, number + 1])
        return placer.place(name, labels, rows.iloc[first:last])

    def _measured(self, name: str) -> pd.DataFrame:
        if name not in self._measurements:
            table = self.object_table(name)
            wanted = [c for c in table.columns if str(c).startswith(MEASURED)]
            self._measurements[name] = table[["ImageNumber", "ObjectNumber", *wanted]].copy()
        return self._measurements[name]

    @cached_property
    def _measurements(self) -> dict[str, pd.DataFrame]:
        return {}

    @cached_property
    def _frames(self) -> dict[str, pd.DataFrame]:
        """All tables; reading them tells whether they agree with each other."""
        objects = {name: self.object_table(name) for name in self.object_names}
        self._notes += orphans(objects)
        for name, frame in objects.items():
            self._note_counts(name, frame)
        return {"Image": self._images} | objects

    @cached_property
    def _pairs(self) -> pd.DataFrame | None:
        return self.relationships()

    def _note_counts(self, name: str, frame: pd.DataFrame) -> None:
        """Say where a table has other numbers of objects than were counted."""
        counted = self._images.get(f"Count_{name}")
        if counted is None:
            return
        rows = frame["ImageNumber"].value_counts()
        has = self._images["ImageNumber"].map(rows).fillna(0).to_numpy("float64")
        said = pd.to_numeric(counted, errors="coerce").to_numpy("float64", na_value=np.nan)
        other = np.flatnonzero(np.isfinite(said) & (said != has))
        if len(other):
            first = int(other[0])
            self._notes.append(
                f"{name} has other numbers of rows than were counted in {len(other)} image sets "
                f"(the first: {int(has[first])} rows of {int(said[first])} in image set "
                f"{int(self._images['ImageNumber'].iloc[first])})."
            )

    def _note_missing(self) -> None:
        """Say which counted objects have no table."""
        counts = [c for c in self._images.columns if str(c).startswith("Count_")]
        names = [str(c).removeprefix("Count_") for c in counts if self._images[c].any()]
        missing = [name for name in names if name not in self.object_names]
        if missing and self.object_names:
            self._notes.append(f"Counted, but without a table: {', '.join(missing)}.")
        pictures = self._pictures()
        if pictures:
            self._notes.append(
                f"Pictures that SaveImages wrote are not attached: {', '.join(pictures)}. Import "
                "them as images to keep them."
            )

    def _note_beside(self, named: Path) -> None:
        """Say what is taken of what lies beside the one file that was named."""
        labels = sum(len(self.label_files(number)) for number in self._sets)
        kept = [path.name for path in self.kept_files(0)]
        beside = [f"{labels:,} label image{'s' * (labels > 1)}"] if labels else []
        beside += kept
        if beside:
            self._notes.append(
                f"Taken with {named.name}, beside which they lie: {', '.join(beside)}."
            )

    def _pictures(self) -> list[str]:
        """What else than labels was saved beside the tables, by the names in the pipeline."""
        pipeline = self._making.pipeline
        if pipeline is None or not self._sets:
            return []
        labels = {*pipeline.converted(), *self.object_names, *pipeline.outlines()}
        first = next(iter(self._sets.values()))
        stems = {file.channel: PurePosixPath(file.name).stem for file in first.files}
        return [
            saved.image
            for saved in pipeline.saved()
            if saved.image not in labels
            and saved.prefix_channel in stems
            and any(
                self._folder.file(f"{stems[saved.prefix_channel]}{saved.suffix}{suffix}")
                for suffix in _PICTURES
            )
        ]

    def image_set(self, number: int) -> ImageSet:
        """The image set of that number.

        Raises
        ------
        NotFound
            There is none.
        """
        if number not in self._sets:
            raise NotFound(
                f"There is no image set {number}; there are {len(self._sets)}, from "
                f"{min(self._sets, default=0)} to {max(self._sets, default=0)}."
            )
        return self._sets[number]
