"""Shapes as pixels, by OMERO's rule.

A shape holds the pixels whose upper left corner it contains, where its left and its upper border
belong to it and the others do not.  So a rectangle from 2 to 5 holds the columns 2, 3 and 4, and
shapes side by side share no pixel.  A polygon is what its rings enclose by the even-odd rule; a
circle ends before its radius.  A point, and each step of a line, is the pixel that it lies in; a
text has no pixels.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

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
                for points in (shape.points, *shape.holes):
                    rings.append(np.array(points, np.float64).clip(-_FAR, _FAR))
                    ring_owners.append((number, owner))
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
    sums = np.cumsum(count)
    # Edges of one polygon stay together, which is what makes pairs of crossings.
    last_edges = np.flatnonzero(np.append(shape[1:] != shape[:-1], True)) + 1
    done = 0
    while done < len(shape):
        before = sums[done - 1] if done else 0
        fits = last_edges[np.searchsorted(sums[last_edges - 1], before + _STEP_ROWS, "right") - 1]
        following = last_edges[np.searchsorted(last_edges, done, "right")]
        stop = max(int(fits), int(following))
        some = slice(done, stop)
        yield _crossed(begin[some], end[some], shape[some], first[some], count[some], owner_of)
        done = stop


def _crossed(
    begin: Floats,
    end: Floats,
    shape: NDArray[np.int64],
    first: NDArray[np.int64],
    count: NDArray[np.int64],
    owner_of: dict[int, int],
) -> Stretches:
    edge = np.repeat(np.arange(len(count)), count)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    (x0, y0), (x1, y1) = begin[edge].T, end[edge].T
    x = x0 + (row - y0) / (y1 - y0) * (x1 - x0)
    order = np.lexsort((x, row, shape[edge]))
    crossing = np.ceil(x[order].clip(-1e15, 1e15)).astype(np.int64)
    numbers, inverse = np.unique(shape[edge][order][::2], return_inverse=True)
    owners = np.array([owner_of[int(number)] for number in numbers], np.int64)
    return owners[inverse], row[order][::2], crossing[::2], crossing[1::2]


def _rectangle(shape: Rectangle, owner: int, frame: Frame) -> Stretches:
    top, bottom = _ceil(shape.y, frame[::2]), _ceil(shape.y + shape.height, frame[::2])
    left, right = _ceil(shape.x, frame[1::2]), _ceil(shape.x + shape.width, frame[1::2])
    rows = np.arange(top, bottom)
    return _filled(owner, len(rows)), rows, _filled(left, len(rows)), _filled(right, len(rows))


def _ellipse(shape: Ellipse, owner: int, frame: Frame) -> Stretches:
    if shape.radius_x <= 0 or shape.radius_y <= 0:
        rows = np.zeros(0, np.int64)
        return rows, rows, rows, rows
    top = _ceil(shape.y - shape.radius_y, frame[::2])
    bottom = _ceil(shape.y + shape.radius_y, frame[::2]) + 1
    rows = np.arange(top, bottom)
    left_over = 1.0 - ((rows - shape.y) / shape.radius_y) ** 2
    rows, left_over = rows[left_over > 0], left_over[left_over > 0]
    half = shape.radius_x * np.sqrt(left_over)
    # Strictly inside: a column at the border itself is out.
    start = np.floor((shape.x - half).clip(frame[1] - 2.0, frame[3] + 2.0)).astype(np.int64) + 1
    stop = np.ceil((shape.x + half).clip(frame[1] - 2.0, frame[3] + 2.0)).astype(np.int64)
    return _filled(owner, len(rows)), rows, start, stop


def _mask(shape: Mask, owner: int) -> Stretches:
    spans = spans_of_labels(bits_of(shape).astype(np.uint8))
    top, left = int(np.floor(shape.y)), int(np.floor(shape.x))
    return _filled(owner, len(spans.row)), spans.row + top, spans.start + left, spans.stop + left


def _along(owner: int, points: Floats, frame: Frame) -> Stretches:
    """The pixels under a line: one for each row or column of its longer axis."""
    parts = [_segment(a, b, frame) for a, b in itertools.pairwise(points)]
    rows, columns = (np.concatenate(each) for each in zip(*parts, strict=True))
    return _pixels(owner, rows, columns, frame)


def _segment(begin: Floats, end: Floats, frame: Frame) -> tuple[Floats, Floats]:
    way = end - begin
    axis = 0 if abs(way[0]) >= abs(way[1]) else 1
    low, high = sorted((float(begin[axis]), float(end[axis])))
    edges = frame[1::2] if axis == 0 else frame[::2]
    first, last = max(np.floor(low), edges[0] - 1), min(np.floor(high), edges[1])
    if first > last:
        return np.zeros(0), np.zeros(0)
    along = (np.arange(first, last + 1) + 0.5).clip(low, high)
    slope = way[1 - axis] / way[axis] if way[axis] else 0.0
    across = begin[1 - axis] + (along - begin[axis]) * slope
    return (across, along) if axis == 0 else (along, across)


def _pixels(owner: int, y: Floats, x: Floats, frame: Frame) -> Stretches:
    rows = np.floor(y.clip(frame[0] - 2, frame[2] + 2)).astype(np.int64)
    columns = np.floor(x.clip(frame[1] - 2, frame[3] + 2)).astype(np.int64)
    return _filled(owner, len(rows)), rows, columns, columns + 1


def _ceil(value: float, ends: tuple[int, ...]) -> int:
    return int(np.ceil(min(max(value, float(ends[0])), float(ends[1]))))


def _filled(value: int, count: int) -> NDArray[np.int64]:
    return np.full(count, value, np.int64)
