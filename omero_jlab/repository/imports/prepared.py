"""What an output holds for one image, read and checked before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame

from ...errors import NotFound
from ...model import Image, NewRoi, Placement
from ...results import (
    Confined,
    ImageSet,
    LabelStack,
    NewPixels,
    Output,
    Regions,
    StoredImage,
)
from ...tables import columns_of
from ..pixel_access import OpenImage, open_image
from ..seen import see_image
from ..work import Work

__all__ = ["DEADLINE_S", "Prepared", "Told", "confined", "prepare"]

DEADLINE_S = 600.0


@dataclass(frozen=True)
class Told:
    """What the caller said of an output that does not say it itself.

    `again` allows that the same files are attached a second time; `overlay` makes labels of
    probabilities.
    """

    placement: Placement | None = None
    axes: str = ""
    again: bool = False
    overlay: bool = False


@dataclass(frozen=True)
class Prepared:
    """Everything that is to be attached to one image.

    `tables` have one row for each object or image, `regions` may bring a table with them.
    """

    number: int
    image: Image
    tables: tuple[tuple[str, DataFrame], ...]
    labels: tuple[LabelStack, ...]
    regions: tuple[Regions, ...]
    pictures: tuple[NewPixels, ...]

    @cached_property
    def nbytes(self) -> int:
        """About how much memory it takes."""
        total = sum(8 * frame.size for _, frame in self.tables)
        total += sum(int(one.labels.nbytes) for one in self.labels)
        points = sum(len(getattr(s, "points", ())) for r in self._rois for s in r.shapes)
        return total + 1000 * len(self._rois) + 200 * points

    @property
    def _rois(self) -> list[NewRoi]:
        return [roi for group in self.regions for roi in group.rois]


def prepare(session: Work, output: Output, number: int, image_id: int, told: Told) -> Prepared:
    """What `output` holds of image set `number` for the image that it is.

    Raises
    ------
    OmeroError
        A file cannot be read, a table cannot be stored, or label images cannot be placed.
    """
    record = see_image(session, image_id).record
    image_set = output.image_set(number)
    stored = StoredImage(
        name=record.name,
        sizes=record.sizes,
        read_plane=_plane_reader(session, image_id, image_set),
        placement=told.placement,
        axes=told.axes,
        overlay=told.overlay,
    )
    ready = Prepared(
        number=number,
        image=record,
        tables=tuple(output.tables(number)),
        labels=tuple(output.labels(number, stored)),
        regions=tuple(output.regions(number, stored)),
        pictures=tuple(output.pictures(number, stored)),
    )
    for _, frame in ready.tables:
        columns_of(frame)
    for group in ready.regions:
        if group.measured is not None:
            columns_of(group.measured)
    return ready


def confined(session: Work) -> Confined:
    """Calls functions on foreign files in processes that see nothing else."""

    def call(function: str, path: Path, *arguments: object) -> bytes:
        place = path.resolve()
        return session.store.workers.run(
            function, str(place), *arguments, folder=place, timeout_s=DEADLINE_S
        )

    return call


def _plane_reader(
    session: Work, image_id: int, image_set: ImageSet
) -> Callable[[str], NDArray[np.generic]]:
    """Answers the whole plane of the image channel that was imported from a set's file."""

    def read(channel: str) -> NDArray[np.generic]:
        wanted = next((f for f in image_set.files if f.channel == channel), None)
        if wanted is None:
            raise NotFound(f"Image set {image_set.number} has no channel {channel}.")
        source = open_image(session, image_id)
        sizes = source.record.sizes
        number = _channel_of(session, source, wanted.md5, wanted.name)
        return source.reader.region(0, 0, number, 0, 0, 0, sizes.y, sizes.x)

    return read


def _channel_of(session: Work, source: OpenImage, md5: str | None, name: str) -> int:
    files = session.images.files(source.record.id)  # type: ignore[attr-defined]
    for c in range(source.record.sizes.c):
        index = source.reader.index
        samples = index.header.levels[0].shape[5]
        path = index.header.files[int(index.file[0][0, c // samples, 0, 0, 0, 0])].path
        file = next((f for f in files if f.name == Path(path).name), None)
        if file is not None and (file.md5 == (md5 or "").lower() or file.name == name):
            return c
    raise NotFound(f"No channel of image {source.record.id} was read from {name}.")
