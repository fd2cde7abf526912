"""Statistics of pixels under regions, from no more than the parts of the image that they lie on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from ...database import RoiRow
from ...errors import Invalid, NotFound, TooLarge
from ...model import Planes, Roi, RoiMeasure, Shape
from ...shapes import Spans, planes_of, rasterised
from ..pixel_access import OpenImage, open_image
from ..work import Work
from .stored import roi_record

__all__ = ["measured"]

_TILE = 1024
_MOST = 10_000
_MOST_READ = 1 << 34


class _Planes(NamedTuple):
    """The planes and the channel that a shape lies on; a channel of None is each of them."""

    t: tuple[int, int]
    z: tuple[int, int]
    c: int | None

    def hold(self, t: int, z: int, c: int) -> bool:
        return (
            self.t[0] <= t <= self.t[1]
            and self.z[0] <= z <= self.z[1]
            and (self.c is None or self.c == c)
        )


def measured(
    session: Work,
    image_id: int,
    channels: tuple[int, ...] | None,
    rois: tuple[int, ...] | None,
    by_shape: bool,
    limit: int,
    after: int,
    planes: tuple[Planes | None, Planes | None] = (None, None),
) -> tuple[RoiMeasure, ...]:
    """Statistics of regions of an image; see `Shapes.measure`."""
    if not 1 <= limit <= _MOST:
        raise Invalid(f"1 to {_MOST:,} regions are measured at once, not {limit}.")
    source = open_image(session, image_id)
    count = source.record.sizes.c
    wanted = tuple(range(count)) if channels is None else channels
    if not all(0 <= c < count for c in wanted):
        raise Invalid(f"Image {image_id} has channels 0 to {count - 1}, not {channels}.")
    sizes = source.record.sizes
    times, depths = _chosen("t", planes[0], sizes.t), _chosen("z", planes[1], sizes.z)
    some = _regions(session, image_id, rois, limit, after)
    objects = [
        (roi, number if by_shape else None)
        for roi in some
        for number in (range(len(roi.shapes)) if by_shape else (None,))
    ]
    owners = {(roi.id, number): owner for owner, (roi, number) in enumerate(objects)}
    by_planes: dict[_Planes, list[tuple[int, Shape]]] = {}
    for roi in some:
        for number, shape in enumerate(roi.shapes):
            owner = owners[roi.id, number if by_shape else None]
            t, z = planes_of(shape.t, shape.t_last), planes_of(shape.z, shape.z_last)
            by_planes.setdefault(_Planes(t, z, shape.c), []).append((owner, shape))
    totals = _totals(source, (times, depths, wanted), by_planes, len(objects))
    return tuple(_records(source, objects, wanted, totals))


def _chosen(axis: str, asked: Planes | None, size: int) -> range:
    first, last = asked or (0, size - 1)
    if not 0 <= first <= last < size:
        raise Invalid(
            f"Planes are named by their first and their last, of {axis} from 0 to {size - 1}, not "
            f"by {asked}."
        )
    return range(first, last + 1)


def _regions(
    session: Work, image_id: int, rois: tuple[int, ...] | None, limit: int, after: int
) -> list[Roi]:
    with session.reading() as (db, access):
        if rois is not None:
            asked = select(RoiRow.id).where(RoiRow.image_id == image_id)
            known = set(db.scalars(asked.where(RoiRow.id.in_(rois))))
            for number in rois:
                if number not in known:
                    raise NotFound(f"There is no region {number} on image {image_id}.")
        statement = select(RoiRow).where(RoiRow.image_id == image_id, RoiRow.id > after)
        if rois is not None:
            statement = statement.where(RoiRow.id.in_(rois))
        rows = db.scalars(statement.order_by(RoiRow.id).limit(limit))
        return [roi_record(row, access) for row in rows]


class _Totals:
    """Count, mean, squared deviations and extremes of objects, taken up part by part."""

    def __init__(self, count: int) -> None:
        self.area = np.zeros(count, np.int64)
        self.count = np.zeros(count, np.int64)
        self.sum = np.zeros(count)
        self.mean = np.zeros(count)
        self.squares = np.zeros(count)
        self.low = np.full(count, np.inf)
        self.high = np.full(count, -np.inf)

    def add(self, owners: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Take pixels, sorted by their owners."""
        is_number = ~np.isnan(values)
        if not is_number.all():
            owners, values = owners[is_number], values[is_number]
        if not len(owners):
            return
        first = np.flatnonzero(np.diff(owners, prepend=-1))
        who, count = owners[first], np.diff(first, append=len(owners))
        total = np.add.reduceat(values, first)
        with np.errstate(invalid="ignore"):
            mean = total / count
            squares = np.add.reduceat((values - np.repeat(mean, count)) ** 2, first)
            # Two sets of numbers as one: Chan, Golub and LeVeque, 1983.
            before, both = self.count[who], self.count[who] + count
            apart = mean - self.mean[who]
            self.squares[who] += squares + apart**2 * (before * count / both)
            self.mean[who] += apart * (count / both)
        self.sum[who] += total
        self.count[who] = both
        self.low[who] = np.minimum(self.low[who], np.minimum.reduceat(values, first))
        self.high[who] = np.maximum(self.high[who], np.maximum.reduceat(values, first))


def _totals(
    source: OpenImage,
    looked_at: tuple[range, range, Sequence[int]],
    by_planes: dict[_Planes, list[tuple[int, Shape]]],
    count: int,
) -> dict[int, _Totals]:
    image = source.record
    times, depths, channels = looked_at
    size = (image.sizes.y, image.sizes.x)
    totals = {c: _Totals(count) for c in channels}
    kept: dict[tuple[_Planes, ...], Spans] = {}
    left = _MOST_READ
    for t in times:
        for z in depths:
            for c in channels:
                here = tuple(planes for planes in by_planes if planes.hold(t, z, c))
                if not here:
                    continue
                if here not in kept:
                    if len(kept) > 8:
                        kept.clear()
                    some = [each for planes in here for each in by_planes[planes]]
                    kept[here] = rasterised(
                        [shape for _, shape in some], [owner for owner, _ in some], size
                    )
                spans = kept[here]
                lengths = spans.stop - spans.start
                np.add.at(totals[c].area, spans.owner, lengths)
                for top, left_edge, part in _tiles(spans, size[1]):
                    pixels = _pixels(source, t, c, z, top, left_edge, part)
                    left -= pixels.nbytes
                    if left < 0:
                        raise TooLarge(
                            f"The regions cover more than {_MOST_READ >> 30} GiB of image "
                            f"{image.id} in all their planes and channels: measure fewer at once."
                        )
                    values = pixels.reshape(-1)[part.places(pixels.shape[1])]
                    if values.dtype.kind == "c":
                        values = np.abs(values)
                    owners = np.repeat(part.owner, part.stop - part.start)
                    totals[c].add(owners, values.astype(np.float64))
    return totals


def _tiles(spans: Spans, width: int) -> Iterator[tuple[int, int, Spans]]:
    """Spans tile by tile, in coordinates of the smallest box around those of the tile."""
    for band in np.unique(spans.row // _TILE).tolist():
        rows = spans.within(band * _TILE, 0, _TILE, width)
        for left in range(int(rows.start.min()) // _TILE * _TILE, int(rows.stop.max()), _TILE):
            part = rows.within(0, left, _TILE, _TILE)
            if len(part.row):
                down, right = int(part.row.min()), int(part.start.min())
                yield band * _TILE + down, left + right, part.moved(-down, -right)


def _pixels(
    source: OpenImage, t: int, c: int, z: int, top: int, left: int, part: Spans
) -> NDArray[Any]:
    height, width = int(part.row.max()) + 1, int(part.stop.max())
    return source.reader.region(0, t, c, z, top, left, height, width)


def _records(
    source: OpenImage,
    objects: Sequence[tuple[Roi, int | None]],
    channels: Sequence[int],
    totals: dict[int, _Totals],
) -> Iterator[RoiMeasure]:
    image = source.record
    pixel = None
    if image.pixel_size_y_um and image.pixel_size_x_um:
        pixel = image.pixel_size_y_um * image.pixel_size_x_um
    for owner, (roi, number) in enumerate(objects):
        for c in channels:
            found = totals[c]
            count, area = int(found.count[owner]), int(found.area[owner])
            spread = None
            if count:
                spread = float(np.sqrt(found.squares[owner] / (count - 1))) if count > 1 else 0.0
            yield RoiMeasure(
                roi_id=roi.id,
                name=roi.name,
                shape=number,
                channel=c,
                area_px=area,
                area_um2=None if pixel is None else area * pixel,
                points=count,
                minimum=float(found.low[owner]) if count else None,
                maximum=float(found.high[owner]) if count else None,
                mean=float(found.mean[owner]) if count else None,
                sum=float(found.sum[owner]),
                deviation=spread,
            )
