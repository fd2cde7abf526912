"""Where regions lie: the box that a row keeps, and the conditions that find it again.

Regions are sorted by size into classes, each four times as large as the one before; a class is cut
into strips of rows as high as its largest region.  What reaches into a part of the plane then
begins in a strip above it or in one of its own, a short range of columns in each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isfinite
from typing import Any

from sqlalchemy import ColumnElement, and_, literal, select

from ...database import RoiRow
from ...errors import Invalid
from ...model import Region, Shape
from ...shapes import extent_of
from ..guarded import GuardedSession

__all__ = ["conditions", "place_of"]

_SMALLEST = 64.0
_CLASSES = 13
_CLASS = 1 << 40
_MIDDLE = 1 << 39
_FURTHEST = 1 << 38
_MOST_STRIPS = 64


def place_of(shapes: Iterable[Shape]) -> dict[str, Any]:
    """The columns of a `RoiRow` that say where its shapes lie."""
    extent = extent_of(shapes)
    longest = max(extent.bottom - extent.top, extent.right - extent.left)
    size, side = 0, _SMALLEST
    while longest > side and size + 1 < _CLASSES:
        size, side = size + 1, side * 4
    return {**extent._asdict(), "strip": _strip(size, extent.top // side)}


def conditions(
    db: GuardedSession,
    image_id: int,
    region: Region | None = None,
    t: int | None = None,
    z: int | None = None,
    smallest: float = 0.0,
) -> Iterator[ColumnElement[bool]]:
    """Conditions of which each region of an image that is looked for meets exactly one.

    Parameters
    ----------
    region
        Regions that reach into this part: y, x, height, width.
    t, z
        Regions on this plane, which lies between their first and their last.
    smallest
        Regions that are so high or so wide, in pixels of level 0.

    Raises
    ------
    Invalid
        The region is no region.
    """
    if region is not None and not (all(map(isfinite, region)) and min(region[2:]) > 0):
        raise Invalid(f"A region is (y, x, height, width) with an extent, not {region}.")
    fixed: list[ColumnElement[bool]] = [RoiRow.image_id == image_id]
    if t is not None:
        fixed += [RoiRow.t_first <= t, RoiRow.t_last >= t]
    if z is not None:
        fixed += [RoiRow.z_first <= z, RoiRow.z_last >= z]
    if smallest > 0:
        high, wide = RoiRow.bottom - RoiRow.top, RoiRow.right - RoiRow.left
        fixed.append((high >= smallest) | (wide >= smallest))
    if region is None and smallest <= _SMALLEST:
        yield and_(*fixed)
        return
    for size in _classes(db, image_id):
        side = _SMALLEST * 4**size
        if smallest <= side or size + 1 == _CLASSES:
            yield and_(*fixed, *_within(size, side, region))


def _classes(db: GuardedSession, image_id: int) -> range:
    """The classes from that of the smallest region of an image to that of the largest."""
    strips = select(RoiRow.strip).where(RoiRow.image_id == image_id).limit(1)
    last = db.scalar(strips.order_by(RoiRow.strip.desc()))
    if last is None:
        return range(0)
    first = db.scalar(strips.order_by(RoiRow.strip))
    return range((first or 0) // _CLASS, last // _CLASS + 1)


def _within(size: int, side: float, region: Region | None) -> Iterator[ColumnElement[bool]]:
    first, last = _strip(size, -_FURTHEST), _strip(size, _FURTHEST)
    if region is None:
        yield RoiRow.strip.between(first, last)
        return
    y, x, height, width = region
    bounded = size + 1 < _CLASSES
    if bounded:
        first, last = _strip(size, y // side - 1), _strip(size, (y + height) // side)
    if last - first < _MOST_STRIPS:
        yield RoiRow.strip.in_([literal(strip) for strip in range(first, last + 1)])
    else:
        yield RoiRow.strip.between(first, last)
    yield RoiRow.left < x + width
    if bounded:
        yield RoiRow.left >= x - side
    yield RoiRow.right >= x
    yield RoiRow.top < y + height
    yield RoiRow.bottom >= y


def _strip(size: int, row: float) -> int:
    return size * _CLASS + _MIDDLE + int(max(-_FURTHEST, min(_FURTHEST, row)))
