"""Projects, datasets, screens, plates and wells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from ..errors import NotFound
from ..model import Dataset as DatasetRecord
from ..model import Plate as PlateRecord
from ..model import Project as ProjectRecord
from ..model import Screen as ScreenRecord
from ..model import TargetKind
from ..model import Well as WellRecord
from .image import Image, ImageList
from .thing import Thing

__all__ = ["Dataset", "Plate", "Project", "Screen", "Well"]


class Project(Thing[ProjectRecord]):
    """A collection of datasets."""

    kind: ClassVar[TargetKind] = "project"

    def _read(self) -> ProjectRecord:
        return self._session.containers.project(self.id)

    @property
    def datasets(self) -> list[Dataset]:
        """The datasets in it, by name."""
        records = self._session.containers.datasets(project_id=self.id)
        return [Dataset(self._session, record) for record in records]

    def add_dataset(self, name: str, description: str = "") -> Dataset:
        """Make a dataset in it."""
        record = self._session.containers.add_dataset(name, description, self.id)
        return Dataset(self._session, record)

    def link(self, dataset: Dataset) -> None:
        """Put a dataset into it; the dataset stays where else it is."""
        self._session.graph.link("project", self.id, "dataset", dataset.id)

    def unlink(self, dataset: Dataset) -> None:
        """Take a dataset out of it; the dataset itself stays."""
        self._session.graph.unlink("project", self.id, "dataset", dataset.id)

    def _facts(self) -> Sequence[tuple[str, str]]:
        return [("datasets", f"{self.record.dataset_count} datasets"), *super()._facts()]


class Dataset(Thing[DatasetRecord]):
    """A collection of images."""

    kind: ClassVar[TargetKind] = "dataset"

    def _read(self) -> DatasetRecord:
        return self._session.containers.dataset(self.id)

    @property
    def images(self) -> ImageList:
        """The images in it, by id."""
        return ImageList.found(self._session, dataset_id=self.id)

    def link(self, image: Image) -> None:
        """Put an image into it; the image stays where else it is."""
        self._session.graph.link("dataset", self.id, "image", image.id)

    def unlink(self, image: Image) -> None:
        """Take an image out of it; the image itself stays."""
        self._session.graph.unlink("dataset", self.id, "image", image.id)

    def _facts(self) -> Sequence[tuple[str, str]]:
        return [("images", f"{self.record.image_count} images"), *super()._facts()]


class Screen(Thing[ScreenRecord]):
    """A collection of plates."""

    kind: ClassVar[TargetKind] = "screen"

    def _read(self) -> ScreenRecord:
        return self._session.containers.screen(self.id)

    @property
    def plates(self) -> list[Plate]:
        """The plates in it, by name."""
        records = self._session.containers.plates(screen_id=self.id)
        return [Plate(self._session, record) for record in records]

    def link(self, plate: Plate) -> None:
        """Put a plate into it."""
        self._session.graph.link("screen", self.id, "plate", plate.id)

    def unlink(self, plate: Plate) -> None:
        """Take a plate out of it; the plate itself stays."""
        self._session.graph.unlink("screen", self.id, "plate", plate.id)

    def _facts(self) -> Sequence[tuple[str, str]]:
        return [("plates", f"{self.record.plate_count} plates"), *super()._facts()]


class Plate(Thing[PlateRecord]):
    """A multi-well plate."""

    kind: ClassVar[TargetKind] = "plate"

    def _read(self) -> PlateRecord:
        return self._session.containers.plate(self.id)

    @property
    def images(self) -> ImageList:
        """The images of all wells, by id."""
        return ImageList.found(self._session, plate_id=self.id)

    @property
    def wells(self) -> list[Well]:
        """The wells that have images, row by row."""
        records = self._session.containers.wells(self.id)
        return [Well(self._session, record) for record in records]

    def well(self, label: str) -> Well:
        """The well of that name, such as `B03` or `B3`."""
        wells = {well.name: well for well in self.wells}
        letters = label.rstrip("0123456789")
        number = label[len(letters) :]
        found = wells.get(f"{letters.upper()}{int(number):02d}" if number else label)
        if found is None:
            raise NotFound(
                f"Plate {self.name} has no images in well {label!r}; wells: {', '.join(wells)}."
            )
        return found

    def __iter__(self) -> Iterator[Well]:
        return iter(self.wells)

    def _facts(self) -> Sequence[tuple[str, str]]:
        record = self.record
        size = f"{record.rows} × {record.columns} wells, {record.field_count} images"
        return [("size", size), *super()._facts()]


class Well(Thing[WellRecord]):
    """A well of a plate."""

    kind: ClassVar[TargetKind] = "well"

    def _read(self) -> WellRecord:
        return self._session.containers.well(self.id)

    @property
    def name(self) -> str:
        """Its name on the plate, such as `B03`."""
        return self.record.label

    @property
    def images(self) -> ImageList:
        """The fields of view, by site."""
        images = {i.id: i for i in ImageList.found(self._session, well_id=self.id)}
        return ImageList(images[f.image_id] for f in self.record.fields if f.image_id in images)

    def _facts(self) -> Sequence[tuple[str, str]]:
        return [("fields", f"{len(self.record.fields)} fields")]
