"""How a derived picture (cropped, resized, mirrored, turned) lies in the one it came from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..model import Placement

__all__ = ["ORIENTATIONS", "UPRIGHT", "Frame", "Orientation", "Placing"]

Size = tuple[int, int]
Pixel = TypeVar("Pixel", bound=np.generic)


@dataclass(frozen=True)
class Orientation:
    """What sets a picture upright: first its axes are exchanged, then it is mirrored."""

    transpose: bool = False
    flip_y: bool = False
    flip_x: bool = False

    def apply(self, picture: NDArray[Pixel]) -> NDArray[Pixel]:
        """`picture` (Y, X) set upright, as a view."""
        if self.transpose:
            picture = picture.T
        if self.flip_y:
            picture = picture[::-1]
        return picture[:, ::-1] if self.flip_x else picture

    def size(self, size: Size) -> Size:
        """The size of a picture of `size` (height, width) once it is upright."""
        return (size[1], size[0]) if self.transpose else size

    def __str__(self) -> str:
        mirrored = " and ".join(
            word
            for word, on in (("top to bottom", self.flip_y), ("left to right", self.flip_x))
            if on
        )
        parts = ["with rows and columns exchanged"] if self.transpose else []
        if mirrored:
            parts.append(f"mirrored {mirrored}")
        return ", ".join(parts) or "upright"


UPRIGHT = Orientation()
ORIENTATIONS = tuple(Orientation(*flags) for flags in product((False, True), repeat=3))


@dataclass(frozen=True)
class Placing:
    """Where a picture lies in an image once `orientation` has set it upright."""

    orientation: Orientation
    placement: Placement

    @classmethod
    def at(cls, y: float, x: float, orientation: Orientation = UPRIGHT) -> Placing:
        """Pixel for pixel, from `y`, `x` on."""
        return cls(orientation, Placement(y=y, x=x))

    @property
    def is_resized(self) -> bool:
        """Whether a pixel of the picture covers more or less than one of the image."""
        return (self.placement.scale_y, self.placement.scale_x) != (1.0, 1.0)


@dataclass(frozen=True)
class Frame:
    """A picture of `size` whose corner point p, in pixels (y, x), lies at matrix · p + offset.

    Corners, not centres: the first pixel of a picture covers 0 to 1.
    """

    size: Size
    matrix: tuple[tuple[float, float], tuple[float, float]] = ((1.0, 0.0), (0.0, 1.0))
    offset: tuple[float, float] = (0.0, 0.0)

    def crop(self, top: int, left: int, bottom: int, right: int) -> Frame:
        """The part from row `top` up to row `bottom`, from column `left` up to `right`."""
        return self._then((bottom - top, right - left), ((1, 0), (0, 1)), (top, left))

    def resize(self, size: Size) -> Frame:
        """The same part in another size."""
        scale_y, scale_x = self.size[0] / size[0], self.size[1] / size[1]
        return self._then(size, ((scale_y, 0), (0, scale_x)), (0, 0))

    def mirror(self, *, vertically: bool, horizontally: bool) -> Frame:
        """Mirrored top to bottom, left to right, or both."""
        sign_y, sign_x = -1.0 if vertically else 1.0, -1.0 if horizontally else 1.0
        shift = (self.size[0] * float(vertically), self.size[1] * float(horizontally))
        return self._then(self.size, ((sign_y, 0), (0, sign_x)), shift)

    def turn(self, quarters: int) -> Frame:
        """Turned counter-clockwise, as `numpy.rot90` does."""
        frame = self
        for _ in range(quarters % 4):
            height, width = frame.size
            frame = frame._then((width, height), ((0, 1), (-1, 0)), (0, width))
        return frame

    def placing(self) -> Placing:
        """The orientation and the place of the picture in the image it came from."""
        (yy, yx), (xy, xx) = self.matrix
        transpose = yy == 0
        step_y, step_x = (yx, xy) if transpose else (yy, xx)
        height, width = Orientation(transpose).size(self.size)
        orientation = Orientation(transpose, step_y < 0, step_x < 0)
        return Placing(
            orientation,
            Placement(
                y=self.offset[0] + min(step_y, 0.0) * height,
                x=self.offset[1] + min(step_x, 0.0) * width,
                scale_y=abs(step_y),
                scale_x=abs(step_x),
            ),
        )

    def _then(
        self,
        size: Size,
        step: tuple[tuple[float, float], tuple[float, float]],
        shift: tuple[float, float],
    ) -> Frame:
        matrix = np.array(self.matrix)
        (yy, yx), (xy, xx) = (matrix @ np.array(step)).tolist()
        y, x = (matrix @ np.array(shift) + np.array(self.offset)).tolist()
        return Frame(size, ((yy, yx), (xy, xx)), (y, x))
