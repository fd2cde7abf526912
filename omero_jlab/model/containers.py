"""What holds images: projects and datasets, screens, plates and wells."""

from __future__ import annotations

from .record import Owned, Record

__all__ = ["Dataset", "Field", "Plate", "Project", "Screen", "Well"]


class Project(Owned):
    """A collection of datasets."""

    name: str
    description: str = ""
    dataset_count: int = 0


class Dataset(Owned):
    """A collection of images."""

    name: str
    description: str = ""
    image_count: int = 0


class Screen(Owned):
    """A collection of plates."""

    name: str
    description: str = ""
    plate_count: int = 0


class Plate(Owned):
    """A multi-well plate of `rows` × `columns` wells, as many as its images need."""

    name: str
    description: str = ""
    rows: int
    columns: int
    well_count: int = 0
    field_count: int = 0


class Field(Record):
    """One field of view of a well; `site` counts from 1 as microscopes do."""

    image_id: int
    site: int


class Well(Owned):
    """A well at `row`, `column` (from 0); `label` is its name on the plate, such as B03."""

    plate_id: int
    row: int
    column: int
    label: str
    fields: tuple[Field, ...] = ()
