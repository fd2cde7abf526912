"""What every program's output offers, whatever files it is made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame

from ..model import Placement
from .label_images import LabelReader
from .records import ImageSet, LabelFile

__all__ = ["Output", "ReadPlane", "Recogniser"]

ReadPlane = Callable[[str], NDArray[np.generic]]
"""Answers the plane (Y, X) of a channel of the matched image, or raises `NotFound`."""


class Output(Protocol):
    """An analysis program's output, opened for reading.

    `notes` tells what was left out and why.  Nothing outside the recognised folder is opened,
    whatever paths its files contain.
    """

    @property
    def program(self) -> str:
        """The name of the program."""

    @property
    def version(self) -> str:
        """The program's version, or an empty string."""

    @property
    def pipeline(self) -> Path | None:
        """The file that says how the results were made."""

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each thing that was skipped or found odd."""

    @property
    def image_sets(self) -> tuple[ImageSet, ...]:
        """The image sets, by number."""

    @property
    def object_names(self) -> tuple[str, ...]:
        """The kinds of object that have a table."""

    def image_table(self) -> DataFrame:
        """One row for each image set; column `ImageNumber`."""

    def object_table(self, name: str) -> DataFrame:
        """One row for each object; columns `ImageNumber` and `ObjectNumber`."""

    def label_files(self, number: int) -> tuple[LabelFile, ...]:
        """The label images of image set `number`."""

    def placement(
        self,
        number: int,
        label_shape: tuple[int, int],
        image_shape: tuple[int, int],
        read_plane: ReadPlane,
    ) -> Placement:
        """Where label images of shape `label_shape` lie in the image (both height, width).

        Raises
        ------
        Invalid
            It cannot be known, the measurements contradict it, or the labels are mirrored.
        """

    def placed_labels(
        self,
        number: int,
        object_name: str,
        image_shape: tuple[int, int],
        read_plane: ReadPlane,
    ) -> tuple[NDArray[np.int32], Placement]:
        """The labels of one kind of object, mirrored back if need be, and where they lie."""


Recogniser = Callable[[Path, LabelReader], Output | None]
"""Answers the output at a path, or None where this program did not write it.

Label images are read with the `LabelReader`, perhaps in a process of its own.
"""
