"""Shapes as pixels, by the rule of OMERO's server for statistics of regions.

A shape is looked at from the upper left corner of the box around it, in steps of one pixel, also
where that corner lies within a pixel.  It holds a pixel where a square of 0.001 to the lower right
of such a place reaches into it.  So a rectangle from 2 to 5, or from 2.5 to 5.5, holds the columns
2, 3 and 4, shapes side by side share no pixel, and a disc holds its left and upper end, but not the
other two.  A polygon is what its rings enclose by the even-odd rule.  A line holds the pixels of
places 0.1 apart on it, the last of them up to 0.1 behind its end; a point is the pixel that it lies
in.  Source: `SmartShape` and its implementations in omero-blitz.

Three things are otherwise.  A mask holds the pixels whose bits are set: OMERO's server takes all of
its rectangle.  A text holds none: there it is the pixel that it begins in.  Pixels of negative
coordinates are none: there those up to −1 are taken for pixel 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model import Ellipse, Line, Mask, Point, Polygon, Polyline, Rectangle, Shape
from .masks import bits_of
from .spans import Spans, spans_of_labels

__all__ = ["rasterised"]

Floats = NDArray[np.float64]
Stretches = tuple[NDArray[np.int64], ...]
Frame = tuple[int, int, int, int]
"""Top, left, bottom and right of the part of the plane that is looked at."""

_SQUARE = 0.001
_STEP = 0.1
_FURTHEST = float(1 << 24)
# A slope that moves no place by as much as a pixel.
_LEVEL = 1e-9
_STEP_ROWS = 1 << 22
# Differences of coordinates stay finite.
_FAR = 1e100


def rasterised(
    shapes: Sequence[Shape],
    owners: Sequence[int],
    size: tuple[int, int],
    origin: tuple[int, int] = (0, 0),
) -> Spans:
    """The pixels of shapes, each for its owner; an owner's shapes are one object.

    Parameters
    ----------
    owners
        As many numbers as shapes; several shapes may have the same.
    size
        Height and width of the plane, or of a part of it: pixels outside of it are left out.
    origin
        Row and column of the part's first pixel; spans are counted from there.
    """
    frame = (*origin, origin[0] + size[0], origin[1] + size[1])
    parts: list[Stretches] = []
    rings: list[Floats] = []
    ring_owners: list[tuple[int, int]] = []
    for number, (shape, owner) in enumerate(zip(shapes, owners, strict=True)):
        match shape:
            case Polygon():
                outer = np.array(shape.points, np.float64).clip(-_FAR, _FAR)
                # Places to look at are whole numbers from here on.
                moved = _within_pixel(outer.min(axis=0))
                rings.append(outer - moved)
                rings += [np.array(hole).clip(-_FAR, _FAR) - moved for hole in shape.holes]
                ring_owners += [(number, owner)] * (1 + len(shape.holes))
            case Rectangle():
                parts.append(_rectangle(shape, owner, frame))
            case Ellipse():
                parts.append(_ellipse(shape, owner, frame))
            case Mask():
                parts.append(_mask(shape, owner))
            case Point(x=x, y=y):
                parts.append(_pixels(owner, np.array([y]), np.array([x]), frame))
            case Line(x1=x1, y1=y1, x2=x2, y2=y2):
                parts.append(_along(owner, np.array([[x1, y1], [x2, y2]]).clip(-_FAR, _FAR), frame))
            case Polyline(points=points):
                parts.append(_along(owner, np.array(points).clip(-_FAR, _FAR), frame))
            case _:
                pass
    parts += _polygons(rings, ring_owners, frame)
    if not parts:
        return Spans.none()
    owned, rows, starts, stops = (np.concatenate(each) for each in zip(*parts, strict=True))
    top, left, bottom, right = frame
    inside = (rows >= top) & (rows < bottom)
    first, last = starts[inside].clip(left, right), stops[inside].clip(left, right)
    return Spans.merged(owned[inside], rows[inside] - top, first - left, last - left)


def _within_pixel(corner: Floats) -> Floats:
    """How far behind the corner of its pixel a place lies, in each direction."""
    rest = corner - np.floor(corner)
    # A hair before a whole number.
    return np.where(rest < 1, rest, 0.0)


def _polygons(
    rings: Sequence[Floats], owners: Sequence[tuple[int, int]], frame: Frame
) -> Iterable[Stretches]:
    """Stretches of all polygons; each is named by its number and its owner."""
    if not rings:
        return
    lengths = np.array([len(ring) for ring in rings])
    begin = np.concatenate(rings)
    end = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings])
    shape = np.repeat([number for number, _ in owners], lengths)
    owner_of = dict(owners)
    down = begin[:, 1] > end[:, 1]
    begin[down], end[down] = end[down], begin[down]
    # An edge crosses the rows from its upper end on, without that of its lower end.
    first = np.ceil(begin[:, 1]).clip(frame[0], frame[2]).astype(np.int64)
    count = np.ceil(end[:, 1]).clip(frame[0], frame[2]).astype(np.int64) - first
    for some in _portions(shape, count):
        yield _crossed(begin[some], end[some], shape[some], first[some], count[some], owner_of)
    # Of edges along the borders of pixels, as labels have them, no square is cut.
    (x0, y0), (x1, y1) = begin.T, end.T
    cuts = ~((x0 == x1) & (x0 == np.floor(x0)) | (y0 == y1) & (y0 == np.floor(y0)))
    begin, end, shape = begin[cuts], end[cuts], shape[cuts]
    first = np.floor(begin[:, 1] - _SQUARE).clip(frame[0] - 1, frame[2] - 1).astype(np.int64) + 1
    count = np.ceil(end[:, 1]).clip(frame[0], frame[2]).astype(np.int64) - first
    count = count.clip(0)
    for some in _portions(shape, count):
        yield _cut(begin[some], end[some], shape[some], first[some], count[some], owner_of)


def _portions(shape: NDArray[np.int64], count: NDArray[np.int64]) -> Iterable[slice]:
    """Edges with a bounded number of rows; those of one polygon stay together.

    That is what makes pairs of crossings.
    """
    sums = np.cumsum(count)
    last_edges = np.flatnonzero(np.append(shape[1:] != shape[:-1], True)) + 1
    done = 0
    while done < len(shape):
        before = sums[done - 1] if done else 0
        fits = last_edges[np.searchsorted(sums[last_edges - 1], before + _STEP_ROWS, "right") - 1]
        following = last_edges[np.searchsorted(last_edges, done, "right")]
        stop = max(int(fits), int(following))
        yield slice(done, stop)
        done = stop


def _spread(first: NDArray[np.int64], count: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """The number of the edge and the row, for every row of every edge."""
    edge = np.repeat(np.arange(len(count)), count)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    return edge, row


def _crossed(
    begin: Floats,
    end: Floats,
    shape: NDArray[np.int64],
    first: NDArray[np.int64],
    count: NDArray[np.int64],
    owner_of: dict[int, int],
) -> Stretches:
    """What lies inside on the rows themselves."""
    edge, row = _spread(first, count)
    (x0, y0), (x1, y1) = begin[edge].T, end[edge].T
    x = x0 + (row - y0) / (y1 - y0) * (x1 - x0)
    order = np.lexsort((x, row, shape[edge]))
    crossing = np.ceil(x[order].clip(-1e15, 1e15)).astype(np.int64)
    owners = _owners(shape[edge][order][::2], owner_of)
    return owners, row[order][::2], crossing[::2], crossing[1::2]


def _cut(
    begin: Floats,
    end: Floats,
    shape: NDArray[np.int64],
    first: NDArray[np.int64],
    count: NDArray[np.int64],
    owner_of: dict[int, int],
) -> Stretches:
    """The pixels whose squares an edge goes through."""
    edge, row = _spread(first, count)
    (x0, y0), (x1, y1) = begin[edge].T, end[edge].T
    ends = np.minimum(x0, x1), np.maximum(x0, x1)
    low = row + _SQUARE
    # Level edges, of which what is divided by nothing is not taken.
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        steep = (x1 - x0) / (y1 - y0)
        at_top = np.where(y0 < row, x0 + (row - y0) * steep, x0).clip(*ends)
        at_low = np.where(y1 > low, x0 + (low - y0) * steep, x1).clip(*ends)
    left, right = np.minimum(at_top, at_low), np.maximum(at_top, at_low)
    start = np.floor((left - _SQUARE).clip(-1e15, 1e15)).astype(np.int64) + 1
    stop = np.ceil(right.clip(-1e15, 1e15)).astype(np.int64)
    return _owners(shape[edge], owner_of), row, start, stop


def _owners(numbers: NDArray[np.int64], owner_of: dict[int, int]) -> NDArray[np.int64]:
    known, inverse = np.unique(numbers, return_inverse=True)
    return np.array([owner_of[int(number)] for number in known], np.int64)[inverse]


def _rectangle(shape: Rectangle, owner: int, frame: Frame) -> Stretches:
    top, bottom = _stretch(shape.y, shape.height, frame[::2])
    left, right = _stretch(shape.x, shape.width, frame[1::2])
    rows = np.arange(top, bottom)
    return _filled(owner, len(rows)), rows, _filled(left, len(rows)), _filled(right, len(rows))


def _stretch(first: float, length: float, ends: tuple[int, ...]) -> tuple[int, int]:
    """The pixels of a length that begins at `first`, as far as they lie between `ends`."""
    begin = float(np.floor(first))
    low, high = float(ends[0]), float(ends[1])
    return int(min(max(begin, low), high)), int(min(max(begin + np.ceil(length), low), high))


def _ellipse(shape: Ellipse, owner: int, frame: Frame) -> Stretches:
    if shape.radius_x <= 0 or shape.radius_y <= 0:
        rows = np.zeros(0, np.int64)
        return rows, rows, rows, rows
    high, wide = shape.radius_y * 2, shape.radius_x * 2
    first_row = float(np.floor(shape.y - shape.radius_y))
    first_column = float(np.floor(shape.x - shape.radius_x))
    top, bottom = _stretch(shape.y - shape.radius_y, high, frame[::2])
    rows = np.arange(top, bottom)
    left_over = 0.25 - _nearest(rows - first_row, high) ** 2
    rows, left_over = rows[left_over > 0], left_over[left_over > 0]
    half = wide * np.sqrt(left_over)
    reach = (frame[1] - first_column - 2.0, frame[3] - first_column + 2.0)
    start = np.floor((wide / 2 - half - _SQUARE).clip(*reach)) + 1
    stop = np.ceil((wide / 2 + half).clip(*reach))
    # Where the root was rounded over a whole number.
    start += _nearest(start, wide) ** 2 >= left_over
    start -= _nearest(start - 1, wide) ** 2 < left_over
    stop -= _nearest(stop - 1, wide) ** 2 >= left_over
    stop += _nearest(stop, wide) ** 2 < left_over
    ends = (start.clip(0) + first_column, stop + first_column)
    left, right = (each.clip(frame[1], frame[3]).astype(np.int64) for each in ends)
    return _filled(owner, len(rows)), rows, left, right


def _nearest(steps: NDArray[Any], length: float) -> NDArray[Any]:
    """How far from the middle squares begin or end that lie so many steps from an ellipse's end.

    Lengths of its axis; 0 where the middle lies in the square.
    """
    begin = steps / length - 0.5
    end = begin + _SQUARE / length
    return np.where(begin > 0, begin, np.where(end < 0, end, 0.0))


def _mask(shape: Mask, owner: int) -> Stretches:
    spans = spans_of_labels(bits_of(shape).astype(np.uint8))
    top, left = int(np.floor(shape.y)), int(np.floor(shape.x))
    return _filled(owner, len(spans.row)), spans.row + top, spans.start + left, spans.stop + left


def _along(owner: int, points: Floats, frame: Frame) -> Stretches:
    """The pixels under the steps of a line."""
    parts = [_segment(a, b, frame) for a, b in itertools.pairwise(points)]
    rows, columns = (np.concatenate(each) for each in zip(*parts, strict=True))
    return _pixels(owner, rows, columns, frame)


def _segment(begin: Floats, end: Floats, frame: Frame) -> tuple[Floats, Floats]:
    """Places a tenth of a pixel apart, those that lie in the frame or next to it."""
    begin, end = _nearby(begin, end)
    way = end - begin
    length = float(np.hypot(*way))
    if length == 0:
        return begin[1:], begin[:1]
    first, last = 0.0, length + _STEP
    for at, along, ends in zip(begin, way / length, (frame[1::2], frame[::2]), strict=True):
        if abs(along) > _LEVEL:
            low, high = sorted((edge - at) / along for edge in (ends[0] - 1.0, ends[1] + 1.0))
            first, last = max(first, low), min(last, high)
        elif not ends[0] - 1 <= at <= ends[1] + 1:
            return np.zeros(0), np.zeros(0)
    if last < first:
        return np.zeros(0), np.zeros(0)
    steps = np.arange(np.ceil(first / _STEP), np.floor(last / _STEP) + 1) * _STEP
    return begin[1] + steps * way[1] / length, begin[0] + steps * way[0] / length


def _nearby(begin: Floats, end: Floats) -> tuple[Floats, Floats]:
    """A line without what no image reaches, so that its steps can be counted."""
    if max(np.abs(begin).max(), np.abs(end).max()) <= _FURTHEST:
        return begin, end
    way = end - begin
    first, last = 0.0, 1.0
    for at, along in zip(begin, way, strict=True):
        if abs(along) > _LEVEL:
            low, high = sorted((edge - at) / along for edge in (-_FURTHEST, _FURTHEST))
            first, last = max(first, low), min(last, high)
    ends = begin + first * way, begin + max(first, last) * way
    return ends[0].clip(-_FURTHEST, _FURTHEST), ends[1].clip(-_FURTHEST, _FURTHEST)


def _pixels(owner: int, y: Floats, x: Floats, frame: Frame) -> Stretches:
    rows = np.floor(y.clip(frame[0] - 2, frame[2] + 2)).astype(np.int64)
    columns = np.floor(x.clip(frame[1] - 2, frame[3] + 2)).astype(np.int64)
    return _filled(owner, len(rows)), rows, columns, columns + 1


def _filled(value: int, count: int) -> NDArray[np.int64]:
    return np.full(count, value, np.int64)
