"""New images from arrays, and what the rows of new images hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ..database import (
    DatasetImageRow,
    DatasetRow,
    ImageRow,
    ProjectDatasetRow,
    ProjectRow,
)
from ..errors import Invalid
from ..model import Channel, Image, Level, Spacing
from ..model.chunks import ChunkIndex
from ..pixels import (
    PixelReader,
    statistics,
    write_image,
)
from ..rendering import default_colors
from ..storage import Stage, write_file
from .containers import check_name, container_named, found
from .images import image_record
from .intents import intending_one
from .places import image_place
from .readers import INDEX
from .work import Work, Writing

__all__ = [
    "NewImages",
    "channels_of",
    "levels_of",
    "settle_dataset",
]


class NewImages(Work):
    """The stream of new images."""

    def add_image(
        self,
        array: Any,
        name: str,
        dataset: str | None = None,
        project: str | None = None,
        like: int | None = None,
        channels: Sequence[str] | None = None,
        spacing: Spacing | None = None,
    ) -> Image:
        """Write a TCZYX array (numpy, dask) as a new image; `like` gives what is not said."""
        if getattr(array, "ndim", 0) != 5:
            raise Invalid(
                f"An image has five axes, TCZYX; this array has shape "
                f"{getattr(array, 'shape', None)}: add the missing ones with array[None]."
            )
        check_name(name)
        model = self._model(like)
        layout = self.store.layout
        with (
            intending_one(self.store, "image", image_place, ImageRow) as intended,
            Stage(layout.staging(layout.pixels)) as stage,
        ):
            index = write_image(stage.path, array)
            write_file(stage.path / INDEX, index.to_bytes())
            described = _described(index, stage.path, model, channels, spacing)
            stage.publish(layout.root / intended.paths[0])
            with self.writing() as unit:
                row = unit.new(ImageRow(id=intended.ids[0], name=name, **described))
                settle_dataset(unit, [row.id], dataset, project)
                intended.end(unit.db)
                return unit.answer(image_record(row, unit.access))

    def _model(self, like: int | None) -> Image | None:
        if like is None:
            return None
        with self.reading() as (db, access):
            return image_record(found(db, ImageRow, like), access)


def settle_dataset(
    unit: Writing, image_ids: Sequence[int], dataset: str | None, project: str | None
) -> int | None:
    """Put images into a dataset, and that into a project, made where they are missing."""
    if dataset is None and project is None:
        return None
    row = container_named(unit, DatasetRow, dataset or project or "")
    if project is not None:
        parent = container_named(unit, ProjectRow, project)
        known = select(ProjectDatasetRow.id).where(
            ProjectDatasetRow.parent_id == parent.id, ProjectDatasetRow.child_id == row.id
        )
        if unit.db.scalar(known) is None:
            unit.new(ProjectDatasetRow(parent_id=parent.id, child_id=row.id))
    for image_id in image_ids:
        unit.new(DatasetImageRow(parent_id=row.id, child_id=image_id))
    return int(row.id)


def levels_of(index: ChunkIndex) -> list[dict[str, int]]:
    """The levels of an index as an image's row keeps them."""
    shapes = (level.shape for level in index.header.levels)
    return [Level(height=s[3], width=s[4]).model_dump() for s in shapes]


def channels_of(
    reader: PixelReader, names: Sequence[str], colors: Sequence[str | None], is_rgb: bool
) -> list[dict[str, Any]]:
    """Channels with colours and with windows for a good first look."""
    guessed = default_colors(names)
    channels = []
    # The stored samples of a picture may have its transparency behind them, which is no channel.
    for i, found_values in enumerate(statistics(reader)[: len(names)]):
        window = (0.0, 255.0) if is_rgb else (found_values.low, found_values.high)
        channel = Channel(
            name=names[i],
            color=colors[i] or guessed[i],
            minimum=found_values.minimum,
            maximum=found_values.maximum,
            window_start=window[0],
            window_end=window[1],
        )
        channels.append(channel.model_dump(mode="json"))
    return channels


def _described(
    index: ChunkIndex,
    folder: Path,
    model: Image | None,
    names: Sequence[str] | None,
    spacing: Spacing | None,
) -> dict[str, Any]:
    t, c, z, y, x, s = index.header.levels[0].shape
    c *= s
    said = spacing or Spacing()
    fitting = model is not None and model.sizes.c == c
    if names is None:
        known = model.channels if model is not None and fitting else ()
        names = [channel.name for channel in known] or [f"Channel {i}" for i in range(c)]
    if len(names) != c:
        raise Invalid(f"The array has {c} channels, but {len(names)} names were given.")
    colors = [ch.color for ch in model.channels] if model is not None and fitting else [None] * c
    reader = PixelReader(index, {"pixels": folder})
    try:
        channels = channels_of(reader, list(names), colors, is_rgb=False)
    finally:
        reader.close()
    return {
        "format": "OME-Zarr",
        "size_t": t,
        "size_c": c,
        "size_z": z,
        "size_y": y,
        "size_x": x,
        "dtype": reader.dtype.name,
        "is_rgb": False,
        "channels": channels,
        "levels": levels_of(index),
        "pixel_size_x_um": said.x_um or (model and model.pixel_size_x_um),
        "pixel_size_y_um": said.y_um or (model and model.pixel_size_y_um),
        "pixel_size_z_um": said.z_um or (model and model.pixel_size_z_um),
        "time_step_s": said.t_s or (model and model.time_step_s),
    }
