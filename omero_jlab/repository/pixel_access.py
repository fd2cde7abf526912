"""From an image's id, under its permissions, to a reader of its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..database import AnnotationRow, ImageRow
from ..errors import Invalid, NotFound, TooLarge
from ..model import Image, Placement, Tile
from ..pixels import PixelReader
from .access import Access
from .containers import found
from .guarded import GuardedSession
from .places import image_place, labels_place
from .records import image_record
from .seen import fileset_folder, see_image
from .work import Work

__all__ = ["OpenImage", "OpenLabels", "Window", "open_image", "open_labels", "window_of"]

_LARGEST_TILE = 4096
_LARGEST_REGION = 8192 * 8192


@dataclass(frozen=True)
class OpenImage:
    """An image that its user may see, and its pixels."""

    record: Image
    reader: PixelReader


@dataclass(frozen=True)
class OpenLabels:
    """A label image that its user may see, the image it lies over, and its values."""

    labels_id: int
    version: int
    image: Image
    placement: Placement
    reader: PixelReader


@dataclass(frozen=True)
class Window:
    """A rectangle of one level, in its pixels."""

    y: int
    x: int
    height: int
    width: int


def open_image(session: Work, image_id: int) -> OpenImage:
    """The image and its reader, or `NotFound`."""
    seen = see_image(session, image_id)
    # Levels are added once, by a pyramid; a change of the name alone keeps the reader.
    reader = session.store.readers.get(seen.place, len(seen.record.levels), seen.folder)
    return OpenImage(seen.record, reader)


def opened(session: Work, db: GuardedSession, access: Access, row: ImageRow) -> OpenImage:
    """An image's row with its reader."""
    place = session.store.layout.root / image_place(row.id)
    folder = fileset_folder(session.store, db, row)
    reader = session.store.readers.get(place, len(row.levels), folder)
    return OpenImage(image_record(row, access), reader)


def open_labels(session: Work, labels_id: int) -> OpenLabels:
    """The label image, the record of its image and its reader, or `NotFound`."""
    with session.reading() as (db, access):
        row = found(db, AnnotationRow, labels_id)
        if row.kind != "labels" or row.image_id is None:
            raise NotFound(f"There is no label image {labels_id}.")
        image = image_record(found(db, ImageRow, row.image_id), access)
        details: dict[str, Any] = row.details
        placement = Placement.model_validate(details["placement"])
        place = session.store.layout.root / labels_place(row.id)
        reader = session.store.readers.get(place, 1)
        return OpenLabels(row.id, row.version, image, placement, reader)


def window_of(image: Image, tile: Tile) -> Window:
    """The rectangle that a tile covers, cut at the image's edge.

    Raises
    ------
    Invalid
        There is no such level, tile or plane; what there is, is named.
    """
    if not 1 <= tile.size <= _LARGEST_TILE:
        raise Invalid(f"A tile is 1 to {_LARGEST_TILE} pixels a side, not {tile.size}.")
    if not 0 <= tile.level < len(image.levels):
        raise Invalid(
            f"Image {image.id} has levels 0 to {len(image.levels) - 1}, no level {tile.level}."
        )
    level = image.levels[tile.level]
    rows, columns = -(-level.height // tile.size), -(-level.width // tile.size)
    if not (0 <= tile.row < rows and 0 <= tile.column < columns):
        raise Invalid(
            f"Level {tile.level} of image {image.id} has {rows} × {columns} tiles of {tile.size} "
            f"pixels, no tile at row {tile.row}, column {tile.column}."
        )
    check_plane(image, tile.t, tile.z)
    y, x = tile.row * tile.size, tile.column * tile.size
    return Window(y, x, min(tile.size, level.height - y), min(tile.size, level.width - x))


def check_plane(image: Image, t: int, z: int) -> None:
    """Raise `Invalid` where an image has no plane at `t`, `z`."""
    if not (0 <= t < image.sizes.t and 0 <= z < image.sizes.z):
        raise Invalid(
            f"Image {image.id} has T 0 to {image.sizes.t - 1} and Z 0 to {image.sizes.z - 1}, "
            f"no plane at t={t}, z={z}."
        )


def check_region(height: int, width: int) -> None:
    """Raise where a region is empty or larger than one answer may be."""
    if height < 1 or width < 1:
        raise Invalid(f"A region has at least one pixel, not {height} × {width}.")
    if height * width > _LARGEST_REGION:
        raise TooLarge(
            f"A region of {height} × {width} pixels is more than one answer holds "
            f"({_LARGEST_REGION} pixels): ask for parts of it, or for a coarser level."
        )
