"""A plane as tiles that overlap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..errors import Invalid

__all__ = ["Box", "Grid"]


class Box(NamedTuple):
    """A rectangle of pixels, its ends excluded; of a stack, in all its planes."""

    y0: int
    x0: int
    y1: int
    x1: int

    @property
    def slices(self) -> tuple[Any, slice, slice]:
        """As an index of an array (…, y, x)."""
        return ..., slice(self.y0, self.y1), slice(self.x0, self.x1)

    def within(self, other: Box) -> tuple[Any, slice, slice]:
        """The same as an index of an array that holds `other`."""
        return (
            ...,
            slice(self.y0 - other.y0, self.y1 - other.y0),
            slice(self.x0 - other.x0, self.x1 - other.x0),
        )

    def and_(self, other: Box) -> Box:
        """What both share."""
        return Box(
            max(self.y0, other.y0), max(self.x0, other.x0),
            min(self.y1, other.y1), min(self.x1, other.x1),
        )  # fmt: skip

    def or_(self, other: Box) -> Box:
        """What holds both."""
        return Box(
            min(self.y0, other.y0), min(self.x0, other.x0),
            max(self.y1, other.y1), max(self.x1, other.x1),
        )  # fmt: skip


class Grid:
    """Tiles of `tile` pixels a side, each seen with `overlap` more around it."""

    def __init__(self, height: int, width: int, tile: int, overlap: int) -> None:
        if tile < 1 or overlap < 1 or overlap * 2 > tile:
            raise Invalid(
                f"Tiles of {tile} pixels with an overlap of {overlap} cannot be: the overlap has "
                f"at least one pixel, better as many as an object is wide, and at most half a tile."
            )
        self.height, self.width, self.tile, self.overlap = height, width, tile, overlap
        self.rows, self.columns = -(-height // tile), -(-width // tile)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return ((row, column) for row in range(self.rows) for column in range(self.columns))

    def __len__(self) -> int:
        return self.rows * self.columns

    def core(self, row: int, column: int) -> Box:
        """The pixels that belong to one tile alone."""
        y, x = row * self.tile, column * self.tile
        return Box(y, x, min(y + self.tile, self.height), min(x + self.tile, self.width))

    def seen(self, row: int, column: int) -> Box:
        """A tile with what is around it."""
        y0, x0, y1, x1 = self.core(row, column)
        more = self.overlap
        return Box(
            max(y0 - more, 0), max(x0 - more, 0),
            min(y1 + more, self.height), min(x1 + more, self.width),
        )  # fmt: skip

    def seam(self, place: tuple[int, int], other: tuple[int, int]) -> Box:
        """The pixels on both sides of the border between neighbours, two deep."""
        return self._grown(self.core(*place)).and_(self._grown(self.core(*other)))

    def _grown(self, box: Box) -> Box:
        return Box(
            max(box.y0 - 1, 0), max(box.x0 - 1, 0),
            min(box.y1 + 1, self.height), min(box.x1 + 1, self.width),
        )  # fmt: skip

    def before(self, row: int, column: int) -> Iterator[tuple[int, int]]:
        """The neighbours that come earlier, row by row."""
        for y, x in ((row - 1, column - 1), (row - 1, column), (row - 1, column + 1),
                     (row, column - 1)):  # fmt: skip
            if y >= 0 and 0 <= x < self.columns:
                yield y, x
