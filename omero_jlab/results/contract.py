"""What every program's output offers, whatever files it is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame

from ..model import NewRoi, Placement, Sizes
from .confined import Confined
from .records import ImageSet

__all__ = [
    "LabelStack", "NewPixels", "Output", "ReadPlane", "Recogniser", "Regions", "StoredImage",
]  # fmt: skip

ReadPlane = Callable[[str], NDArray[np.generic]]
"""Answers the plane (Y, X) of a channel of the matched image, or raises `NotFound`."""


@dataclass(frozen=True)
class StoredImage:
    """The stored image that an image set is, and what the caller said of the output.

    `placement` says where label images lie, `axes` in which order files keep theirs ("tzyxc");
    either may be missing, and then the output must know it.  With `overlay`, probabilities are
    wanted as labels of the most probable class.
    """

    name: str
    sizes: Sizes
    read_plane: ReadPlane
    placement: Placement | None = None
    axes: str = ""
    overlay: bool = False


@dataclass(frozen=True)
class LabelStack:
    """Labels over an image: shape (Y, X), or (T, Z, Y, X) where there is more than one plane."""

    name: str
    labels: NDArray[Any]
    placement: Placement | None = None


@dataclass(frozen=True)
class NewPixels:
    """A picture that a program made of an image: shape (T, C, Z, Y, X), a name for each channel.

    `pixels` has `shape` and `dtype` and is sliced once, part by part.
    """

    name: str
    pixels: Any
    channels: tuple[str, ...]


@dataclass(frozen=True)
class Regions:
    """Regions of interest that belong into one folder.

    `measured`, where there is one, has a row for each region in the same order; it becomes the
    table `name` with a column that links to the regions.
    """

    name: str
    rois: tuple[NewRoi, ...]
    measured: DataFrame | None = None


class Output:
    """An analysis program's output, opened for reading; a program overrides what it has.

    The methods answer for image set `number`.  Nothing outside of the recognised path is opened,
    whatever paths its files contain.
    """

    program = ""
    """The name of the program."""

    @property
    def version(self) -> str:
        """The program's version, or an empty string."""
        return ""

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each thing that was skipped or found odd."""
        return ()

    @property
    def image_sets(self) -> tuple[ImageSet, ...]:
        """The image sets, by number."""
        return ()

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that hold the results: who attaches the same ones again is asked first."""
        return ()

    def image_set(self, number: int) -> ImageSet:
        """The image set of that number."""
        return next(one for one in self.image_sets if one.number == number)

    @property
    def may_be_one_image(self) -> bool:
        """Whether all image sets may be of one image, if the caller says so."""
        return len(self.image_sets) == 1

    def kept_files(self, number: int) -> tuple[Path, ...]:
        """Files that say how the results were made: a pipeline, a project; kept with them."""
        return ()

    @property
    def kept_texts(self) -> Mapping[str, str]:
        """Files of the same kind, by name, that are only written down inside of others."""
        return {}

    def parameters(self, number: int) -> Mapping[str, str]:
        """With which settings the results were made, as far as the files say it."""
        return {}

    def tables(self, number: int) -> Iterable[tuple[str, DataFrame]]:
        """Each table's name and its rows of this image set."""
        return ()

    def label_paths(self, number: int) -> tuple[Path, ...]:
        """The files that `labels` will read with a `LabelReader`, as far as it is known before.

        They may be read ahead, several at once.
        """
        return ()

    def picture_paths(self, number: int) -> tuple[Path, ...]:
        """The files of `pictures`, as far as they are known before."""
        return ()

    def labels(self, number: int, image: StoredImage) -> Iterable[LabelStack]:
        """The label images, in the orientation of `image`.

        Raises
        ------
        Invalid
            Where they lie cannot be known, or they do not fit the image.
        """
        return ()

    def regions(self, number: int, image: StoredImage) -> Iterable[Regions]:
        """The regions of interest, in coordinates of `image`."""
        return ()

    def pictures(self, number: int, image: StoredImage) -> Iterable[NewPixels]:
        """New images that were computed from this one: probabilities, for example."""
        return ()


Recogniser = Callable[[Path, Confined], Output | None]
"""Answers the output at a path, or None where this program did not write it.

What parses foreign bytes beyond text runs through `Confined`, perhaps in a process of its own.
"""
