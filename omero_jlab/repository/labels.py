"""Label images: objects drawn over an image, each with its number."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..database import AnnotationLinkRow, AnnotationRow, ImageRow, now
from ..errors import Invalid
from ..model import Image, Labels, Placement, Provenance, Tile
from ..pixels import write_labels
from ..storage import Stage, writing
from .containers import check_name, found
from .images import check_placement, image_record
from .intents import intending_one
from .pixel_access import OpenLabels, check_region, open_labels, window_of
from .places import labels_place
from .readers import INDEX
from .records import annotation_record
from .state import State
from .work import Work

__all__ = ["LabelImages", "fitted", "sample_labels", "store_labels"]


class LabelImages(Work):
    """The streams of label images."""

    def add_labels(
        self,
        image_id: int,
        name: str,
        labels: Any,
        placement: Placement | None = None,
        provenance: Provenance | None = None,
    ) -> Labels:
        """Attach a label image: array (Y, X), (Z, Y, X) or (T, Z, Y, X) of integers ≥ 0."""
        check_name(name)
        with self.reading() as (db, access):
            of = found(db, ImageRow, image_id)
            access.require(of, "can_annotate")
            image = image_record(of, access)
        stack, placement = fitted(labels, image, placement)
        with intending_one(self.store, "labels", labels_place, AnnotationRow) as intended:
            details = store_labels(self.store, intended.paths[0], stack, placement)
            if provenance is not None:
                made = {
                    "made_at": provenance.made_at or now(),
                    "made_by": provenance.made_by or access.actor.user_name,
                }
                whole = provenance.model_copy(update=made)
                details["provenance"] = whole.model_dump(mode="json")
            with self.writing() as unit:
                row = AnnotationRow(
                    id=intended.ids[0], kind="labels", name=name, image_id=image_id, details=details
                )
                unit.new(row, image.group_id)
                link = AnnotationLinkRow(annotation_id=row.id, image_id=image_id)
                unit.new(link, image.group_id)
                intended.end(unit.db)
                record = annotation_record(unit.db, unit.access, row)
                assert isinstance(record, Labels)
                return unit.answer(record)

    def labels_tile(self, labels_id: int, tile: Tile) -> NDArray[np.uint32]:
        """A tile of a label image in the grid of its image, shape (height, width)."""
        source = open_labels(self, labels_id)
        w = window_of(source.image, tile)
        level = source.image.levels[tile.level]
        down_y = source.image.sizes.y / level.height
        down_x = source.image.sizes.x / level.width
        # The centre of each pixel of the tile, in pixels of the label image.
        at = source.placement
        y = ((np.arange(w.y, w.y + w.height) + 0.5) * down_y - at.y) / at.scale_y
        x = ((np.arange(w.x, w.x + w.width) + 0.5) * down_x - at.x) / at.scale_x
        return sample_labels(source, tile.t, tile.z, y, x)

    def labels_region(
        self, labels_id: int, t: int, z: int, y: int, x: int, height: int, width: int
    ) -> NDArray[np.uint32]:
        """A region of a label image in its own pixels, shape (height, width)."""
        check_region(height, width)
        source = open_labels(self, labels_id)
        region = source.reader.region(0, t, 0, z, y, x, height, width)
        return region.astype(np.uint32, copy=False)


def fitted(labels: Any, image: Image, placement: Placement | None) -> tuple[Any, Placement]:
    """The labels as (T, Z, Y, X), and where they lie; `Invalid` where they do not fit `image`."""
    stack = _stack(labels, image)
    return stack, _placed(stack.shape, image, placement)


def store_labels(state: State, path: str, stack: Any, placement: Placement) -> dict[str, Any]:
    """Store labels (T, Z, Y, X) durably at `path` below the root; what a row says of them."""
    layout = state.layout
    with Stage(layout.staging(layout.pixels)) as stage:
        index, maximum = write_labels(stage.path, stack)
        with writing(stage.path / INDEX):
            (stage.path / INDEX).write_bytes(index.to_bytes())
        stage.publish(layout.root / path)
    return {
        "dtype": np.dtype(index.header.levels[0].dtype).name,
        "size_t": stack.shape[0],
        "size_z": stack.shape[1],
        "height": stack.shape[2],
        "width": stack.shape[3],
        "maximum": int(maximum),
        "placement": placement.model_dump(mode="json"),
    }


def _stack(labels: Any, image: Image) -> Any:
    """The labels as (T, Z, Y, X)."""
    array = labels if hasattr(labels, "shape") else np.asarray(labels)
    if array.ndim == 2:
        stack = array[None, None]
    elif array.ndim == 3:
        stack = array[None] if array.shape[0] == image.sizes.z else array[:, None]
    elif array.ndim == 4:
        stack = array
    else:
        raise Invalid(f"Labels have 2 to 4 axes (T, Z, Y, X), these have shape {array.shape}.")
    t, z = stack.shape[:2]
    if t not in (1, image.sizes.t) or z not in (1, image.sizes.z):
        raise Invalid(
            f"Labels of shape {array.shape} do not fit image {image.id} with {image.sizes.t} time "
            f"points and {image.sizes.z} planes: give (Y, X), or all of its Z and T."
        )
    return stack


def _placed(shape: tuple[int, ...], image: Image, placement: Placement | None) -> Placement:
    height, width = shape[-2:]
    if placement is None:
        if (height, width) == (image.sizes.y, image.sizes.x):
            return Placement()
        raise Invalid(
            f"These labels have {height} × {width} pixels, image {image.id} has "
            f"{image.sizes.y} × {image.sizes.x}: say with placement=Placement(y=…, x=…, "
            f"scale_y=…, scale_x=…) where their first pixel lies and how many pixels one covers."
        )
    check_placement(placement)
    return placement


def sample_labels(
    source: OpenLabels, t: int, z: int, y: NDArray[Any], x: NDArray[Any]
) -> NDArray[np.uint32]:
    """The labels nearest to the given rows and columns; 0 outside the label image."""
    sizes = source.reader.sizes(0)
    height, width = sizes[-2:]
    t, z = min(t, sizes[0] - 1), min(z, sizes[2] - 1)
    rows, columns = np.floor(y).astype(int), np.floor(x).astype(int)
    inside_y, inside_x = (rows >= 0) & (rows < height), (columns >= 0) & (columns < width)
    tile = np.zeros((len(rows), len(columns)), np.uint32)
    if not (inside_y.any() and inside_x.any()):
        return tile
    rows, columns = rows[inside_y], columns[inside_x]
    # A coarser level of the labels where several of its pixels fall into one of the tile.
    level, step = _level_for(source, rows, columns)
    rows, columns = rows // step, columns // step
    _, _, _, level_height, level_width = source.reader.sizes(level)
    rows, columns = rows.clip(0, level_height - 1), columns.clip(0, level_width - 1)
    top, left = int(rows[0]), int(columns[0])
    size = (int(rows[-1]) - top + 1, int(columns[-1]) - left + 1)
    region = source.reader.region(level, t, 0, z, top, left, *size)
    tile[np.ix_(inside_y, inside_x)] = region[np.ix_(rows - top, columns - left)]
    return tile


def _level_for(source: OpenLabels, rows: NDArray[Any], columns: NDArray[Any]) -> tuple[int, int]:
    per_pixel = min(
        (rows[-1] - rows[0]) / max(1, len(rows) - 1),
        (columns[-1] - columns[0]) / max(1, len(columns) - 1),
    )
    level = 0
    while level + 1 < source.reader.levels and 2 ** (level + 1) <= per_pixel:
        level += 1
    return level, 2**level
