"""Outlines made of several rings: which ring is a hole of which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Points", "closed", "polygons", "with_holes"]

Points = list[tuple[float, float]]


def closed(points: Any) -> Points:
    """A ring's points (x, y) without the last, where that repeats the first."""
    ring = [(float(x), float(y)) for x, y, *_ in points]
    return ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring


def polygons(rings: Sequence[Points]) -> list[tuple[Points, list[Points]]]:
    """Each outer ring with its holes, by the even-odd rule; rings of a point or two are left out.

    A ring inside of an odd number of others is a hole of the smallest of them.
    """
    kept = [ring for ring in rings if len(ring) >= 3]
    arrays = [np.array(ring) for ring in kept]
    areas = [abs(_area(array)) for array in arrays]
    around = [
        [
            j
            for j, other in enumerate(arrays)
            if j != i and areas[j] > areas[i] and _contains(other, _inner_point(array))
        ]
        for i, array in enumerate(arrays)
    ]
    found: dict[int, tuple[Points, list[Points]]] = {
        i: (kept[i], []) for i, outside in enumerate(around) if len(outside) % 2 == 0
    }
    for i, outside in enumerate(around):
        if len(outside) % 2:
            owners = [j for j in outside if j in found]
            found[min(owners, key=lambda j: areas[j])][1].append(kept[i])
    return list(found.values())


def with_holes(outline: Points, holes: Sequence[Points]) -> dict[str, Any] | None:
    """What a polygon's shape says of its place; None where it has no area."""
    if len(outline) < 3:
        return None
    return {"kind": "polygon", "points": outline, "holes": [h for h in holes if len(h) >= 3]}


def _area(ring: NDArray[Any]) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def _inner_point(ring: NDArray[Any]) -> NDArray[Any]:
    """A point just inside of the ring's first corner that is no corner of a straight line.

    Rings of one region touch each other in corners, so that a corner itself decides nothing.
    """
    before, here, behind = np.roll(ring, 1, 0), ring, np.roll(ring, -1, 0)
    one, other = here - before, behind - here
    turns = (one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]) * np.sign(_area(ring))
    i = int(np.argmax(turns > 0))
    middle = (before[i] + here[i] + behind[i]) / 3
    return np.asarray(here[i] + (middle - here[i]) * 1e-3)


def _contains(ring: NDArray[Any], point: NDArray[Any]) -> bool:
    x, y = point
    x1, y1 = ring[:, 0], ring[:, 1]
    x2, y2 = np.roll(x1, -1), np.roll(y1, -1)
    crosses = (y1 > y) != (y2 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = x1 + (y - y1) * (x2 - x1) / (y2 - y1)
    return bool(np.count_nonzero(crosses & (x < at)) % 2)
